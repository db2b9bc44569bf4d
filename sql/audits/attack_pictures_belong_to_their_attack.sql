-- Guards: what an attack changed can be seen, and a picture is of one of its images.
WITH changed AS (
    SELECT analysis, touched, attack, epsilon, max(images) AS images
    FROM attacks
    WHERE changed > 0
    GROUP BY ALL
)
SELECT analysis, touched, attack, epsilon, p.place, c.images
FROM changed AS c
FULL JOIN attack_pictures AS p USING (analysis, touched, attack, epsilon)
WHERE p.place IS NULL
    OR c.images IS NULL
    OR NOT p.place BETWEEN 0 AND c.images - 1;
