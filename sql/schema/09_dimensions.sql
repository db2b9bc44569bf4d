-- Tuning dimensions: directions of a layer along which its units vary together, and the stimulus parameters that they follow (methods §6).

CREATE TABLE IF NOT EXISTS dimension_analyses (
    dimension_analysis_id  VARCHAR PRIMARY KEY,
    activation_set_id      VARCHAR NOT NULL REFERENCES activation_sets (activation_set_id),
    dictionary_id          VARCHAR REFERENCES dictionaries (dictionary_id),
    method                 VARCHAR NOT NULL,
    source                 VARCHAR NOT NULL CHECK (source IN ('patches', 'gratings')),
    components             INTEGER NOT NULL,
    seed                   INTEGER NOT NULL,
    rows                   INTEGER NOT NULL,
    units                  INTEGER NOT NULL,
    constant_units         INTEGER NOT NULL,
    mean                   DOUBLE[] NOT NULL
);
COMMENT ON TABLE dimension_analyses IS 'one row per dimension analysis (dimension_analysis_id): a search for tuning dimensions of a layer''s neurons or a dictionary''s features, by one method in one source of rows';
COMMENT ON COLUMN dimension_analyses.dimension_analysis_id IS 'content key of the dimension analysis: made from the activation set, the dictionary and the settings of the search';
COMMENT ON COLUMN dimension_analyses.activation_set_id IS 'content key of the activation set; refers to activation_sets';
COMMENT ON COLUMN dimension_analyses.dictionary_id IS 'content key of the dictionary whose features are the units; refers to dictionaries; null where the units are the layer''s neurons';
COMMENT ON COLUMN dimension_analyses.method IS 'dimension method: pca, ica, nmf or kernel-pca; controls: neurons (the units that explain most) and random (a random orthogonal basis)';
COMMENT ON COLUMN dimension_analyses.source IS 'rows that the dimensions were fitted to: patches (the train split) or gratings (synthetic)';
COMMENT ON COLUMN dimension_analyses.components IS 'number of dimensions that were fitted';
COMMENT ON COLUMN dimension_analyses.seed IS 'random seed of the method and of the permutations';
COMMENT ON COLUMN dimension_analyses.rows IS 'number of rows that the dimensions were fitted to; every transform of an orbit counts as a row';
COMMENT ON COLUMN dimension_analyses.units IS 'number of units: channels of the layer, or features of the dictionary';
COMMENT ON COLUMN dimension_analyses.constant_units IS 'number of units whose activation does not change on these rows';
COMMENT ON COLUMN dimension_analyses.mean IS 'mean activation of each unit on these rows, a list with one entry per unit';

CREATE TABLE IF NOT EXISTS tuning_dimensions (
    dimension_analysis_id  VARCHAR NOT NULL REFERENCES dimension_analyses (dimension_analysis_id),
    dimension              INTEGER NOT NULL,
    explained_variance     DOUBLE NOT NULL,
    cumulative_variance    DOUBLE NOT NULL,
    low                    DOUBLE NOT NULL,
    high                   DOUBLE NOT NULL,
    direction              DOUBLE[] NOT NULL,
    PRIMARY KEY (dimension_analysis_id, dimension)
);
COMMENT ON TABLE tuning_dimensions IS 'one row per (dimension_analysis_id, dimension); dimensions are numbered from 0 in the order in which they add explained variance';
COMMENT ON COLUMN tuning_dimensions.dimension_analysis_id IS 'content key of the dimension analysis; refers to dimension_analyses';
COMMENT ON COLUMN tuning_dimensions.dimension IS 'number of the dimension in its analysis, counted from 0';
COMMENT ON COLUMN tuning_dimensions.explained_variance IS 'share of the units'' variance that the dimension adds to those before it; measured on the test split (source patches) or on the gratings themselves (source gratings)';
COMMENT ON COLUMN tuning_dimensions.cumulative_variance IS 'share of the units'' variance, on the same rows, that the best linear reconstruction from this dimension and all before it explains';
COMMENT ON COLUMN tuning_dimensions.low IS '2nd percentile of the dimension''s score on a sample of at most 10,000 of the rows that it was fitted to; a score is in standard deviations from the mean';
COMMENT ON COLUMN tuning_dimensions.high IS '98th percentile of the score on the same sample, in standard deviations from the mean';
COMMENT ON COLUMN tuning_dimensions.direction IS 'mean change of each unit''s activation when the score grows by one standard deviation, a list with one entry per unit';

