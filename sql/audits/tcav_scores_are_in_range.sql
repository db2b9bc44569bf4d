-- Guards: a score is a share of the class's images, a magnitude is a share, and the class is an output of the network with exactly one
-- image set.
WITH compared AS (
    SELECT *, count(DISTINCT class_images_id) OVER (PARTITION BY concept_analysis_id, class_index) AS class_sets
    FROM tcav_scores
)
SELECT s.*, k.exemplars AS class_images, n.classes
FROM compared AS s
JOIN concept_analyses AS a USING (concept_analysis_id)
JOIN networks AS n USING (network)
LEFT JOIN concepts AS k ON k.concept_id = s.class_images_id
WHERE s.class_sets > 1
    OR NOT s.class_index BETWEEN 0 AND n.classes - 1
    OR NOT s.score BETWEEN 0 AND 1
    OR NOT coalesce(abs(s.score * k.exemplars - round(s.score * k.exemplars)) <= 1e-3, false)
    OR NOT s.magnitude BETWEEN 0 AND 1.000001;
