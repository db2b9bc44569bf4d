SELECT
    analysis AS family_analysis_id,
    family,
    size,
    prototype,
    type,
    period_degrees,
    stabiliser,
    mean_similarity,
    reach_degrees,
    evenness,
    covered,
    missing_members,
    missing_orientations,
    profile,
    profile_low,
    profile_high
FROM family_shapes;
