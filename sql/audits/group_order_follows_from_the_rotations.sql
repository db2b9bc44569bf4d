-- Guards: a group of n rotations has order 2n with reflections and n without. Scales reach equally far either way and are not rotated.
SELECT activation_set_id, transformations, n_rotations, reflections, octaves, scales_per_octave, group_order
FROM activation_sets
WHERE transformations NOT IN ('rotations', 'hue', 'scale')
    OR n_rotations < 1
    OR (octaves IS NULL) <> (transformations <> 'scale')
    OR (scales_per_octave IS NULL) <> (transformations <> 'scale')
    OR (transformations = 'scale' AND (n_rotations > 1 OR reflections))
    OR group_order <> CASE
        WHEN transformations = 'scale' THEN 2 * octaves * scales_per_octave + 1
        WHEN reflections THEN 2 * n_rotations
        ELSE n_rotations
    END;
