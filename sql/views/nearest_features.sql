-- Which features are near-duplicates or relatives of which?
CREATE OR REPLACE VIEW nearest_features AS
SELECT
    n.dictionary_id,
    n.feature,
    n.rank,
    n.neighbour,
    n.similarity,
    y.type,
    z.type AS neighbour_type,
    f.density,
    g.density AS neighbour_density,
    m.rank IS NOT NULL AS mutual
FROM feature_neighbours AS n
JOIN features AS f USING (dictionary_id, feature)
JOIN features AS g ON g.dictionary_id = n.dictionary_id AND g.feature = n.neighbour
LEFT JOIN feature_symmetry AS y ON y.dictionary_id = n.dictionary_id AND y.feature = n.feature
LEFT JOIN feature_symmetry AS z ON z.dictionary_id = n.dictionary_id AND z.feature = n.neighbour
LEFT JOIN feature_neighbours AS m ON m.dictionary_id = n.dictionary_id AND m.feature = n.neighbour AND m.neighbour = n.feature;
COMMENT ON VIEW nearest_features IS 'one row per (dictionary, feature, rank): a near feature, with the symmetry types of both';
COMMENT ON COLUMN nearest_features.mutual IS 'the neighbour counts this feature among its own nearest';
