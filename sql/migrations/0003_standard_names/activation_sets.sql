SELECT
    activation_set AS activation_set_id,
    network,
    layer,
    n_rotations,
    reflections,
    group_order,
    orbits,
    sampling,
    seed,
    config
FROM activation_sets;
