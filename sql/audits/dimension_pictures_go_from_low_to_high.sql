-- Guards: the pictures of a strip are numbered from 0 with rising scores. Rendered pictures lie between low and high and have estimates,
-- patches have none.
WITH ordered AS (
    SELECT
        * EXCLUDE (picture),
        picture[1:4] AS container,
        picture[9:12] AS format,
        octet_length(picture) AS picture_bytes,
        row_number() OVER by_place - 1 AS expected_place,
        lag(score) OVER by_place AS score_before
    FROM dimension_pictures
    WINDOW by_place AS (PARTITION BY dimension_analysis_id, dimension, kind ORDER BY place)
)
SELECT o.* EXCLUDE (container, format), d.low, d.high
FROM ordered AS o
LEFT JOIN tuning_dimensions AS d USING (dimension_analysis_id, dimension)
WHERE place <> expected_place
    OR NOT isfinite(score)
    OR (kind = 'rendered' AND NOT coalesce(score BETWEEN d.low - 1e-6 AND d.high + 1e-6, false))
    OR score < score_before
    OR (kind = 'patch') <> (coherence IS NULL)
    OR (kind = 'patch' AND orientation_degrees IS NOT NULL)
    OR (orientation_degrees IS NULL) <> (spatial_frequency IS NULL)
    OR NOT coalesce(coherence BETWEEN 0 AND 1.000001, true)
    OR NOT coalesce(orientation_degrees >= 0 AND orientation_degrees < 180, true)
    OR NOT coalesce(spatial_frequency > 0 AND spatial_frequency < 0.71, true)
    OR hex(container) <> '52494646' -- RIFF
    OR hex(format) <> '57454250'; -- WEBP
