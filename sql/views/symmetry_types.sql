-- How many features of which symmetry type does each group crosscoder have?
CREATE OR REPLACE VIEW symmetry_types AS
SELECT
    y.dictionary_id,
    s.network,
    s.layer,
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
GROUP BY y.dictionary_id, s.network, s.layer, d.group_order, y.type
ORDER BY y.dictionary_id, features DESC, y.type;
COMMENT ON VIEW symmetry_types IS 'one row per (dictionary, symmetry type), group crosscoders only';
COMMENT ON COLUMN symmetry_types.share IS 'of the dictionary''s live features';
