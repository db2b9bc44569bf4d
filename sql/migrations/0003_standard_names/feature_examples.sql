SELECT
    dictionary AS dictionary_id,
    feature,
    rank,
    image AS image_id,
    y,
    x,
    element,
    activation,
    patch
FROM feature_examples;
