-- Guards: a picture of a unit is a WebP image.
SELECT facet_analysis_id, place, attack, octet_length(picture) AS picture_bytes
FROM facet_pictures
WHERE hex(picture[1:4]) <> '52494646' -- RIFF
    OR hex(picture[9:12]) <> '57454250'; -- WEBP