CREATE TABLE IF NOT EXISTS tuning_scores (
    dimension_analysis_id  VARCHAR NOT NULL,
    dimension              INTEGER NOT NULL,
    parameter              VARCHAR NOT NULL,
    r_squared              DOUBLE NOT NULL,
    null_r_squared         DOUBLE NOT NULL,
    p_value                DOUBLE NOT NULL,
    preferred              DOUBLE,
    assigned               BOOLEAN NOT NULL,
    PRIMARY KEY (dimension_analysis_id, dimension, parameter),
    FOREIGN KEY (dimension_analysis_id, dimension) REFERENCES tuning_dimensions (dimension_analysis_id, dimension)
);
COMMENT ON TABLE tuning_scores IS 'one row per (dimension_analysis_id, dimension, parameter): how closely the dimension''s score follows a parameter of synthetic stimuli';
COMMENT ON COLUMN tuning_scores.dimension_analysis_id IS 'content key of the dimension analysis; refers to dimension_analyses';
COMMENT ON COLUMN tuning_scores.dimension IS 'number of the dimension in its analysis, counted from 0; (dimension_analysis_id, dimension) refers to tuning_dimensions';
COMMENT ON COLUMN tuning_scores.parameter IS 'orientation, frequency, phase or colour (of gratings); direction or curvature (of arcs)';
COMMENT ON COLUMN tuning_scores.r_squared IS 'R² of a regression of the score on the parameter, 0 to 1; circular parameters enter as cosine and sine, frequency on a logarithmic axis';
COMMENT ON COLUMN tuning_scores.null_r_squared IS '95th percentile, over permutations of the stimuli''s labels, of the largest r_squared among all dimensions of the analysis, 0 to 1';
COMMENT ON COLUMN tuning_scores.p_value IS 'share of the permutations whose largest r_squared among all dimensions of the analysis reaches this one, 0 to 1; the unpermuted labels count as one of them';
COMMENT ON COLUMN tuning_scores.preferred IS 'value of the parameter at which the score is largest, degrees; null for frequency and curvature, which are not circular';
COMMENT ON COLUMN tuning_scores.assigned IS 'whether the dimension and the parameter are paired in the one-to-one assignment with the largest sum of r_squared (Hungarian algorithm)';

CREATE TABLE IF NOT EXISTS dimension_curves (
    dimension_analysis_id  VARCHAR NOT NULL,
    dimension              INTEGER NOT NULL,
    parameter              VARCHAR NOT NULL,
    value                  DOUBLE NOT NULL,
    mean                   DOUBLE NOT NULL,
    std                    DOUBLE NOT NULL,
    PRIMARY KEY (dimension_analysis_id, dimension, parameter, value),
    FOREIGN KEY (dimension_analysis_id, dimension) REFERENCES tuning_dimensions (dimension_analysis_id, dimension)
);
COMMENT ON TABLE dimension_curves IS 'one row per (dimension_analysis_id, dimension, parameter, value): the mean score at each value of a parameter';
COMMENT ON COLUMN dimension_curves.dimension_analysis_id IS 'content key of the dimension analysis; refers to dimension_analyses';
COMMENT ON COLUMN dimension_curves.dimension IS 'number of the dimension in its analysis, counted from 0; (dimension_analysis_id, dimension) refers to tuning_dimensions';
COMMENT ON COLUMN dimension_curves.parameter IS 'parameter of the synthetic stimuli, as in tuning_scores';
COMMENT ON COLUMN dimension_curves.value IS 'value of the parameter: degrees; frequency in cycles per pixel; curvature as 1 / radius in pixels';
COMMENT ON COLUMN dimension_curves.mean IS 'mean score over all values of the other parameters, in standard deviations';
COMMENT ON COLUMN dimension_curves.std IS 'standard deviation of the score over all values of the other parameters, in standard deviations of the score on the fitting rows';

