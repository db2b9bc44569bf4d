-- Guards: TopK allows at most k active features per row, so neither L0 nor the sum of the features' densities exceeds k.
SELECT d.dictionary_id, d.k, m.value AS l0, sum(f.density) AS sum_of_densities
FROM dictionaries AS d
JOIN features AS f USING (dictionary_id)
LEFT JOIN dictionary_metrics AS m ON m.dictionary_id = d.dictionary_id AND m.metric = 'l0'
WHERE d.method = 'topk'
GROUP BY ALL
HAVING l0 > d.k * (1 + 1e-6) OR sum_of_densities > d.k * (1 + 1e-6);
