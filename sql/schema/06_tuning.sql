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
