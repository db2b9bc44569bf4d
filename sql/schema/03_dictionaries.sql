-- Trained dictionaries and what was measured on them.

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
COMMENT ON TABLE dictionaries IS 'one row per trained dictionary';
COMMENT ON COLUMN dictionaries.architecture IS 'sae or group-crosscoder';
COMMENT ON COLUMN dictionaries.method IS 'how features are kept few: topk, relu, batchtopk, jumprelu, gated or matryoshka';
COMMENT ON COLUMN dictionaries.k IS 'active features per row asked for; null where a penalty decides';
COMMENT ON COLUMN dictionaries.train_seconds IS 'of its own steps, without reading the rows';
COMMENT ON COLUMN dictionaries.group_order IS '|G| = number of transform blocks of a feature; 1 for an SAE';
COMMENT ON COLUMN dictionaries.rows_seen IS 'training rows; with orbit reuse one orbit counts as a row each time it is drawn';

CREATE TABLE IF NOT EXISTS dictionary_metrics (
    dictionary_id  VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    metric         VARCHAR NOT NULL,
    value          DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, metric)
);
COMMENT ON TABLE dictionary_metrics IS 'one row per (dictionary, metric), measured on the test split';

CREATE TABLE IF NOT EXISTS block_metrics (
    dictionary_id  VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    element        INTEGER NOT NULL,
    fvu            DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, element)
);
COMMENT ON TABLE block_metrics IS 'one row per (dictionary, group element): fraction of variance unexplained of that block, test split';

CREATE TABLE IF NOT EXISTS training_steps (
    dictionary_id  VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    step           INTEGER NOT NULL,
    metric         VARCHAR NOT NULL,
    value          DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, step, metric)
);
COMMENT ON TABLE training_steps IS 'one row per (dictionary, step, metric) logged while training';

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
COMMENT ON TABLE features IS 'one row per (dictionary, feature), over the rows of the whole activation set';
COMMENT ON COLUMN features.atom_dimension IS 'dimensions of the feature: 1 for a vector, 2-4 for a block of atoms';
COMMENT ON COLUMN features.density IS 'share of rows on which the feature is active';
COMMENT ON COLUMN features.mean_activation IS 'mean over the rows on which it is active; 0 when dead';
COMMENT ON COLUMN features.dead IS 'active on no row';

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
COMMENT ON TABLE feature_examples IS 'one row per (dictionary, feature, rank): the receptive fields that excite a feature most, one per position';
COMMENT ON COLUMN feature_examples.rank IS '1 for the strongest';
COMMENT ON COLUMN feature_examples.y IS 'row of the receptive field''s centre in the frame, pixels';
COMMENT ON COLUMN feature_examples.x IS 'column of the receptive field''s centre in the frame, pixels';
COMMENT ON COLUMN feature_examples.element IS 'group element the patch was transformed by before the network saw it';
COMMENT ON COLUMN feature_examples.patch IS 'WebP image of what the unit saw (transformed receptive field)';

CREATE TABLE IF NOT EXISTS feature_neighbours (
    dictionary_id  VARCHAR NOT NULL,
    feature        INTEGER NOT NULL,
    rank           INTEGER NOT NULL,
    neighbour      INTEGER NOT NULL,
    similarity     DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, feature, rank),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE feature_neighbours IS 'one row per (dictionary, feature, rank): the nearest other features of the dictionary';
COMMENT ON COLUMN feature_neighbours.rank IS '1 for the nearest';
COMMENT ON COLUMN feature_neighbours.similarity IS 'cosine of the decoder blocks laid end to end';

CREATE TABLE IF NOT EXISTS feature_visualisations (
    dictionary_id  VARCHAR NOT NULL,
    feature        INTEGER NOT NULL,
    direction      VARCHAR NOT NULL CHECK (direction IN ('positive', 'negative')),
    picture        BLOB NOT NULL,
    PRIMARY KEY (dictionary_id, feature, direction),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE feature_visualisations IS 'one row per (dictionary, feature, direction), of the features a person would look at first';
COMMENT ON COLUMN feature_visualisations.direction IS 'positive: along the decoder vector; negative: against it';
COMMENT ON COLUMN feature_visualisations.picture IS 'WebP image optimised for that direction; no photograph';
