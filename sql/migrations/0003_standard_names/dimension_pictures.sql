SELECT
    analysis AS dimension_analysis_id,
    dimension,
    kind,
    place,
    score,
    orientation_degrees,
    coherence,
    frequency AS spatial_frequency,
    picture
FROM dimension_pictures;
