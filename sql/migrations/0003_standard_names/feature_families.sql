SELECT
    analysis AS family_analysis_id,
    feature,
    family,
    strength,
    element,
    orientation_degrees,
    mirrored,
    similarity,
    map_x,
    map_y,
    stimulus_type,
    stimulus_confidence
FROM feature_families;
