-- Details of features: how strongly each fires, where in an image, on which neurons it writes, where other dictionaries have it, and what its ablation changes.

CREATE TABLE IF NOT EXISTS activation_histograms (
    dictionary_id  VARCHAR NOT NULL,
    feature        INTEGER NOT NULL,
    bin            INTEGER NOT NULL,
    lower          DOUBLE NOT NULL,
    upper          DOUBLE NOT NULL,
    rows           BIGINT NOT NULL,
    PRIMARY KEY (dictionary_id, feature, bin),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE activation_histograms IS 'one row per (dictionary_id, feature, bin): an interval of activation in which the feature has at least one row; the same rows as in features, those on which it is active';
COMMENT ON COLUMN activation_histograms.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN activation_histograms.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN activation_histograms.bin IS 'number of the interval: it begins at 2 ** (bin / 4), so that an octave has four; -64 also has all smaller activations, 63 all larger ones';
COMMENT ON COLUMN activation_histograms.lower IS 'lower end of the interval, in the dictionary''s scaled units; the interval contains it';
COMMENT ON COLUMN activation_histograms.upper IS 'upper end of the interval, in the dictionary''s scaled units; the next interval contains it';
COMMENT ON COLUMN activation_histograms.rows IS 'number of rows on which the feature''s activation lies in the interval';

CREATE TABLE IF NOT EXISTS quantile_examples (
    dictionary_id  VARCHAR NOT NULL,
    feature        INTEGER NOT NULL,
    quantile       DOUBLE NOT NULL,
    image_id       VARCHAR NOT NULL REFERENCES images (image_id),
    y              INTEGER NOT NULL,
    x              INTEGER NOT NULL,
    element        INTEGER NOT NULL,
    activation     DOUBLE NOT NULL,
    patch          BLOB NOT NULL,
    PRIMARY KEY (dictionary_id, feature, quantile),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE quantile_examples IS 'one row per (dictionary_id, feature, quantile): a row drawn at random among those in the interval of activation_histograms that contains this quantile of the feature''s positive activations; no row where a smaller quantile lies in the same interval';
COMMENT ON COLUMN quantile_examples.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN quantile_examples.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN quantile_examples.quantile IS 'share of the rows with a positive activation that activate the feature less, to the width of an interval: 0.1, 0.3, 0.5, 0.7 or 0.9';
COMMENT ON COLUMN quantile_examples.image_id IS 'content key of the image that the example was cut from; refers to images';
COMMENT ON COLUMN quantile_examples.y IS 'row of the patch''s centre in the image fitted to the network''s frame, pixels from the top';
COMMENT ON COLUMN quantile_examples.x IS 'column of the patch''s centre in the image fitted to the network''s frame, pixels from the left';
COMMENT ON COLUMN quantile_examples.element IS 'number of the group element by which the patch was transformed before the network saw it; 0: not transformed';
COMMENT ON COLUMN quantile_examples.activation IS 'activation of the feature, in the dictionary''s scaled units';
COMMENT ON COLUMN quantile_examples.patch IS 'WebP image of the receptive field as the unit saw it, transformed';

CREATE TABLE IF NOT EXISTS feature_neurons (
    dictionary_id  VARCHAR NOT NULL,
    feature        INTEGER NOT NULL,
    rank           INTEGER NOT NULL,
    neuron         INTEGER NOT NULL,
    weight         DOUBLE NOT NULL,
    share          DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, feature, rank),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE feature_neurons IS 'one row per (dictionary_id, feature, rank): the neurons on which a live feature''s decoder vector writes most, at most 10; of a group crosscoder, the block of the identity';
COMMENT ON COLUMN feature_neurons.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN feature_neurons.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN feature_neurons.rank IS 'rank of the neuron by the absolute value of its weight, 1 for the largest';
COMMENT ON COLUMN feature_neurons.neuron IS 'number of the neuron: its channel in the layer, counted from 0';
COMMENT ON COLUMN feature_neurons.weight IS 'entry of the decoder vector: what the neuron gains, in scaled units, where the feature''s activation is 1; negative: what it loses; of a feature of several decoder vectors the norm of their entries';
COMMENT ON COLUMN feature_neurons.share IS 'square of the weight over the sum of the squares of the whole vector, 0 to 1';

CREATE TABLE IF NOT EXISTS matched_dictionaries (
    dictionary_id            VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    other_dictionary_id      VARCHAR NOT NULL,
    other_activation_set_id  VARCHAR NOT NULL,
    other_architecture       VARCHAR NOT NULL,
    other_method             VARCHAR NOT NULL,
    other_features           INTEGER NOT NULL,
    other_k                  INTEGER,
    other_seed               INTEGER NOT NULL,
    differs_in_seed_alone    BOOLEAN NOT NULL,
    PRIMARY KEY (dictionary_id, other_dictionary_id)
);
COMMENT ON TABLE matched_dictionaries IS 'one row per (dictionary_id, other_dictionary_id): another dictionary of the same network and layer with which the features of a dictionary were matched';
COMMENT ON COLUMN matched_dictionaries.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN matched_dictionaries.other_dictionary_id IS 'content key of the other dictionary; a replica, trained from another seed to measure stability, is in no other table';
COMMENT ON COLUMN matched_dictionaries.other_activation_set_id IS 'content key of the activation set of the other dictionary; not in activation_sets where that set has not been published';
COMMENT ON COLUMN matched_dictionaries.other_architecture IS 'sae, group-crosscoder or steerable-crosscoder, as in dictionaries';
COMMENT ON COLUMN matched_dictionaries.other_method IS 'sparsity method of the other dictionary, as in dictionaries';
COMMENT ON COLUMN matched_dictionaries.other_features IS 'number of features of the other dictionary';
COMMENT ON COLUMN matched_dictionaries.other_k IS 'active features per row that its training enforced; null for the methods with a sparsity penalty instead';
COMMENT ON COLUMN matched_dictionaries.other_seed IS 'random seed of the other dictionary; 0 if imported';
COMMENT ON COLUMN matched_dictionaries.differs_in_seed_alone IS 'whether the two were trained on the same activation set with settings that differ in the seed alone';

CREATE TABLE IF NOT EXISTS feature_matches (
    dictionary_id        VARCHAR NOT NULL,
    feature              INTEGER NOT NULL,
    other_dictionary_id  VARCHAR NOT NULL,
    other_feature        INTEGER NOT NULL,
    cosine               DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, feature, other_dictionary_id),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature),
    FOREIGN KEY (dictionary_id, other_dictionary_id) REFERENCES matched_dictionaries (dictionary_id, other_dictionary_id)
);
COMMENT ON TABLE feature_matches IS 'one row per (dictionary_id, feature, other_dictionary_id): the most similar feature of another dictionary, for each live feature; several features may have the same match';
COMMENT ON COLUMN feature_matches.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN feature_matches.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN feature_matches.other_dictionary_id IS 'content key of the other dictionary; (dictionary_id, other_dictionary_id) refers to matched_dictionaries';
COMMENT ON COLUMN feature_matches.other_feature IS 'number of the most similar feature in the other dictionary, among those that are active on some row of its test split';
COMMENT ON COLUMN feature_matches.cosine IS 'cosine of the two decoder vectors, of a group crosscoder the blocks of the identity, -1 to 1; of features of several decoder vectors the root mean square cosine of the principal angles between their spans, 0 to 1';

