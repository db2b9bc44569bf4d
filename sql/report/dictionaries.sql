-- Returns one row per dictionary: its training settings, its metrics and its loss during training, group crosscoders first.
WITH metrics AS (
    SELECT dictionary_id, map_from_entries(list((metric, value))) AS metrics
    FROM metrics_of_dictionaries()
    GROUP BY dictionary_id
),
blocks AS (
    SELECT dictionary_id, min(fvu) AS block_fvu_least, max(fvu) AS block_fvu_most
    FROM block_metrics
    GROUP BY dictionary_id
),
losses AS (
    SELECT dictionary_id, list(value ORDER BY step) AS losses
    FROM training_steps
    WHERE metric = 'loss'
    GROUP BY dictionary_id
),
densities AS (
    SELECT dictionary_id, list({'log10': log10_density_from, 'features': features} ORDER BY log10_density_from) AS densities
    FROM density_histogram
    GROUP BY dictionary_id
),
own AS (
    SELECT dictionary_id, sum(density) AS neurons_l0
    FROM neurons
    GROUP BY dictionary_id
),
live AS (
    SELECT dictionary_id, count(*) AS live_features
    FROM features
    WHERE NOT dead
    GROUP BY dictionary_id
)
SELECT
    d.dictionary_id,
    n.dictionary_label,
    d.activation_set_id,
    d.architecture,
    d.method,
    d.features,
    d.k,
    d.group_order,
    d.encode_from,
    d.orbit_reuse,
    d.steps,
    d.rows_seen,
    d.seed,
    d.train_seconds,
    s.network,
    s.layer,
    s.transformations,
    s.n_rotations,
    s.reflections,
    s.octaves,
    s.scales_per_octave,
    s.group_order AS seen_under,
    s.sampling,
    coalesce(live.live_features, 0) AS live_features,
    metrics.metrics,
    wilson_low(metrics.metrics['top1_change'], metrics.metrics['spliced_frames']) AS top1_change_low,
    wilson_high(metrics.metrics['top1_change'], metrics.metrics['spliced_frames']) AS top1_change_high,
    blocks.block_fvu_least,
    blocks.block_fvu_most,
    least(scores.linear_prediction_fvu, scores.nonlinear_prediction_fvu) AS predicted_fvu,
    scores.orbit_linear_fvu,
    scores.matching_pursuit_fvu,
    losses.losses,
    densities.densities,
    own.neurons_l0
FROM dictionaries AS d
JOIN activation_sets AS s USING (activation_set_id)
JOIN dictionary_labels() AS n USING (dictionary_id)
LEFT JOIN metrics USING (dictionary_id)
LEFT JOIN blocks USING (dictionary_id)
LEFT JOIN dictionary_scores AS scores USING (dictionary_id)
LEFT JOIN losses USING (dictionary_id)
LEFT JOIN densities USING (dictionary_id)
LEFT JOIN own USING (dictionary_id)
LEFT JOIN live USING (dictionary_id)
ORDER BY d.group_order > 1 DESC, s.network, s.layer, d.architecture, d.method, d.dictionary_id;
