-- Lists each dictionary's test scores together with its settings.
CREATE OR REPLACE VIEW dictionary_scores AS
WITH scores AS (
    SELECT
        dictionary_id,
        max(value) FILTER (metric = 'fvu') AS fvu,
        max(value) FILTER (metric = 'equivariant_fvu') AS equivariant_fvu,
        max(value) FILTER (metric = 'l0') AS l0,
        max(value) FILTER (metric = 'dead_fraction') AS dead_fraction,
        max(value) FILTER (metric = 'cosine') AS cosine,
        max(value) FILTER (metric = 'rows')::BIGINT AS evaluation_rows,
        max(value) FILTER (metric = 'stability') AS stability,
        max(value) FILTER (metric = 'stability_random') AS stability_random,
        max(value) FILTER (metric = 'loss_recovered_zero') AS loss_recovered_zero,
        max(value) FILTER (metric = 'loss_recovered_mean') AS loss_recovered_mean,
        max(value) FILTER (metric = 'spliced_frames')::BIGINT AS spliced_images,
        max(value) FILTER (metric = 'top1_change') AS top1_change,
        max(value) FILTER (metric = 'top1_change_zero') AS top1_change_zero,
        max(value) FILTER (metric = 'top1_change_mean') AS top1_change_mean
    FROM metrics_of_dictionaries()
    GROUP BY dictionary_id
),
predictions AS (
    SELECT dictionary_id, predictor, sum(fvu * variance) / sum(variance) AS fvu
    FROM orbit_predictions
    GROUP BY dictionary_id, predictor, steps
),
predicted AS (
    SELECT
        dictionary_id,
        min(fvu) FILTER (predictor = 'linear') AS linear_prediction_fvu,
        min(fvu) FILTER (predictor = 'nonlinear') AS nonlinear_prediction_fvu,
        min(fvu) FILTER (predictor = 'generators') AS generators_prediction_fvu,
        min(fvu) FILTER (predictor = 'orbit-linear') AS orbit_linear_fvu,
        min(fvu) FILTER (predictor = 'matching-pursuit') AS matching_pursuit_fvu
    FROM predictions
    GROUP BY dictionary_id
),
blocks AS (
    SELECT dictionary_id, min(fvu) AS best_block_fvu, max(fvu) AS worst_block_fvu
    FROM block_metrics
    GROUP BY dictionary_id
),
across_seeds AS (
    SELECT dictionary_id, count(*) AS replicas
    FROM dictionary_stability
    GROUP BY dictionary_id
),
live AS (
    SELECT dictionary_id, count(*) FILTER (NOT dead) AS live_features
    FROM features
    GROUP BY dictionary_id
)
SELECT
    d.dictionary_id,
    n.dictionary_label,
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
    p.linear_prediction_fvu,
    p.nonlinear_prediction_fvu,
    p.generators_prediction_fvu,
    p.orbit_linear_fvu,
    p.matching_pursuit_fvu,
    c.equivariant_fvu,
    c.l0,
    c.dead_fraction,
    c.cosine,
    c.evaluation_rows,
    c.stability,
    c.stability_random,
    r.replicas AS stability_replicas,
    c.loss_recovered_zero,
    c.loss_recovered_mean,
    c.spliced_images,
    c.top1_change,
    wilson_low(c.top1_change, c.spliced_images) AS top1_change_low,
    wilson_high(c.top1_change, c.spliced_images) AS top1_change_high,
    c.top1_change_zero,
    c.top1_change_mean,
    d.steps,
    d.rows_seen,
    d.train_seconds,
    d.rows_seen / nullif(d.train_seconds, 0) AS rows_per_second,
    d.seed,
    d.activation_set_id,
    v.activation_set_label,
    s.orbits,
    d.config
