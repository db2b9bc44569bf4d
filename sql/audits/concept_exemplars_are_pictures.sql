-- Guards: an exemplar's picture is a WebP image.
SELECT concept_id, place, name, octet_length(picture) AS picture_bytes
FROM concept_exemplars
WHERE hex(picture[1:4]) <> '52494646' -- RIFF
    OR hex(picture[9:12]) <> '57454250'; -- WEBP
