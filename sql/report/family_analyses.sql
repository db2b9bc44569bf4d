-- One row per grouping of a dictionary's features into families, the finest group of each dictionary first.
SELECT analysis, dictionary, n_rotations, reflections, group_order, seed, features, families
FROM family_analyses
ORDER BY dictionary, group_order DESC, analysis;