FROM dictionaries AS d
JOIN activation_sets AS s USING (activation_set_id)
JOIN dictionary_labels() AS n USING (dictionary_id)
JOIN activation_set_labels() AS v USING (activation_set_id)
LEFT JOIN scores AS c USING (dictionary_id)
LEFT JOIN predicted AS p USING (dictionary_id)
LEFT JOIN blocks AS b USING (dictionary_id)
LEFT JOIN across_seeds AS r USING (dictionary_id)
LEFT JOIN live AS l USING (dictionary_id)
ORDER BY s.network, s.layer, c.fvu;
COMMENT ON VIEW dictionary_scores IS 'one row per dictionary (dictionary_id), scores measured on the test split';
COMMENT ON COLUMN dictionary_scores.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN dictionary_scores.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN dictionary_scores.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN dictionary_scores.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN dictionary_scores.architecture IS 'sae (a training row is one activation vector), group-crosscoder or steerable-crosscoder (a training row is an orbit: one vector per transform)';
COMMENT ON COLUMN dictionary_scores.method IS 'sparsity method, such as topk: a name in tasks/dictionary/methods.py';
COMMENT ON COLUMN dictionary_scores.features IS 'number of features';
COMMENT ON COLUMN dictionary_scores.live_features IS 'number of features that are active on some row of the activation set';
COMMENT ON COLUMN dictionary_scores.k IS 'active features per row that training enforces; null for the methods with a sparsity penalty instead';
COMMENT ON COLUMN dictionary_scores.group_order IS '|G|: number of decoder blocks of a feature, one per transform; 1 for an SAE';
COMMENT ON COLUMN dictionary_scores.encode_from IS 'what a group crosscoder encodes: identity (the untransformed block) or orbit (the sum over all blocks); null for an SAE';
COMMENT ON COLUMN dictionary_scores.orbit_reuse IS 'whether training let every transform of an orbit stand in for the identity, so that one orbit gives |G| rows';
COMMENT ON COLUMN dictionary_scores.fvu IS 'fraction of variance unexplained over all blocks: 0 is perfect, 1 no better than the mean; comparable at equal l0, rows_seen and activation set alone; null where not measured';
COMMENT ON COLUMN dictionary_scores.best_block_fvu IS 'smallest fvu of a block; null where not measured';
COMMENT ON COLUMN dictionary_scores.worst_block_fvu IS 'largest fvu of a block; null where not measured';
COMMENT ON COLUMN dictionary_scores.linear_prediction_fvu IS 'fvu over all blocks of a linear prediction from the identity block, without features: what a code of that block can be expected to reach; null where not measured';
COMMENT ON COLUMN dictionary_scores.nonlinear_prediction_fvu IS 'the same with a neural network added; of several trainings the smallest; null where not measured';
COMMENT ON COLUMN dictionary_scores.generators_prediction_fvu IS 'fvu over all blocks of a prediction from the identity block by one matrix per generator of the group; of several trainings the smallest; null where not measured';
COMMENT ON COLUMN dictionary_scores.orbit_linear_fvu IS 'fvu over all blocks of as many principal components of whole orbits as l0, rounded: the best linear code of that size; null where not measured, and without orbit_reuse';
COMMENT ON COLUMN dictionary_scores.matching_pursuit_fvu IS 'fvu over all blocks of the crosscoder''s own decoder, with l0 features (rounded) of each row chosen from its whole orbit by orthogonal matching pursuit; what fvu is above it, the encoder loses; null where not measured';
COMMENT ON COLUMN dictionary_scores.equivariant_fvu IS 'of an SAE on a set of orbits: fvu over all blocks where its reconstruction of the identity block is turned by one matrix per generator of the group; compares with the fvu of a group crosscoder; null where not measured';
COMMENT ON COLUMN dictionary_scores.l0 IS 'mean number of active features per row; null where not measured';
COMMENT ON COLUMN dictionary_scores.dead_fraction IS 'share of features that are active on none of evaluation_rows, 0 to 1; null where not measured';
COMMENT ON COLUMN dictionary_scores.cosine IS 'mean cosine between row and reconstruction, -1 to 1; null where not measured';
COMMENT ON COLUMN dictionary_scores.evaluation_rows IS 'number of rows of the test split; with orbit_reuse every transform of an orbit is a row; null where not measured';
COMMENT ON COLUMN dictionary_scores.stability IS 'mean cosine of features matched one to one with those of dictionaries trained from other seeds, -1 to 1; null where there are none';
COMMENT ON COLUMN dictionary_scores.stability_random IS 'the same against random vectors, as a baseline; null where stability is null';
COMMENT ON COLUMN dictionary_scores.stability_replicas IS 'number of those dictionaries; null where there are none, and where stability was measured before schema version 7';
COMMENT ON COLUMN dictionary_scores.loss_recovered_zero IS 'share of the loss caused by zeroing the layer that the reconstruction avoids: 1 is no loss, 0 no better than zeros, below 0 worse; the loss is the cross-entropy with the unmodified network''s predictions; null where not measured';
COMMENT ON COLUMN dictionary_scores.loss_recovered_mean IS 'the same share, against replacing the layer by its mean; null where not measured';
COMMENT ON COLUMN dictionary_scores.spliced_images IS 'number of test images on which loss_recovered and top1_change are measured; null where not measured';
COMMENT ON COLUMN dictionary_scores.top1_change IS 'share of test images whose top-1 class changes when the reconstruction replaces the layer, 0 to 1; null where not measured';
COMMENT ON COLUMN dictionary_scores.top1_change_low IS 'lower end of Wilson''s 95 % interval of top1_change, which counts cuts of one photograph as independent images';
COMMENT ON COLUMN dictionary_scores.top1_change_high IS 'upper end of the same interval';
COMMENT ON COLUMN dictionary_scores.top1_change_zero IS 'the same share when zeros replace the layer; null where not measured';
COMMENT ON COLUMN dictionary_scores.top1_change_mean IS 'the same share when the layer''s mean replaces the layer; null where not measured';
COMMENT ON COLUMN dictionary_scores.steps IS 'number of optimiser steps; 0 if imported';
COMMENT ON COLUMN dictionary_scores.rows_seen IS 'number of training rows (steps * batch size); with orbit_reuse one orbit counts as a row each time that one of its transforms is drawn';
COMMENT ON COLUMN dictionary_scores.train_seconds IS 'duration of the optimiser steps, seconds; reading the rows is not included';
COMMENT ON COLUMN dictionary_scores.rows_per_second IS 'training rows per second; null where train_seconds is 0';
COMMENT ON COLUMN dictionary_scores.seed IS 'random seed for the initial features and the order of the rows';
COMMENT ON COLUMN dictionary_scores.activation_set_id IS 'content key of the activation set that the dictionary was trained on, or, if imported, evaluated on; refers to activation_sets';
COMMENT ON COLUMN dictionary_scores.activation_set_label IS 'label of the activation set, unique';
COMMENT ON COLUMN dictionary_scores.orbits IS 'number of sampled positions in the activation set';
COMMENT ON COLUMN dictionary_scores.config IS 'settings of the training, JSON; of an imported dictionary its library, the scaling of its activations and the SHA-256 of its weight file';
