-- Guards: every attack that changed an image has a picture, and every picture belongs to an image of the perturbed set.
WITH changed AS (
    SELECT attack_experiment_id, perturbed_set, attack, epsilon, max(images) AS images
    FROM attacks
    WHERE changed > 0
    GROUP BY ALL
)
SELECT attack_experiment_id, perturbed_set, attack, epsilon, p.place, c.images
FROM changed AS c
FULL JOIN attack_pictures AS p USING (attack_experiment_id, perturbed_set, attack, epsilon)
WHERE p.place IS NULL
    OR c.images IS NULL
    OR NOT p.place BETWEEN 0 AND c.images - 1;
