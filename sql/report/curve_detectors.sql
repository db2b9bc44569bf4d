-- Returns one row per curve detector, in the order of their peaks.
SELECT
    d.unit_set_id,
    d.unit,
    d.curve_family,
    d.natural_correlation,
    d.nearest_neuron,
    d.nearest_degrees,
    d.inside_arc,
    d.inside_gap,
    coalesce(d.missing, false) AS missing,
    u.peak_degrees,
    u.width_degrees,
    u.echo
FROM curve_detectors AS d
JOIN unit_tuning AS u USING (unit_set_id, unit)
ORDER BY d.unit_set_id, u.peak_degrees, d.unit;
