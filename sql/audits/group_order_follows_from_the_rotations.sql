-- Guards: the dihedral group of n rotations has 2n elements, and without reflections it has n.
SELECT activation_set_id, n_rotations, reflections, group_order
FROM activation_sets
WHERE n_rotations < 1 OR group_order <> CASE WHEN reflections THEN 2 ELSE 1 END * n_rotations;
