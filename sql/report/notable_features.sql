-- Returns one row per notable feature and the strip that it belongs to: for each symmetry type the features with the highest confidence,
-- and for each dictionary on untransformed rows those with the largest activation. Features at least as frequent as their dictionary's
-- median come first.
WITH live AS (
    SELECT
        f.dictionary_id,
        f.feature,
        CASE WHEN a.group_order = 1 THEN f.dictionary_id ELSE coalesce(s.type, 'none') END AS strip,
        s.confidence,
        f.max_activation,
        f.density >= median(f.density) OVER (PARTITION BY f.dictionary_id) AS dense
    FROM features AS f
    JOIN dictionaries AS d USING (dictionary_id)
    JOIN activation_sets AS a USING (activation_set_id)
    LEFT JOIN feature_symmetry AS s USING (dictionary_id, feature)
    WHERE NOT f.dead
)
SELECT strip, dictionary_id, feature
FROM live
QUALIFY row_number() OVER (
    PARTITION BY strip
    ORDER BY dense DESC, confidence DESC NULLS LAST, max_activation DESC, dictionary_id, feature
) <= $per_strip
ORDER BY strip, dense DESC, confidence DESC NULLS LAST, max_activation DESC, dictionary_id, feature;
