-- Guards: a predictor predicts every block of its crosscoder once, with a finite FVU; only the nonlinear one and the generators were trained.
SELECT
    p.dictionary_id,
    p.predictor,
    p.steps,
    d.group_order,
    count(*) AS blocks,
    max(p.element) AS last_block,
    count(*) FILTER (NOT (isfinite(p.fvu) AND p.fvu >= 0 AND isfinite(p.variance) AND p.variance > 0)) AS impossible_values
FROM orbit_predictions AS p
JOIN dictionaries AS d USING (dictionary_id)
GROUP BY ALL
HAVING blocks <> d.group_order
    OR last_block <> d.group_order - 1
    OR impossible_values > 0
    OR d.group_order = 1
    OR (p.predictor IN ('nonlinear', 'generators')) <> (p.steps > 0);
