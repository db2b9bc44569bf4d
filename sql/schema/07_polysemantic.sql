-- Decomposition of neurons: the features of a dictionary that contribute most to a neuron's strongest activations (tasks/dictionary/polysemantic.py).

CREATE TABLE IF NOT EXISTS neurons (
    dictionary_id   VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    neuron          INTEGER NOT NULL,
    max_activation  DOUBLE NOT NULL,
    density         DOUBLE NOT NULL,
    top_rows        INTEGER NOT NULL,
    explained       DOUBLE,
    carried         DOUBLE,
    suppressed      DOUBLE,
    bias            DOUBLE,
    PRIMARY KEY (dictionary_id, neuron)
);
COMMENT ON TABLE neurons IS 'one row per (dictionary_id, neuron): a channel of the dictionary''s layer, and how much of its strongest activations the dictionary explains';
COMMENT ON COLUMN neurons.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN neurons.neuron IS 'number of the neuron: its channel in the layer, counted from 0';
COMMENT ON COLUMN neurons.max_activation IS 'largest activation on the untransformed rows of the activation set, in the layer''s own units';
COMMENT ON COLUMN neurons.density IS 'share of the untransformed rows on which the activation is above 0, 0 to 1';
COMMENT ON COLUMN neurons.top_rows IS 'number of top rows, on which the shares are measured: the strongest row of each image, at most the 200 strongest of them; 0 where the neuron is never active';
COMMENT ON COLUMN neurons.explained IS '1 - sum of |activation - reconstruction| / sum of activation, over the top rows; 1 is perfect, below 0 the reconstruction is worse than none; null without top rows';
COMMENT ON COLUMN neurons.carried IS 'sum of the positive contributions of features, over the sum of activation on the top rows; null without top rows';
COMMENT ON COLUMN neurons.suppressed IS 'sum of the negative contributions of features, without their sign, over the sum of activation on the top rows; null without top rows';
COMMENT ON COLUMN neurons.bias IS 'sum of the decoder''s bias over the sum of activation on the top rows; null without top rows';

CREATE TABLE IF NOT EXISTS neuron_features (
    dictionary_id  VARCHAR NOT NULL,
    neuron         INTEGER NOT NULL,
    rank           INTEGER NOT NULL,
    feature        INTEGER NOT NULL,
    share          DOUBLE NOT NULL,
    rows_carried   INTEGER NOT NULL,
    PRIMARY KEY (dictionary_id, neuron, rank),
    FOREIGN KEY (dictionary_id, neuron) REFERENCES neurons (dictionary_id, neuron),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE neuron_features IS 'one row per (dictionary_id, neuron, rank): the features that contribute most to a neuron''s top rows, at most 10';
COMMENT ON COLUMN neuron_features.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN neuron_features.neuron IS 'number of the neuron; (dictionary_id, neuron) refers to neurons';
COMMENT ON COLUMN neuron_features.rank IS 'rank of the feature by share, 1 for the largest';
COMMENT ON COLUMN neuron_features.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN neuron_features.share IS 'contribution of the feature on the top rows, over the positive contributions of all features, 0 to 1';
COMMENT ON COLUMN neuron_features.rows_carried IS 'number of top rows on which no other feature contributes more';

CREATE TABLE IF NOT EXISTS neuron_examples (
    dictionary_id  VARCHAR NOT NULL,
    neuron         INTEGER NOT NULL,
    feature        INTEGER NOT NULL,
    rank           INTEGER NOT NULL,
    image_id       VARCHAR NOT NULL REFERENCES images (image_id),
    y              INTEGER NOT NULL,
    x              INTEGER NOT NULL,
    activation     DOUBLE NOT NULL,
    patch          BLOB NOT NULL,
    PRIMARY KEY (dictionary_id, neuron, feature, rank),
    FOREIGN KEY (dictionary_id, neuron) REFERENCES neurons (dictionary_id, neuron),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE neuron_examples IS 'one row per (dictionary_id, neuron, feature, rank): a neuron''s top examples, grouped by the feature that contributes most, for the 4 features with the largest shares, at most 6 each';
COMMENT ON COLUMN neuron_examples.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN neuron_examples.neuron IS 'number of the neuron; (dictionary_id, neuron) refers to neurons';
COMMENT ON COLUMN neuron_examples.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN neuron_examples.rank IS 'rank of the example by activation among those of this neuron and feature, 1 for the strongest';
COMMENT ON COLUMN neuron_examples.image_id IS 'content key of the image that the example was cut from; refers to images';
COMMENT ON COLUMN neuron_examples.y IS 'row of the receptive field''s centre in the image fitted to the network''s frame, pixels from the top';
COMMENT ON COLUMN neuron_examples.x IS 'column of the receptive field''s centre in the image fitted to the network''s frame, pixels from the left';
COMMENT ON COLUMN neuron_examples.activation IS 'activation of the neuron, in the layer''s own units';
COMMENT ON COLUMN neuron_examples.patch IS 'WebP image of the receptive field';
