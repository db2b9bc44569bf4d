-- Which curve detectors were missing among the neurons and found among the features?
CREATE OR REPLACE VIEW missing_curve_detectors AS
SELECT
    s.network,
    s.layer,
    s.dictionary_id,
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
    s.unit_set_id
FROM curve_detectors AS d
JOIN unit_tuning AS u USING (unit_set_id, unit)
JOIN unit_sets AS s USING (unit_set_id)
LEFT JOIN features AS f ON f.dictionary_id = s.dictionary_id AND f.feature = d.unit
WHERE d.missing
ORDER BY s.network, s.layer, s.dictionary_id, u.peak_degrees;
COMMENT ON VIEW missing_curve_detectors IS 'one row per (dictionary, feature) that detects a curve where the layer''s neurons leave an arc or a gap, confirmed on natural images';
COMMENT ON COLUMN missing_curve_detectors.peak_degrees IS 'orientation it detects, counter-clockwise from the right';
