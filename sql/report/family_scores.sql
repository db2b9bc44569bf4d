-- Returns one row per (family analysis, condition, metric) of the metrics that the page shows: the values, one per training seed.
SELECT family_analysis_id, condition, metric, list(value ORDER BY seed) AS values
FROM family_scores
WHERE metric IN ('adjusted_rand', 'purity', 'silhouette', 'neighbour_agreement', 'neighbour_chance', 'features')
GROUP BY family_analysis_id, condition, metric
ORDER BY family_analysis_id, condition, metric;
