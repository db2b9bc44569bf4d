-- Guards: a heat-map is PNG and its image WebP, the image is there, and the map has at most 64 entries along an axis and lies over the image.
SELECT h.dictionary_id, h.feature, h.rank, h.maximum, h.map_rows, h.map_columns, p.side_px, octet_length(h.picture) AS map_bytes
FROM feature_heat_maps AS h
JOIN feature_examples AS e USING (dictionary_id, feature, rank)
JOIN dictionaries AS d USING (dictionary_id)
LEFT JOIN image_frames AS p ON p.activation_set_id = d.activation_set_id AND p.image_id = e.image_id
WHERE p.image_id IS NULL
    OR h.rank > 3
    OR NOT (h.maximum >= 0 AND isfinite(h.maximum))
    OR h.map_rows NOT BETWEEN 1 AND 64
    OR h.map_columns NOT BETWEEN 1 AND 64
    OR h.stride_px < 1
    OR abs(2 * h.first_y_px + h.stride_px * (h.map_rows - 1) - p.side_px) > p.side_px
    OR abs(2 * h.first_x_px + h.stride_px * (h.map_columns - 1) - p.side_px) > p.side_px
    OR hex(h.picture[1:8]) <> '89504E470D0A1A0A' -- PNG
    OR hex(p.picture[1:4]) <> '52494646' -- RIFF
    OR hex(p.picture[9:12]) <> '57454250'; -- WEBP
