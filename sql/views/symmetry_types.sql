-- Counts the features of each symmetry type in each group crosscoder.
CREATE OR REPLACE VIEW symmetry_types AS
SELECT
    y.dictionary_id,
    n.dictionary_label,
    s.network,
    s.layer,
    s.transformations,
    d.group_order,
    y.type,
    any_value(y.period_degrees) AS period_degrees,
    count(*) AS features,
    count(*) / sum(count(*)) OVER (PARTITION BY y.dictionary_id) AS share,
    avg(y.confidence) AS mean_confidence,
    avg(y.mirror) AS mean_mirror,
    avg(f.density) AS mean_density
FROM feature_symmetry AS y
JOIN features AS f USING (dictionary_id, feature)
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN dictionary_labels() AS n USING (dictionary_id)
GROUP BY y.dictionary_id, n.dictionary_label, s.network, s.layer, s.transformations, d.group_order, y.type
ORDER BY y.dictionary_id, features DESC, y.type;
COMMENT ON VIEW symmetry_types IS 'one row per (dictionary_id, type), of group crosscoders alone';
COMMENT ON COLUMN symmetry_types.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN symmetry_types.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN symmetry_types.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN symmetry_types.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN symmetry_types.transformations IS 'what was done to images: rotations (turned and mirrored), hue (colours turned about the grey axis) or scale (enlarged and shrunk)';
COMMENT ON COLUMN symmetry_types.group_order IS '|G|: number of decoder blocks of a feature, one per transform; 1 for an SAE';
COMMENT ON COLUMN symmetry_types.type IS 'symmetry type: invariant (unchanged by every rotation), period-360, period-180, period-120, period-90, … (unchanged by rotations of that many degrees) or mixed (undecided); of scales: invariant (unchanged by every scale), tuned or mixed';
COMMENT ON COLUMN symmetry_types.period_degrees IS 'smallest rotation that leaves the feature unchanged, degrees; null for invariant and mixed';
COMMENT ON COLUMN symmetry_types.features IS 'number of live features of this type';
COMMENT ON COLUMN symmetry_types.share IS 'share of the dictionary''s live features that have this type, 0 to 1';
COMMENT ON COLUMN symmetry_types.mean_confidence IS 'mean confidence of these features'' types, 0 to 1';
COMMENT ON COLUMN symmetry_types.mean_mirror IS 'mean of mirror over these features, -1 to 1; null for a group without reflections';
COMMENT ON COLUMN symmetry_types.mean_density IS 'mean share of rows on which these features are active, 0 to 1';
