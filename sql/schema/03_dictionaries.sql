-- Trained and imported dictionaries, their metrics and their features.

CREATE TABLE IF NOT EXISTS dictionaries (
    dictionary_id      VARCHAR PRIMARY KEY,
    activation_set_id  VARCHAR NOT NULL REFERENCES activation_sets (activation_set_id),
    architecture       VARCHAR NOT NULL,
    method             VARCHAR NOT NULL,
    features           INTEGER NOT NULL,
    channels           INTEGER NOT NULL,
    k                  INTEGER,
    group_order        INTEGER NOT NULL,
    encode_from        VARCHAR,
    orbit_reuse        BOOLEAN,
    steps              INTEGER NOT NULL,
    rows_seen          BIGINT NOT NULL,
    seed               INTEGER NOT NULL,
    train_seconds      DOUBLE NOT NULL,
    config             JSON NOT NULL
);
COMMENT ON TABLE dictionaries IS 'one row per dictionary, trained here or imported (dictionary_id)';
COMMENT ON COLUMN dictionaries.dictionary_id IS 'content key of the dictionary: made from its activation set and its training settings, or from the imported files';
COMMENT ON COLUMN dictionaries.activation_set_id IS 'content key of the activation set that the dictionary was trained on, or, if imported, evaluated on; refers to activation_sets';
COMMENT ON COLUMN dictionaries.architecture IS 'sae (a training row is one activation vector), group-crosscoder or steerable-crosscoder (a training row is an orbit: one vector per transform)';
COMMENT ON COLUMN dictionaries.method IS 'sparsity method, such as topk: a name in tasks/dictionary/methods.py';
COMMENT ON COLUMN dictionaries.features IS 'number of features';
COMMENT ON COLUMN dictionaries.channels IS 'number of channels of the layer';
COMMENT ON COLUMN dictionaries.k IS 'active features per row that training enforces; null for the methods with a sparsity penalty instead';
COMMENT ON COLUMN dictionaries.group_order IS '|G|: number of decoder blocks of a feature, one per transform; 1 for an SAE';
COMMENT ON COLUMN dictionaries.encode_from IS 'what a crosscoder encodes: identity (the untransformed block) or orbit (the sum over all blocks, as a steerable crosscoder always does); null for an SAE';
COMMENT ON COLUMN dictionaries.orbit_reuse IS 'whether training let every transform of an orbit stand in for the identity, so that one orbit gives |G| rows';
COMMENT ON COLUMN dictionaries.steps IS 'number of optimiser steps; 0 if imported';
COMMENT ON COLUMN dictionaries.rows_seen IS 'number of training rows (steps * batch size), 0 if imported; with orbit_reuse one orbit counts as a row each time that one of its transforms is drawn';
COMMENT ON COLUMN dictionaries.seed IS 'random seed for the initial features and the order of the rows; 0 if imported';
COMMENT ON COLUMN dictionaries.train_seconds IS 'duration of the optimiser steps, seconds; reading the rows is not included; 0 if imported';
COMMENT ON COLUMN dictionaries.config IS 'settings of the training, JSON; of an imported dictionary its library, the scaling of its activations and the SHA-256 of its weight file';

CREATE TABLE IF NOT EXISTS dictionary_metrics (
    dictionary_id  VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    metric         VARCHAR NOT NULL,
    value          DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, metric)
);
COMMENT ON TABLE dictionary_metrics IS 'one row per (dictionary_id, metric), measured on the test split';
COMMENT ON COLUMN dictionary_metrics.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN dictionary_metrics.metric IS 'name of the metric: fvu, equivariant_fvu, l0, cosine, dead_fraction, rows, loss_recovered_zero, loss_recovered_mean, top1_change, top1_change_zero, top1_change_mean or spliced_frames (images used for the loss_recovered and top1_change metrics), and of versions before schema version 7 stability and stability_random; the view dictionary_scores explains the others';
COMMENT ON COLUMN dictionary_metrics.value IS 'value of the metric; fvu, cosine, dead_fraction, stability and top1_change are shares or cosines, loss_recovered is 1 where nothing is lost, l0, rows and spliced_frames are counts';

CREATE TABLE IF NOT EXISTS block_metrics (
    dictionary_id  VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    element        INTEGER NOT NULL,
    fvu            DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, element)
);
COMMENT ON TABLE block_metrics IS 'one row per (dictionary_id, element): the reconstruction of one decoder block, test split';
COMMENT ON COLUMN block_metrics.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN block_metrics.element IS 'number of the group element g, 0 to |G| - 1; 0 is the identity';
COMMENT ON COLUMN block_metrics.fvu IS 'fraction of variance unexplained of this block: squared error over variance; 0 is perfect, 1 is no better than the mean';

