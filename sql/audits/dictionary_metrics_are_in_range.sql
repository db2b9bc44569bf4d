-- Guards: every metric has a possible value. FVU is at most 2: a reconstruction that is unrelated to the data but has its variance reaches
-- 2.
SELECT dictionary_id, metric, value
FROM dictionary_metrics
WHERE NOT isfinite(value)
    OR NOT CASE metric
        WHEN 'fvu' THEN value BETWEEN 0 AND 2
        WHEN 'equivariant_fvu' THEN value >= 0
        WHEN 'l0' THEN value >= 0
        WHEN 'dead_fraction' THEN value BETWEEN 0 AND 1
        WHEN 'cosine' THEN value BETWEEN -1.000001 AND 1.000001
        WHEN 'rows' THEN value >= 1
        WHEN 'stability' THEN value BETWEEN -1.000001 AND 1.000001
        WHEN 'stability_random' THEN value BETWEEN -1.000001 AND 1.000001
        WHEN 'top1_change' THEN value BETWEEN 0 AND 1
        WHEN 'loss_recovered_zero' THEN value <= 1.000001
        WHEN 'loss_recovered_mean' THEN value <= 1.000001
        ELSE true
    END;
