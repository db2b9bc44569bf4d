-- Guards: the concepts, random sets and class images of one analysis have no image in common.
WITH sets AS (
    SELECT DISTINCT s.concept_analysis_id, unnest([c.concept_id, c.random_set_id, s.class_images_id]) AS concept_id
    FROM tcav_scores AS s
    JOIN cavs AS c USING (cav_id)
)
SELECT s.concept_analysis_id, e.image_id, list(DISTINCT concept_id ORDER BY concept_id) AS concepts, min(e.name) AS name
FROM sets AS s
JOIN concept_exemplars AS e USING (concept_id)
GROUP BY s.concept_analysis_id, e.image_id
HAVING len(concepts) > 1;
