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
