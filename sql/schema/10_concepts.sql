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
