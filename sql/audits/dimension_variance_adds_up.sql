-- Guards: cumulative variance is the sum of the explained variances and at most 1, and scores have a finite range. A single dimension may
-- explain a negative share of rows that it was not fitted to.
WITH summed AS (
    SELECT *, sum(explained_variance) OVER (PARTITION BY dimension_analysis_id ORDER BY dimension) AS explained_so_far
    FROM tuning_dimensions
)
SELECT dimension_analysis_id, dimension, explained_variance, explained_so_far, cumulative_variance, low, high
FROM summed
WHERE NOT abs(cumulative_variance - explained_so_far) <= 1e-6
    OR NOT cumulative_variance <= 1.000001
    OR NOT explained_variance <= 1.000001
    OR NOT (isfinite(low) AND isfinite(high) AND low <= high);
