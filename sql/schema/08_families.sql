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
