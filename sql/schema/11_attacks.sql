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
