-- One row per picture along a dimension, from low to high: rendered, or a natural patch.
SELECT analysis, dimension, kind, score, orientation_degrees, coherence, frequency, picture
FROM dimension_pictures
ORDER BY analysis, dimension, kind, place;
