-- Guards: a concept activation vector separates two different sets, has a score, and is scored by analyses of its own network alone.
SELECT c.*, s.concept_analysis_id, a.network AS analysis_network
FROM cavs AS c
LEFT JOIN tcav_scores AS s USING (cav_id)
LEFT JOIN concept_analyses AS a USING (concept_analysis_id)
WHERE a.network IS DISTINCT FROM c.network
    OR c.concept_id = c.random_set_id
    OR NOT c.accuracy BETWEEN 0 AND 1;
