-- Shows at which transforms a group crosscoder reconstructs best and worst.
CREATE OR REPLACE VIEW block_scores AS
WITH predicted AS (
    SELECT
        dictionary_id,
        element,
        min(fvu) FILTER (predictor = 'linear') AS linear_prediction_fvu,
        min(fvu) FILTER (predictor = 'nonlinear') AS nonlinear_prediction_fvu,
        min(fvu) FILTER (predictor = 'generators') AS generators_prediction_fvu,
        min(fvu) FILTER (predictor = 'orbit-linear') AS orbit_linear_fvu,
        min(fvu) FILTER (predictor = 'matching-pursuit') AS matching_pursuit_fvu
    FROM orbit_predictions
    GROUP BY dictionary_id, element
)
SELECT
    b.dictionary_id,
    n.dictionary_label,
    s.network,
    s.layer,
    d.architecture,
    d.method,
    b.element,
    360.0 * (b.element % s.n_rotations) / s.n_rotations AS rotation_degrees,
    s.transformations <> 'scale' AND b.element >= s.n_rotations AS mirrored,
    octaves_of(b.element, s.group_order, s.scales_per_octave) AS octaves,
    b.fvu,
    b.fvu - first(b.fvu ORDER BY b.element) OVER (PARTITION BY b.dictionary_id) AS fvu_above_identity,
    p.linear_prediction_fvu,
    p.nonlinear_prediction_fvu,
    p.generators_prediction_fvu,
    p.orbit_linear_fvu,
    p.matching_pursuit_fvu
FROM block_metrics AS b
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN dictionary_labels() AS n USING (dictionary_id)
LEFT JOIN predicted AS p USING (dictionary_id, element);
COMMENT ON VIEW block_scores IS 'one row per (dictionary_id, element): the reconstruction of one decoder block, test split';
COMMENT ON COLUMN block_scores.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN block_scores.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN block_scores.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN block_scores.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN block_scores.architecture IS 'sae (a training row is one activation vector), group-crosscoder or steerable-crosscoder (a training row is an orbit: one vector per transform)';
COMMENT ON COLUMN block_scores.method IS 'sparsity method, such as topk: a name in tasks/dictionary/methods.py';
COMMENT ON COLUMN block_scores.element IS 'number of the transform g, 0 to |G| - 1; 0 is the identity';
COMMENT ON COLUMN block_scores.rotation_degrees IS 'angle of the rotation in g, 0 to 360: of the image, degrees counter-clockwise, or of its colours, degrees from red towards green; 0 for scales';
COMMENT ON COLUMN block_scores.mirrored IS 'whether g contains a reflection before the rotation: a left-right mirror of the image, or an exchange of green and blue';
COMMENT ON COLUMN block_scores.octaves IS 'change of the image''s scale, octaves: 1 is twice the size, -1 half of it; null unless transformations is scale';
COMMENT ON COLUMN block_scores.fvu IS 'fraction of variance unexplained of this block: squared error over variance; 0 is perfect, 1 is no better than the mean';
COMMENT ON COLUMN block_scores.fvu_above_identity IS 'fvu minus the fvu of the identity''s block';
COMMENT ON COLUMN block_scores.linear_prediction_fvu IS 'fvu of this block predicted linearly from the identity block, without features; null where not measured';
COMMENT ON COLUMN block_scores.nonlinear_prediction_fvu IS 'the same with a neural network added; of several trainings the smallest; null where not measured';
COMMENT ON COLUMN block_scores.generators_prediction_fvu IS 'fvu of this block predicted from the identity block by one matrix per generator of the group; of several trainings the smallest; null where not measured';
COMMENT ON COLUMN block_scores.orbit_linear_fvu IS 'fvu of this block by as many principal components of whole orbits as a row has active features; null where not measured, and without orbit_reuse';
COMMENT ON COLUMN block_scores.matching_pursuit_fvu IS 'fvu of this block by the crosscoder''s own decoder, with features that orthogonal matching pursuit chose from the whole orbit; null where not measured';
