-- Networks, layers and images that were analysed, and the images that could not be read.

CREATE TABLE IF NOT EXISTS networks (
    network         VARCHAR PRIMARY KEY,
    weights_sha256  VARCHAR NOT NULL,
    input_size      INTEGER NOT NULL,
    classes         INTEGER NOT NULL
);
COMMENT ON TABLE networks IS 'one row per network';
COMMENT ON COLUMN networks.network IS 'name of the network';
COMMENT ON COLUMN networks.weights_sha256 IS 'SHA-256 of the weight file, 64 hex digits; for the built-in Gabor bank, the content key of its parameters; for other than the built-in networks, the content key of operations, tensors and preprocessing';
COMMENT ON COLUMN networks.input_size IS 'side of the square input image, pixels';
COMMENT ON COLUMN networks.classes IS 'number of classes that the network distinguishes';

CREATE TABLE IF NOT EXISTS layers (
    network                          VARCHAR NOT NULL REFERENCES networks (network),
    layer                            VARCHAR NOT NULL,
    channels                         INTEGER NOT NULL,
    receptive_field                  INTEGER NOT NULL,
    stride                           INTEGER NOT NULL,
    offset_px                        INTEGER NOT NULL,
    effective_centre_y_px            DOUBLE,
    effective_centre_x_px            DOUBLE,
    effective_centre_y_std_error_px  DOUBLE,
    effective_centre_x_std_error_px  DOUBLE,
    effective_std_y_px               DOUBLE,
    effective_std_x_px               DOUBLE,
    PRIMARY KEY (network, layer)
);
COMMENT ON TABLE layers IS 'one row per (network, layer)';
COMMENT ON COLUMN layers.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN layers.layer IS 'name of the layer';
COMMENT ON COLUMN layers.channels IS 'number of channels (neurons) of the layer';
COMMENT ON COLUMN layers.receptive_field IS 'side of the square of the input image that one unit sees, pixels';
COMMENT ON COLUMN layers.stride IS 'distance between the receptive fields of neighbouring units, pixels';
COMMENT ON COLUMN layers.offset_px IS 'first input pixel that unit 0 sees along each axis; unit i sees the pixels from offset_px + stride * i on; negative where the receptive field begins in the padding';
COMMENT ON COLUMN layers.effective_centre_y_px IS 'where units look: centroid of their gradient''s energy on photographs, pixels below the receptive field''s centre; null: not measured';
COMMENT ON COLUMN layers.effective_centre_x_px IS 'where units look: centroid of their gradient''s energy on photographs, pixels right of the receptive field''s centre; null: not measured';
COMMENT ON COLUMN layers.effective_centre_y_std_error_px IS 'standard error of effective_centre_y_px over photographs, pixels';
COMMENT ON COLUMN layers.effective_centre_x_std_error_px IS 'standard error of effective_centre_x_px over photographs, pixels';
COMMENT ON COLUMN layers.effective_std_y_px IS 'standard deviation of that energy''s distribution along the vertical, pixels: how far from the centre units look';
COMMENT ON COLUMN layers.effective_std_x_px IS 'standard deviation of that energy''s distribution along the horizontal, pixels: how far from the centre units look';

CREATE TABLE IF NOT EXISTS images (
    image_id  VARCHAR PRIMARY KEY,
    source    VARCHAR NOT NULL,
    name      VARCHAR NOT NULL,
    width     INTEGER NOT NULL,
    height    INTEGER NOT NULL,
    label     VARCHAR
);
COMMENT ON TABLE images IS 'one row per image; images with the same decoded pixels are one image';
COMMENT ON COLUMN images.image_id IS 'content key of the image: SHA-256 of its size and decoded RGB pixels';
COMMENT ON COLUMN images.source IS 'origin of the image: folder (files of the configured folder), scikit-image (photographs that ship with scikit-image) or dead-leaves (generated scenes)';
COMMENT ON COLUMN images.name IS 'name of the image, unique within its source; where the same pixels came under several names, the first of them';
COMMENT ON COLUMN images.width IS 'width of the decoded image, before it is fitted to a frame, pixels';
COMMENT ON COLUMN images.height IS 'height of the decoded image, before it is fitted to a frame, pixels';
COMMENT ON COLUMN images.label IS 'class that the source states: a name, WordNet id or number; null where it states none beside the image''s name';

CREATE TABLE IF NOT EXISTS quarantine (
    activation_set_id  VARCHAR NOT NULL,
    name               VARCHAR NOT NULL,
    reason             VARCHAR NOT NULL,
    PRIMARY KEY (activation_set_id, name)
);
COMMENT ON TABLE quarantine IS 'one row per (activation_set_id, name): an image that could not be read, and why';
COMMENT ON COLUMN quarantine.activation_set_id IS 'content key of the activation set that refused the image; refers to activation_sets';
COMMENT ON COLUMN quarantine.name IS 'name of the image file';
COMMENT ON COLUMN quarantine.reason IS 'why the image could not be read';
-- Activation sets, and the shards in which their activations are stored.

