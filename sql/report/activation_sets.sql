-- Returns one row per activation set: where its positions come from and how much was stored. Rows are in the order of the network: by
-- receptive field, and a branch next to its layer.
WITH stored AS (
    SELECT
        activation_set_id,
        sum(orbits) FILTER (split = 'train') AS train_orbits,
        sum(orbits) FILTER (split = 'test') AS test_orbits,
        sum(bytes) AS bytes
    FROM shards
    GROUP BY activation_set_id
)
SELECT
    s.activation_set_id,
    v.activation_set_label,
    s.network,
    s.layer,
    s.transformations,
    s.n_rotations,
    s.reflections,
    s.octaves,
    s.scales_per_octave,
    s.group_order,
    s.orbits,
    s.sampling,
    s.seed,
    l.channels,
    l.receptive_field,
    l.effective_centre_y_px,
    l.effective_centre_x_px,
    l.effective_centre_y_std_error_px,
    l.effective_centre_x_std_error_px,
    s.centre_y_px,
    s.centre_x_px,
    n.weights_sha256,
    n.input_size,
    coalesce(h.train_orbits, 0)::BIGINT AS train_orbits,
    coalesce(h.test_orbits, 0)::BIGINT AS test_orbits,
    coalesce(h.bytes, 0)::BIGINT AS bytes
FROM activation_sets AS s
JOIN layers AS l USING (network, layer)
JOIN networks AS n USING (network)
JOIN activation_set_labels() AS v USING (activation_set_id)
LEFT JOIN stored AS h USING (activation_set_id)
ORDER BY
    s.network,
    max(l.receptive_field) OVER (PARTITION BY s.network, split_part(s.layer, '_', 1)),
    s.layer,
    s.group_order DESC,
    s.sampling,
    s.activation_set_id;
