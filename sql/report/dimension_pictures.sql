-- One row per picture along a dimension, from low to high: rendered, or a natural patch.
SELECT dimension_analysis_id, dimension, kind, score, orientation_degrees, coherence, spatial_frequency, picture
FROM dimension_pictures
ORDER BY dimension_analysis_id, dimension, kind, place;
