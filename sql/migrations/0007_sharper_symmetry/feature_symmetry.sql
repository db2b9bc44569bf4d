-- The columns of rotations may now be null; here they never are.
SELECT *, NULL::DOUBLE AS preferred_octaves
FROM feature_symmetry;
