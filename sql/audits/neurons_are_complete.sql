-- Guards: a dictionary with decomposed neurons has one row per channel of its layer, 0 … d - 1.
SELECT d.dictionary_id, d.channels, count(*) AS rows_found, min(n.neuron) AS first, max(n.neuron) AS last
FROM dictionaries AS d
JOIN neurons AS n USING (dictionary_id)
GROUP BY d.dictionary_id, d.channels
HAVING rows_found <> d.channels OR first <> 0 OR last <> d.channels - 1;
