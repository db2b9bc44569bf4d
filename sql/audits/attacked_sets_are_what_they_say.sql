-- Guards: attacked exemplars are as many as the clean ones, in their order, and as many differ as were changed, which was not drawn; the
-- clean ones stand where nothing was changed, or random sets were.
WITH compared AS (
    SELECT a.analysis, a.touched, a.attack, a.epsilon, a.fraction, count(*) FILTER (e.image <> c.image) AS different
    FROM attacks AS a
    JOIN attack_analyses AS s USING (analysis)
    JOIN concept_exemplars AS e ON e.concept = a.concept
    JOIN concept_exemplars AS c ON c.concept = s.concept AND c.place = e.place
    GROUP BY ALL
)
SELECT
    a.analysis,
    a.touched,
    a.attack,
    a.epsilon,
    a.fraction,
    a.concept,
    k.origin,
    k.exemplars,
    c.exemplars AS clean_exemplars,
    a.images,
    a.changed,
    d.different
FROM attacks AS a
JOIN attack_analyses AS s USING (analysis)
LEFT JOIN concepts AS k ON k.concept = a.concept
LEFT JOIN concepts AS c ON c.concept = s.concept
LEFT JOIN compared AS d USING (analysis, touched, attack, epsilon, fraction)
WHERE k.exemplars IS DISTINCT FROM c.exemplars
    OR (a.touched = 'concept' AND a.images <> k.exemplars)
    OR d.different IS DISTINCT FROM if(a.touched = 'concept', a.changed, 0)
    OR (a.concept = s.concept) <> (d.different = 0)
    -- a folder that an attack left may have been met as such before
    OR (d.different > 0 AND k.origin = 'drawn');
