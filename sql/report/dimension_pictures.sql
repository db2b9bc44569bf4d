-- Returns one row per picture along a dimension, rendered or a natural patch, from low to high score.
SELECT dimension_analysis_id, dimension, kind, score, orientation_degrees, coherence, spatial_frequency, picture
FROM dimension_pictures
ORDER BY dimension_analysis_id, dimension, kind, place;
