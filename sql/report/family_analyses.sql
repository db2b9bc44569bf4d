-- Returns one row per family analysis, the one under the largest group first for each dictionary.
SELECT family_analysis_id, dictionary_id, n_rotations, reflections, group_order, seed, live_features, families
FROM family_analyses
ORDER BY dictionary_id, group_order DESC, family_analysis_id;
