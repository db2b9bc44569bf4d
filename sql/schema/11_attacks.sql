-- Attacks on a concept's exemplars: what was changed, what TCAV and faceted visualisation then say, and whether the exemplars can be trusted (methods §7).

CREATE TABLE IF NOT EXISTS attack_analyses (
    analysis     VARCHAR PRIMARY KEY,
    network      VARCHAR NOT NULL,
    layer        VARCHAR NOT NULL,
    kind         VARCHAR NOT NULL CHECK (kind IN ('negative', 'positive')),
    concept      VARCHAR NOT NULL REFERENCES concepts (concept),
    class        VARCHAR NOT NULL REFERENCES concepts (concept),
    class_name   VARCHAR NOT NULL,
    random_sets  INTEGER NOT NULL,
    classifier   VARCHAR NOT NULL,
    pool         VARCHAR NOT NULL,
    steps        INTEGER NOT NULL,
    seed         INTEGER NOT NULL,
    tests        INTEGER NOT NULL,
    FOREIGN KEY (network, layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE attack_analyses IS 'one row per story: a concept, a class, and the layer at which the exemplars are attacked';
COMMENT ON COLUMN attack_analyses.kind IS 'negative: a concept that matters is to stop mattering; positive: one that does not is to matter';
COMMENT ON COLUMN attack_analyses.concept IS 'the clean exemplars';
COMMENT ON COLUMN attack_analyses.class IS 'set of the images of the class, which no attack touches';
COMMENT ON COLUMN attack_analyses.steps IS 'gradient steps of each attack';
COMMENT ON COLUMN attack_analyses.tests IS 'that Holm''s correction is over: all rows of attack_scores';

CREATE TABLE IF NOT EXISTS attacks (
    analysis        VARCHAR NOT NULL REFERENCES attack_analyses (analysis),
    touched         VARCHAR NOT NULL CHECK (touched IN ('concept', 'random')),
    attack          VARCHAR NOT NULL,
    epsilon         INTEGER NOT NULL,
    fraction        DOUBLE NOT NULL,
    concept         VARCHAR NOT NULL REFERENCES concepts (concept),
    piece           VARCHAR,
    images          INTEGER NOT NULL,
    changed         INTEGER NOT NULL,
    largest_change  INTEGER NOT NULL,
    psnr            DOUBLE,
    perceptual      DOUBLE NOT NULL,
    PRIMARY KEY (analysis, touched, attack, epsilon, fraction)
);
COMMENT ON TABLE attacks IS 'one row per (analysis, whose images, attack, ε, poisoned fraction): the sets that a user of TCAV gets; the clean ones too';
COMMENT ON COLUMN attacks.touched IS 'concept: the exemplars were changed; random: the images of the random sets';
COMMENT ON COLUMN attacks.attack IS 'token-pushing, cav, class-gradient, random-set; controls: clean, noise, random-direction';
COMMENT ON COLUMN attacks.epsilon IS 'no pixel may change by more in any channel, in steps of 1/255; 0 where clean';
COMMENT ON COLUMN attacks.fraction IS 'of the touched images that were changed; 0 where clean';
COMMENT ON COLUMN attacks.concept IS 'the exemplars as they then are; the clean ones where random sets are touched';
COMMENT ON COLUMN attacks.piece IS 'folder under data/attacks that holds the changed images as PNG; null where clean';
COMMENT ON COLUMN attacks.images IS 'that are touched: the exemplars, or all of the random sets';
COMMENT ON COLUMN attacks.changed IS 'images that differ from the clean ones';
COMMENT ON COLUMN attacks.largest_change IS 'of any pixel in any channel, in steps of 1/255';
COMMENT ON COLUMN attacks.psnr IS 'mean peak signal-to-noise ratio of the changed images, dB; null where nothing changed';
COMMENT ON COLUMN attacks.perceptual IS 'mean distance of the changed images in unit-normalised activations, 0 to 4; as LPIPS but for its learned weights';

CREATE TABLE IF NOT EXISTS attack_scores (
    analysis       VARCHAR NOT NULL,
    touched        VARCHAR NOT NULL,
    attack         VARCHAR NOT NULL,
    epsilon        INTEGER NOT NULL,
    fraction       DOUBLE NOT NULL,
    read_network   VARCHAR NOT NULL,
    read_layer     VARCHAR NOT NULL,
    class_index    INTEGER NOT NULL,
    score          DOUBLE NOT NULL,
    spread         DOUBLE NOT NULL,
    magnitude      DOUBLE NOT NULL,
    random_score   DOUBLE NOT NULL,
    random_spread  DOUBLE NOT NULL,
    accuracy       DOUBLE NOT NULL,
    cosine         DOUBLE NOT NULL,
    p_value        DOUBLE NOT NULL,
    p_holm         DOUBLE NOT NULL,
    PRIMARY KEY (analysis, touched, attack, epsilon, fraction, read_network, read_layer),
    FOREIGN KEY (analysis, touched, attack, epsilon, fraction) REFERENCES attacks (analysis, touched, attack, epsilon, fraction),
    FOREIGN KEY (read_network, read_layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE attack_scores IS 'one row per (attack, network and layer that the sets are read at): TCAV of the story''s class, where they were attacked and, of the largest fraction, elsewhere';
COMMENT ON COLUMN attack_scores.class_index IS 'of the class in the network that reads';
COMMENT ON COLUMN attack_scores.score IS 'share of the class''s images whose logit grows along the vector, mean over the random sets';
COMMENT ON COLUMN attack_scores.spread IS 'standard deviation over the random sets';
COMMENT ON COLUMN attack_scores.magnitude IS 'part of the sensitivity that is positive';
COMMENT ON COLUMN attack_scores.random_score IS 'mean score of the vectors of random sets against one another';
COMMENT ON COLUMN attack_scores.accuracy IS 'of the vectors on held-out exemplars, mean';
COMMENT ON COLUMN attack_scores.cosine IS 'of the mean vector to that of the clean sets, same network and layer';
COMMENT ON COLUMN attack_scores.p_value IS 'Welch''s two-sided t-test of the scores against those of random vectors';
COMMENT ON COLUMN attack_scores.p_holm IS 'p_value, corrected for all tests of the analysis';

CREATE TABLE IF NOT EXISTS attack_pictures (
    analysis    VARCHAR NOT NULL REFERENCES attack_analyses (analysis),
    touched     VARCHAR NOT NULL,
    attack      VARCHAR NOT NULL,
    epsilon     INTEGER NOT NULL,
    place       INTEGER NOT NULL,
    clean       BLOB NOT NULL,
    attacked    BLOB NOT NULL,
    difference  BLOB NOT NULL,
    PRIMARY KEY (analysis, touched, attack, epsilon, place)
);
COMMENT ON TABLE attack_pictures IS 'one row per (attack of the largest fraction, one of the first changed images), WebP of the whole frame';
COMMENT ON COLUMN attack_pictures.place IS 'of the image in its set, or in the random sets one after the other';
COMMENT ON COLUMN attack_pictures.difference IS 'attacked − clean, amplified until ε is full contrast, around grey';

CREATE TABLE IF NOT EXISTS attack_features (
    analysis    VARCHAR NOT NULL,
    touched     VARCHAR NOT NULL,
    attack      VARCHAR NOT NULL,
    epsilon     INTEGER NOT NULL,
    fraction    DOUBLE NOT NULL,
    dictionary  VARCHAR NOT NULL REFERENCES dictionaries (dictionary),
    statistic   VARCHAR NOT NULL,
    value       DOUBLE NOT NULL,
    random      DOUBLE NOT NULL,
    flagged     DOUBLE NOT NULL,
    auc         DOUBLE NOT NULL,
    PRIMARY KEY (analysis, touched, attack, epsilon, fraction, dictionary, statistic),
    FOREIGN KEY (analysis, touched, attack, epsilon, fraction) REFERENCES attacks (analysis, touched, attack, epsilon, fraction)
);
COMMENT ON TABLE attack_features IS 'one row per (attack on exemplars, dictionary, statistic): do the dictionary''s features give the attack away?';
COMMENT ON COLUMN attack_features.statistic IS 'of one image over its positions: fvu, rare, fragile, plain (see the view attacked_features)';
COMMENT ON COLUMN attack_features.value IS 'mean over the exemplars';
COMMENT ON COLUMN attack_features.random IS 'mean over the images of the random sets';
COMMENT ON COLUMN attack_features.flagged IS 'share of the exemplars above the 95th percentile of the random sets'' images: 0.05 where nothing sets them apart';
COMMENT ON COLUMN attack_features.auc IS 'probability that a changed exemplar exceeds a clean one of the same concept; 0.5 by chance, and where clean';

CREATE TABLE IF NOT EXISTS facet_analyses (
    analysis      VARCHAR PRIMARY KEY,
    network       VARCHAR NOT NULL,
    layer         VARCHAR NOT NULL,
    unit          INTEGER NOT NULL,
    unit_name     VARCHAR NOT NULL,
    facet_layer   VARCHAR NOT NULL,
    weight        DOUBLE NOT NULL,
    epsilon       INTEGER NOT NULL,
    steps         INTEGER NOT NULL,
    seed          INTEGER NOT NULL,
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
    analysis  VARCHAR NOT NULL REFERENCES facet_analyses (analysis),
    place     INTEGER NOT NULL,
    attack    VARCHAR NOT NULL,
    facet     VARCHAR REFERENCES concepts (concept),
    target    VARCHAR REFERENCES concepts (concept),
    images    VARCHAR REFERENCES concepts (concept),
    accuracy  DOUBLE,
    cosine    DOUBLE,
    picture   BLOB NOT NULL,
    PRIMARY KEY (analysis, place)
);
COMMENT ON TABLE facet_pictures IS 'one row per picture of a unit: plain, under each clean facet, and under facets whose images were attacked';
COMMENT ON COLUMN facet_pictures.attack IS 'plain, clean, noise, negative (away from the facet''s own mean), positive (towards the target''s)';
COMMENT ON COLUMN facet_pictures.facet IS 'the clean images of the facet; null where plain';
COMMENT ON COLUMN facet_pictures.target IS 'of a positive attack, the facet that its images are pushed to';
COMMENT ON COLUMN facet_pictures.images IS 'the facet''s images as the probe saw them; null where plain';
COMMENT ON COLUMN facet_pictures.accuracy IS 'of the probe, on held-out images of the facet and generic ones, as it saw them; null where plain';
COMMENT ON COLUMN facet_pictures.cosine IS 'of the probe to that of the clean images; null where plain';

CREATE TABLE IF NOT EXISTS facet_readings (
    analysis  VARCHAR NOT NULL,
    place     INTEGER NOT NULL,
    facet     VARCHAR NOT NULL REFERENCES concepts (concept),
    logit     DOUBLE NOT NULL,
    PRIMARY KEY (analysis, place, facet),
    FOREIGN KEY (analysis, place) REFERENCES facet_pictures (analysis, place)
);
COMMENT ON TABLE facet_readings IS 'one row per (picture, clean facet): how much the picture shows of the facet';
COMMENT ON COLUMN facet_readings.logit IS 'of the facet''s clean probe, on the picture''s average-pooled activations at the facet layer; compare between pictures';

CREATE TABLE IF NOT EXISTS trust_analyses (
    analysis     VARCHAR PRIMARY KEY,
    network      VARCHAR NOT NULL,
    layer        VARCHAR NOT NULL,
    random_sets  INTEGER NOT NULL,
    FOREIGN KEY (network, layer) REFERENCES layers (network, layer)
);
COMMENT ON TABLE trust_analyses IS 'one row per run of the trust checks: sets of exemplars at a layer, beside the same random sets';

CREATE TABLE IF NOT EXISTS trust_checks (
    analysis    VARCHAR NOT NULL REFERENCES trust_analyses (analysis),
    concept     VARCHAR NOT NULL REFERENCES concepts (concept),
    check_name  VARCHAR NOT NULL,
    value       DOUBLE NOT NULL,
    threshold   DOUBLE NOT NULL,
    passed      BOOLEAN NOT NULL,
    PRIMARY KEY (analysis, concept, check_name)
);
COMMENT ON TABLE trust_checks IS 'one row per (analysis, set of exemplars, check)';
COMMENT ON COLUMN trust_checks.check_name IS 'turned by JPEG, divided, grain of colour';
COMMENT ON COLUMN trust_checks.value IS 'grows with suspicion';
COMMENT ON COLUMN trust_checks.passed IS 'value is not above threshold';
