-- One row per activation set: where its orbits come from and how much was stored.
SELECT
    s.activation_set,
    s.network,
    s.layer,
    s.n_rotations,
    s.reflections,
    s.group_order,
    s.orbits,
    s.sampling,
    s.seed,
    l.channels,
    l.receptive_field,
    n.weights_sha256,
    n.input_size,
    coalesce(sum(h.orbits) FILTER (h.split = 'train'), 0)::BIGINT AS train_orbits,
    coalesce(sum(h.orbits) FILTER (h.split = 'test'), 0)::BIGINT AS test_orbits,
    coalesce(sum(h.bytes), 0)::BIGINT AS bytes
FROM activation_sets AS s
JOIN layers AS l USING (network, layer)
JOIN networks AS n USING (network)
LEFT JOIN shards AS h USING (activation_set)
GROUP BY ALL
ORDER BY s.network, s.layer, s.activation_set;
