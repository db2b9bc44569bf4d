-- Guards: features are compared under a subgroup of the dictionary's group, those of an SAE under the group of order 1.
SELECT a.family_analysis_id, a.dictionary_id, a.n_rotations, a.reflections, a.group_order, d.group_order AS dictionary_group_order, s.n_rotations AS set_n_rotations
FROM family_analyses AS a
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
WHERE a.n_rotations < 1
    OR a.group_order <> CASE WHEN a.reflections THEN 2 ELSE 1 END * a.n_rotations
    OR d.group_order % a.group_order <> 0
    OR s.n_rotations % a.n_rotations <> 0
    OR (a.reflections AND NOT s.reflections);
