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
