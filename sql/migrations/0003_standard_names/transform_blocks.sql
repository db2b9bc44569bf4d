SELECT
    dictionary AS dictionary_id,
    feature,
    element,
    rotation_degrees,
    mirrored,
    norm,
    cosine_to_identity
FROM transform_blocks;
