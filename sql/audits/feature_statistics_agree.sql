-- Guards: a density is a share, a feature is dead where its density is 0, and a live feature's mean activation lies between 0 and its
-- maximum.
SELECT dictionary_id, feature, density, mean_activation, max_activation, dead
FROM features
WHERE NOT (density BETWEEN 0 AND 1 AND isfinite(mean_activation) AND isfinite(max_activation))
    OR dead <> (density = 0)
    OR (dead AND (mean_activation <> 0 OR max_activation <> 0))
    OR (NOT dead AND (mean_activation <= 0 OR mean_activation > max_activation * (1 + 1e-4)))
    OR atom_dimension NOT BETWEEN 1 AND 4;
