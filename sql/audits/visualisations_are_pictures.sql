-- Guards: a visualisation is a WebP image.
SELECT dictionary_id, feature, direction, octet_length(picture) AS picture_bytes
FROM feature_visualisations
WHERE hex(picture[1:4]) <> '52494646' -- RIFF
    OR hex(picture[9:12]) <> '57454250'; -- WEBP
