SELECT *, NULL::DOUBLE[] AS mirror_axes_degrees FROM feature_symmetry;