CREATE TABLE IF NOT EXISTS dimension_harmonics (
    dimension_analysis_id  VARCHAR NOT NULL,
    dimension              INTEGER NOT NULL,
    irrep                  VARCHAR NOT NULL,
    waves_per_turn         INTEGER NOT NULL,
    share                  DOUBLE NOT NULL,
    PRIMARY KEY (dimension_analysis_id, dimension, irrep),
    FOREIGN KEY (dimension_analysis_id, dimension) REFERENCES tuning_dimensions (dimension_analysis_id, dimension)
);
COMMENT ON TABLE dimension_harmonics IS 'one row per (dimension_analysis_id, dimension, irrep), where the rows are orbits: how much of the score''s variance lies in each irreducible representation of the group';
COMMENT ON COLUMN dimension_harmonics.dimension_analysis_id IS 'content key of the dimension analysis; refers to dimension_analyses';
COMMENT ON COLUMN dimension_harmonics.dimension IS 'number of the dimension in its analysis, counted from 0; (dimension_analysis_id, dimension) refers to tuning_dimensions';
COMMENT ON COLUMN dimension_harmonics.irrep IS 'A1: the same under the whole group; A2: its sign changes under a mirror; B: its sign changes with each rotation by the smallest step (half as many waves as rotations); E1, E2, …: k waves in a full turn';
COMMENT ON COLUMN dimension_harmonics.waves_per_turn IS 'number of waves of the score in a full turn';
COMMENT ON COLUMN dimension_harmonics.share IS 'share of the score''s variance over orbits and transforms, 0 to 1; the shares of a dimension sum to 1';

CREATE TABLE IF NOT EXISTS dimension_completeness (
    dimension_analysis_id  VARCHAR NOT NULL REFERENCES dimension_analyses (dimension_analysis_id),
    dimensions             INTEGER NOT NULL,
    frames                 INTEGER NOT NULL,
    labelled               INTEGER NOT NULL,
    agreement_kept         DOUBLE NOT NULL,
    agreement_removed      DOUBLE NOT NULL,
    accuracy_clean         DOUBLE,
    accuracy_kept          DOUBLE,
    accuracy_removed       DOUBLE,
    PRIMARY KEY (dimension_analysis_id, dimensions)
);
COMMENT ON TABLE dimension_completeness IS 'one row per (dimension_analysis_id, dimensions): the network''s predictions with only the first dimensions kept in the layer, and with these removed; only for neurons, source patches';
COMMENT ON COLUMN dimension_completeness.dimension_analysis_id IS 'content key of the dimension analysis; refers to dimension_analyses';
COMMENT ON COLUMN dimension_completeness.dimensions IS 'number of first dimensions that are kept or removed';
COMMENT ON COLUMN dimension_completeness.frames IS 'number of whole images of the test split that the network was run on';
COMMENT ON COLUMN dimension_completeness.labelled IS 'number of those images whose file name gives the class';
COMMENT ON COLUMN dimension_completeness.agreement_kept IS 'share of the images whose top-1 class is that of the unmodified network when only these dimensions are kept, 0 to 1';
COMMENT ON COLUMN dimension_completeness.agreement_removed IS 'the same share when these dimensions are removed';
COMMENT ON COLUMN dimension_completeness.accuracy_clean IS 'share of the labelled images whose top-1 class is correct in the unmodified network, 0 to 1; null where no image is labelled';
COMMENT ON COLUMN dimension_completeness.accuracy_kept IS 'the same share when only these dimensions are kept; null where no image is labelled';
COMMENT ON COLUMN dimension_completeness.accuracy_removed IS 'the same share when these dimensions are removed; null where no image is labelled';

