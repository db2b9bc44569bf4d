-- Guards: the dihedral group of n rotations has 2n elements.
SELECT activation_set, n_rotations, group_order
FROM activation_sets
WHERE n_rotations < 1 OR group_order <> 2 * n_rotations;
