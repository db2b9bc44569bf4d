-- Guards: a dictionary has the channels of the layer it was trained on, 1 decoder block (SAE) or |G| blocks (crosscoders), and k is at
-- most its number of features. One that was not imported from another library has been trained.
SELECT d.dictionary_id, d.architecture, d.channels, l.channels AS layer_channels, d.group_order, s.group_order AS set_group_order, d.k, d.features
FROM dictionaries AS d
JOIN activation_sets AS s USING (activation_set_id)
JOIN layers AS l USING (network, layer)
WHERE d.channels <> l.channels
    OR d.group_order <> CASE d.architecture WHEN 'sae' THEN 1 ELSE s.group_order END
    OR d.k NOT BETWEEN 1 AND d.features
    OR (d.config ->> '$.library' IS NULL AND (d.steps < 1 OR d.rows_seen < 1));
