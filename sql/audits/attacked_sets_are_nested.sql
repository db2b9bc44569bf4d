-- Guards: of one attack, the images that a smaller fraction changed are among those of a larger one, changed alike.
WITH pairs AS (
    SELECT s.analysis, s.touched, s.attack, s.epsilon, s.fraction, l.fraction AS larger, s AS one, l AS other
    FROM attacks AS s
    JOIN attacks AS l USING (analysis, touched, attack, epsilon)
    WHERE l.fraction > s.fraction
),
strays AS (
    SELECT p.analysis, p.touched, p.attack, p.epsilon, p.fraction, p.larger, count(*) AS strays
    FROM pairs AS p
    JOIN attack_analyses AS a USING (analysis)
    JOIN concept_exemplars AS c ON c.concept = a.concept
    JOIN concept_exemplars AS e ON e.concept = p.one.concept AND e.place = c.place
    JOIN concept_exemplars AS f ON f.concept = p.other.concept AND f.place = c.place
    WHERE e.image NOT IN (c.image, f.image)
    GROUP BY ALL
)
SELECT
    p.* EXCLUDE (one, other),
    p.one.changed AS changed,
    p.other.changed AS larger_changed,
    p.one.largest_change AS largest_change,
    p.other.largest_change AS larger_largest_change,
    s.strays
FROM pairs AS p
LEFT JOIN strays AS s USING (analysis, touched, attack, epsilon, fraction, larger)
WHERE s.strays > 0
    OR p.one.images <> p.other.images
    OR p.one.changed > p.other.changed
    OR p.one.largest_change > p.other.largest_change
    OR p.one.piece IS DISTINCT FROM p.other.piece;
