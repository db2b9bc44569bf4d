-- Guards: provenance is of rows that were loaded, and a table with one row per result has it from one load.
SELECT p.table_name, p.result_id, p.load_key
FROM provenance AS p
ANTI JOIN loads AS l ON l.load_key = p.load_key AND l.table_name = p.table_name
UNION ALL
SELECT table_name, result_id, 'from ' || count(*) || ' loads'
FROM provenance
WHERE table_name IN (
    'activation_sets', 'dictionaries', 'unit_sets', 'family_analyses', 'dimension_analyses',
    'concept_analyses', 'attack_experiments', 'facet_analyses', 'trust_analyses'
)
GROUP BY table_name, result_id
HAVING count(*) > 1;
