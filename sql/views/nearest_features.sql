-- Lists the most similar features of each feature, to find near-duplicates and related features.
CREATE OR REPLACE VIEW nearest_features AS
SELECT
    n.dictionary_id,
    v.dictionary_label,
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
JOIN dictionary_labels() AS v USING (dictionary_id)
JOIN features AS g ON g.dictionary_id = n.dictionary_id AND g.feature = n.neighbour
LEFT JOIN feature_symmetry AS y ON y.dictionary_id = n.dictionary_id AND y.feature = n.feature
LEFT JOIN feature_symmetry AS z ON z.dictionary_id = n.dictionary_id AND z.feature = n.neighbour
LEFT JOIN feature_neighbours AS m ON m.dictionary_id = n.dictionary_id AND m.feature = n.neighbour AND m.neighbour = n.feature;
COMMENT ON VIEW nearest_features IS 'one row per (dictionary_id, feature, rank): a similar feature of the same dictionary';
COMMENT ON COLUMN nearest_features.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN nearest_features.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN nearest_features.feature IS 'number of the feature in its dictionary, counted from 0';
COMMENT ON COLUMN nearest_features.rank IS 'rank of the neighbour by similarity, 1 for the nearest';
COMMENT ON COLUMN nearest_features.neighbour IS 'number of the similar feature; (dictionary_id, neighbour) is in features';
COMMENT ON COLUMN nearest_features.similarity IS 'cosine of the two features'' decoder vectors, all blocks concatenated, -1 to 1; of features of several decoder vectors the root mean square cosine of the principal angles between their spans, 0 to 1';
COMMENT ON COLUMN nearest_features.type IS 'symmetry type of the feature, as in feature_symmetry; null for an SAE';
COMMENT ON COLUMN nearest_features.neighbour_type IS 'symmetry type of the neighbour, as in feature_symmetry; null for an SAE';
COMMENT ON COLUMN nearest_features.density IS 'share of rows on which the feature is active, 0 to 1';
COMMENT ON COLUMN nearest_features.neighbour_density IS 'share of rows on which the neighbour is active, 0 to 1';
COMMENT ON COLUMN nearest_features.mutual IS 'whether the feature is also among the stored nearest features of the neighbour';
