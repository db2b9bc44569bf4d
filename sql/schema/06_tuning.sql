-- Responses of neurons and features to synthetic stimuli: radial tuning, stimulus types, curve detectors (methods §5).

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
COMMENT ON TABLE unit_sets IS 'one row per unit set (unit_set_id): the neurons of a layer or the features of a dictionary, whose responses to one set of synthetic stimuli were measured';
COMMENT ON COLUMN unit_sets.unit_set_id IS 'content key of the unit set: made from the activation set, the dictionary and step_degrees';
COMMENT ON COLUMN unit_sets.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN unit_sets.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN unit_sets.kind IS 'neurons (of the layer) or features (of the dictionary)';
COMMENT ON COLUMN unit_sets.dictionary_id IS 'content key of the dictionary that the features belong to; refers to dictionaries; null for neurons';
COMMENT ON COLUMN unit_sets.activation_set_id IS 'content key of the natural images that maxima and confirmations are measured on; refers to activation_sets';
COMMENT ON COLUMN unit_sets.step_degrees IS 'step between the orientations at which a stimulus was drawn, degrees';
COMMENT ON COLUMN unit_sets.stimuli IS 'number of pictures that were shown, all stimulus families together';
COMMENT ON COLUMN unit_sets.units IS 'number of units: channels of the layer, or features of the dictionary';

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
COMMENT ON TABLE unit_tuning IS 'one row per (unit_set_id, unit): every neuron or feature of the set';
COMMENT ON COLUMN unit_tuning.unit_set_id IS 'content key of the unit set; refers to unit_sets';
COMMENT ON COLUMN unit_tuning.unit IS 'number of the unit in its unit set, counted from 0: a channel of the layer or a feature of the dictionary; (unit_set_id, unit) refers to unit_tuning';
COMMENT ON COLUMN unit_tuning.stimulus_type IS 'family of the synthetic stimulus with the largest response: curve, line, edge, angle, grating, hatch, centre-surround or colour; mixed where another family comes within 10 %; other where no stimulus reaches 10 % of natural_maximum';
COMMENT ON COLUMN unit_tuning.confidence IS '1 - best response to another family / best response, 0 to 1; 0 where the unit responds to no stimulus';
COMMENT ON COLUMN unit_tuning.best_response IS 'largest response to any synthetic stimulus, in units of activation';
COMMENT ON COLUMN unit_tuning.best_arc_response IS 'largest response to an arc, in units of activation';
COMMENT ON COLUMN unit_tuning.natural_maximum IS 'largest response on the activation set, over all rows and transforms, in units of activation';
COMMENT ON COLUMN unit_tuning.peak_degrees IS 'orientation at which the radial tuning curve peaks, degrees counter-clockwise from the right, 0 to 360: the direction from the patch''s centre to the circle''s centre; null where the unit does not respond to arcs';
COMMENT ON COLUMN unit_tuning.width_degrees IS 'full width of the tuning curve at half its maximum, degrees; null where the unit does not respond to arcs';
COMMENT ON COLUMN unit_tuning.echo IS 'response opposite the peak (peak + 180 degrees) over the response at the peak; negative where the unit is inhibited there; null where the unit does not respond to arcs';
COMMENT ON COLUMN unit_tuning.concentration IS 'concentration r1 of the tuning curve: 0 for a flat curve, 1 for a single orientation; null where the unit does not respond to arcs';
COMMENT ON COLUMN unit_tuning.weakest_rendering IS 'smallest over the four renderings (dark and light lines and fills) of the largest response near the peak, over best_arc_response; null where the unit does not respond to arcs';
COMMENT ON COLUMN unit_tuning.straight_share IS 'largest response to a straight line or edge over best_arc_response; null where the unit does not respond to arcs';
COMMENT ON COLUMN unit_tuning.criteria_met IS 'number of the 5 criteria of a curve detector that the unit meets, 0 to 5';
COMMENT ON COLUMN unit_tuning.is_curve_detector IS 'whether the unit meets all 5 criteria';

CREATE TABLE IF NOT EXISTS tuning_curves (
    unit_set_id    VARCHAR NOT NULL,
    unit           INTEGER NOT NULL,
    stimulus       VARCHAR NOT NULL,
    angle_degrees  DOUBLE NOT NULL,
    response       DOUBLE NOT NULL,
    PRIMARY KEY (unit_set_id, unit, stimulus, angle_degrees),
    FOREIGN KEY (unit_set_id, unit) REFERENCES unit_tuning (unit_set_id, unit)
);
COMMENT ON TABLE tuning_curves IS 'one row per (unit_set_id, unit, stimulus, angle_degrees): radial tuning curves of all curve detectors and, up to 400 units in all, of units that miss one criterion';
COMMENT ON COLUMN tuning_curves.unit_set_id IS 'content key of the unit set; refers to unit_sets';
COMMENT ON COLUMN tuning_curves.unit IS 'number of the unit in its unit set, counted from 0: a channel of the layer or a feature of the dictionary; (unit_set_id, unit) refers to unit_tuning';
COMMENT ON COLUMN tuning_curves.stimulus IS 'arc: mean over renderings and radii; arc dark line, arc light line, arc dark fill, arc light fill: that rendering, mean over radii';
COMMENT ON COLUMN tuning_curves.angle_degrees IS 'orientation of the arc, degrees counter-clockwise from the right, 0 to 360';
COMMENT ON COLUMN tuning_curves.response IS 'response of the unit, in units of activation';

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
COMMENT ON TABLE curve_detectors IS 'one row per (unit_set_id, unit) that meets all criteria of a curve detector';
COMMENT ON COLUMN curve_detectors.unit_set_id IS 'content key of the unit set; refers to unit_sets';
COMMENT ON COLUMN curve_detectors.unit IS 'number of the unit in its unit set, counted from 0: a channel of the layer or a feature of the dictionary; (unit_set_id, unit) refers to unit_tuning';
COMMENT ON COLUMN curve_detectors.curve_family IS 'name of the family: detectors of the same preferred radius and rendering, which differ in orientation alone';
COMMENT ON COLUMN curve_detectors.preferred_radius IS 'radius of the arc with the largest response near the peak, pixels';
COMMENT ON COLUMN curve_detectors.rendering IS 'rendering with the largest response near the peak (dark or light line, dark or light fill); any where the weakest rendering reaches half of the largest';
COMMENT ON COLUMN curve_detectors.natural_correlation IS 'Pearson correlation between the synthetic tuning curve and the one on rotated natural examples, -1 to 1; null where no natural example activates the unit';
COMMENT ON COLUMN curve_detectors.nearest_neuron IS 'number of the layer''s curve-detecting neuron with the nearest peak; null for neurons, and where the layer has no such neuron';
COMMENT ON COLUMN curve_detectors.nearest_degrees IS 'angle between the feature''s peak and that neuron''s, degrees, 0 to 180; null for neurons, and where the layer has no such neuron';
COMMENT ON COLUMN curve_detectors.inside_arc IS 'whether no curve-detecting neuron reaches half its maximum at the feature''s peak; null for neurons';
COMMENT ON COLUMN curve_detectors.inside_gap IS 'whether no curve-detecting neuron peaks within 10 degrees of the feature''s peak; null for neurons';
COMMENT ON COLUMN curve_detectors.missing IS 'whether the feature lies inside an arc or gap that the neurons leave open and natural images confirm it (natural_correlation of 0.7 or more); null for neurons';
