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