CREATE TABLE IF NOT EXISTS image_frames (
    activation_set_id  VARCHAR NOT NULL REFERENCES activation_sets (activation_set_id),
    image_id           VARCHAR NOT NULL REFERENCES images (image_id),
    side_px            INTEGER NOT NULL,
    first_px           INTEGER NOT NULL,
    picture            BLOB NOT NULL,
    PRIMARY KEY (activation_set_id, image_id)
);
COMMENT ON TABLE image_frames IS 'one row per (activation_set_id, image_id): an image as the network got it for the heat-maps of all features that show it';
COMMENT ON COLUMN image_frames.activation_set_id IS 'content key of the activation set; refers to activation_sets';
COMMENT ON COLUMN image_frames.image_id IS 'content key of the image; refers to images';
COMMENT ON COLUMN image_frames.side_px IS 'side of the picture, pixels';
COMMENT ON COLUMN image_frames.first_px IS 'row and column of the picture''s first pixel in the image fitted to the frame; 0 where the network got the whole frame';
COMMENT ON COLUMN image_frames.picture IS 'WebP image';

CREATE TABLE IF NOT EXISTS feature_heat_maps (
    dictionary_id  VARCHAR NOT NULL,
    feature        INTEGER NOT NULL,
    rank           INTEGER NOT NULL,
    map_rows       INTEGER NOT NULL,
    map_columns    INTEGER NOT NULL,
    first_y_px     INTEGER NOT NULL,
    first_x_px     INTEGER NOT NULL,
    stride_px      INTEGER NOT NULL,
    maximum        DOUBLE NOT NULL,
    picture        BLOB NOT NULL,
    PRIMARY KEY (dictionary_id, feature, rank),
    FOREIGN KEY (dictionary_id, feature, rank) REFERENCES feature_examples (dictionary_id, feature, rank)
);
COMMENT ON TABLE feature_heat_maps IS 'one row per (dictionary_id, feature, rank): where a live feature fires in the images of its three strongest examples, which are untransformed here, whatever the example''s element; image_frames has the images; none for a group crosscoder that encodes whole orbits, because an image shows each unit under one transform only';
COMMENT ON COLUMN feature_heat_maps.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN feature_heat_maps.feature IS 'number of the feature in its dictionary, counted from 0';
COMMENT ON COLUMN feature_heat_maps.rank IS 'rank of the example whose image is shown; (dictionary_id, feature, rank) refers to feature_examples';
COMMENT ON COLUMN feature_heat_maps.map_rows IS 'number of rows of the map: the positions of the layer, or, if it has more than 64 along an axis, every second, third, … of them';
COMMENT ON COLUMN feature_heat_maps.map_columns IS 'number of columns of the map';
COMMENT ON COLUMN feature_heat_maps.first_y_px IS 'row at which the units of the map''s first row look, pixels from the top of the picture in image_frames; negative: in the padding';
COMMENT ON COLUMN feature_heat_maps.first_x_px IS 'column at which the units of the map''s first column look, pixels from the left of that picture';
COMMENT ON COLUMN feature_heat_maps.stride_px IS 'distance between neighbouring entries of the map, pixels of that picture';
COMMENT ON COLUMN feature_heat_maps.maximum IS 'largest activation in the map, in the dictionary''s scaled units; 0: the feature is silent on the untransformed image';
COMMENT ON COLUMN feature_heat_maps.picture IS 'grey PNG image, a pixel an entry: level 255 is the maximum, 0 is no activation; units near the border also see padding';

