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
