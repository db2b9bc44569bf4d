-- How many features of which symmetry type does each group crosscoder have?
CREATE OR REPLACE VIEW symmetry_types AS
SELECT
    y.dictionary,
    s.network,
    s.layer,
    d.group_order,
    y.type,
    any_value(y.period_degrees) AS period_degrees,
    count(*) AS features,
    count(*) / sum(count(*)) OVER (PARTITION BY y.dictionary) AS share,
    avg(y.confidence) AS mean_confidence,
    avg(y.mirror) AS mean_mirror,
    avg(f.density) AS mean_density
FROM feature_symmetry AS y
JOIN features AS f USING (dictionary, feature)
JOIN dictionaries AS d USING (dictionary)
JOIN activation_sets AS s USING (activation_set)
GROUP BY y.dictionary, s.network, s.layer, d.group_order, y.type
ORDER BY y.dictionary, features DESC, y.type;
COMMENT ON VIEW symmetry_types IS 'one row per (dictionary, symmetry type), group crosscoders only';
COMMENT ON COLUMN symmetry_types.share IS 'of the dictionary''s live features';
