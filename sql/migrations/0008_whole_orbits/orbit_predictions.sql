-- Two predictors of whole orbits are allowed; the rows stay.
FROM orbit_predictions;
