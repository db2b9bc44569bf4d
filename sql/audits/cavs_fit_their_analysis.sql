-- Guards: a vector tells one set from another, is scored, and only by analyses of its network.
SELECT c.*, s.analysis, a.network AS analysis_network
FROM cavs AS c
LEFT JOIN tcav_scores AS s USING (cav)
LEFT JOIN concept_analyses AS a USING (analysis)
WHERE a.network IS DISTINCT FROM c.network
    OR c.concept = c.random
    OR NOT c.accuracy BETWEEN 0 AND 1;
