-- One row per (analysis, subject, metric) of those that the page draws: its values, one a training seed.
SELECT analysis, subject, metric, list(value ORDER BY seed) AS values
FROM family_scores
WHERE metric IN ('adjusted_rand', 'purity', 'silhouette', 'neighbour_agreement', 'neighbour_chance')
GROUP BY analysis, subject, metric
ORDER BY analysis, subject, metric;
