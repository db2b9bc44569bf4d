-- What neurons are made of: the features of a dictionary that carry a neuron's strongest activations (tasks/dictionary/polysemantic.py).

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
COMMENT ON TABLE neurons IS 'one row per (dictionary, neuron): a channel of the dictionary''s layer, and how far the dictionary explains it';
COMMENT ON COLUMN neurons.max_activation IS 'largest activation on the untransformed rows of the activation set';
COMMENT ON COLUMN neurons.density IS 'share of those rows on which it is above 0';
COMMENT ON COLUMN neurons.top_rows IS 'the strongest row of each image, the 200 strongest of them: what the shares are read from; 0 where the neuron is never active';
COMMENT ON COLUMN neurons.explained IS '1 - sum of |activation - reconstruction| over sum of activation, on the top rows; the rest no feature explains';
COMMENT ON COLUMN neurons.carried IS 'what features add, over the sum of activation';
COMMENT ON COLUMN neurons.suppressed IS 'what features take away, over the sum of activation';
COMMENT ON COLUMN neurons.bias IS 'the decoder''s bias, over the sum of activation';

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
COMMENT ON TABLE neuron_features IS 'one row per (dictionary, neuron, rank): the features that carry a neuron''s top rows, at most 10';
COMMENT ON COLUMN neuron_features.rank IS '1 for the largest share';
COMMENT ON COLUMN neuron_features.share IS 'what the feature adds on the top rows, over what all features add';
COMMENT ON COLUMN neuron_features.rows_carried IS 'top rows on which no other feature adds more';

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
COMMENT ON TABLE neuron_examples IS 'one row per (dictionary, neuron, feature, rank): a neuron''s top rows split by the feature that adds most, for its 4 features of the largest shares';
COMMENT ON COLUMN neuron_examples.rank IS '1 for the strongest of that neuron and feature';
COMMENT ON COLUMN neuron_examples.y IS 'row of the receptive field''s centre in the frame, pixels';
COMMENT ON COLUMN neuron_examples.x IS 'column of the receptive field''s centre in the frame, pixels';
COMMENT ON COLUMN neuron_examples.activation IS 'of the neuron';
COMMENT ON COLUMN neuron_examples.patch IS 'WebP image of the receptive field';
