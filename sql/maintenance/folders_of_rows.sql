-- Folders of the data folder that rows say are there.
SELECT 'activations' AS kind, activation_set AS key FROM activation_sets
UNION
SELECT 'dictionaries', dictionary FROM dictionaries
UNION
SELECT 'cavs', analysis FROM concept_analyses
UNION
SELECT 'attacks', piece FROM attacks WHERE piece IS NOT NULL
UNION
SELECT 'frames', load_key FROM loads
ORDER BY ALL
