-- Lists features that detect curves at orientations that the layer's neurons leave open.
CREATE OR REPLACE VIEW missing_curve_detectors AS
SELECT
    s.network,
    s.layer,
    s.dictionary_id,
    n.dictionary_label,
    d.unit AS feature,
    u.peak_degrees,
    u.width_degrees,
    d.curve_family,
    d.preferred_radius,
    d.inside_arc,
    d.inside_gap,
    d.nearest_neuron,
    d.nearest_degrees,
    d.natural_correlation,
    u.echo,
    u.concentration,
    f.density,
    s.unit_set_id,
    v.unit_set_label
FROM curve_detectors AS d
JOIN unit_tuning AS u USING (unit_set_id, unit)
JOIN unit_sets AS s USING (unit_set_id)
JOIN unit_set_labels() AS v USING (unit_set_id)
JOIN dictionary_labels() AS n ON n.dictionary_id = s.dictionary_id
LEFT JOIN features AS f ON f.dictionary_id = s.dictionary_id AND f.feature = d.unit
WHERE d.missing
ORDER BY s.network, s.layer, s.dictionary_id, u.peak_degrees;
COMMENT ON VIEW missing_curve_detectors IS 'one row per (dictionary_id, feature): a curve detector inside an arc or gap of the neurons, confirmed on natural images';
COMMENT ON COLUMN missing_curve_detectors.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN missing_curve_detectors.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN missing_curve_detectors.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN missing_curve_detectors.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN missing_curve_detectors.feature IS 'number of the feature in its dictionary, counted from 0';
COMMENT ON COLUMN missing_curve_detectors.peak_degrees IS 'orientation at which the radial tuning curve peaks, degrees counter-clockwise from the right, 0 to 360';
COMMENT ON COLUMN missing_curve_detectors.width_degrees IS 'full width of the tuning curve at half its maximum, degrees';
COMMENT ON COLUMN missing_curve_detectors.curve_family IS 'name of the family: detectors of the same preferred radius and rendering, which differ in orientation alone';
COMMENT ON COLUMN missing_curve_detectors.preferred_radius IS 'radius of the arc with the largest response near the peak, pixels';
COMMENT ON COLUMN missing_curve_detectors.inside_arc IS 'whether no curve-detecting neuron reaches half its maximum at the feature''s peak';
COMMENT ON COLUMN missing_curve_detectors.inside_gap IS 'whether no curve-detecting neuron peaks within 10 degrees of the feature''s peak';
COMMENT ON COLUMN missing_curve_detectors.nearest_neuron IS 'number of the layer''s curve-detecting neuron with the nearest peak; null where the layer has none';
COMMENT ON COLUMN missing_curve_detectors.nearest_degrees IS 'angle between the feature''s peak and that neuron''s, degrees, 0 to 180; null where the layer has none';
COMMENT ON COLUMN missing_curve_detectors.natural_correlation IS 'Pearson correlation between the synthetic tuning curve and the one on rotated natural examples, 0.7 or more';
COMMENT ON COLUMN missing_curve_detectors.echo IS 'response opposite the peak over the response at the peak; negative where the feature is inhibited there';
COMMENT ON COLUMN missing_curve_detectors.concentration IS 'concentration r1 of the tuning curve: 0 for a flat curve, 1 for a single orientation';
COMMENT ON COLUMN missing_curve_detectors.density IS 'share of rows on which the feature is active, 0 to 1; null where the dictionary''s features were not analysed';
COMMENT ON COLUMN missing_curve_detectors.unit_set_id IS 'content key of the unit set; refers to unit_sets';
COMMENT ON COLUMN missing_curve_detectors.unit_set_label IS 'label of the unit set, unique';
