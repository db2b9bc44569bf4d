-- Shows how the densities of a dictionary's features are distributed.
CREATE OR REPLACE VIEW density_histogram AS
SELECT
    f.dictionary_id,
    n.dictionary_label,
    d.architecture,
    d.method,
    floor(2 * log10(f.density)) / 2 AS log10_density_from,
    log10_density_from + 0.5 AS log10_density_to,
    count(*) AS features,
    count(*) / sum(count(*)) OVER (PARTITION BY f.dictionary_id) AS share
FROM features AS f
JOIN dictionaries AS d USING (dictionary_id)
JOIN dictionary_labels() AS n USING (dictionary_id)
WHERE NOT f.dead
GROUP BY f.dictionary_id, n.dictionary_label, d.architecture, d.method, log10_density_from
ORDER BY f.dictionary_id, log10_density_from;
COMMENT ON VIEW density_histogram IS 'one row per (dictionary_id, log10_density_from): half a decade of density that contains a live feature';
COMMENT ON COLUMN density_histogram.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN density_histogram.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN density_histogram.architecture IS 'sae (a training row is one activation vector), group-crosscoder or steerable-crosscoder (a training row is an orbit: one vector per transform)';
COMMENT ON COLUMN density_histogram.method IS 'sparsity method, such as topk: a name in tasks/dictionary/methods.py';
COMMENT ON COLUMN density_histogram.log10_density_from IS 'lower end of the interval, log10 of the density';
COMMENT ON COLUMN density_histogram.log10_density_to IS 'upper end of the interval, log10 of the density';
COMMENT ON COLUMN density_histogram.features IS 'number of live features in the interval';
COMMENT ON COLUMN density_histogram.share IS 'share of the dictionary''s live features in the interval, 0 to 1';
