SELECT
    * EXCLUDE (norm, cosine_to_identity),
    NULL::DOUBLE AS octaves,
    norm,
    cosine_to_identity
FROM transform_blocks;
