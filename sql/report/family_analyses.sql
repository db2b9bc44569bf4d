-- One row per grouping of a dictionary's features into families, the finest group of each dictionary first.
SELECT family_analysis_id, dictionary_id, n_rotations, reflections, group_order, seed, live_features, families
FROM family_analyses
ORDER BY dictionary_id, group_order DESC, family_analysis_id;
