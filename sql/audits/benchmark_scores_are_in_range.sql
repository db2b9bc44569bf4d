-- Guards: every scored dictionary has its main scores, within what each metric allows, and each metric has one direction.
WITH directions AS (
    SELECT metric, count(DISTINCT higher_is_better) AS directions FROM benchmark_scores GROUP BY metric
),
found AS (
    SELECT
        benchmark_id,
        dictionary_id,
        count(c.metric) FILTER (metric IN ('fvu', 'fvu_about_channel_means', 'probe_ratio', 'sparse_probing')) AS needed,
        count(c.metric) FILTER (starts_with(metric, 'cross_domain')) AS cross_domain,
        count(*) FILTER (
            NOT isfinite(c.value)
            OR c.n < 1
            OR CASE
                WHEN metric IN ('fvu', 'cross_domain_fvu') THEN false
                WHEN metric = 'fvu_about_channel_means' THEN c.value < 0
                WHEN metric = 'probe_ratio' THEN NOT c.value BETWEEN 0 AND 2
                WHEN metric IN ('localisation', 'monosemanticity') THEN NOT c.value BETWEEN -1.001 AND 1.2
                ELSE NOT c.value BETWEEN 0 AND 1
            END
        ) AS impossible_values
    FROM benchmarked_dictionaries AS d
    LEFT JOIN benchmark_scores AS c USING (benchmark_id, dictionary_id)
    GROUP BY ALL
)
SELECT benchmark_id, dictionary_id, needed, cross_domain, impossible_values, NULL AS metric
FROM found
WHERE needed < 4
    OR cross_domain NOT IN (0, 5)
    OR impossible_values > 0
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, metric
FROM directions
WHERE directions > 1;
