-- Tuning dimensions: directions of a layer along which its units vary together, and what they follow (methods §6).

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
COMMENT ON TABLE dimension_analyses IS 'one row per search for tuning dimensions: a layer''s neurons or a dictionary''s features, one method, one source of rows';
COMMENT ON COLUMN dimension_analyses.dictionary_id IS 'whose features the units are; null for the layer''s neurons';
COMMENT ON COLUMN dimension_analyses.method IS 'pca, ica, nmf, kernel-pca; controls: neurons, random';
COMMENT ON COLUMN dimension_analyses.source IS 'what the dimensions were found in: the train split''s patches, or drawn gratings';
COMMENT ON COLUMN dimension_analyses.rows IS 'rows that they were found in; of an orbit every transform is one';
COMMENT ON COLUMN dimension_analyses.constant_units IS 'units that never change on these rows';
COMMENT ON COLUMN dimension_analyses.mean IS 'mean activation of each unit on these rows';

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
COMMENT ON TABLE tuning_dimensions IS 'one row per (analysis, dimension); numbered from 0, that first which explains most beside those before it';
COMMENT ON COLUMN tuning_dimensions.explained_variance IS 'share of the units'' variance that it adds to those before it, on rows that it was not found in (gratings: on the same)';
COMMENT ON COLUMN tuning_dimensions.cumulative_variance IS 'share that the best linear reconstruction from this and all before it explains';
COMMENT ON COLUMN tuning_dimensions.low IS '2nd percentile of its score on those rows; a score is in standard deviations from the mean';
COMMENT ON COLUMN tuning_dimensions.high IS '98th percentile';
COMMENT ON COLUMN tuning_dimensions.direction IS 'by how much each unit changes, on average, as the score grows by one';

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
COMMENT ON TABLE tuning_scores IS 'one row per (analysis, dimension, parameter of drawn stimuli): how far the score follows the parameter';
COMMENT ON COLUMN tuning_scores.parameter IS 'of gratings: orientation, frequency, phase, colour; of arcs: direction, curvature';
COMMENT ON COLUMN tuning_scores.r_squared IS 'of the score regressed on the parameter: cosine and sine where it is circular';
COMMENT ON COLUMN tuning_scores.null_r_squared IS '95th percentile of the analysis'' largest under permuted labels';
COMMENT ON COLUMN tuning_scores.p_value IS 'share of permutations of the labels whose largest r_squared among all dimensions of the analysis reaches this one';
COMMENT ON COLUMN tuning_scores.preferred IS 'value at which the score is largest: degrees where circular; null where the parameter has ends';
COMMENT ON COLUMN tuning_scores.assigned IS 'dimension and parameter are one another''s in the assignment with the largest sum of r_squared (Hungarian)';

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
COMMENT ON TABLE dimension_curves IS 'one row per (analysis, dimension, parameter, value): the score along a parameter, over all values of the others';
COMMENT ON COLUMN dimension_curves.value IS 'degrees; frequency: cycles a pixel; curvature: 1 / radius in pixels';
COMMENT ON COLUMN dimension_curves.std IS 'standard deviation over the other parameters';

CREATE TABLE IF NOT EXISTS dimension_harmonics (
    dimension_analysis_id  VARCHAR NOT NULL,
    dimension              INTEGER NOT NULL,
    irrep                  VARCHAR NOT NULL,
    waves_per_turn         INTEGER NOT NULL,
    share                  DOUBLE NOT NULL,
    PRIMARY KEY (dimension_analysis_id, dimension, irrep),
    FOREIGN KEY (dimension_analysis_id, dimension) REFERENCES tuning_dimensions (dimension_analysis_id, dimension)
);
COMMENT ON TABLE dimension_harmonics IS 'one row per (analysis, dimension, irreducible representation of the group), where the rows are orbits';
COMMENT ON COLUMN dimension_harmonics.irrep IS 'A1: the same under the whole group; A2: the sign changes with a mirror; B: with the smallest turn; E1, E2, …: k waves in a full turn';
COMMENT ON COLUMN dimension_harmonics.waves_per_turn IS 'waves of the score in a full turn';
COMMENT ON COLUMN dimension_harmonics.share IS 'share of the score''s variance; sums to 1';

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
COMMENT ON TABLE dimension_completeness IS 'one row per (analysis, number of first dimensions): what the network answers with only these kept in the layer, and with these removed';
COMMENT ON COLUMN dimension_completeness.frames IS 'whole images of the test split';
COMMENT ON COLUMN dimension_completeness.labelled IS 'of them those whose file name tells the class';
COMMENT ON COLUMN dimension_completeness.agreement_kept IS 'share of the frames whose first class is that of the untouched network';
COMMENT ON COLUMN dimension_completeness.accuracy_kept IS 'share of the labelled frames whose first class is theirs; null where none is labelled';

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
COMMENT ON TABLE dimension_paths IS 'one row per (analysis, dimension, parameter) of images rendered along the dimension: what an independent estimate says of them';
COMMENT ON COLUMN dimension_paths.parameter IS 'orientation (structure tensor) or frequency (Fourier spectrum)';
COMMENT ON COLUMN dimension_paths.intended IS 'the dimension is assigned to this parameter';
COMMENT ON COLUMN dimension_paths.spearman IS 'rank correlation of the point on the path with the parameter of the image rendered there, in the direction in which the score follows it';
COMMENT ON COLUMN dimension_paths.drift IS 'from the smallest to the largest estimate along the path, over the parameter''s whole range';

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
COMMENT ON TABLE dimension_pictures IS 'one row per (analysis, dimension, kind, place): a strip of pictures along the dimension, from low to high';
COMMENT ON COLUMN dimension_pictures.kind IS 'rendered: optimised for the point; patch: a natural patch with the nearest score';
COMMENT ON COLUMN dimension_pictures.score IS 'the point on the path; of a patch, its own score';
COMMENT ON COLUMN dimension_pictures.orientation_degrees IS 'across the bars, 0 = bars upright, counter-clockwise; null for a patch';
COMMENT ON COLUMN dimension_pictures.coherence IS 'from 0, no orientation, to 1, one alone';
COMMENT ON COLUMN dimension_pictures.spatial_frequency IS 'cycles a pixel, mean over the spectrum''s power on a logarithmic axis';
COMMENT ON COLUMN dimension_pictures.picture IS 'WebP';
