-- How good is each dictionary, and what was it made with?
CREATE OR REPLACE VIEW dictionary_scores AS
WITH scores AS (
    SELECT
        dictionary_id,
        max(value) FILTER (metric = 'fvu') AS fvu,
        max(value) FILTER (metric = 'l0') AS l0,
        max(value) FILTER (metric = 'dead_fraction') AS dead_fraction,
        max(value) FILTER (metric = 'cosine') AS cosine,
        max(value) FILTER (metric = 'rows')::BIGINT AS evaluation_rows,
        max(value) FILTER (metric = 'stability') AS stability,
        max(value) FILTER (metric = 'stability_random') AS stability_random,
        max(value) FILTER (metric = 'loss_recovered_zero') AS loss_recovered_zero,
        max(value) FILTER (metric = 'loss_recovered_mean') AS loss_recovered_mean,
        max(value) FILTER (metric = 'top1_change') AS top1_change,
        max(value) FILTER (metric = 'top1_change_zero') AS top1_change_zero,
        max(value) FILTER (metric = 'top1_change_mean') AS top1_change_mean
    FROM dictionary_metrics
    GROUP BY dictionary_id
),
blocks AS (
    SELECT dictionary_id, min(fvu) AS best_block_fvu, max(fvu) AS worst_block_fvu
    FROM block_metrics
    GROUP BY dictionary_id
),
live AS (
    SELECT dictionary_id, count(*) FILTER (NOT dead) AS live_features
    FROM features
    GROUP BY dictionary_id
)
SELECT
    d.dictionary_id,
    s.network,
    s.layer,
    d.architecture,
    d.method,
    d.features,
    l.live_features,
    d.k,
    d.group_order,
    d.encode_from,
    d.orbit_reuse,
    c.fvu,
    b.best_block_fvu,
    b.worst_block_fvu,
    c.l0,
    c.dead_fraction,
    c.cosine,
    c.evaluation_rows,
    c.stability,
    c.stability_random,
    c.loss_recovered_zero,
    c.loss_recovered_mean,
    c.top1_change,
    c.top1_change_zero,
    c.top1_change_mean,
    d.steps,
    d.rows_seen,
    d.train_seconds,
    d.rows_seen / nullif(d.train_seconds, 0) AS rows_per_second,
    d.seed,
    d.activation_set_id,
    s.orbits,
    d.config
FROM dictionaries AS d
JOIN activation_sets AS s USING (activation_set_id)
LEFT JOIN scores AS c USING (dictionary_id)
LEFT JOIN blocks AS b USING (dictionary_id)
LEFT JOIN live AS l USING (dictionary_id)
ORDER BY s.network, s.layer, c.fvu;
COMMENT ON VIEW dictionary_scores IS 'one row per dictionary: its scores on the test split beside its settings';
COMMENT ON COLUMN dictionary_scores.fvu IS 'fraction of variance unexplained over all blocks; compare only at equal l0, rows_seen and activation_set';
COMMENT ON COLUMN dictionary_scores.live_features IS 'active on some row of the whole activation set';
COMMENT ON COLUMN dictionary_scores.loss_recovered_zero IS 'of what zeroing the layer costs, the share that the spliced-in reconstruction saves; loss: cross-entropy to the clean network''s answers';
COMMENT ON COLUMN dictionary_scores.loss_recovered_mean IS 'the same, against the layer''s mean in its place';
COMMENT ON COLUMN dictionary_scores.top1_change IS 'share of test frames whose first class changes with the reconstruction in the layer''s place; _zero, _mean: with zeros, its mean';
COMMENT ON COLUMN dictionary_scores.dead_fraction IS 'share of features active on none of evaluation_rows';
