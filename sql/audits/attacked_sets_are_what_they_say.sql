-- Guards: an attacked set has as many exemplars as the clean one, in the same order, and as many of them differ as `changed` says. It is
-- the clean set where nothing or only random sets were changed, and otherwise its origin is not drawn.
WITH compared AS (
    SELECT a.attack_experiment_id, a.perturbed_set, a.attack, a.epsilon, a.fraction, count(*) FILTER (e.image_id <> c.image_id) AS different
    FROM attacks AS a
    JOIN attack_experiments AS s USING (attack_experiment_id)
    JOIN concept_exemplars AS e ON e.concept_id = a.concept_id
    JOIN concept_exemplars AS c ON c.concept_id = s.concept_id AND c.place = e.place
    GROUP BY ALL
)
SELECT
    a.attack_experiment_id,
    a.perturbed_set,
    a.attack,
    a.epsilon,
    a.fraction,
    a.concept_id,
    k.origin,
    k.exemplars,
    c.exemplars AS clean_exemplars,
    a.images,
    a.changed,
    d.different
FROM attacks AS a
JOIN attack_experiments AS s USING (attack_experiment_id)
LEFT JOIN concepts AS k ON k.concept_id = a.concept_id
LEFT JOIN concepts AS c ON c.concept_id = s.concept_id
LEFT JOIN compared AS d USING (attack_experiment_id, perturbed_set, attack, epsilon, fraction)
WHERE k.exemplars IS DISTINCT FROM c.exemplars
    OR (a.perturbed_set = 'concept' AND a.images <> k.exemplars)
    OR d.different IS DISTINCT FROM if(a.perturbed_set = 'concept', a.changed, 0)
    OR (a.concept_id = s.concept_id) <> (d.different = 0)
    -- images that an attack wrote may have been loaded as a folder of exemplars before, with the origin folder
    OR (d.different > 0 AND k.origin = 'drawn');
