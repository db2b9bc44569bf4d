-- Guards: element g is the rotation by 360 g / n degrees, and from n on a reflection. Of scales, it enlarges by g steps, and from J + 1 on
-- it shrinks by 2J + 1 - g, where J is half the other scales.
SELECT b.dictionary_id, b.feature, b.element, b.rotation_degrees, b.mirrored, b.octaves, s.n_rotations, s.scales_per_octave
FROM transform_blocks AS b
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
WHERE abs(b.rotation_degrees - 360.0 * (b.element % s.n_rotations) / s.n_rotations) > 1e-6
    OR b.mirrored <> (s.transformations <> 'scale' AND b.element >= s.n_rotations)
    OR (b.octaves IS NULL) <> (s.transformations <> 'scale')
    OR abs(b.octaves - ((b.element + s.group_order // 2) % s.group_order - s.group_order // 2) / s.scales_per_octave) > 1e-6;