CREATE TABLE IF NOT EXISTS activation_sets (
    activation_set_id  VARCHAR PRIMARY KEY,
    network            VARCHAR NOT NULL,
    layer              VARCHAR NOT NULL,
    transformations    VARCHAR NOT NULL,
    n_rotations        INTEGER NOT NULL,
    reflections        BOOLEAN NOT NULL,
    octaves            DOUBLE,
    scales_per_octave  INTEGER,
    group_order        INTEGER NOT NULL,
    orbits             INTEGER NOT NULL,
    sampling           VARCHAR NOT NULL,
    seed               INTEGER NOT NULL,
    centre_y_px        INTEGER NOT NULL,
    centre_x_px        INTEGER NOT NULL,
    config             JSON NOT NULL,
    FOREIGN KEY (network, layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE activation_sets IS 'one row per activation set: the activations of one layer at sampled positions of a set of images, under every transform of a group';
COMMENT ON COLUMN activation_sets.activation_set_id IS 'content key of the activation set: made from the extraction''s settings, the network''s weights and the images';
COMMENT ON COLUMN activation_sets.network IS 'network whose layer was recorded; refers to networks';
COMMENT ON COLUMN activation_sets.layer IS 'layer that was recorded; (network, layer) refers to layers';
COMMENT ON COLUMN activation_sets.transformations IS 'what was done to images: rotations (turned and mirrored), hue (colours turned about the grey axis) or scale (enlarged and shrunk)';
COMMENT ON COLUMN activation_sets.n_rotations IS 'number of rotations n in the group, by multiples of 360/n degrees; 1: images are not rotated';
COMMENT ON COLUMN activation_sets.reflections IS 'whether the group also contains reflections (D_n); otherwise it has rotations alone (C_n)';
COMMENT ON COLUMN activation_sets.octaves IS 'largest change of scale either way, octaves: 1 is half and twice the size; null unless transformations is scale';
COMMENT ON COLUMN activation_sets.scales_per_octave IS 'number of scales in an octave; null unless transformations is scale';
COMMENT ON COLUMN activation_sets.group_order IS 'number of transforms, |G|: 2 * n_rotations, or n_rotations without reflections; of scale, 2 * octaves * scales_per_octave + 1; 1: images are recorded as they are';
COMMENT ON COLUMN activation_sets.orbits IS 'number of sampled positions; each was recorded under all |G| transforms';
COMMENT ON COLUMN activation_sets.sampling IS 'how positions in an image are drawn: uniform (all with the same probability) or norm (with probability proportional to the norm of the activation)';
COMMENT ON COLUMN activation_sets.seed IS 'random seed for positions, order of images and the train/test split';
COMMENT ON COLUMN activation_sets.centre_y_px IS 'point that images are transformed about, pixels below the receptive field''s centre';
COMMENT ON COLUMN activation_sets.centre_x_px IS 'point that images are transformed about, pixels right of the receptive field''s centre';
COMMENT ON COLUMN activation_sets.config IS 'settings of the extraction, JSON';

CREATE TABLE IF NOT EXISTS shards (
    activation_set_id  VARCHAR NOT NULL REFERENCES activation_sets (activation_set_id),
    shard              INTEGER NOT NULL,
    split              VARCHAR NOT NULL CHECK (split IN ('train', 'test')),
    orbits             INTEGER NOT NULL,
    bytes              BIGINT NOT NULL,
    sha256             VARCHAR NOT NULL,
    PRIMARY KEY (activation_set_id, shard)
);
COMMENT ON TABLE shards IS 'one row per (activation_set_id, shard): a file of activations';
COMMENT ON COLUMN shards.activation_set_id IS 'content key of the activation set; refers to activation_sets';
COMMENT ON COLUMN shards.shard IS 'number of the shard in its activation set, counted from 0';
COMMENT ON COLUMN shards.split IS 'train or test; an image''s positions are all in one split';
COMMENT ON COLUMN shards.orbits IS 'number of positions in the shard';
COMMENT ON COLUMN shards.bytes IS 'size of the shard''s file, bytes';
COMMENT ON COLUMN shards.sha256 IS 'SHA-256 of the shard''s file, 64 hex digits';

CREATE TABLE IF NOT EXISTS activation_set_images (
    activation_set_id  VARCHAR NOT NULL REFERENCES activation_sets (activation_set_id),
    image_id           VARCHAR NOT NULL REFERENCES images (image_id),
    split              VARCHAR NOT NULL CHECK (split IN ('train', 'test')),
    orbits             INTEGER NOT NULL,
    PRIMARY KEY (activation_set_id, image_id)
);
COMMENT ON TABLE activation_set_images IS 'one row per (activation_set_id, image_id): an image that positions were sampled in; sets that were staged before this table existed are not in it';
COMMENT ON COLUMN activation_set_images.activation_set_id IS 'content key of the activation set; refers to activation_sets';
COMMENT ON COLUMN activation_set_images.image_id IS 'content key of the image; refers to images';
COMMENT ON COLUMN activation_set_images.split IS 'train or test; all positions of an image are in one split';
COMMENT ON COLUMN activation_set_images.orbits IS 'number of positions that were sampled in the image';
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
-- The symmetry of a group crosscoder's features, read from their decoder blocks.

CREATE TABLE IF NOT EXISTS transform_blocks (
    dictionary_id       VARCHAR NOT NULL,
    feature             INTEGER NOT NULL,
    element             INTEGER NOT NULL,
    rotation_degrees    DOUBLE NOT NULL,
    mirrored            BOOLEAN NOT NULL,
    octaves             DOUBLE,
    norm                DOUBLE NOT NULL,
    cosine_to_identity  DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, feature, element),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE transform_blocks IS 'one row per (dictionary_id, feature, element) of a group crosscoder''s live features: one decoder block';
COMMENT ON COLUMN transform_blocks.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN transform_blocks.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN transform_blocks.element IS 'number of the group element g: 0 to n-1 are the rotations r^g, n to 2n-1 the reflections r^(g-n) s, where n is the number of rotations and s the left-right mirror; of scales, 0 to J enlarge by g steps, and J+1 to 2J shrink by 2J+1-g steps, where J is octaves * scales_per_octave';
COMMENT ON COLUMN transform_blocks.rotation_degrees IS 'angle of the rotation in g, 0 to 360: of the image, degrees counter-clockwise, or of its colours, degrees from red towards green; 0 for scales';
COMMENT ON COLUMN transform_blocks.mirrored IS 'whether g contains a reflection before the rotation: a left-right mirror of the image, or an exchange of green and blue';
COMMENT ON COLUMN transform_blocks.octaves IS 'change of the image''s scale, octaves: 1 is twice the size, -1 half of it; null unless transformations is scale';
COMMENT ON COLUMN transform_blocks.norm IS 'Euclidean norm of the feature''s decoder block d^g';
COMMENT ON COLUMN transform_blocks.cosine_to_identity IS 'transform profile c(g): cosine between the identity''s block d^e and the block d^g, -1 to 1; 0 where one of them is zero';

CREATE TABLE IF NOT EXISTS feature_harmonics (
    dictionary_id  VARCHAR NOT NULL,
    feature        INTEGER NOT NULL,
    harmonic       INTEGER NOT NULL,
    energy         DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, feature, harmonic),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE feature_harmonics IS 'one row per (dictionary_id, feature, harmonic) of the rotation profile of a group crosscoder''s live feature; none for scales';
COMMENT ON COLUMN feature_harmonics.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN feature_harmonics.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN feature_harmonics.harmonic IS 'number of oscillations of the rotation profile in a full turn, from 0 to half the number of rotations';
COMMENT ON COLUMN feature_harmonics.energy IS 'share of the rotation profile''s energy in this harmonic, 0 to 1; the shares of a feature sum to 1';

CREATE TABLE IF NOT EXISTS feature_symmetry (
    dictionary_id        VARCHAR NOT NULL,
    feature              INTEGER NOT NULL,
    type                 VARCHAR NOT NULL,
    period_degrees       DOUBLE,
    confidence           DOUBLE NOT NULL,
    rotational_order     INTEGER,
    invariance           DOUBLE NOT NULL,
    mirror               DOUBLE,
    mirror_element       INTEGER,
    stabiliser           VARCHAR,
    stabiliser_order     INTEGER,
    mirror_axes_degrees  DOUBLE[],
    preferred_octaves    DOUBLE,
    PRIMARY KEY (dictionary_id, feature),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE feature_symmetry IS 'one row per (dictionary_id, feature): the symmetry of a group crosscoder''s live feature';
COMMENT ON COLUMN feature_symmetry.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN feature_symmetry.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN feature_symmetry.type IS 'symmetry type: invariant (unchanged by every rotation), period-360, period-180, period-120, period-90, … (unchanged by rotations of that many degrees) or mixed (undecided); of scales: invariant (unchanged by every scale), tuned or mixed';
COMMENT ON COLUMN feature_symmetry.period_degrees IS 'smallest rotation that leaves the feature unchanged, degrees; null for invariant and mixed';
COMMENT ON COLUMN feature_symmetry.confidence IS 'share of repeated readings of the type, on resampled blocks and at shifted thresholds, that agree, 0 to 1';
COMMENT ON COLUMN feature_symmetry.rotational_order IS 'harmonic, 1 or more, with the most energy in the rotation profile; 0 where every rotation leaves the feature unchanged; null for scales';
COMMENT ON COLUMN feature_symmetry.invariance IS 'mean of the transform profile over the whole group, -1 to 1';
COMMENT ON COLUMN feature_symmetry.mirror IS 'largest cosine in the transform profile over the reflections, -1 to 1; null for a group without reflections';
COMMENT ON COLUMN feature_symmetry.mirror_element IS 'number of the reflection with that largest cosine; null for a group without reflections';
COMMENT ON COLUMN feature_symmetry.stabiliser IS 'subgroup of transforms that leave the feature unchanged: trivial, C_k (k rotations), D_k (k rotations and k reflections) or full (the whole group); null for scales, which are no group';
COMMENT ON COLUMN feature_symmetry.stabiliser_order IS 'number of transforms in the stabiliser; null for scales';
COMMENT ON COLUMN feature_symmetry.mirror_axes_degrees IS 'mirror axes of the stabiliser''s reflections, degrees counter-clockwise from the right, 0 to 180: the reflection r^a s, with a in degrees, has its axis at 90 + a/2; D_k has k axes; for hue, degrees from red towards green, at a/2; null for scales, and where an earlier version analysed the dictionary';
COMMENT ON COLUMN feature_symmetry.preferred_octaves IS 'change of the image''s scale, octaves, under which the feature''s block has the largest norm; null unless transformations is scale';
-- Flow runs, loads, audits, schema versions, and the data that was set aside.

CREATE TABLE IF NOT EXISTS runs (
    flow_run_id        VARCHAR PRIMARY KEY,
    flow               VARCHAR NOT NULL,
    started_at         TIMESTAMP NOT NULL,
    seconds            DOUBLE NOT NULL,
    peak_memory_bytes  BIGINT NOT NULL,
    git_revision       VARCHAR,
    config             JSON NOT NULL
);
COMMENT ON TABLE runs IS 'one row per finished flow run (flow_run_id)';
COMMENT ON COLUMN runs.flow_run_id IS 'id that Prefect gave the flow run, a UUID';
COMMENT ON COLUMN runs.flow IS 'name of the flow';
COMMENT ON COLUMN runs.started_at IS 'start of the run, UTC';
COMMENT ON COLUMN runs.seconds IS 'duration of the run, seconds';
COMMENT ON COLUMN runs.peak_memory_bytes IS 'largest resident memory of the process, bytes';
COMMENT ON COLUMN runs.git_revision IS 'commit of the code, with -dirty where files differ from it; null outside a git repository';
COMMENT ON COLUMN runs.config IS 'settings of the flow, JSON';

CREATE TABLE IF NOT EXISTS loads (
    load_key    VARCHAR NOT NULL,
    table_name  VARCHAR NOT NULL,
    rows        BIGINT NOT NULL,
    loaded_at   TIMESTAMP NOT NULL,
    PRIMARY KEY (load_key, table_name)
);
COMMENT ON TABLE loads IS 'one row per (load_key, table_name): rows that were loaded in one transaction; a load is never repeated';
COMMENT ON COLUMN loads.load_key IS 'key of the staged tables: a content key, or the id of a flow run (runs)';
COMMENT ON COLUMN loads.table_name IS 'name of the table that the rows were inserted into';
COMMENT ON COLUMN loads.rows IS 'number of rows that were inserted';
COMMENT ON COLUMN loads.loaded_at IS 'time of the load, UTC';

CREATE TABLE IF NOT EXISTS audit_results (
    audited_at  TIMESTAMP NOT NULL,
    audit       VARCHAR NOT NULL,
    kind        VARCHAR NOT NULL CHECK (kind IN ('sql', 'great-expectations')),
    passed      BOOLEAN NOT NULL,
    failures    BIGINT NOT NULL,
    detail      VARCHAR NOT NULL,
    PRIMARY KEY (audited_at, kind, audit)
);
COMMENT ON TABLE audit_results IS 'one row per (audited_at, kind, audit)';
COMMENT ON COLUMN audit_results.audited_at IS 'time of the audit, UTC; all results of one audit run have the same time';
COMMENT ON COLUMN audit_results.audit IS 'name of the audit: of a file in sql/audits, or of a table''s expectations';
COMMENT ON COLUMN audit_results.kind IS 'sql (a query in sql/audits that selects offending rows) or great-expectations';
COMMENT ON COLUMN audit_results.passed IS 'whether no row offended';
COMMENT ON COLUMN audit_results.failures IS 'number of offending rows';
COMMENT ON COLUMN audit_results.detail IS 'the first offending rows, JSON; empty when passed';

CREATE TABLE IF NOT EXISTS schema_versions (
    version      INTEGER PRIMARY KEY,
    migrated_at  TIMESTAMP NOT NULL
);
COMMENT ON TABLE schema_versions IS 'one row per version of sql/schema that these tables have had; the highest is their present one';
COMMENT ON COLUMN schema_versions.version IS 'number of the version';
COMMENT ON COLUMN schema_versions.migrated_at IS 'time when the tables came to this version, UTC';

CREATE TABLE IF NOT EXISTS set_aside (
    kind    VARCHAR NOT NULL,
    name    VARCHAR NOT NULL,
    reason  VARCHAR NOT NULL,
    since   TIMESTAMP,
    PRIMARY KEY (kind, name)
);
COMMENT ON TABLE set_aside IS 'one row per (kind, name): data that is missing in these tables; the table is written anew by each publication';
COMMENT ON COLUMN set_aside.kind IS 'folder under data/ from which the data was moved to quarantine, or waiting: staged rows that refer to rows which are not there';
COMMENT ON COLUMN set_aside.name IS 'path below that folder, or the key of the staged rows that wait';
COMMENT ON COLUMN set_aside.reason IS 'why the data is missing';
COMMENT ON COLUMN set_aside.since IS 'time when the data was moved to quarantine, UTC; null while staged rows wait';
-- Responses of neurons and features to synthetic stimuli: radial tuning, stimulus types, curve detectors (methods §5).

CREATE TABLE IF NOT EXISTS unit_sets (
    unit_set_id        VARCHAR PRIMARY KEY,
    network            VARCHAR NOT NULL,
    layer              VARCHAR NOT NULL,
    kind               VARCHAR NOT NULL CHECK (kind IN ('neurons', 'features')),
    dictionary_id      VARCHAR REFERENCES dictionaries (dictionary_id),
    activation_set_id  VARCHAR NOT NULL REFERENCES activation_sets (activation_set_id),
    step_degrees       DOUBLE NOT NULL,
    stimuli            INTEGER NOT NULL,
    units              INTEGER NOT NULL,
    FOREIGN KEY (network, layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE unit_sets IS 'one row per unit set (unit_set_id): the neurons of a layer or the features of a dictionary, whose responses to one set of synthetic stimuli were measured';
COMMENT ON COLUMN unit_sets.unit_set_id IS 'content key of the unit set: made from the activation set, the dictionary and step_degrees';
COMMENT ON COLUMN unit_sets.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN unit_sets.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN unit_sets.kind IS 'neurons (of the layer) or features (of the dictionary)';
COMMENT ON COLUMN unit_sets.dictionary_id IS 'content key of the dictionary that the features belong to; refers to dictionaries; null for neurons';
COMMENT ON COLUMN unit_sets.activation_set_id IS 'content key of the natural images that maxima and confirmations are measured on; refers to activation_sets';
COMMENT ON COLUMN unit_sets.step_degrees IS 'step between the orientations at which a stimulus was drawn, degrees';
COMMENT ON COLUMN unit_sets.stimuli IS 'number of pictures that were shown, all stimulus families together';
COMMENT ON COLUMN unit_sets.units IS 'number of units: channels of the layer, or features of the dictionary';

CREATE TABLE IF NOT EXISTS unit_tuning (
    unit_set_id        VARCHAR NOT NULL REFERENCES unit_sets (unit_set_id),
    unit               INTEGER NOT NULL,
    stimulus_type      VARCHAR NOT NULL,
    confidence         DOUBLE NOT NULL,
    best_response      DOUBLE NOT NULL,
    best_arc_response  DOUBLE NOT NULL,
    natural_maximum    DOUBLE NOT NULL,
    peak_degrees       DOUBLE,
    width_degrees      DOUBLE,
    echo               DOUBLE,
    concentration      DOUBLE,
    weakest_rendering  DOUBLE,
    straight_share     DOUBLE,
    criteria_met       INTEGER NOT NULL,
    is_curve_detector  BOOLEAN NOT NULL,
    PRIMARY KEY (unit_set_id, unit)
);
COMMENT ON TABLE unit_tuning IS 'one row per (unit_set_id, unit): every neuron or feature of the set';
COMMENT ON COLUMN unit_tuning.unit_set_id IS 'content key of the unit set; refers to unit_sets';
COMMENT ON COLUMN unit_tuning.unit IS 'number of the unit in its unit set, counted from 0: a channel of the layer or a feature of the dictionary; (unit_set_id, unit) refers to unit_tuning';
COMMENT ON COLUMN unit_tuning.stimulus_type IS 'family of the synthetic stimulus with the largest response: curve, line, edge, angle, grating, hatch, centre-surround or colour; mixed where another family comes within 10 %; other where no stimulus reaches 10 % of natural_maximum';
COMMENT ON COLUMN unit_tuning.confidence IS '1 - best response to another family / best response, 0 to 1; 0 where the unit responds to no stimulus';
COMMENT ON COLUMN unit_tuning.best_response IS 'largest response to any synthetic stimulus, in units of activation';
COMMENT ON COLUMN unit_tuning.best_arc_response IS 'largest response to an arc, in units of activation';
COMMENT ON COLUMN unit_tuning.natural_maximum IS 'largest response on the activation set, over all rows and transforms, in units of activation';
COMMENT ON COLUMN unit_tuning.peak_degrees IS 'orientation at which the radial tuning curve peaks, degrees counter-clockwise from the right, 0 to 360: the direction from the patch''s centre to the circle''s centre; null where the unit does not respond to arcs';
COMMENT ON COLUMN unit_tuning.width_degrees IS 'full width of the tuning curve at half its maximum, degrees; null where the unit does not respond to arcs';
COMMENT ON COLUMN unit_tuning.echo IS 'response opposite the peak (peak + 180 degrees) over the response at the peak; negative where the unit is inhibited there; null where the unit does not respond to arcs';
COMMENT ON COLUMN unit_tuning.concentration IS 'concentration r1 of the tuning curve: 0 for a flat curve, 1 for a single orientation; null where the unit does not respond to arcs';
COMMENT ON COLUMN unit_tuning.weakest_rendering IS 'smallest over the four renderings (dark and light lines and fills) of the largest response near the peak, over best_arc_response; null where the unit does not respond to arcs';
COMMENT ON COLUMN unit_tuning.straight_share IS 'largest response to a straight line or edge over best_arc_response; null where the unit does not respond to arcs';
COMMENT ON COLUMN unit_tuning.criteria_met IS 'number of the 5 criteria of a curve detector that the unit meets, 0 to 5';
COMMENT ON COLUMN unit_tuning.is_curve_detector IS 'whether the unit meets all 5 criteria';

CREATE TABLE IF NOT EXISTS tuning_curves (
    unit_set_id    VARCHAR NOT NULL,
    unit           INTEGER NOT NULL,
    stimulus       VARCHAR NOT NULL,
    angle_degrees  DOUBLE NOT NULL,
    response       DOUBLE NOT NULL,
    PRIMARY KEY (unit_set_id, unit, stimulus, angle_degrees),
    FOREIGN KEY (unit_set_id, unit) REFERENCES unit_tuning (unit_set_id, unit)
);
COMMENT ON TABLE tuning_curves IS 'one row per (unit_set_id, unit, stimulus, angle_degrees): radial tuning curves of all curve detectors and, up to 400 units in all, of units that miss one criterion';
COMMENT ON COLUMN tuning_curves.unit_set_id IS 'content key of the unit set; refers to unit_sets';
COMMENT ON COLUMN tuning_curves.unit IS 'number of the unit in its unit set, counted from 0: a channel of the layer or a feature of the dictionary; (unit_set_id, unit) refers to unit_tuning';
COMMENT ON COLUMN tuning_curves.stimulus IS 'arc: mean over renderings and radii; arc dark line, arc light line, arc dark fill, arc light fill: that rendering, mean over radii';
COMMENT ON COLUMN tuning_curves.angle_degrees IS 'orientation of the arc, degrees counter-clockwise from the right, 0 to 360';
COMMENT ON COLUMN tuning_curves.response IS 'response of the unit, in units of activation';

CREATE TABLE IF NOT EXISTS curve_detectors (
    unit_set_id          VARCHAR NOT NULL,
    unit                 INTEGER NOT NULL,
    curve_family         VARCHAR NOT NULL,
    preferred_radius     DOUBLE NOT NULL,
    rendering            VARCHAR NOT NULL,
    natural_correlation  DOUBLE,
    nearest_neuron       INTEGER,
    nearest_degrees      DOUBLE,
    inside_arc           BOOLEAN,
    inside_gap           BOOLEAN,
    missing              BOOLEAN,
    PRIMARY KEY (unit_set_id, unit),
    FOREIGN KEY (unit_set_id, unit) REFERENCES unit_tuning (unit_set_id, unit)
);
COMMENT ON TABLE curve_detectors IS 'one row per (unit_set_id, unit) that meets all criteria of a curve detector';
COMMENT ON COLUMN curve_detectors.unit_set_id IS 'content key of the unit set; refers to unit_sets';
COMMENT ON COLUMN curve_detectors.unit IS 'number of the unit in its unit set, counted from 0: a channel of the layer or a feature of the dictionary; (unit_set_id, unit) refers to unit_tuning';
COMMENT ON COLUMN curve_detectors.curve_family IS 'name of the family: detectors of the same preferred radius and rendering, which differ in orientation alone';
COMMENT ON COLUMN curve_detectors.preferred_radius IS 'radius of the arc with the largest response near the peak, pixels';
COMMENT ON COLUMN curve_detectors.rendering IS 'rendering with the largest response near the peak (dark or light line, dark or light fill); any where the weakest rendering reaches half of the largest';
COMMENT ON COLUMN curve_detectors.natural_correlation IS 'Pearson correlation between the synthetic tuning curve and the one on rotated natural examples, -1 to 1; null where no natural example activates the unit';
COMMENT ON COLUMN curve_detectors.nearest_neuron IS 'number of the layer''s curve-detecting neuron with the nearest peak; null for neurons, and where the layer has no such neuron';
COMMENT ON COLUMN curve_detectors.nearest_degrees IS 'angle between the feature''s peak and that neuron''s, degrees, 0 to 180; null for neurons, and where the layer has no such neuron';
COMMENT ON COLUMN curve_detectors.inside_arc IS 'whether no curve-detecting neuron reaches half its maximum at the feature''s peak; null for neurons';
COMMENT ON COLUMN curve_detectors.inside_gap IS 'whether no curve-detecting neuron peaks within 10 degrees of the feature''s peak; null for neurons';
COMMENT ON COLUMN curve_detectors.missing IS 'whether the feature lies inside an arc or gap that the neurons leave open and natural images confirm it (natural_correlation of 0.7 or more); null for neurons';
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
-- Families: features that are rotated and mirrored copies of one another (methods §4).

CREATE TABLE IF NOT EXISTS family_analyses (
    family_analysis_id  VARCHAR PRIMARY KEY,
    dictionary_id       VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    n_rotations         INTEGER NOT NULL,
    reflections         BOOLEAN NOT NULL,
    group_order         INTEGER NOT NULL,
    neighbours          INTEGER NOT NULL,
    min_family_size     INTEGER NOT NULL,
    least_similarity    DOUBLE,
    seed                INTEGER NOT NULL,
    live_features       INTEGER NOT NULL,
    families            INTEGER NOT NULL
);
COMMENT ON TABLE family_analyses IS 'one row per family analysis (family_analysis_id): one grouping of a dictionary''s live features into families';
COMMENT ON COLUMN family_analyses.family_analysis_id IS 'content key of the family analysis: made from the dictionary and the settings of the grouping';
COMMENT ON COLUMN family_analyses.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN family_analyses.n_rotations IS 'number of rotations n in the group under which features are compared; 1 for an SAE';
COMMENT ON COLUMN family_analyses.reflections IS 'whether the group under which features are compared contains reflections';
COMMENT ON COLUMN family_analyses.group_order IS 'number of transforms |G| in the group under which features are compared: the dictionary''s own group or a subgroup; 1 for an SAE';
COMMENT ON COLUMN family_analyses.neighbours IS 'number of nearest features that the map keeps together (UMAP)';
COMMENT ON COLUMN family_analyses.min_family_size IS 'smallest number of members of a family';
COMMENT ON COLUMN family_analyses.least_similarity IS 'mean cosine between the members of two groups of features from which on they were merged: what one in 2,000 pairs of shuffled features reaches; null where families are the prototypes of a steerable crosscoder, and where a version before schema version 7 found them (UMAP and HDBSCAN)';
COMMENT ON COLUMN family_analyses.seed IS 'random seed of the map and of the controls';
COMMENT ON COLUMN family_analyses.live_features IS 'number of live features that were grouped';
COMMENT ON COLUMN family_analyses.families IS 'number of families';

CREATE TABLE IF NOT EXISTS family_shapes (
    family_analysis_id    VARCHAR NOT NULL REFERENCES family_analyses (family_analysis_id),
    family                INTEGER NOT NULL,
    size                  INTEGER NOT NULL,
    prototype             INTEGER NOT NULL,
    type                  VARCHAR,
    period_degrees        DOUBLE,
    stabiliser            VARCHAR,
    mean_similarity       DOUBLE NOT NULL,
    reach_degrees         DOUBLE,
    evenness              DOUBLE,
    covered               DOUBLE,
    missing_members       INTEGER,
    missing_orientations  DOUBLE[],
    profile               DOUBLE[],
    profile_low           DOUBLE[],
    profile_high          DOUBLE[],
    PRIMARY KEY (family_analysis_id, family)
);
COMMENT ON TABLE family_shapes IS 'one row per (family_analysis_id, family); families are numbered from 0, the largest first';
COMMENT ON COLUMN family_shapes.family_analysis_id IS 'content key of the family analysis; refers to family_analyses';
COMMENT ON COLUMN family_shapes.family IS 'number of the family in its analysis, counted from 0';
COMMENT ON COLUMN family_shapes.size IS 'number of members';
COMMENT ON COLUMN family_shapes.prototype IS 'number of the member feature with the smallest total distance to all other members';
COMMENT ON COLUMN family_shapes.type IS 'symmetry type of the mean of the members'' blocks, each transformed to match the prototype: invariant, period-360, period-180, … or mixed; null where features are compared under a group of order 1 (SAE)';
COMMENT ON COLUMN family_shapes.period_degrees IS 'smallest rotation that leaves that mean unchanged, degrees; members'' orientations are measured within it; null where the family has no orientations: invariant, mixed or SAE';
COMMENT ON COLUMN family_shapes.stabiliser IS 'subgroup that leaves that mean unchanged: trivial, C_k, D_k or full; null for an SAE';
COMMENT ON COLUMN family_shapes.mean_similarity IS 'mean cosine of the members with the prototype, each transformed to match it, -1 to 1';
COMMENT ON COLUMN family_shapes.reach_degrees IS 'rotation at which the mean''s similarity to itself has fallen half way from its largest to its smallest value, degrees: how far to either side a member covers the circle; null without orientations';
COMMENT ON COLUMN family_shapes.evenness IS 'entropy of the gaps between the members'' orientations over that of equal gaps: 0 where all are equal, 1 where they are evenly spaced; null without orientations';
COMMENT ON COLUMN family_shapes.covered IS 'share of the period that lies within reach of some member, 0 to 1; null without orientations';
COMMENT ON COLUMN family_shapes.missing_members IS 'number of further members needed to cover the rest of the period; null without orientations';
COMMENT ON COLUMN family_shapes.missing_orientations IS 'orientations of those missing members, degrees counter-clockwise from the prototype; null without orientations';
COMMENT ON COLUMN family_shapes.profile IS 'mean over the members of cos(d^e, d^g) for each rotation g in order, a list of n cosines; null for an SAE';
COMMENT ON COLUMN family_shapes.profile_low IS '10th percentile of the same cosines over the members; null for an SAE';
COMMENT ON COLUMN family_shapes.profile_high IS '90th percentile of the same cosines over the members; null for an SAE';

CREATE TABLE IF NOT EXISTS feature_families (
    family_analysis_id   VARCHAR NOT NULL REFERENCES family_analyses (family_analysis_id),
    feature              INTEGER NOT NULL,
    family               INTEGER,
    strength             DOUBLE NOT NULL,
    element              INTEGER,
    orientation_degrees  DOUBLE,
    mirrored             BOOLEAN,
    similarity           DOUBLE,
    map_x                DOUBLE NOT NULL,
    map_y                DOUBLE NOT NULL,
    stimulus_type        VARCHAR,
    stimulus_confidence  DOUBLE,
    PRIMARY KEY (family_analysis_id, feature),
    FOREIGN KEY (family_analysis_id, family) REFERENCES family_shapes (family_analysis_id, family)
);
COMMENT ON TABLE feature_families IS 'one row per (family_analysis_id, feature): every live feature of the dictionary';
COMMENT ON COLUMN feature_families.family_analysis_id IS 'content key of the family analysis; refers to family_analyses';
COMMENT ON COLUMN feature_families.feature IS 'number of the live feature in the analysed dictionary';
COMMENT ON COLUMN feature_families.family IS 'number of the feature''s family; (family_analysis_id, family) refers to family_shapes; null for a feature in no family';
COMMENT ON COLUMN feature_families.strength IS 'how well the feature fits its family, 0 to 1: mean cosine with the other members, each transformed to match it; before schema version 7, HDBSCAN''s membership probability; 0 in no family';
COMMENT ON COLUMN feature_families.element IS 'number of the group element that maps the prototype to the feature; null for a feature in no family';
COMMENT ON COLUMN feature_families.orientation_degrees IS 'orientation of the feature, degrees counter-clockwise from the prototype, within the family''s period; null where the family has no orientations, and in no family';
COMMENT ON COLUMN feature_families.mirrored IS 'whether only a reflection maps the prototype to the feature; null for a feature in no family';
COMMENT ON COLUMN feature_families.similarity IS 'cosine between the feature and the prototype transformed to match it, -1 to 1; null for a feature in no family';
COMMENT ON COLUMN feature_families.map_x IS 'horizontal position on the map of all features (UMAP, no unit)';
COMMENT ON COLUMN feature_families.map_y IS 'vertical position on the map of all features (UMAP, no unit)';
COMMENT ON COLUMN feature_families.stimulus_type IS 'family of the synthetic stimulus with the largest response: curve, line, edge, angle, grating, hatch, centre-surround, colour, mixed or other (as in unit_tuning); null for a dictionary that encodes whole orbits of hue or scale';
COMMENT ON COLUMN feature_families.stimulus_confidence IS '1 - best response to another family / best response, 0 to 1; null for a dictionary that encodes whole orbits of hue or scale';

CREATE TABLE IF NOT EXISTS family_pairs (
    family_analysis_id  VARCHAR NOT NULL,
    feature             INTEGER NOT NULL,
    partner             INTEGER NOT NULL,
    element             INTEGER NOT NULL,
    similarity          DOUBLE NOT NULL,
    examples            INTEGER NOT NULL,
    fired               DOUBLE,
    chance              DOUBLE,
    PRIMARY KEY (family_analysis_id, feature, partner),
    FOREIGN KEY (family_analysis_id, feature) REFERENCES feature_families (family_analysis_id, feature),
    FOREIGN KEY (family_analysis_id, partner) REFERENCES feature_families (family_analysis_id, feature)
);
COMMENT ON TABLE family_pairs IS 'one row per (family_analysis_id, feature, partner): a feature and another member of its family, at most the 64 most similar, verified on images of the test split';
COMMENT ON COLUMN family_pairs.family_analysis_id IS 'content key of the family analysis; refers to family_analyses';
COMMENT ON COLUMN family_pairs.feature IS 'number of the feature; (family_analysis_id, feature) refers to feature_families';
COMMENT ON COLUMN family_pairs.partner IS 'number of the other member; (family_analysis_id, partner) refers to feature_families';
COMMENT ON COLUMN family_pairs.element IS 'number of the group element h that maps the feature to the partner';
COMMENT ON COLUMN family_pairs.similarity IS 'cosine between the partner and the feature transformed by h, -1 to 1';
COMMENT ON COLUMN family_pairs.examples IS 'number of test images that activate the feature most and are used for the check, at most 8';
COMMENT ON COLUMN family_pairs.fired IS 'share of those images on which the partner is active once the image is transformed by h, 0 to 1; null without examples';
COMMENT ON COLUMN family_pairs.chance IS 'mean of the same share over all elements of the group, 0 to 1: what an arbitrary transform gives; null without examples';

CREATE TABLE IF NOT EXISTS family_scores (
    family_analysis_id  VARCHAR NOT NULL REFERENCES family_analyses (family_analysis_id),
    condition           VARCHAR NOT NULL CHECK (condition IN ('features', 'shuffled blocks', 'random dictionary')),
    seed                INTEGER NOT NULL,
    metric              VARCHAR NOT NULL,
    value               DOUBLE NOT NULL,
    PRIMARY KEY (family_analysis_id, condition, seed, metric)
);
COMMENT ON TABLE family_scores IS 'one row per (family_analysis_id, condition, seed, metric): how well families agree with the stimulus types of their members';
COMMENT ON COLUMN family_scores.family_analysis_id IS 'content key of the family analysis; refers to family_analyses';
COMMENT ON COLUMN family_scores.condition IS 'features: the dictionary''s features; controls: shuffled blocks (the blocks of each feature permuted) and random dictionary (random vectors)';
COMMENT ON COLUMN family_scores.seed IS 'training seed of the dictionary: the analysed one''s, or that of a dictionary which differs in its seed alone';
COMMENT ON COLUMN family_scores.metric IS 'agreement with stimulus types: adjusted_rand, purity, silhouette, neighbour_agreement, neighbour_chance (what random neighbours give); counts: clustered (share of features in a family), families, features (scored)';
COMMENT ON COLUMN family_scores.value IS 'value of the metric; families and features are counts, adjusted_rand and silhouette lie between -1 and 1, the others are shares, 0 to 1';
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
-- Concepts: their exemplars, their concept activation vectors at a layer, and TCAV for classes (methods §7).

CREATE TABLE IF NOT EXISTS concepts (
    concept_id   VARCHAR PRIMARY KEY,
    name         VARCHAR NOT NULL,
    role         VARCHAR NOT NULL CHECK (role IN ('concept', 'random', 'class')),
    origin       VARCHAR NOT NULL CHECK (origin IN ('folder', 'drawn', 'attacked')),
    exemplars    INTEGER NOT NULL,
    quarantined  INTEGER NOT NULL
);
COMMENT ON TABLE concepts IS 'one row per image set (concept_id): the exemplars of a concept, a random set or the images of a class';
COMMENT ON COLUMN concepts.concept_id IS 'content key of the set: made from the pixels of its images and their order';
COMMENT ON COLUMN concepts.name IS 'name of the folder, of the synthetic pattern or of the class; of an attacked set, the name of the clean one followed by the attack and its settings';
COMMENT ON COLUMN concepts.role IS 'concept (exemplars), random (a random set) or class (images of a class)';
COMMENT ON COLUMN concepts.origin IS 'folder: photographs, from a folder or those that ship with scikit-image; drawn: synthetic patterns and scenes; attacked: changed by an attack or its control';
COMMENT ON COLUMN concepts.exemplars IS 'number of images in the set';
COMMENT ON COLUMN concepts.quarantined IS 'number of images of the folder that were left out because they can''t be read or occur twice';

CREATE TABLE IF NOT EXISTS concept_exemplars (
    concept_id  VARCHAR NOT NULL REFERENCES concepts (concept_id),
    place       INTEGER NOT NULL,
    image_id    VARCHAR NOT NULL,
    name        VARCHAR NOT NULL,
    picture     BLOB NOT NULL,
    PRIMARY KEY (concept_id, place)
);
COMMENT ON TABLE concept_exemplars IS 'one row per (concept_id, place): an image of the set';
COMMENT ON COLUMN concept_exemplars.concept_id IS 'content key of the image set; refers to concepts';
COMMENT ON COLUMN concept_exemplars.place IS 'position of the image in its set, counted from 0';
COMMENT ON COLUMN concept_exemplars.image_id IS 'content key of the frame: SHA-256 of the size and RGB pixels of the image fitted to the network''s input; not in images';
COMMENT ON COLUMN concept_exemplars.name IS 'file name of the image';
COMMENT ON COLUMN concept_exemplars.picture IS 'WebP image of the frame, reduced to 96 pixels a side';

CREATE TABLE IF NOT EXISTS concept_analyses (
    concept_analysis_id  VARCHAR PRIMARY KEY,
    network              VARCHAR NOT NULL REFERENCES networks (network),
    classifier           VARCHAR NOT NULL,
    pool                 VARCHAR NOT NULL,
    penalty              DOUBLE NOT NULL,
    held_out             DOUBLE NOT NULL,
    seed                 INTEGER NOT NULL,
    tests                INTEGER NOT NULL
);
COMMENT ON TABLE concept_analyses IS 'one row per TCAV analysis (concept_analysis_id): concepts, classes and layers of one network, tested together';
COMMENT ON COLUMN concept_analyses.concept_analysis_id IS 'content key of the analysis: made from the network''s weights, the layers, all image sets and the settings of the vectors';
COMMENT ON COLUMN concept_analyses.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN concept_analyses.classifier IS 'what finds the concept activation vectors: logistic, sgd or mean-difference';
COMMENT ON COLUMN concept_analyses.pool IS 'mean: activations averaged over positions; none: whole activation maps';
COMMENT ON COLUMN concept_analyses.penalty IS 'weight λ of the L2 penalty of logistic and sgd';
COMMENT ON COLUMN concept_analyses.held_out IS 'share of each set on which only the accuracy is measured, 0 to 1';
COMMENT ON COLUMN concept_analyses.seed IS 'random seed of the held-out images and of sgd';
COMMENT ON COLUMN concept_analyses.tests IS 'number of tests that Holm''s correction covers: rows of tcav_tests';

CREATE TABLE IF NOT EXISTS cavs (
    cav_id         VARCHAR PRIMARY KEY,
    concept_id     VARCHAR NOT NULL REFERENCES concepts (concept_id),
    random_set_id  VARCHAR NOT NULL REFERENCES concepts (concept_id),
    network        VARCHAR NOT NULL,
    layer          VARCHAR NOT NULL,
    accuracy       DOUBLE NOT NULL,
    FOREIGN KEY (network, layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE cavs IS 'one row per concept activation vector (cav_id): separates the exemplars of a concept, or a random set in their place, from a random set at a layer';
COMMENT ON COLUMN cavs.cav_id IS 'content key of the vector: made from the network''s weights, the layer, both image sets and the settings';
COMMENT ON COLUMN cavs.concept_id IS 'content key of the exemplars that the vector points to: of a concept, or a random set as a control; refers to concepts';
COMMENT ON COLUMN cavs.random_set_id IS 'content key of the random set that the vector points away from; refers to concepts';
COMMENT ON COLUMN cavs.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN cavs.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN cavs.accuracy IS 'share of the held-out images of both sets that lie on the correct side, 0 to 1; 0.5 by chance';

CREATE TABLE IF NOT EXISTS tcav_scores (
    concept_analysis_id  VARCHAR NOT NULL REFERENCES concept_analyses (concept_analysis_id),
    cav_id               VARCHAR NOT NULL REFERENCES cavs (cav_id),
    class_images_id      VARCHAR NOT NULL REFERENCES concepts (concept_id),
    class_index          INTEGER NOT NULL,
    score                DOUBLE NOT NULL,
    magnitude            DOUBLE NOT NULL,
    PRIMARY KEY (concept_analysis_id, cav_id, class_index)
);
COMMENT ON TABLE tcav_scores IS 'one row per (concept_analysis_id, cav_id, class_index)';
COMMENT ON COLUMN tcav_scores.concept_analysis_id IS 'content key of the TCAV analysis; refers to concept_analyses';
COMMENT ON COLUMN tcav_scores.cav_id IS 'content key of the concept activation vector; refers to cavs';
COMMENT ON COLUMN tcav_scores.class_images_id IS 'content key of the images of the class; refers to concepts';
COMMENT ON COLUMN tcav_scores.class_index IS 'number of the class among the network''s outputs, counted from 0';
COMMENT ON COLUMN tcav_scores.score IS 'TCAV score: share of the class''s images whose logit grows along the vector, 0 to 1';
COMMENT ON COLUMN tcav_scores.magnitude IS 'share of the sensitivity that is positive, 0 to 1: sum of the positive derivatives along the vector over the sum of all absolute ones';

CREATE TABLE IF NOT EXISTS tcav_tests (
    concept_analysis_id  VARCHAR NOT NULL REFERENCES concept_analyses (concept_analysis_id),
    concept_id           VARCHAR NOT NULL REFERENCES concepts (concept_id),
    layer                VARCHAR NOT NULL,
    class_images_id      VARCHAR NOT NULL REFERENCES concepts (concept_id),
    class_index          INTEGER NOT NULL,
    class_name           VARCHAR NOT NULL,
    random_sets          INTEGER NOT NULL,
    score                DOUBLE NOT NULL,
    score_std            DOUBLE NOT NULL,
    magnitude            DOUBLE NOT NULL,
    random_score         DOUBLE NOT NULL,
    random_score_std     DOUBLE NOT NULL,
    accuracy             DOUBLE NOT NULL,
    agreement            DOUBLE NOT NULL,
    p_value              DOUBLE NOT NULL,
    p_holm               DOUBLE NOT NULL,
    PRIMARY KEY (concept_analysis_id, concept_id, layer, class_index)
);
COMMENT ON TABLE tcav_tests IS 'one row per (concept_analysis_id, concept_id, layer, class_index): the test whether the concept matters for the class';
COMMENT ON COLUMN tcav_tests.concept_analysis_id IS 'content key of the TCAV analysis; refers to concept_analyses';
COMMENT ON COLUMN tcav_tests.concept_id IS 'content key of the concept''s exemplars; refers to concepts';
COMMENT ON COLUMN tcav_tests.layer IS 'name of the layer';
COMMENT ON COLUMN tcav_tests.class_images_id IS 'content key of the images of the class; refers to concepts';
COMMENT ON COLUMN tcav_tests.class_index IS 'number of the class among the network''s outputs, counted from 0';
COMMENT ON COLUMN tcav_tests.class_name IS 'name of the class';
COMMENT ON COLUMN tcav_tests.random_sets IS 'number of random sets; the test compares as many vectors of the concept with as many random vectors';
COMMENT ON COLUMN tcav_tests.score IS 'TCAV score of the concept, mean over the random sets, 0 to 1';
COMMENT ON COLUMN tcav_tests.score_std IS 'standard deviation of the score over the random sets';
COMMENT ON COLUMN tcav_tests.magnitude IS 'share of the sensitivity that is positive, mean over the random sets, 0 to 1';
COMMENT ON COLUMN tcav_tests.random_score IS 'TCAV score of random vectors (one random set against the next), mean, 0 to 1';
COMMENT ON COLUMN tcav_tests.random_score_std IS 'standard deviation of the score of random vectors';
COMMENT ON COLUMN tcav_tests.accuracy IS 'share of held-out images on the correct side of the concept''s vectors, mean, 0 to 1; 0.5 by chance';
COMMENT ON COLUMN tcav_tests.agreement IS 'mean cosine between the concept''s vectors from different random sets, -1 to 1';
COMMENT ON COLUMN tcav_tests.p_value IS 'p-value of Welch''s two-sided t-test of the concept''s scores against those of random vectors, 0 to 1';
COMMENT ON COLUMN tcav_tests.p_holm IS 'p_value after Holm''s correction for all tests of the analysis, 0 to 1';
-- Attacks on a concept's exemplars: the changed images, their effect on TCAV and on faceted visualisation, and tamper detection (methods §7).

CREATE TABLE IF NOT EXISTS attack_experiments (
    attack_experiment_id  VARCHAR PRIMARY KEY,
    network               VARCHAR NOT NULL,
    layer                 VARCHAR NOT NULL,
    kind                  VARCHAR NOT NULL CHECK (kind IN ('negative', 'positive')),
    concept_id            VARCHAR NOT NULL REFERENCES concepts (concept_id),
    class_images_id       VARCHAR NOT NULL REFERENCES concepts (concept_id),
    class_name            VARCHAR NOT NULL,
    random_sets           INTEGER NOT NULL,
    classifier            VARCHAR NOT NULL,
    pool                  VARCHAR NOT NULL,
    steps                 INTEGER NOT NULL,
    seed                  INTEGER NOT NULL,
    tests                 INTEGER NOT NULL,
    FOREIGN KEY (network, layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE attack_experiments IS 'one row per attack experiment (attack_experiment_id): a concept, a class and the layer at which the concept''s exemplars are attacked';
COMMENT ON COLUMN attack_experiments.attack_experiment_id IS 'content key of the experiment: made from the networks'' weights, the layers, all image sets, the class, the attack grid, the settings of the vectors and the dictionaries';
COMMENT ON COLUMN attack_experiments.network IS 'network that is attacked; refers to networks';
COMMENT ON COLUMN attack_experiments.layer IS 'layer at which the images are attacked; (network, layer) refers to layers';
COMMENT ON COLUMN attack_experiments.kind IS 'negative: the attack is to stop a concept that matters from mattering for the class; positive: it is to make a concept matter that does not';
COMMENT ON COLUMN attack_experiments.concept_id IS 'content key of the clean exemplars; refers to concepts';
COMMENT ON COLUMN attack_experiments.class_images_id IS 'content key of the images of the class, which no attack changes; refers to concepts';
COMMENT ON COLUMN attack_experiments.class_name IS 'name of the class';
COMMENT ON COLUMN attack_experiments.random_sets IS 'number of random sets';
COMMENT ON COLUMN attack_experiments.classifier IS 'what finds the concept activation vectors: logistic, sgd or mean-difference';
COMMENT ON COLUMN attack_experiments.pool IS 'mean: activations averaged over positions; none: whole activation maps';
COMMENT ON COLUMN attack_experiments.steps IS 'gradient steps of each attack';
COMMENT ON COLUMN attack_experiments.seed IS 'random seed: of which images are attacked, of the noise and of the random direction';
COMMENT ON COLUMN attack_experiments.tests IS 'number of tests that Holm''s correction covers: all rows of attack_scores of the experiment';

CREATE TABLE IF NOT EXISTS attacks (
    attack_experiment_id  VARCHAR NOT NULL REFERENCES attack_experiments (attack_experiment_id),
    perturbed_set         VARCHAR NOT NULL CHECK (perturbed_set IN ('concept', 'random')),
    attack                VARCHAR NOT NULL,
    epsilon               INTEGER NOT NULL,
    fraction              DOUBLE NOT NULL,
    concept_id            VARCHAR NOT NULL REFERENCES concepts (concept_id),
    artifact_folder       VARCHAR,
    images                INTEGER NOT NULL,
    changed               INTEGER NOT NULL,
    largest_change        INTEGER NOT NULL,
    psnr                  DOUBLE,
    perceptual            DOUBLE NOT NULL,
    PRIMARY KEY (attack_experiment_id, perturbed_set, attack, epsilon, fraction)
);
COMMENT ON TABLE attacks IS 'one row per (attack_experiment_id, perturbed_set, attack, epsilon, fraction): the exemplars and random sets that a user of TCAV gets, the clean ones included';
COMMENT ON COLUMN attacks.attack_experiment_id IS 'content key of the attack experiment; refers to attack_experiments';
COMMENT ON COLUMN attacks.perturbed_set IS 'which images were changed: concept (the exemplars) or random (those of the random sets)';
COMMENT ON COLUMN attacks.attack IS 'token-pushing, cav, class-gradient or random-set; controls: clean (nothing changed), noise and random-direction';
COMMENT ON COLUMN attacks.epsilon IS 'largest allowed change ε of a pixel in any channel, steps of 1/255; 0 where clean';
COMMENT ON COLUMN attacks.fraction IS 'share of the perturbed set''s images that were attacked, 0 to 1; 0 where clean';
COMMENT ON COLUMN attacks.concept_id IS 'content key of the exemplars in that state; refers to concepts; the clean exemplars where random sets were changed';
COMMENT ON COLUMN attacks.artifact_folder IS 'folder under data/attacks that holds the changed images as PNG, a content key; null where clean';
COMMENT ON COLUMN attacks.images IS 'number of images in the perturbed set: the exemplars, or those of all random sets';
COMMENT ON COLUMN attacks.changed IS 'number of images that differ from the clean ones';
COMMENT ON COLUMN attacks.largest_change IS 'largest change of any pixel in any channel, steps of 1/255';
COMMENT ON COLUMN attacks.psnr IS 'mean peak signal-to-noise ratio of the changed images, dB; null where nothing changed';
COMMENT ON COLUMN attacks.perceptual IS 'mean perceptual distance of the changed images from the clean ones, 0 to 4: squared distance of unit-normalised activations, averaged over positions and three layers (LPIPS without its learned weights); 0 where nothing changed';

CREATE TABLE IF NOT EXISTS attack_scores (
    attack_experiment_id  VARCHAR NOT NULL,
    perturbed_set         VARCHAR NOT NULL,
    attack                VARCHAR NOT NULL,
    epsilon               INTEGER NOT NULL,
    fraction              DOUBLE NOT NULL,
    eval_network          VARCHAR NOT NULL,
    eval_layer            VARCHAR NOT NULL,
    class_index           INTEGER NOT NULL,
    score                 DOUBLE NOT NULL,
    score_std             DOUBLE NOT NULL,
    magnitude             DOUBLE NOT NULL,
    random_score          DOUBLE NOT NULL,
    random_score_std      DOUBLE NOT NULL,
    accuracy              DOUBLE NOT NULL,
    cosine                DOUBLE NOT NULL,
    p_value               DOUBLE NOT NULL,
    p_holm                DOUBLE NOT NULL,
    PRIMARY KEY (attack_experiment_id, perturbed_set, attack, epsilon, fraction, eval_network, eval_layer),
    FOREIGN KEY (attack_experiment_id, perturbed_set, attack, epsilon, fraction) REFERENCES attacks (attack_experiment_id, perturbed_set, attack, epsilon, fraction),
    FOREIGN KEY (eval_network, eval_layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE attack_scores IS 'one row per (attack_experiment_id, perturbed_set, attack, epsilon, fraction, eval_network, eval_layer): TCAV with the attacked sets, at the attacked layer and, for the clean sets and the largest fraction, at transfer targets';
COMMENT ON COLUMN attack_scores.attack_experiment_id IS 'content key of the attack experiment; refers to attack_experiments';
COMMENT ON COLUMN attack_scores.perturbed_set IS 'which images were changed: concept or random, as in attacks';
COMMENT ON COLUMN attack_scores.attack IS 'name of the attack or control, as in attacks';
COMMENT ON COLUMN attack_scores.epsilon IS 'largest allowed change ε of a pixel in any channel, steps of 1/255; 0 where clean';
COMMENT ON COLUMN attack_scores.fraction IS 'share of the perturbed set''s images that were attacked, 0 to 1; 0 where clean';
COMMENT ON COLUMN attack_scores.eval_network IS 'evaluation network: the network that TCAV is run on; refers to networks';
COMMENT ON COLUMN attack_scores.eval_layer IS 'evaluation layer: the layer that TCAV is run at; (eval_network, eval_layer) refers to layers';
COMMENT ON COLUMN attack_scores.class_index IS 'number of the class among the evaluation network''s outputs, counted from 0';
COMMENT ON COLUMN attack_scores.score IS 'TCAV score: share of the class''s images whose logit grows along the vector, mean over the random sets, 0 to 1';
COMMENT ON COLUMN attack_scores.score_std IS 'standard deviation of the score over the random sets';
COMMENT ON COLUMN attack_scores.magnitude IS 'share of the sensitivity that is positive, mean over the random sets, 0 to 1';
COMMENT ON COLUMN attack_scores.random_score IS 'TCAV score of random vectors (one random set against the next), mean, 0 to 1; of the changed random sets where perturbed_set is random';
COMMENT ON COLUMN attack_scores.random_score_std IS 'standard deviation of the score of random vectors';
COMMENT ON COLUMN attack_scores.accuracy IS 'share of held-out images on the correct side of the vectors, mean over the random sets, 0 to 1; 0.5 by chance';
COMMENT ON COLUMN attack_scores.cosine IS 'cosine between the mean vector and that of the clean sets at the same evaluation layer, -1 to 1';
COMMENT ON COLUMN attack_scores.p_value IS 'p-value of Welch''s two-sided t-test of the scores against those of random vectors, 0 to 1';
COMMENT ON COLUMN attack_scores.p_holm IS 'p_value after Holm''s correction for all tests of the experiment, 0 to 1';

CREATE TABLE IF NOT EXISTS attack_pictures (
    attack_experiment_id  VARCHAR NOT NULL REFERENCES attack_experiments (attack_experiment_id),
    perturbed_set         VARCHAR NOT NULL,
    attack                VARCHAR NOT NULL,
    epsilon               INTEGER NOT NULL,
    place                 INTEGER NOT NULL,
    clean                 BLOB NOT NULL,
    attacked              BLOB NOT NULL,
    difference            BLOB NOT NULL,
    PRIMARY KEY (attack_experiment_id, perturbed_set, attack, epsilon, place)
);
COMMENT ON TABLE attack_pictures IS 'one row per (attack_experiment_id, perturbed_set, attack, epsilon, place): the first changed images of each attack at the largest fraction, at most 4';
COMMENT ON COLUMN attack_pictures.attack_experiment_id IS 'content key of the attack experiment; refers to attack_experiments';
COMMENT ON COLUMN attack_pictures.perturbed_set IS 'which images were changed: concept or random, as in attacks';
COMMENT ON COLUMN attack_pictures.attack IS 'name of the attack or control, as in attacks';
COMMENT ON COLUMN attack_pictures.epsilon IS 'largest allowed change ε of a pixel in any channel, steps of 1/255';
COMMENT ON COLUMN attack_pictures.place IS 'position of the image in the perturbed set, counted from 0; random sets are counted one after the other';
COMMENT ON COLUMN attack_pictures.clean IS 'WebP image of the whole frame before the attack';
COMMENT ON COLUMN attack_pictures.attacked IS 'WebP image of the whole frame after the attack';
COMMENT ON COLUMN attack_pictures.difference IS 'WebP image of attacked - clean around mid grey, amplified so that a change of ε has full contrast';

CREATE TABLE IF NOT EXISTS attack_features (
    attack_experiment_id  VARCHAR NOT NULL,
    perturbed_set         VARCHAR NOT NULL,
    attack                VARCHAR NOT NULL,
    epsilon               INTEGER NOT NULL,
    fraction              DOUBLE NOT NULL,
    dictionary_id         VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    statistic             VARCHAR NOT NULL,
    value                 DOUBLE NOT NULL,
    random_mean           DOUBLE NOT NULL,
    flagged               DOUBLE NOT NULL,
    auc                   DOUBLE NOT NULL,
    PRIMARY KEY (attack_experiment_id, perturbed_set, attack, epsilon, fraction, dictionary_id, statistic),
    FOREIGN KEY (attack_experiment_id, perturbed_set, attack, epsilon, fraction) REFERENCES attacks (attack_experiment_id, perturbed_set, attack, epsilon, fraction)
);
COMMENT ON TABLE attack_features IS 'one row per (attack_experiment_id, perturbed_set, attack, epsilon, fraction, dictionary_id, statistic), for attacks on exemplars: whether a dictionary''s features reveal the attack';
COMMENT ON COLUMN attack_features.attack_experiment_id IS 'content key of the attack experiment; refers to attack_experiments';
COMMENT ON COLUMN attack_features.perturbed_set IS 'which images were changed: always concept';
COMMENT ON COLUMN attack_features.attack IS 'name of the attack or control, as in attacks';
COMMENT ON COLUMN attack_features.epsilon IS 'largest allowed change ε of a pixel in any channel, steps of 1/255; 0 where clean';
COMMENT ON COLUMN attack_features.fraction IS 'share of the exemplars that were attacked, 0 to 1; 0 where clean';
COMMENT ON COLUMN attack_features.dictionary_id IS 'content key of the dictionary, a sparse autoencoder; refers to dictionaries';
COMMENT ON COLUMN attack_features.statistic IS 'statistic of one image over its positions: fvu, rare, fragile or plain; the view attacked_features explains them';
COMMENT ON COLUMN attack_features.value IS 'mean of the statistic over the exemplars';
COMMENT ON COLUMN attack_features.random_mean IS 'mean of the statistic over the images of the random sets';
COMMENT ON COLUMN attack_features.flagged IS 'share of the exemplars above the 95th percentile of the random sets'' images, 0 to 1; 0.05 where nothing distinguishes them';
COMMENT ON COLUMN attack_features.auc IS 'area under the ROC curve: probability that a changed exemplar exceeds a clean one of the same concept, 0 to 1; 0.5 by chance, and where clean';

CREATE TABLE IF NOT EXISTS facet_analyses (
    facet_analysis_id  VARCHAR PRIMARY KEY,
    network            VARCHAR NOT NULL,
    layer              VARCHAR NOT NULL,
    unit               INTEGER NOT NULL,
    unit_name          VARCHAR NOT NULL,
    facet_layer        VARCHAR NOT NULL,
    weight             DOUBLE NOT NULL,
    epsilon            INTEGER NOT NULL,
    steps              INTEGER NOT NULL,
    seed               INTEGER NOT NULL,
    FOREIGN KEY (network, layer) REFERENCES layers (network, layer),
    FOREIGN KEY (network, facet_layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE facet_analyses IS 'one row per facet analysis (facet_analysis_id): a unit that was visualised under several facets, clean and attacked';
COMMENT ON COLUMN facet_analyses.facet_analysis_id IS 'content key of the analysis: made from the network''s weights, the unit, the facet layer, all image sets and the settings';
COMMENT ON COLUMN facet_analyses.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN facet_analyses.layer IS 'layer of the unit; (network, layer) refers to layers';
COMMENT ON COLUMN facet_analyses.unit IS 'channel of the layer; for a class, the number of the class (layer is then the last one before the classifier)';
COMMENT ON COLUMN facet_analyses.unit_name IS 'layer and channel, or name of the class';
COMMENT ON COLUMN facet_analyses.facet_layer IS 'lower layer, at which facets are separated from generic images and attacked; (network, facet_layer) refers to layers';
COMMENT ON COLUMN facet_analyses.weight IS 'weight of the facet''s probe relative to the unit, whose own weight is 1';
COMMENT ON COLUMN facet_analyses.epsilon IS 'largest allowed change ε of a pixel in any channel of the facets'' images, steps of 1/255';
COMMENT ON COLUMN facet_analyses.steps IS 'gradient steps of each attack';
COMMENT ON COLUMN facet_analyses.seed IS 'random seed of the image sets';

CREATE TABLE IF NOT EXISTS facet_pictures (
    facet_analysis_id  VARCHAR NOT NULL REFERENCES facet_analyses (facet_analysis_id),
    place              INTEGER NOT NULL,
    attack             VARCHAR NOT NULL,
    facet_id           VARCHAR REFERENCES concepts (concept_id),
    target_facet_id    VARCHAR REFERENCES concepts (concept_id),
    probe_images_id    VARCHAR REFERENCES concepts (concept_id),
    accuracy           DOUBLE,
    cosine             DOUBLE,
    picture            BLOB NOT NULL,
    PRIMARY KEY (facet_analysis_id, place)
);
COMMENT ON TABLE facet_pictures IS 'one row per (facet_analysis_id, place): a picture of the unit: plain, under each clean facet, and under facets with attacked images';
COMMENT ON COLUMN facet_pictures.facet_analysis_id IS 'content key of the facet analysis; refers to facet_analyses';
COMMENT ON COLUMN facet_pictures.place IS 'number of the picture in its analysis, counted from 0; 0 is the plain one';
COMMENT ON COLUMN facet_pictures.attack IS 'plain (no facet), clean, noise, negative (images pushed away from the facet''s own mean) or positive (pushed towards the target facet''s mean)';
COMMENT ON COLUMN facet_pictures.facet_id IS 'content key of the facet''s clean images; refers to concepts; null where plain';
COMMENT ON COLUMN facet_pictures.target_facet_id IS 'content key of the facet that a positive attack pushes the images to; refers to concepts; null for all other pictures';
COMMENT ON COLUMN facet_pictures.probe_images_id IS 'content key of the images that the facet''s probe was fitted to, clean or changed; refers to concepts; null where plain';
COMMENT ON COLUMN facet_pictures.accuracy IS 'share of held-out images, of the facet and generic ones, on the correct side of the probe, 0 to 1; null where plain';
COMMENT ON COLUMN facet_pictures.cosine IS 'cosine between the probe and the one of the facet''s clean images, -1 to 1; null where plain';
COMMENT ON COLUMN facet_pictures.picture IS 'WebP image optimised for the unit under the facet';

CREATE TABLE IF NOT EXISTS facet_readings (
    facet_analysis_id  VARCHAR NOT NULL,
    place              INTEGER NOT NULL,
    facet_id           VARCHAR NOT NULL REFERENCES concepts (concept_id),
    logit              DOUBLE NOT NULL,
    PRIMARY KEY (facet_analysis_id, place, facet_id),
    FOREIGN KEY (facet_analysis_id, place) REFERENCES facet_pictures (facet_analysis_id, place)
);
COMMENT ON TABLE facet_readings IS 'one row per (facet_analysis_id, place, facet_id): how much of each facet a picture shows';
COMMENT ON COLUMN facet_readings.facet_analysis_id IS 'content key of the facet analysis; refers to facet_analyses';
COMMENT ON COLUMN facet_readings.place IS 'number of the picture; (facet_analysis_id, place) refers to facet_pictures';
COMMENT ON COLUMN facet_readings.facet_id IS 'content key of the facet''s clean images; refers to concepts';
COMMENT ON COLUMN facet_readings.logit IS 'logit of the facet''s clean probe on the picture''s average-pooled activations at the facet layer; comparable between pictures of one facet, not between facets';

CREATE TABLE IF NOT EXISTS trust_analyses (
    trust_analysis_id  VARCHAR PRIMARY KEY,
    network            VARCHAR NOT NULL,
    layer              VARCHAR NOT NULL,
    random_sets        INTEGER NOT NULL,
    calibration_sets   INTEGER NOT NULL,
    FOREIGN KEY (network, layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE trust_analyses IS 'one row per tamper detection run (trust_analysis_id): image sets checked at one layer against the same random sets';
COMMENT ON COLUMN trust_analyses.trust_analysis_id IS 'content key of the run; within an attack experiment it equals attack_experiment_id';
COMMENT ON COLUMN trust_analyses.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN trust_analyses.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN trust_analyses.random_sets IS 'number of random sets that the exemplars are compared with';
COMMENT ON COLUMN trust_analyses.calibration_sets IS 'number of clean random sets on which the thresholds of CAV shift and split-half disagreement were calibrated; 0: thresholds that were chosen at efficientnet_lite0 block10 and inceptionv1-bvlc mixed4d';

CREATE TABLE IF NOT EXISTS trust_checks (
    trust_analysis_id  VARCHAR NOT NULL REFERENCES trust_analyses (trust_analysis_id),
    concept_id         VARCHAR NOT NULL REFERENCES concepts (concept_id),
    check_name         VARCHAR NOT NULL,
    value              DOUBLE NOT NULL,
    threshold          DOUBLE NOT NULL,
    passed             BOOLEAN NOT NULL,
    PRIMARY KEY (trust_analysis_id, concept_id, check_name)
);
COMMENT ON TABLE trust_checks IS 'one row per (trust_analysis_id, concept_id, check_name)';
COMMENT ON COLUMN trust_checks.trust_analysis_id IS 'content key of the tamper detection run; refers to trust_analyses';
COMMENT ON COLUMN trust_checks.concept_id IS 'content key of the exemplars that were checked; refers to concepts';
COMMENT ON COLUMN trust_checks.check_name IS 'CAV shift after JPEG, split-half disagreement or colour grain';
COMMENT ON COLUMN trust_checks.value IS 'measured value; larger is more suspicious; 1 - cosine (CAV shift after JPEG), a difference of cosines (split-half disagreement) or steps of 1/255 (colour grain)';
COMMENT ON COLUMN trust_checks.threshold IS 'largest value that passes, in the same unit';
COMMENT ON COLUMN trust_checks.passed IS 'whether value is not above threshold';
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
-- Lineage: which flow run made each result, and where MLflow has it.

CREATE TABLE IF NOT EXISTS provenance (
    table_name    VARCHAR NOT NULL,
    result_table  VARCHAR NOT NULL,
    result_id     VARCHAR NOT NULL,
    load_key      VARCHAR NOT NULL,
    flow_run_id   VARCHAR,
    git_revision  VARCHAR,
    made_at       TIMESTAMP NOT NULL,
    PRIMARY KEY (table_name, result_id, load_key)
);
COMMENT ON TABLE provenance IS 'one row per (table_name, result_id, load_key): the rows that one load added to a table about one result, and how they were made; rows that were staged before this table existed are not in it';
COMMENT ON COLUMN provenance.table_name IS 'name of the table that holds the rows; for the row of the result itself, result_table';
COMMENT ON COLUMN provenance.result_table IS 'name of the table with one row per result of this kind, such as dictionaries; benchmarked_dictionaries for the scores of a dictionary, whose load also has the row of its benchmark; an attack experiment and the tamper detection on its sets have the same key in two tables';
COMMENT ON COLUMN provenance.result_id IS 'content key of the result: of an activation set, dictionary, unit set, analysis, attack experiment, benchmark or dictionary that a benchmark scored';
COMMENT ON COLUMN provenance.load_key IS 'key of the staged tables; (load_key, table_name) is in loads';
COMMENT ON COLUMN provenance.flow_run_id IS 'id that Prefect gave the flow run that made the rows, a UUID; null outside a flow; it is in runs once that run has finished and was published';
COMMENT ON COLUMN provenance.git_revision IS 'commit of the code that made the rows, with -dirty where files differ from it; null outside a git repository';
COMMENT ON COLUMN provenance.made_at IS 'time when the rows were made, UTC; of a dictionary, when its training or import ended';

CREATE TABLE IF NOT EXISTS mlflow_runs (
    mlflow_run_id  VARCHAR PRIMARY KEY,
    kind           VARCHAR NOT NULL,
    result_id      VARCHAR NOT NULL,
    experiment     VARCHAR NOT NULL,
    started_at     TIMESTAMP NOT NULL
);
COMMENT ON TABLE mlflow_runs IS 'one row per MLflow run of a result (mlflow_run_id)';
COMMENT ON COLUMN mlflow_runs.mlflow_run_id IS 'id that MLflow gave the run, 32 hex digits';
COMMENT ON COLUMN mlflow_runs.kind IS 'name of the run''s tag that holds the key: dictionary, concepts, attack_study, facets, trust, dimensions or benchmark';
COMMENT ON COLUMN mlflow_runs.result_id IS 'content key of the dictionary, analysis or attack experiment that the run records; of a benchmark, load_key of the dictionary''s scores';
COMMENT ON COLUMN mlflow_runs.experiment IS 'name of the MLflow experiment that holds the run';
COMMENT ON COLUMN mlflow_runs.started_at IS 'time when the run was created in MLflow, UTC; where a result has several runs, because the store was lost, the last one counts';

CREATE TABLE IF NOT EXISTS mlflow_models (
    model_name     VARCHAR NOT NULL,
    version        INTEGER NOT NULL,
    mlflow_run_id  VARCHAR NOT NULL,
    result_id      VARCHAR NOT NULL,
    concept_id     VARCHAR,
    layer          VARCHAR,
    PRIMARY KEY (model_name, version, mlflow_run_id)
);
COMMENT ON TABLE mlflow_models IS 'one row per registered model version (model_name, version, mlflow_run_id); aliases are not here, as they move in MLflow after a publication: models:/NAME/VERSION always loads the same model';
COMMENT ON COLUMN mlflow_models.model_name IS 'name of the registered model in MLflow';
COMMENT ON COLUMN mlflow_models.version IS 'number of the version';
COMMENT ON COLUMN mlflow_models.mlflow_run_id IS 'id of the MLflow run that the version was registered from; refers to mlflow_runs';
COMMENT ON COLUMN mlflow_models.result_id IS 'content key of the dictionary, or of the TCAV analysis of the concept activation vectors, that the version holds';
COMMENT ON COLUMN mlflow_models.concept_id IS 'content key of the concept''s exemplars; refers to concepts; null for a dictionary';
COMMENT ON COLUMN mlflow_models.layer IS 'name of the layer of the concept activation vectors; null for a dictionary, which has the layer of its activation set';
-- How well activations under every transform can be predicted: floors for crosscoders.

CREATE TABLE IF NOT EXISTS orbit_predictions (
    dictionary_id  VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    predictor      VARCHAR NOT NULL CHECK (predictor IN ('linear', 'nonlinear', 'generators', 'orbit-linear', 'matching-pursuit')),
    steps          INTEGER NOT NULL,
    element        INTEGER NOT NULL,
    fvu            DOUBLE NOT NULL,
    variance       DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, predictor, steps, element)
);
COMMENT ON TABLE orbit_predictions IS 'one row per (dictionary_id, predictor, steps, element): how well one block is predicted, on rows of a crosscoder''s test split';
COMMENT ON COLUMN orbit_predictions.dictionary_id IS 'content key of the crosscoder whose rows are predicted; refers to dictionaries';
COMMENT ON COLUMN orbit_predictions.predictor IS 'from the identity block, without features: linear (ridge regression), nonlinear (the linear prediction plus that of a neural network with two hidden layers) or generators (powers of one matrix for the smallest rotation, times one matrix for the mirror); from the whole orbit: orbit-linear (as many principal components as a row has active features) or matching-pursuit (the crosscoder''s decoder, with as many features, chosen by orthogonal matching pursuit)';
COMMENT ON COLUMN orbit_predictions.steps IS 'training steps of the neural network or, after a regression, of the matrices; 0 for the other predictors';
COMMENT ON COLUMN orbit_predictions.element IS 'number of the group element g, 0 to |G| - 1; 0 is the identity';
COMMENT ON COLUMN orbit_predictions.fvu IS 'fraction of variance unexplained of this block: squared error over variance; 0 is perfect, 1 is no better than the mean';
COMMENT ON COLUMN orbit_predictions.variance IS 'variance of this block over the same rows, summed over channels, in squared units of the layer''s activations; fvu over all blocks is the mean of fvu weighted by it';
-- Whether dictionaries that differ only in their random seed learn the same features.

CREATE TABLE IF NOT EXISTS dictionary_stability (
    dictionary_id     VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    replica_id        VARCHAR NOT NULL,
    replica_seed      INTEGER NOT NULL,
    stability         DOUBLE NOT NULL,
    stability_random  DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, replica_id)
);
COMMENT ON TABLE dictionary_stability IS 'one row per (dictionary_id, replica_id): how well the features of a dictionary match those of one trained from another seed';
COMMENT ON COLUMN dictionary_stability.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN dictionary_stability.replica_id IS 'content key of the dictionary with the same settings but another seed; it need not be in the table dictionaries';
COMMENT ON COLUMN dictionary_stability.replica_seed IS 'training seed of the replica';
COMMENT ON COLUMN dictionary_stability.stability IS 'mean cosine of features matched one to one, -1 to 1; only features that fire on the test split are matched';
COMMENT ON COLUMN dictionary_stability.stability_random IS 'the same against random vectors, as a baseline';
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
