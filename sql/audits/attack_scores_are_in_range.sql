-- Guards: a score is a mean of shares of the class's images, with a standard deviation that such shares can have. The class is an output of
-- the evaluation network. Where the random sets are unchanged, random vectors have the clean score. The cosine of the clean sets is 1.
WITH compared AS (
    SELECT
        s.*,
        a.random_sets,
        k.exemplars AS class_images,
        n.classes,
        c.class_index AS clean_class_index,
        c.random_score AS clean_random_score,
        c.random_score_std AS clean_random_score_std,
        k.exemplars * a.random_sets AS answers,
        a.random_sets / (a.random_sets - 1) AS freedom
    FROM attack_scores AS s
    JOIN attack_experiments AS a USING (attack_experiment_id)
    JOIN networks AS n ON n.network = s.eval_network
    LEFT JOIN concepts AS k ON k.concept_id = a.class_images_id
    LEFT JOIN attack_scores AS c
        ON c.attack = 'clean' AND (c.attack_experiment_id, c.eval_network, c.eval_layer) = (s.attack_experiment_id, s.eval_network, s.eval_layer)
)
SELECT *
FROM compared
WHERE NOT class_index BETWEEN 0 AND classes - 1
    OR class_index <> clean_class_index
    OR NOT score BETWEEN 0 AND 1.000001
    OR NOT random_score BETWEEN 0 AND 1.000001
    OR NOT coalesce(abs(score * answers - round(score * answers)) <= 1e-3, false)
    OR NOT coalesce(abs(random_score * answers - round(random_score * answers)) <= 1e-3, false)
    OR NOT (score_std >= 0 AND score_std ** 2 <= freedom * score * (1 - score) + 1e-6)
    OR NOT (random_score_std >= 0 AND random_score_std ** 2 <= freedom * random_score * (1 - random_score) + 1e-6)
    OR NOT magnitude BETWEEN 0 AND 1.000001
    OR NOT accuracy BETWEEN 0 AND 1.000001
    OR NOT cosine BETWEEN -1.0001 AND 1.0001
    OR (attack = 'clean' AND cosine < 0.9999)
    OR (perturbed_set = 'concept' AND NOT abs(random_score - clean_random_score) <= 1e-6)
    OR (perturbed_set = 'concept' AND NOT abs(random_score_std - clean_random_score_std) <= 1e-6);