CREATE TABLE IF NOT EXISTS dimension_paths (
    dimension_analysis_id  VARCHAR NOT NULL,
    dimension              INTEGER NOT NULL,
    parameter              VARCHAR NOT NULL,
    intended               BOOLEAN NOT NULL,
    spearman               DOUBLE NOT NULL,
    drift                  DOUBLE NOT NULL,
    PRIMARY KEY (dimension_analysis_id, dimension, parameter),
    FOREIGN KEY (dimension_analysis_id, dimension) REFERENCES tuning_dimensions (dimension_analysis_id, dimension)
);
COMMENT ON TABLE dimension_paths IS 'one row per (dimension_analysis_id, dimension, parameter) of dimensions with rendered images: what an estimate independent of the network measures in these images';
COMMENT ON COLUMN dimension_paths.dimension_analysis_id IS 'content key of the dimension analysis; refers to dimension_analyses';
COMMENT ON COLUMN dimension_paths.dimension IS 'number of the dimension in its analysis, counted from 0; (dimension_analysis_id, dimension) refers to tuning_dimensions';
COMMENT ON COLUMN dimension_paths.parameter IS 'orientation (estimated by the structure tensor) or frequency (estimated by the Fourier spectrum)';
COMMENT ON COLUMN dimension_paths.intended IS 'whether the dimension is assigned to this parameter in tuning_scores';
COMMENT ON COLUMN dimension_paths.spearman IS 'Spearman rank correlation between the score of each rendered image and the parameter estimated in it, -1 to 1, signed so that 1 means: as the score''s tuning predicts; 0 where the estimate does not change';
COMMENT ON COLUMN dimension_paths.drift IS 'largest minus smallest estimate along the path, as a share of the parameter''s whole range';

CREATE TABLE IF NOT EXISTS dimension_pictures (
    dimension_analysis_id  VARCHAR NOT NULL,
    dimension              INTEGER NOT NULL,
    kind                   VARCHAR NOT NULL CHECK (kind IN ('rendered', 'patch')),
    place                  INTEGER NOT NULL,
    score                  DOUBLE NOT NULL,
    orientation_degrees    DOUBLE,
    coherence              DOUBLE,
    spatial_frequency      DOUBLE,
    picture                BLOB NOT NULL,
    PRIMARY KEY (dimension_analysis_id, dimension, kind, place),
    FOREIGN KEY (dimension_analysis_id, dimension) REFERENCES tuning_dimensions (dimension_analysis_id, dimension)
);
COMMENT ON TABLE dimension_pictures IS 'one row per (dimension_analysis_id, dimension, kind, place): a strip of pictures along the dimension, from low to high score';
COMMENT ON COLUMN dimension_pictures.dimension_analysis_id IS 'content key of the dimension analysis; refers to dimension_analyses';
COMMENT ON COLUMN dimension_pictures.dimension IS 'number of the dimension in its analysis, counted from 0; (dimension_analysis_id, dimension) refers to tuning_dimensions';
COMMENT ON COLUMN dimension_pictures.kind IS 'rendered (optimised for a point on the dimension) or patch (natural patch of the test split with the nearest score)';
COMMENT ON COLUMN dimension_pictures.place IS 'position of the picture in its strip, counted from 0, the lowest score first';
COMMENT ON COLUMN dimension_pictures.score IS 'score of the point that was rendered, or of the patch itself, in standard deviations from the mean';
COMMENT ON COLUMN dimension_pictures.orientation_degrees IS 'estimated direction across the bars, degrees counter-clockwise, 0 to 180, 0 where the bars are upright; null for a patch and for a uniform picture';
COMMENT ON COLUMN dimension_pictures.coherence IS 'how clearly the picture has a single orientation, 0 (none) to 1 (one alone); null for a patch';
COMMENT ON COLUMN dimension_pictures.spatial_frequency IS 'estimated spatial frequency, cycles per pixel: power-weighted mean on a logarithmic axis; null for a patch and for a uniform picture';
COMMENT ON COLUMN dimension_pictures.picture IS 'WebP image';