CREATE TABLE IF NOT EXISTS training_steps (
    dictionary_id  VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    step           INTEGER NOT NULL,
    metric         VARCHAR NOT NULL,
    value          DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, step, metric)
);
COMMENT ON TABLE training_steps IS 'one row per (dictionary_id, step, metric) logged during training';
COMMENT ON COLUMN training_steps.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN training_steps.step IS 'number of optimiser steps taken so far, this one included';
COMMENT ON COLUMN training_steps.metric IS 'fvu (fraction of variance unexplained), loss, sparsity_loss, auxiliary_loss, l0 (active features per row) or dead_fraction (share of features that have not been active for dead_after_rows rows, 0 to 1)';
COMMENT ON COLUMN training_steps.value IS 'value of the metric on that step''s batch';

CREATE TABLE IF NOT EXISTS features (
    dictionary_id    VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    feature          INTEGER NOT NULL,
    atom_dimension   INTEGER NOT NULL DEFAULT 1,
    density          DOUBLE NOT NULL,
    mean_activation  DOUBLE NOT NULL,
    max_activation   DOUBLE NOT NULL,
    dead             BOOLEAN NOT NULL,
    PRIMARY KEY (dictionary_id, feature)
);
COMMENT ON TABLE features IS 'one row per (dictionary_id, feature), measured on all rows of the activation set, train and test';
COMMENT ON COLUMN features.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN features.feature IS 'number of the feature in its dictionary, counted from 0';
COMMENT ON COLUMN features.atom_dimension IS 'number of decoder vectors of the feature: 1 for a single vector, 2-4 for a block of them';
COMMENT ON COLUMN features.density IS 'share of rows on which the feature is active, 0 to 1';
COMMENT ON COLUMN features.mean_activation IS 'mean activation over the rows on which the feature is active, in the dictionary''s scaled units; 0 when dead';
COMMENT ON COLUMN features.max_activation IS 'largest activation on any row, in the dictionary''s scaled units; 0 when dead';
COMMENT ON COLUMN features.dead IS 'whether the feature is active on no row';

CREATE TABLE IF NOT EXISTS feature_examples (
    dictionary_id  VARCHAR NOT NULL,
    feature        INTEGER NOT NULL,
    rank           INTEGER NOT NULL,
    image_id       VARCHAR NOT NULL REFERENCES images (image_id),
    y              INTEGER NOT NULL,
    x              INTEGER NOT NULL,
    element        INTEGER NOT NULL,
    activation     DOUBLE NOT NULL,
    patch          BLOB NOT NULL,
    PRIMARY KEY (dictionary_id, feature, rank),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE feature_examples IS 'one row per (dictionary_id, feature, rank): the top examples of a feature, the positions that activate it most, one per image, at most 8';
COMMENT ON COLUMN feature_examples.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN feature_examples.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN feature_examples.rank IS 'rank of the example by activation, 1 for the strongest';
COMMENT ON COLUMN feature_examples.image_id IS 'content key of the image that the example was cut from; refers to images';
COMMENT ON COLUMN feature_examples.y IS 'row of the receptive field''s centre in the image fitted to the network''s frame, pixels from the top';
COMMENT ON COLUMN feature_examples.x IS 'column of the receptive field''s centre in the image fitted to the network''s frame, pixels from the left';
COMMENT ON COLUMN feature_examples.element IS 'number of the group element by which the patch was transformed before the network saw it; 0: not transformed';
COMMENT ON COLUMN feature_examples.activation IS 'activation of the feature, in the dictionary''s scaled units';
COMMENT ON COLUMN feature_examples.patch IS 'WebP image of the receptive field as the unit saw it, transformed';

CREATE TABLE IF NOT EXISTS feature_neighbours (
    dictionary_id  VARCHAR NOT NULL,
    feature        INTEGER NOT NULL,
    rank           INTEGER NOT NULL,
    neighbour      INTEGER NOT NULL,
    similarity     DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, feature, rank),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE feature_neighbours IS 'one row per (dictionary_id, feature, rank): the most similar other live features of the same dictionary, at most 6';
COMMENT ON COLUMN feature_neighbours.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN feature_neighbours.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN feature_neighbours.rank IS 'rank of the neighbour by similarity, 1 for the nearest';
COMMENT ON COLUMN feature_neighbours.neighbour IS 'number of the similar feature; (dictionary_id, neighbour) is in features';
COMMENT ON COLUMN feature_neighbours.similarity IS 'cosine of the two features'' decoder vectors, all blocks concatenated, -1 to 1; of features of several decoder vectors the root mean square cosine of the principal angles between their spans, 0 to 1';

CREATE TABLE IF NOT EXISTS feature_visualisations (
    dictionary_id  VARCHAR NOT NULL,
    feature        INTEGER NOT NULL,
    direction      VARCHAR NOT NULL CHECK (direction IN ('positive', 'negative')),
    picture        BLOB NOT NULL,
    PRIMARY KEY (dictionary_id, feature, direction),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE feature_visualisations IS 'one row per (dictionary_id, feature, direction): optimised images, only of the features with the clearest types and of missing curve detectors';
COMMENT ON COLUMN feature_visualisations.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN feature_visualisations.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN feature_visualisations.direction IS 'positive: the image maximises the layer''s activation along the feature''s encoder vector; negative: along the opposite vector';
COMMENT ON COLUMN feature_visualisations.picture IS 'WebP image optimised for that direction, not a photograph';
