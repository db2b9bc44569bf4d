-- Guards: a unit set of n units has the rows 0 … n - 1. Neurons have no dictionary, features have one of the same activation set.
SELECT s.unit_set_id, s.kind, s.dictionary_id, s.units, count(u.unit) AS rows_found, min(u.unit) AS first, max(u.unit) AS last
FROM unit_sets AS s
LEFT JOIN unit_tuning AS u USING (unit_set_id)
LEFT JOIN dictionaries AS d USING (dictionary_id)
LEFT JOIN layers AS l ON l.network = s.network AND l.layer = s.layer
GROUP BY s.unit_set_id, s.kind, s.dictionary_id, s.units, d.features, d.activation_set_id, s.activation_set_id, l.channels
HAVING rows_found <> s.units
    OR first <> 0
    OR last <> s.units - 1
    OR (s.kind = 'neurons') <> (s.dictionary_id IS NULL)
    OR s.units IS DISTINCT FROM CASE s.kind WHEN 'neurons' THEN l.channels ELSE d.features END
    OR (s.kind = 'features' AND d.activation_set_id <> s.activation_set_id);
