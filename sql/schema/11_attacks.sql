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
