SELECT
    dictionary AS dictionary_id,
    feature,
    type,
    period_degrees,
    confidence,
    rotational_order,
    invariance,
    mirror,
    mirror_element,
    stabiliser,
    stabiliser_order
FROM feature_symmetry;
