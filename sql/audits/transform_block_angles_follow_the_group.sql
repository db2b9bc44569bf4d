-- Guards: element g is the rotation by 360 g / n degrees, and from n on a reflection.
SELECT b.dictionary_id, b.feature, b.element, b.rotation_degrees, b.mirrored, s.n_rotations
FROM transform_blocks AS b
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
WHERE abs(b.rotation_degrees - 360.0 * (b.element % s.n_rotations) / s.n_rotations) > 1e-6
    OR b.mirrored <> (b.element >= s.n_rotations);
