-- A third predictor is allowed; the rows stay.
FROM orbit_predictions;
