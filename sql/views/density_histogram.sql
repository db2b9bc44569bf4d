-- How often are features active: a few always, or all now and then?
CREATE OR REPLACE VIEW density_histogram AS
SELECT
    f.dictionary_id,
    d.architecture,
    d.method,
    floor(2 * log10(f.density)) / 2 AS log10_density_from,
    log10_density_from + 0.5 AS log10_density_to,
    count(*) AS features,
    count(*) / sum(count(*)) OVER (PARTITION BY f.dictionary_id) AS share
FROM features AS f
JOIN dictionaries AS d USING (dictionary_id)
WHERE NOT f.dead
GROUP BY f.dictionary_id, d.architecture, d.method, log10_density_from
ORDER BY f.dictionary_id, log10_density_from;
COMMENT ON VIEW density_histogram IS 'one row per (dictionary, half decade of density) that holds a live feature';
COMMENT ON COLUMN density_histogram.share IS 'of the dictionary''s live features';
