-- Which harmonics of the rotation are the features of a type tuned to?
CREATE OR REPLACE VIEW harmonic_energy AS
SELECT
    h.dictionary_id,
    s.network,
    s.layer,
    y.type,
    h.harmonic,
    avg(h.energy) AS mean_energy,
    count(*) AS features
FROM feature_harmonics AS h
JOIN feature_symmetry AS y USING (dictionary_id, feature)
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
GROUP BY ALL
ORDER BY h.dictionary_id, y.type, h.harmonic;
COMMENT ON VIEW harmonic_energy IS 'one row per (dictionary, symmetry type, harmonic): mean share of the rotation profile''s energy';
