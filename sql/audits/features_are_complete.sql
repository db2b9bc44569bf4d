-- Guards: a dictionary of m features has the rows 0 … m - 1.
SELECT d.dictionary_id, d.features, count(f.feature) AS rows_found, min(f.feature) AS first, max(f.feature) AS last
FROM dictionaries AS d
LEFT JOIN features AS f USING (dictionary_id)
GROUP BY d.dictionary_id, d.features
HAVING rows_found <> d.features OR first <> 0 OR last <> d.features - 1;
