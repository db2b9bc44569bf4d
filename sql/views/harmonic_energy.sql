-- Shows to which harmonics of the rotation the features of each symmetry type are tuned.
CREATE OR REPLACE VIEW harmonic_energy AS
SELECT
    h.dictionary_id,
    n.dictionary_label,
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
JOIN dictionary_labels() AS n USING (dictionary_id)
GROUP BY ALL
ORDER BY h.dictionary_id, y.type, h.harmonic;
COMMENT ON VIEW harmonic_energy IS 'one row per (dictionary_id, type, harmonic): mean over the features of that type';
COMMENT ON COLUMN harmonic_energy.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN harmonic_energy.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN harmonic_energy.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN harmonic_energy.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN harmonic_energy.type IS 'symmetry type: invariant (unchanged by every rotation), period-360, period-180, period-120, period-90, … (unchanged by rotations of that many degrees) or mixed (undecided)';
COMMENT ON COLUMN harmonic_energy.harmonic IS 'number of oscillations of the rotation profile in a full turn, from 0 to half the number of rotations';
COMMENT ON COLUMN harmonic_energy.mean_energy IS 'mean share of the rotation profile''s energy in this harmonic, 0 to 1';
COMMENT ON COLUMN harmonic_energy.features IS 'number of features of that type';
