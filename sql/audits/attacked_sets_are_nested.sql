-- Guards: the images changed at a smaller fraction are among those changed at a larger fraction of the same attack, with the same pixels.
WITH pairs AS (
    SELECT s.attack_experiment_id, s.perturbed_set, s.attack, s.epsilon, s.fraction, l.fraction AS larger, s AS one, l AS other
    FROM attacks AS s
    JOIN attacks AS l USING (attack_experiment_id, perturbed_set, attack, epsilon)
    WHERE l.fraction > s.fraction
),
strays AS (
    SELECT p.attack_experiment_id, p.perturbed_set, p.attack, p.epsilon, p.fraction, p.larger, count(*) AS strays
    FROM pairs AS p
    JOIN attack_experiments AS a USING (attack_experiment_id)
    JOIN concept_exemplars AS c ON c.concept_id = a.concept_id
    JOIN concept_exemplars AS e ON e.concept_id = p.one.concept_id AND e.place = c.place
    JOIN concept_exemplars AS f ON f.concept_id = p.other.concept_id AND f.place = c.place
    WHERE e.image_id NOT IN (c.image_id, f.image_id)
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
LEFT JOIN strays AS s USING (attack_experiment_id, perturbed_set, attack, epsilon, fraction, larger)
WHERE s.strays > 0
    OR p.one.images <> p.other.images
    OR p.one.changed > p.other.changed
    OR p.one.largest_change > p.other.largest_change
    OR p.one.artifact_folder IS DISTINCT FROM p.other.artifact_folder;