CREATE TABLE IF NOT EXISTS feature_logit_effects (
    dictionary_id  VARCHAR NOT NULL,
    feature        INTEGER NOT NULL,
    direction      VARCHAR NOT NULL CHECK (direction IN ('lowered', 'raised')),
    rank           INTEGER NOT NULL,
    class_index    INTEGER NOT NULL,
    class_name     VARCHAR NOT NULL,
    change         DOUBLE NOT NULL,
    std_error      DOUBLE,
    images         INTEGER NOT NULL,
    PRIMARY KEY (dictionary_id, feature, direction, rank),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE feature_logit_effects IS 'one row per (dictionary_id, feature, direction, rank): the classes whose logits change most when the feature is ablated in the images of its top examples, 5 that fall and 2 that rise; only of the features with the clearest symmetry types, or of the densest of an SAE';
COMMENT ON COLUMN feature_logit_effects.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN feature_logit_effects.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN feature_logit_effects.direction IS 'lowered: the mean logit falls when the feature is ablated, so that the feature speaks for the class; raised: it rises';
COMMENT ON COLUMN feature_logit_effects.rank IS 'rank of the class by the absolute value of the change, 1 for the largest';
COMMENT ON COLUMN feature_logit_effects.class_index IS 'number of the class among the network''s outputs, counted from 0';
COMMENT ON COLUMN feature_logit_effects.class_name IS 'name of the class';
COMMENT ON COLUMN feature_logit_effects.change IS 'mean over images of the logit with the feature ablated minus the logit without: the feature''s contribution is subtracted from the layer at every position, and the rest of the activations, what the dictionary does not reconstruct included, stays';
COMMENT ON COLUMN feature_logit_effects.std_error IS 'standard error of the change: standard deviation over images divided by the square root of their number; null for one image';
COMMENT ON COLUMN feature_logit_effects.images IS 'number of images: those of the feature''s top examples, untransformed';
