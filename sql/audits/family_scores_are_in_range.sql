-- Guards: every metric is a known one with a possible value.
SELECT family_analysis_id, condition, seed, metric, value
FROM family_scores
WHERE NOT isfinite(value)
    OR NOT CASE metric
        WHEN 'adjusted_rand' THEN value BETWEEN -1 AND 1.000001
        WHEN 'purity' THEN value BETWEEN 0 AND 1.000001
        WHEN 'silhouette' THEN value BETWEEN -1.000001 AND 1.000001
        WHEN 'neighbour_agreement' THEN value BETWEEN 0 AND 1.000001
        WHEN 'neighbour_chance' THEN value BETWEEN 0 AND 1.000001
        WHEN 'clustered' THEN value BETWEEN 0 AND 1.000001
        WHEN 'families' THEN value >= 0
        WHEN 'features' THEN value >= 0
        ELSE false
    END;
