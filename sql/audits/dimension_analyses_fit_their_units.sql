-- Guards: an analysis has one unit per channel of its layer, or per feature of a dictionary of that layer. It has at least as many rows,
-- and as many units that change, as components.
SELECT
    a.dimension_analysis_id,
    a.method,
    a.components,
    a.rows,
    a.units,
    a.constant_units,
    l.channels AS layer_channels,
    a.dictionary_id,
    d.features AS dictionary_features,
    len(a.mean) AS mean_length
FROM dimension_analyses AS a
JOIN activation_sets AS s USING (activation_set_id)
JOIN layers AS l USING (network, layer)
LEFT JOIN dictionaries AS d ON d.dictionary_id = a.dictionary_id
LEFT JOIN activation_sets AS t ON t.activation_set_id = d.activation_set_id
WHERE a.method NOT IN ('pca', 'ica', 'nmf', 'kernel-pca', 'neurons', 'random')
    OR a.units <> CASE WHEN a.dictionary_id IS NULL THEN l.channels ELSE coalesce(d.features, 0) END
    OR t.network <> s.network
    OR t.layer <> s.layer
    OR NOT a.constant_units BETWEEN 0 AND a.units
    OR NOT a.components BETWEEN 1 AND least(a.rows, a.units - a.constant_units)
    OR len(a.mean) <> a.units
    OR NOT list_bool_and([isfinite(each) FOR each IN a.mean]);
