-- Returns one row per family analysis, the one under the largest group first for each dictionary.
SELECT
    family_analysis_id,
    family_analysis_label,
    dictionary_id,
    n_rotations,
    reflections,
    group_order,
    seed,
    live_features,
    families
FROM family_analyses
JOIN family_analysis_labels() USING (family_analysis_id)
ORDER BY dictionary_id, group_order DESC, family_analysis_id;
