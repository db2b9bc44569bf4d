-- Returns one row per attack experiment: a concept's exemplars, attacked at a layer so that the concept stops mattering for a class or
-- comes to matter for it.
SELECT
    a.attack_experiment_id,
    v.attack_experiment_label,
    a.network,
    a.layer,
    a.kind,
    c.name AS concept_name,
    c.origin AS concept_origin,
    c.exemplars,
    a.class_name,
    k.exemplars AS class_images,
    photographs_in(a.class_images_id) AS class_photographs,
    a.random_sets,
    a.classifier,
    a.pool,
    a.steps,
    a.tests
FROM attack_experiments AS a
JOIN attack_experiment_labels() AS v USING (attack_experiment_id)
JOIN concepts AS c USING (concept_id)
JOIN concepts AS k ON k.concept_id = a.class_images_id
ORDER BY a.kind, a.network, c.name, a.class_name, a.layer, a.attack_experiment_id;
