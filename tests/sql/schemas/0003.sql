-- What was looked at: networks, layers, images, and what was refused.

CREATE TABLE IF NOT EXISTS networks (
    network         VARCHAR PRIMARY KEY,
    weights_sha256  VARCHAR NOT NULL,
    input_size      INTEGER NOT NULL,
    classes         INTEGER NOT NULL
);
COMMENT ON TABLE networks IS 'one row per network';
COMMENT ON COLUMN networks.weights_sha256 IS 'SHA-256 of the weight file';
COMMENT ON COLUMN networks.input_size IS 'side of the square input, pixels';

CREATE TABLE IF NOT EXISTS layers (
    network          VARCHAR NOT NULL REFERENCES networks (network),
    layer            VARCHAR NOT NULL,
    channels         INTEGER NOT NULL,
    receptive_field  INTEGER NOT NULL,
    stride           INTEGER NOT NULL,
    offset_px        INTEGER NOT NULL,
    PRIMARY KEY (network, layer)
);
COMMENT ON TABLE layers IS 'one row per (network, layer)';
COMMENT ON COLUMN layers.receptive_field IS 'side of the square a unit sees, input pixels';
COMMENT ON COLUMN layers.offset_px IS 'first input pixel that unit 0 sees; unit i starts at offset_px + stride * i';

CREATE TABLE IF NOT EXISTS images (
    image_id  VARCHAR PRIMARY KEY,
    source    VARCHAR NOT NULL,
    name      VARCHAR NOT NULL,
    width     INTEGER NOT NULL,
    height    INTEGER NOT NULL
);
COMMENT ON TABLE images IS 'one row per image, named by its content';
COMMENT ON COLUMN images.image_id IS 'content key of the decoded pixels';

CREATE TABLE IF NOT EXISTS quarantine (
    activation_set_id  VARCHAR NOT NULL,
    name               VARCHAR NOT NULL,
    reason             VARCHAR NOT NULL,
    PRIMARY KEY (activation_set_id, name)
);
COMMENT ON TABLE quarantine IS 'one row per (activation_set, name): what could not be read, and why';
-- Orbits of activations: sets and the shards they are stored in.

