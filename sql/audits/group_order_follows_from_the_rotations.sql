-- Guards: a group of n rotations has order 2n with reflections and n without.
SELECT activation_set_id, n_rotations, reflections, group_order
FROM activation_sets
WHERE n_rotations < 1 OR group_order <> CASE WHEN reflections THEN 2 ELSE 1 END * n_rotations;
