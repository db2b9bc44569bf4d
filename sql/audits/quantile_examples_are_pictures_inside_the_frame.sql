-- Guards: a quantile's example is a WebP image, its centre lies inside the frame, and its element belongs to the group.
SELECT e.dictionary_id, e.feature, e.quantile, e.y, e.x, e.element, octet_length(e.patch) AS patch_bytes
FROM quantile_examples AS e
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN networks AS n USING (network)
WHERE e.y NOT BETWEEN 0 AND coalesce((s.config ->> '$.images.frame_size')::INTEGER, n.input_size) - 1
    OR e.x NOT BETWEEN 0 AND coalesce((s.config ->> '$.images.frame_size')::INTEGER, n.input_size) - 1
    OR e.element NOT BETWEEN 0 AND s.group_order - 1
    OR hex(e.patch[1:4]) <> '52494646' -- RIFF
    OR hex(e.patch[9:12]) <> '57454250'; -- WEBP
