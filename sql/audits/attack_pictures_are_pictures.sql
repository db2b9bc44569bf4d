-- Guards: the pictures before and after an attack and their difference are WebP images.
WITH pictures AS (
    UNPIVOT attack_pictures
    ON clean, attacked, difference
    INTO NAME kind VALUE picture
)
SELECT attack_experiment_id, perturbed_set, attack, epsilon, place, kind, octet_length(picture) AS picture_bytes
FROM pictures
WHERE hex(picture[1:4]) <> '52494646' -- RIFF
    OR hex(picture[9:12]) <> '57454250'; -- WEBP
