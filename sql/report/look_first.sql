-- One row per feature worth a first look: of each symmetry type the surest ones that are no rarer than their dictionary's median feature.
WITH live AS (
    SELECT
        f.dictionary,
        f.feature,
        coalesce(s.type, 'none') AS type,
        s.confidence,
        f.max_activation,
        f.density >= median(f.density) OVER (PARTITION BY f.dictionary) AS dense
    FROM features AS f
    LEFT JOIN feature_symmetry AS s USING (dictionary, feature)
    WHERE NOT f.dead
)
SELECT type, dictionary, feature
FROM live
QUALIFY row_number() OVER (
    PARTITION BY type
    ORDER BY dense DESC, confidence DESC NULLS LAST, max_activation DESC, dictionary, feature
) <= $per_type
ORDER BY type, dense DESC, confidence DESC NULLS LAST, max_activation DESC, dictionary, feature;
