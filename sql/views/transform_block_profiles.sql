-- Shows how each feature changes when the image is rotated and mirrored, recoloured or scaled.
CREATE OR REPLACE VIEW transform_block_profiles AS
-- Blocks may be millions: they are joined once, with their feature, whose row has the texts of all transforms.
WITH named AS (
    SELECT
        d.dictionary_id,
        n.dictionary_label,
        s.network,
        s.layer,
        [
            CASE
                WHEN element = 0 THEN 'identity'
                WHEN s.transformations = 'scale' THEN printf('scaled by %.3g', 2 ** octaves_of(element, s.group_order, s.scales_per_octave))
                WHEN s.transformations = 'hue' THEN concat_ws(
                    ', ',
                    CASE WHEN element >= s.n_rotations THEN 'green and blue exchanged' END,
                    CASE WHEN element <> s.n_rotations THEN printf('hue turned %.5g°', 360.0 * (element % s.n_rotations) / s.n_rotations) END
                )
                WHEN element < s.n_rotations THEN printf('rotated %.5g°', 360.0 * element / s.n_rotations)
                WHEN element = s.n_rotations THEN 'mirrored'
                ELSE printf('mirrored, rotated %.5g°', 360.0 * (element - s.n_rotations) / s.n_rotations)
            END
            FOR element IN range(d.group_order)
        ] AS transforms
    FROM dictionaries AS d
    JOIN activation_sets AS s USING (activation_set_id)
    JOIN dictionary_labels() AS n USING (dictionary_id)
),
identities AS (
    SELECT b.dictionary_id, b.feature, n.dictionary_label, n.network, n.layer, n.transforms, nullif(b.norm, 0) AS norm, y.type
    FROM transform_blocks AS b
    JOIN named AS n USING (dictionary_id)
    LEFT JOIN feature_symmetry AS y USING (dictionary_id, feature)
    WHERE b.element = 0
)
SELECT
    b.dictionary_id,
    i.dictionary_label,
    b.feature,
    i.network,
    i.layer,
    i.type,
    b.element,
    i.transforms[b.element + 1] AS transform,
    b.rotation_degrees,
    b.mirrored,
    b.octaves,
    b.cosine_to_identity,
    b.norm,
    b.norm / i.norm AS norm_to_identity
FROM transform_blocks AS b
JOIN identities AS i ON i.dictionary_id = b.dictionary_id AND i.feature = b.feature;
COMMENT ON VIEW transform_block_profiles IS 'one row per (dictionary_id, feature, element): one decoder block of a live feature of a group crosscoder';
COMMENT ON COLUMN transform_block_profiles.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN transform_block_profiles.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN transform_block_profiles.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN transform_block_profiles.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN transform_block_profiles.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN transform_block_profiles.type IS 'symmetry type of the feature, as in feature_symmetry; null where it was not computed';
COMMENT ON COLUMN transform_block_profiles.element IS 'number of the group element g: 0 to n-1 are the rotations r^g, n to 2n-1 the reflections r^(g-n) s, where n is the number of rotations and s the left-right mirror; of scales, 0 to J enlarge by g steps, and J+1 to 2J shrink by 2J+1-g steps, where J is octaves * scales_per_octave';
COMMENT ON COLUMN transform_block_profiles.transform IS 'the transform in words: mirrored left to right first, then rotated counter-clockwise by so many degrees; green and blue exchanged first, then hues turned; or scaled';
COMMENT ON COLUMN transform_block_profiles.rotation_degrees IS 'angle of the rotation in g, 0 to 360: of the image, degrees counter-clockwise, or of its colours, degrees from red towards green; 0 for scales';
COMMENT ON COLUMN transform_block_profiles.mirrored IS 'whether g contains a reflection before the rotation: a left-right mirror of the image, or an exchange of green and blue';
COMMENT ON COLUMN transform_block_profiles.octaves IS 'change of the image''s scale, octaves: 1 is twice the size, -1 half of it; null unless transformations is scale';
COMMENT ON COLUMN transform_block_profiles.cosine_to_identity IS 'transform profile c(g): cosine between the identity''s block d^e and the block d^g, -1 to 1; 0 where one of them is zero';
COMMENT ON COLUMN transform_block_profiles.norm IS 'Euclidean norm of the feature''s decoder block d^g';
COMMENT ON COLUMN transform_block_profiles.norm_to_identity IS 'norm of the block over the norm of the identity''s block; null where that one is 0';