CREATE TABLE IF NOT EXISTS activation_sets (
    activation_set_id  VARCHAR PRIMARY KEY,
    network            VARCHAR NOT NULL,
    layer              VARCHAR NOT NULL,
    n_rotations        INTEGER NOT NULL,
    reflections        BOOLEAN NOT NULL,
    group_order        INTEGER NOT NULL,
    orbits             INTEGER NOT NULL,
    sampling           VARCHAR NOT NULL,
    seed               INTEGER NOT NULL,
    config             JSON NOT NULL,
    FOREIGN KEY (network, layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE activation_sets IS 'one row per activation set: orbits of one layer over one set of images';
COMMENT ON COLUMN activation_sets.reflections IS 'whether the group is dihedral, and not its rotations alone';
COMMENT ON COLUMN activation_sets.group_order IS '|G| = 2 * n_rotations, or n_rotations without reflections; 1: images as they are';
COMMENT ON COLUMN activation_sets.orbits IS 'sampled positions; each was seen under all |G| transforms';

CREATE TABLE IF NOT EXISTS shards (
    activation_set_id  VARCHAR NOT NULL REFERENCES activation_sets (activation_set_id),
    shard              INTEGER NOT NULL,
    split              VARCHAR NOT NULL CHECK (split IN ('train', 'test')),
    orbits             INTEGER NOT NULL,
    bytes              BIGINT NOT NULL,
    sha256             VARCHAR NOT NULL,
    PRIMARY KEY (activation_set_id, shard)
);
COMMENT ON TABLE shards IS 'one row per (activation_set, shard)';
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
-- Transform-block analysis of group crosscoders.

CREATE TABLE IF NOT EXISTS transform_blocks (
    dictionary_id       VARCHAR NOT NULL,
    feature             INTEGER NOT NULL,
    element             INTEGER NOT NULL,
    rotation_degrees    DOUBLE NOT NULL,
    mirrored            BOOLEAN NOT NULL,
    norm                DOUBLE NOT NULL,
    cosine_to_identity  DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, feature, element),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE transform_blocks IS 'one row per (dictionary, feature, group element)';
COMMENT ON COLUMN transform_blocks.element IS 'index g: 0..n-1 rotations r^g, n..2n-1 reflections r^(g-n) s, s the left-right mirror';
COMMENT ON COLUMN transform_blocks.rotation_degrees IS 'counter-clockwise angle of the rotation part';
COMMENT ON COLUMN transform_blocks.norm IS 'Euclidean norm of the block d_i^g';
COMMENT ON COLUMN transform_blocks.cosine_to_identity IS 'profile c_i(g) = cos(d_i^e, d_i^g)';

CREATE TABLE IF NOT EXISTS feature_harmonics (
    dictionary_id  VARCHAR NOT NULL,
    feature        INTEGER NOT NULL,
    harmonic       INTEGER NOT NULL,
    energy         DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, feature, harmonic),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE feature_harmonics IS 'one row per (dictionary, feature, harmonic of the rotation profile)';
COMMENT ON COLUMN feature_harmonics.energy IS 'share of the rotation profile''s energy in this harmonic; shares sum to 1';

CREATE TABLE IF NOT EXISTS feature_symmetry (
    dictionary_id     VARCHAR NOT NULL,
    feature           INTEGER NOT NULL,
    type              VARCHAR NOT NULL,
    period_degrees    DOUBLE,
    confidence        DOUBLE NOT NULL,
    rotational_order  INTEGER NOT NULL,
    invariance        DOUBLE NOT NULL,
    mirror            DOUBLE,
    mirror_element    INTEGER,
    stabiliser        VARCHAR NOT NULL,
    stabiliser_order  INTEGER NOT NULL,
    PRIMARY KEY (dictionary_id, feature),
    FOREIGN KEY (dictionary_id, feature) REFERENCES features (dictionary_id, feature)
);
COMMENT ON TABLE feature_symmetry IS 'one row per (dictionary, live feature of a group crosscoder)';
COMMENT ON COLUMN feature_symmetry.type IS 'invariant, period-360, period-180, period-120, period-90, ... or mixed';
COMMENT ON COLUMN feature_symmetry.period_degrees IS 'smallest rotation after which the profile repeats; null for invariant and mixed';
COMMENT ON COLUMN feature_symmetry.rotational_order IS 'harmonic >= 1 with the most energy in the profile over rotations; 0 where the profile is flat';
COMMENT ON COLUMN feature_symmetry.invariance IS 'mean of the profile over the group';
COMMENT ON COLUMN feature_symmetry.mirror IS 'largest cosine over the reflections; null in a group without any';
COMMENT ON COLUMN feature_symmetry.stabiliser IS 'subgroup that leaves the feature as it is: trivial, C_k, D_k or full';
-- What ran, what was loaded, what was checked.

CREATE TABLE IF NOT EXISTS runs (
    flow_run_id        VARCHAR PRIMARY KEY,
    flow               VARCHAR NOT NULL,
    started_at         TIMESTAMP NOT NULL,
    seconds            DOUBLE NOT NULL,
    peak_memory_bytes  BIGINT NOT NULL,
    git_revision       VARCHAR,
    config             JSON NOT NULL
);
COMMENT ON TABLE runs IS 'one row per finished flow run';

CREATE TABLE IF NOT EXISTS loads (
    load_key    VARCHAR NOT NULL,
    table_name  VARCHAR NOT NULL,
    rows        BIGINT NOT NULL,
    loaded_at   TIMESTAMP NOT NULL,
    PRIMARY KEY (load_key, table_name)
);
COMMENT ON TABLE loads IS 'one row per (load, table): a load is one transaction and is never repeated';

CREATE TABLE IF NOT EXISTS audit_results (
    audited_at  TIMESTAMP NOT NULL,
    audit       VARCHAR NOT NULL,
    kind        VARCHAR NOT NULL CHECK (kind IN ('sql', 'great-expectations')),
    passed      BOOLEAN NOT NULL,
    failures    BIGINT NOT NULL,
    detail      VARCHAR NOT NULL,
    PRIMARY KEY (audited_at, kind, audit)
);
COMMENT ON TABLE audit_results IS 'one row per (time, kind, audit)';
COMMENT ON COLUMN audit_results.failures IS 'offending rows';
COMMENT ON COLUMN audit_results.detail IS 'the first offending rows, as JSON; empty when passed';

CREATE TABLE IF NOT EXISTS schema_versions (
    version      INTEGER PRIMARY KEY,
    migrated_at  TIMESTAMP NOT NULL
);
COMMENT ON TABLE schema_versions IS 'one row per version of sql/schema that these tables have had: the highest is theirs';
COMMENT ON COLUMN schema_versions.migrated_at IS 'UTC';

CREATE TABLE IF NOT EXISTS set_aside (
    kind    VARCHAR NOT NULL,
    name    VARCHAR NOT NULL,
    reason  VARCHAR NOT NULL,
    since   TIMESTAMP,
    PRIMARY KEY (kind, name)
);
COMMENT ON TABLE set_aside IS 'one row per (kind, name): what is missing in these tables, and why; made anew by each publication';
COMMENT ON COLUMN set_aside.kind IS 'folder of data/ that it was taken from, or waiting: staged rows that refer to rows which are not there';
COMMENT ON COLUMN set_aside.since IS 'when it was set aside, UTC; null while it waits';
-- What drawn stimuli say of neurons and features: radial tuning, stimulus types, curve detectors (methods §5).

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
COMMENT ON TABLE unit_sets IS 'one row per subject: the neurons of a layer, or the features of a dictionary, shown the same stimuli';
COMMENT ON COLUMN unit_sets.dictionary_id IS 'null for neurons';
COMMENT ON COLUMN unit_sets.activation_set_id IS 'natural images that maxima and confirmations come from';
COMMENT ON COLUMN unit_sets.step_degrees IS 'between the orientations of a stimulus';
COMMENT ON COLUMN unit_sets.stimuli IS 'pictures shown, all families';

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
COMMENT ON TABLE unit_tuning IS 'one row per (subject, unit): every neuron or feature';
COMMENT ON COLUMN unit_tuning.stimulus_type IS 'family of the drawn stimulus answered most: curve, line, edge, angle, grating, hatch, centre-surround, colour; mixed where another comes close, other where none is answered beside natural images';
COMMENT ON COLUMN unit_tuning.confidence IS '1 - best response to another family / best response';
COMMENT ON COLUMN unit_tuning.best_response IS 'largest response to any drawn stimulus';
COMMENT ON COLUMN unit_tuning.best_arc_response IS 'largest response to an arc';
COMMENT ON COLUMN unit_tuning.natural_maximum IS 'largest response on the activation set';
COMMENT ON COLUMN unit_tuning.peak_degrees IS 'orientation of the radial tuning curve''s peak, from the patch''s centre to the circle''s, 0 = right, counter-clockwise; null where no arc is answered';
COMMENT ON COLUMN unit_tuning.width_degrees IS 'full width at half maximum';
COMMENT ON COLUMN unit_tuning.echo IS 'response opposite of the peak over the peak''s';
COMMENT ON COLUMN unit_tuning.concentration IS 'r1: 0 for a flat curve, 1 for one orientation';
COMMENT ON COLUMN unit_tuning.weakest_rendering IS 'of dark and light lines and fills near the peak, over best_arc_response';
COMMENT ON COLUMN unit_tuning.straight_share IS 'best response to a straight line or edge over best_arc_response';
COMMENT ON COLUMN unit_tuning.criteria_met IS 'of the 5 that make a curve detector';

CREATE TABLE IF NOT EXISTS tuning_curves (
    unit_set_id    VARCHAR NOT NULL,
    unit           INTEGER NOT NULL,
    stimulus       VARCHAR NOT NULL,
    angle_degrees  DOUBLE NOT NULL,
    response       DOUBLE NOT NULL,
    PRIMARY KEY (unit_set_id, unit, stimulus, angle_degrees),
    FOREIGN KEY (unit_set_id, unit) REFERENCES unit_tuning (unit_set_id, unit)
);
COMMENT ON TABLE tuning_curves IS 'one row per (subject, unit, stimulus, angle): curve detectors, and units that fail one criterion as far as 400 units go';
COMMENT ON COLUMN tuning_curves.stimulus IS 'arc: mean over renderings and radii; arc dark line, arc light line, arc dark fill, arc light fill: mean over radii';

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
COMMENT ON TABLE curve_detectors IS 'one row per (subject, unit) that meets all criteria of a curve detector';
COMMENT ON COLUMN curve_detectors.curve_family IS 'detectors of one radius and rendering, alike but for where they point';
COMMENT ON COLUMN curve_detectors.preferred_radius IS 'pixels, of the arc answered most';
COMMENT ON COLUMN curve_detectors.rendering IS 'the rendering answered most; any where the weakest reaches half of it';
COMMENT ON COLUMN curve_detectors.natural_correlation IS 'of the drawn tuning curve with that of natural examples turned through the circle; null where no example excites the unit';
COMMENT ON COLUMN curve_detectors.nearest_neuron IS 'unit of the layer''s curve detector with the nearest peak; null for neurons, and where the layer has none';
COMMENT ON COLUMN curve_detectors.nearest_degrees IS 'from the feature''s peak to that neuron''s';
COMMENT ON COLUMN curve_detectors.inside_arc IS 'the peak lies where no neuron reaches half its maximum; null for neurons';
COMMENT ON COLUMN curve_detectors.inside_gap IS 'no neuron peaks within 10 degrees; null for neurons';
COMMENT ON COLUMN curve_detectors.missing IS 'inside an arc or gap of the neurons and confirmed on natural images; null for neurons';
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
-- Families: features that are turned and mirrored copies of each other (methods §4).

CREATE TABLE IF NOT EXISTS family_analyses (
    family_analysis_id  VARCHAR PRIMARY KEY,
    dictionary_id       VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    n_rotations         INTEGER NOT NULL,
    reflections         BOOLEAN NOT NULL,
    group_order         INTEGER NOT NULL,
    neighbours          INTEGER NOT NULL,
    min_family_size     INTEGER NOT NULL,
    seed                INTEGER NOT NULL,
    live_features       INTEGER NOT NULL,
    families            INTEGER NOT NULL
);
COMMENT ON TABLE family_analyses IS 'one row per grouping of a dictionary''s live features into families';
COMMENT ON COLUMN family_analyses.group_order IS '|G| of the group that features were compared under: the dictionary''s own or a subgroup; 1 for an SAE';
COMMENT ON COLUMN family_analyses.neighbours IS 'nearest features that the map keeps together';
COMMENT ON COLUMN family_analyses.live_features IS 'live features that were grouped';

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
COMMENT ON TABLE family_shapes IS 'one row per (analysis, family); families are numbered from 0, the largest first';
COMMENT ON COLUMN family_shapes.prototype IS 'feature nearest to all others of the family';
COMMENT ON COLUMN family_shapes.type IS 'symmetry type read from the mean of the members'' blocks, each turned to the prototype; null for an SAE';
COMMENT ON COLUMN family_shapes.period_degrees IS 'smallest rotation that leaves the mean as it is; orientations are told within it; null where invariant or mixed';
COMMENT ON COLUMN family_shapes.mean_similarity IS 'mean cosine of the members with the prototype, each turned to it';
COMMENT ON COLUMN family_shapes.reach_degrees IS 'largest rotation by which the mean still resembles itself by half; null without orientations';
COMMENT ON COLUMN family_shapes.evenness IS 'entropy of the gaps between the members'' orientations over that of equal gaps: 0 all at one, 1 even; null without orientations';
COMMENT ON COLUMN family_shapes.covered IS 'share of the period within reach of some member; null without orientations';
COMMENT ON COLUMN family_shapes.missing_members IS 'members that would cover the rest of the period; null without orientations';
COMMENT ON COLUMN family_shapes.missing_orientations IS 'where they would stand, degrees from the prototype';
COMMENT ON COLUMN family_shapes.profile IS 'mean over the members of cos(d^e, d^g), rotations in order; null for an SAE';
COMMENT ON COLUMN family_shapes.profile_low IS '10th percentile over the members';
COMMENT ON COLUMN family_shapes.profile_high IS '90th percentile over the members';

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
COMMENT ON TABLE feature_families IS 'one row per (analysis, live feature)';
COMMENT ON COLUMN feature_families.family IS 'null: in none';
COMMENT ON COLUMN feature_families.strength IS 'how surely it belongs, 0 to 1';
COMMENT ON COLUMN feature_families.element IS 'group element that carries the prototype to the feature; null in no family';
COMMENT ON COLUMN feature_families.orientation_degrees IS 'counter-clockwise from the prototype, within the family''s period; null where the family has no orientations';
COMMENT ON COLUMN feature_families.mirrored IS 'whether only a reflection carries the prototype to it; null in no family';
COMMENT ON COLUMN feature_families.similarity IS 'cosine with the prototype, turned to the feature; null in no family';
COMMENT ON COLUMN feature_families.map_x IS 'place on the map of all features (UMAP, no unit)';
COMMENT ON COLUMN feature_families.stimulus_type IS 'drawn stimuli that the feature answers most: curve, line, … or mixed, other; read from responses alone; null where features are read from whole orbits';
COMMENT ON COLUMN feature_families.stimulus_confidence IS '1 - best response to any other kind of stimulus over the best';

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
COMMENT ON TABLE family_pairs IS 'one row per (analysis, feature, other member of its family, at most the 64 most similar), verified on unseen images';
COMMENT ON COLUMN family_pairs.element IS 'group element h that carries the feature to the partner';
COMMENT ON COLUMN family_pairs.similarity IS 'cosine of the two, the feature turned by h';
COMMENT ON COLUMN family_pairs.examples IS 'images of the test split that excite the feature most, at most 8';
COMMENT ON COLUMN family_pairs.fired IS 'share of them on which the partner fires once the image is transformed by h; null without examples';
COMMENT ON COLUMN family_pairs.chance IS 'the same share over all elements of the group: what a wrong h would give';

CREATE TABLE IF NOT EXISTS family_scores (
    family_analysis_id  VARCHAR NOT NULL REFERENCES family_analyses (family_analysis_id),
    condition           VARCHAR NOT NULL CHECK (condition IN ('features', 'shuffled blocks', 'random dictionary')),
    seed                INTEGER NOT NULL,
    metric              VARCHAR NOT NULL,
    value               DOUBLE NOT NULL,
    PRIMARY KEY (family_analysis_id, condition, seed, metric)
);
COMMENT ON TABLE family_scores IS 'one row per (analysis, subject, seed, metric): how well families agree with what features answer to';
COMMENT ON COLUMN family_scores.condition IS 'the dictionary''s features, or a control: its blocks dealt out anew within each feature, or random vectors';
COMMENT ON COLUMN family_scores.seed IS 'training seed of the dictionary: its own, or that of one trained alike';
COMMENT ON COLUMN family_scores.metric IS 'adjusted_rand, purity, silhouette, neighbour_agreement, neighbour_chance, clustered, families, features';
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
-- Concepts: what stands for them, the directions that they have at a layer, how much they matter for a class (methods §7).

CREATE TABLE IF NOT EXISTS concepts (
    concept_id   VARCHAR PRIMARY KEY,
    name         VARCHAR NOT NULL,
    role         VARCHAR NOT NULL CHECK (role IN ('concept', 'random', 'class')),
    origin       VARCHAR NOT NULL CHECK (origin IN ('folder', 'drawn', 'attacked')),
    exemplars    INTEGER NOT NULL,
    quarantined  INTEGER NOT NULL
);
COMMENT ON TABLE concepts IS 'one row per set of exemplars, named by their pixels: a concept''s, a random set or the images of a class';
COMMENT ON COLUMN concepts.name IS 'of the folder, or of the pattern that was drawn';
COMMENT ON COLUMN concepts.origin IS 'folder: photographs, of a folder or those inside scikit-image; drawn: patterns and scenes; attacked: changed by an attack';
COMMENT ON COLUMN concepts.quarantined IS 'images of the folder that were set aside';

CREATE TABLE IF NOT EXISTS concept_exemplars (
    concept_id  VARCHAR NOT NULL REFERENCES concepts (concept_id),
    place       INTEGER NOT NULL,
    image_id    VARCHAR NOT NULL,
    name        VARCHAR NOT NULL,
    picture     BLOB NOT NULL,
    PRIMARY KEY (concept_id, place)
);
COMMENT ON TABLE concept_exemplars IS 'one row per (set, exemplar)';
COMMENT ON COLUMN concept_exemplars.image_id IS 'content key of the frame''s pixels';
COMMENT ON COLUMN concept_exemplars.picture IS 'the frame, made small, WebP';

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
COMMENT ON TABLE concept_analyses IS 'one row per run of TCAV: concepts × classes × layers of a network, tested together';
COMMENT ON COLUMN concept_analyses.classifier IS 'logistic, sgd or mean-difference';
COMMENT ON COLUMN concept_analyses.pool IS 'mean: activations averaged over positions; none: whole maps';
COMMENT ON COLUMN concept_analyses.tests IS 'that Holm''s correction is over';

CREATE TABLE IF NOT EXISTS cavs (
    cav_id         VARCHAR PRIMARY KEY,
    concept_id     VARCHAR NOT NULL REFERENCES concepts (concept_id),
    random_set_id  VARCHAR NOT NULL REFERENCES concepts (concept_id),
    network        VARCHAR NOT NULL,
    layer          VARCHAR NOT NULL,
    accuracy       DOUBLE NOT NULL,
    FOREIGN KEY (network, layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE cavs IS 'one row per concept activation vector: a concept''s exemplars, or a random set that stands for one, against a random set at a layer';
COMMENT ON COLUMN cavs.accuracy IS 'share of the held-out exemplars of both sets on their own side';

CREATE TABLE IF NOT EXISTS tcav_scores (
    concept_analysis_id  VARCHAR NOT NULL REFERENCES concept_analyses (concept_analysis_id),
    cav_id               VARCHAR NOT NULL REFERENCES cavs (cav_id),
    class_images_id      VARCHAR NOT NULL REFERENCES concepts (concept_id),
    class_index          INTEGER NOT NULL,
    score                DOUBLE NOT NULL,
    magnitude            DOUBLE NOT NULL,
    PRIMARY KEY (concept_analysis_id, cav_id, class_index)
);
COMMENT ON TABLE tcav_scores IS 'one row per (analysis, vector, class)';
COMMENT ON COLUMN tcav_scores.class_images_id IS 'set of the images of the class';
COMMENT ON COLUMN tcav_scores.score IS 'share of the class''s images whose logit grows along the vector';
COMMENT ON COLUMN tcav_scores.magnitude IS 'part of the sensitivity that is positive';

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
COMMENT ON TABLE tcav_tests IS 'one row per (analysis, concept, layer, class): does the concept matter for the class?';
COMMENT ON COLUMN tcav_tests.score IS 'mean over the random sets';
COMMENT ON COLUMN tcav_tests.score_std IS 'standard deviation over the random sets';
COMMENT ON COLUMN tcav_tests.random_score IS 'mean score of the vectors of random sets against one another';
COMMENT ON COLUMN tcav_tests.accuracy IS 'of the concept''s vectors, mean';
COMMENT ON COLUMN tcav_tests.agreement IS 'mean cosine between the concept''s vectors from different random sets';
COMMENT ON COLUMN tcav_tests.p_value IS 'Welch''s two-sided t-test of the concept''s scores against those of random vectors';
COMMENT ON COLUMN tcav_tests.p_holm IS 'p_value, corrected for all tests of the analysis';
-- Attacks on a concept's exemplars: what was changed, what TCAV and faceted visualisation then say, and whether the exemplars can be trusted (methods §7).

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
COMMENT ON TABLE attack_experiments IS 'one row per story: a concept, a class, and the layer at which the exemplars are attacked';
COMMENT ON COLUMN attack_experiments.kind IS 'negative: a concept that matters is to stop mattering; positive: one that does not is to matter';
COMMENT ON COLUMN attack_experiments.concept_id IS 'the clean exemplars';
COMMENT ON COLUMN attack_experiments.class_images_id IS 'set of the images of the class, which no attack touches';
COMMENT ON COLUMN attack_experiments.steps IS 'gradient steps of each attack';
COMMENT ON COLUMN attack_experiments.tests IS 'that Holm''s correction is over: all rows of attack_scores';

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
COMMENT ON TABLE attacks IS 'one row per (analysis, whose images, attack, ε, poisoned fraction): the sets that a user of TCAV gets; the clean ones too';
COMMENT ON COLUMN attacks.perturbed_set IS 'concept: the exemplars were changed; random: the images of the random sets';
COMMENT ON COLUMN attacks.attack IS 'token-pushing, cav, class-gradient, random-set; controls: clean, noise, random-direction';
COMMENT ON COLUMN attacks.epsilon IS 'no pixel may change by more in any channel, in steps of 1/255; 0 where clean';
COMMENT ON COLUMN attacks.fraction IS 'of the touched images that were changed; 0 where clean';
COMMENT ON COLUMN attacks.concept_id IS 'the exemplars as they then are; the clean ones where random sets are touched';
COMMENT ON COLUMN attacks.artifact_folder IS 'folder under data/attacks that holds the changed images as PNG; null where clean';
COMMENT ON COLUMN attacks.images IS 'that are touched: the exemplars, or all of the random sets';
COMMENT ON COLUMN attacks.changed IS 'images that differ from the clean ones';
COMMENT ON COLUMN attacks.largest_change IS 'of any pixel in any channel, in steps of 1/255';
COMMENT ON COLUMN attacks.psnr IS 'mean peak signal-to-noise ratio of the changed images, dB; null where nothing changed';
COMMENT ON COLUMN attacks.perceptual IS 'mean distance of the changed images in unit-normalised activations, 0 to 4; as LPIPS but for its learned weights';

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
COMMENT ON TABLE attack_scores IS 'one row per (attack, network and layer that the sets are read at): TCAV of the story''s class, where they were attacked and, of the largest fraction, elsewhere';
COMMENT ON COLUMN attack_scores.class_index IS 'of the class in the network that reads';
COMMENT ON COLUMN attack_scores.score IS 'share of the class''s images whose logit grows along the vector, mean over the random sets';
COMMENT ON COLUMN attack_scores.score_std IS 'standard deviation over the random sets';
COMMENT ON COLUMN attack_scores.magnitude IS 'part of the sensitivity that is positive';
COMMENT ON COLUMN attack_scores.random_score IS 'mean score of the vectors of random sets against one another';
COMMENT ON COLUMN attack_scores.accuracy IS 'of the vectors on held-out exemplars, mean';
COMMENT ON COLUMN attack_scores.cosine IS 'of the mean vector to that of the clean sets, same network and layer';
COMMENT ON COLUMN attack_scores.p_value IS 'Welch''s two-sided t-test of the scores against those of random vectors';
COMMENT ON COLUMN attack_scores.p_holm IS 'p_value, corrected for all tests of the analysis';

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
COMMENT ON TABLE attack_pictures IS 'one row per (attack of the largest fraction, one of the first changed images), WebP of the whole frame';
COMMENT ON COLUMN attack_pictures.place IS 'of the image in its set, or in the random sets one after the other';
COMMENT ON COLUMN attack_pictures.difference IS 'attacked − clean, amplified until ε is full contrast, around grey';

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
COMMENT ON TABLE attack_features IS 'one row per (attack on exemplars, dictionary, statistic): do the dictionary''s features give the attack away?';
COMMENT ON COLUMN attack_features.statistic IS 'of one image over its positions: fvu, rare, fragile, plain (see the view attacked_features)';
COMMENT ON COLUMN attack_features.value IS 'mean over the exemplars';
COMMENT ON COLUMN attack_features.random_mean IS 'mean over the images of the random sets';
COMMENT ON COLUMN attack_features.flagged IS 'share of the exemplars above the 95th percentile of the random sets'' images: 0.05 where nothing sets them apart';
COMMENT ON COLUMN attack_features.auc IS 'probability that a changed exemplar exceeds a clean one of the same concept; 0.5 by chance, and where clean';

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
COMMENT ON TABLE facet_analyses IS 'one row per unit that was visualised under facets, clean and attacked';
COMMENT ON COLUMN facet_analyses.unit IS 'channel of the layer; of the last layer before the classifier, the class';
COMMENT ON COLUMN facet_analyses.unit_name IS 'layer and channel, or the class''s name';
COMMENT ON COLUMN facet_analyses.facet_layer IS 'layer below, at which facets are told from generic images and attacked';
COMMENT ON COLUMN facet_analyses.weight IS 'of the facet beside the unit';
COMMENT ON COLUMN facet_analyses.epsilon IS 'of the attacks on the facets'' images, in steps of 1/255';
COMMENT ON COLUMN facet_analyses.steps IS 'gradient steps of each attack';

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
COMMENT ON TABLE facet_pictures IS 'one row per picture of a unit: plain, under each clean facet, and under facets whose images were attacked';
COMMENT ON COLUMN facet_pictures.attack IS 'plain, clean, noise, negative (away from the facet''s own mean), positive (towards the target''s)';
COMMENT ON COLUMN facet_pictures.facet_id IS 'the clean images of the facet; null where plain';
COMMENT ON COLUMN facet_pictures.target_facet_id IS 'of a positive attack, the facet that its images are pushed to';
COMMENT ON COLUMN facet_pictures.probe_images_id IS 'the facet''s images as the probe saw them; null where plain';
COMMENT ON COLUMN facet_pictures.accuracy IS 'of the probe, on held-out images of the facet and generic ones, as it saw them; null where plain';
COMMENT ON COLUMN facet_pictures.cosine IS 'of the probe to that of the clean images; null where plain';

CREATE TABLE IF NOT EXISTS facet_readings (
    facet_analysis_id  VARCHAR NOT NULL,
    place              INTEGER NOT NULL,
    facet_id           VARCHAR NOT NULL REFERENCES concepts (concept_id),
    logit              DOUBLE NOT NULL,
    PRIMARY KEY (facet_analysis_id, place, facet_id),
    FOREIGN KEY (facet_analysis_id, place) REFERENCES facet_pictures (facet_analysis_id, place)
);
COMMENT ON TABLE facet_readings IS 'one row per (picture, clean facet): how much the picture shows of the facet';
COMMENT ON COLUMN facet_readings.logit IS 'of the facet''s clean probe, on the picture''s average-pooled activations at the facet layer; compare between pictures';

CREATE TABLE IF NOT EXISTS trust_analyses (
    trust_analysis_id  VARCHAR PRIMARY KEY,
    network            VARCHAR NOT NULL,
    layer              VARCHAR NOT NULL,
    random_sets        INTEGER NOT NULL,
    FOREIGN KEY (network, layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE trust_analyses IS 'one row per run of the trust checks: sets of exemplars at a layer, beside the same random sets';

CREATE TABLE IF NOT EXISTS trust_checks (
    trust_analysis_id  VARCHAR NOT NULL REFERENCES trust_analyses (trust_analysis_id),
    concept_id         VARCHAR NOT NULL REFERENCES concepts (concept_id),
    check_name         VARCHAR NOT NULL,
    value              DOUBLE NOT NULL,
    threshold          DOUBLE NOT NULL,
    passed             BOOLEAN NOT NULL,
    PRIMARY KEY (trust_analysis_id, concept_id, check_name)
);
COMMENT ON TABLE trust_checks IS 'one row per (analysis, set of exemplars, check)';
COMMENT ON COLUMN trust_checks.check_name IS 'CAV shift after JPEG, split-half disagreement, colour grain';
COMMENT ON COLUMN trust_checks.value IS 'grows with suspicion';
COMMENT ON COLUMN trust_checks.passed IS 'value is not above threshold';
