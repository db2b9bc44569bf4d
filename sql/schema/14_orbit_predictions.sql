-- How well activations under every transform can be predicted: floors for crosscoders.

CREATE TABLE IF NOT EXISTS orbit_predictions (
    dictionary_id  VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    predictor      VARCHAR NOT NULL CHECK (predictor IN ('linear', 'nonlinear', 'generators', 'orbit-linear', 'matching-pursuit')),
    steps          INTEGER NOT NULL,
    element        INTEGER NOT NULL,
    fvu            DOUBLE NOT NULL,
    variance       DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, predictor, steps, element)
);
COMMENT ON TABLE orbit_predictions IS 'one row per (dictionary_id, predictor, steps, element): how well one block is predicted, on rows of a crosscoder''s test split';
COMMENT ON COLUMN orbit_predictions.dictionary_id IS 'content key of the crosscoder whose rows are predicted; refers to dictionaries';
COMMENT ON COLUMN orbit_predictions.predictor IS 'from the identity block, without features: linear (ridge regression), nonlinear (the linear prediction plus that of a neural network with two hidden layers) or generators (powers of one matrix for the smallest rotation, times one matrix for the mirror); from the whole orbit: orbit-linear (as many principal components as a row has active features) or matching-pursuit (the crosscoder''s decoder, with as many features, chosen by orthogonal matching pursuit)';
COMMENT ON COLUMN orbit_predictions.steps IS 'training steps of the neural network or, after a regression, of the matrices; 0 for the other predictors';
COMMENT ON COLUMN orbit_predictions.element IS 'number of the group element g, 0 to |G| - 1; 0 is the identity';
COMMENT ON COLUMN orbit_predictions.fvu IS 'fraction of variance unexplained of this block: squared error over variance; 0 is perfect, 1 is no better than the mean';
COMMENT ON COLUMN orbit_predictions.variance IS 'variance of this block over the same rows, summed over channels, in squared units of the layer''s activations; fvu over all blocks is the mean of fvu weighted by it';
