-- How does each feature change as the image is turned and mirrored?
CREATE OR REPLACE VIEW transform_block_profiles AS
SELECT
    b.dictionary_id,
    b.feature,
    s.network,
    s.layer,
    y.type,
    b.element,
    CASE
        WHEN b.element = 0 THEN 'identity'
        WHEN NOT b.mirrored THEN printf('rotated %.5g°', b.rotation_degrees)
        WHEN b.rotation_degrees = 0 THEN 'mirrored'
        ELSE printf('mirrored, rotated %.5g°', b.rotation_degrees)
    END AS transform,
    b.rotation_degrees,
    b.mirrored,
    b.cosine_to_identity,
    b.norm,
    b.norm / nullif(first(b.norm ORDER BY b.element) OVER (PARTITION BY b.dictionary_id, b.feature), 0) AS norm_to_identity
FROM transform_blocks AS b
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
LEFT JOIN feature_symmetry AS y USING (dictionary_id, feature);
COMMENT ON VIEW transform_block_profiles IS 'one row per (dictionary, feature, group element): the profile, with the transform in words';
COMMENT ON COLUMN transform_block_profiles.transform IS 'mirrored left to right, then rotated counter-clockwise';
COMMENT ON COLUMN transform_block_profiles.norm_to_identity IS 'norm of the block over the norm of the identity block';
