-- Earlier versions had rotations and reflections of the image alone.
SELECT
    activation_set_id,
    network,
    layer,
    'rotations' AS transformations,
    n_rotations,
    reflections,
    NULL::DOUBLE AS octaves,
    NULL::INTEGER AS scales_per_octave,
    * EXCLUDE (activation_set_id, network, layer, n_rotations, reflections)
FROM activation_sets;
