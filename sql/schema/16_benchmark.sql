-- ViSAEBench's metrics of dictionaries, on photographs with classes and on other domains (methods §3.11).

CREATE TABLE IF NOT EXISTS benchmarks (
    benchmark_id    VARCHAR PRIMARY KEY,
    images          INTEGER NOT NULL,
    probed_images   INTEGER NOT NULL,
    probed_classes  INTEGER NOT NULL,
    domains         VARCHAR NOT NULL,
    domain_images   INTEGER NOT NULL,
    evaluator       VARCHAR NOT NULL,
    config          JSON NOT NULL
);
COMMENT ON TABLE benchmarks IS 'one row per benchmark (benchmark_id): the images and settings with which dictionaries are scored; only scores of one benchmark compare';
COMMENT ON COLUMN benchmarks.benchmark_id IS 'content key of the images, their classes and the settings';
COMMENT ON COLUMN benchmarks.images IS 'number of photographs';
COMMENT ON COLUMN benchmarks.probed_images IS 'number of photographs whose class the probes tell apart from the others';
COMMENT ON COLUMN benchmarks.probed_classes IS 'number of classes, or of groups of classes, that the probes tell apart';
COMMENT ON COLUMN benchmarks.domains IS 'other domains, with commas between them: patterns (drawn), or folders of images; empty without any';
COMMENT ON COLUMN benchmarks.domain_images IS 'number of images of the other domains together';
COMMENT ON COLUMN benchmarks.evaluator IS 'name of the network that judges monosemanticity';
COMMENT ON COLUMN benchmarks.config IS 'the configuration of the scoring';

CREATE TABLE IF NOT EXISTS benchmarked_dictionaries (
    benchmark_id         VARCHAR NOT NULL REFERENCES benchmarks (benchmark_id),
    dictionary_id        VARCHAR NOT NULL,
    activation_set_id    VARCHAR NOT NULL REFERENCES activation_sets (activation_set_id),
    architecture         VARCHAR NOT NULL CHECK (architecture IN ('sae', 'group-crosscoder')),
    method               VARCHAR NOT NULL,
    features             INTEGER NOT NULL,
    seed                 INTEGER NOT NULL,
    l0                   DOUBLE NOT NULL,
    dead_features        INTEGER NOT NULL,
    config_without_seed  JSON NOT NULL,
    PRIMARY KEY (benchmark_id, dictionary_id)
);
COMMENT ON TABLE benchmarked_dictionaries IS 'one row per (benchmark_id, dictionary_id): a dictionary that was scored';
COMMENT ON COLUMN benchmarked_dictionaries.benchmark_id IS 'content key of the benchmark; refers to benchmarks';
COMMENT ON COLUMN benchmarked_dictionaries.dictionary_id IS 'content key of the dictionary; in dictionaries only if its features were analysed';
COMMENT ON COLUMN benchmarked_dictionaries.activation_set_id IS 'content key of the activation set that it was trained on; refers to activation_sets';
COMMENT ON COLUMN benchmarked_dictionaries.architecture IS 'sae or group-crosscoder, as in dictionaries';
COMMENT ON COLUMN benchmarked_dictionaries.method IS 'sparsity method, as in dictionaries';
COMMENT ON COLUMN benchmarked_dictionaries.features IS 'number of features';
COMMENT ON COLUMN benchmarked_dictionaries.seed IS 'random seed of the training; 0 if imported';
COMMENT ON COLUMN benchmarked_dictionaries.l0 IS 'mean number of active features of a position of the photographs';
COMMENT ON COLUMN benchmarked_dictionaries.dead_features IS 'number of features that fire on no photograph';
COMMENT ON COLUMN benchmarked_dictionaries.config_without_seed IS 'training configuration but for the seed: equal for dictionaries that differ in their seed alone';

CREATE TABLE IF NOT EXISTS benchmark_scores (
    benchmark_id      VARCHAR NOT NULL,
    dictionary_id     VARCHAR NOT NULL,
    metric            VARCHAR NOT NULL,
    value             DOUBLE NOT NULL,
    n                 INTEGER NOT NULL,
    higher_is_better  BOOLEAN NOT NULL,
    PRIMARY KEY (benchmark_id, dictionary_id, metric),
    FOREIGN KEY (benchmark_id, dictionary_id) REFERENCES benchmarked_dictionaries (benchmark_id, dictionary_id)
);
COMMENT ON TABLE benchmark_scores IS 'one row per (benchmark_id, dictionary_id, metric); a metric for which there was too little to measure has none';
COMMENT ON COLUMN benchmark_scores.benchmark_id IS 'content key of the benchmark; (benchmark_id, dictionary_id) refers to benchmarked_dictionaries';
COMMENT ON COLUMN benchmark_scores.dictionary_id IS 'content key of the dictionary';
COMMENT ON COLUMN benchmark_scores.metric IS 'localisation, fvu, fvu_about_channel_means, probe_ratio, probe_accuracy_before, probe_accuracy_after, sparse_probing, monosemanticity, cross_domain and its parts cross_domain_fvu, _coverage, _overlap and _accuracy, absorption';
COMMENT ON COLUMN benchmark_scores.value IS 'value of the metric (methods §3.11)';
COMMENT ON COLUMN benchmark_scores.n IS 'number of things that the value is measured on: features (localisation, monosemanticity), positions (fvu), test images (probes), domains (cross_domain), classes (absorption)';
COMMENT ON COLUMN benchmark_scores.higher_is_better IS 'whether a larger value is better';
