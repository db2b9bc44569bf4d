-- Returns one row per unit with stored tuning curves: its tuning, the radius of its preferred arc, and its responses to arcs in the order
-- of orientation.
WITH curves AS (
    SELECT unit_set_id, unit, stimulus, list(response ORDER BY angle_degrees) AS responses
    FROM tuning_curves
    GROUP BY unit_set_id, unit, stimulus
),
units AS (
    SELECT unit_set_id, unit, map_from_entries(list((stimulus, responses) ORDER BY stimulus)) AS curves
    FROM curves
    GROUP BY unit_set_id, unit
)
SELECT
    u.unit_set_id,
    u.unit,
    u.stimulus_type,
    u.confidence,
    u.peak_degrees,
    u.width_degrees,
    u.echo,
    u.concentration,
    u.weakest_rendering,
    u.straight_share,
    u.criteria_met,
    u.is_curve_detector,
    d.preferred_radius,
    l.receptive_field + 2 * greatest(abs(a.centre_y_px), abs(a.centre_x_px)) AS patch_side,
    units.curves
FROM units
JOIN unit_tuning AS u USING (unit_set_id, unit)
JOIN unit_sets AS s USING (unit_set_id)
JOIN activation_sets AS a USING (activation_set_id)
JOIN layers AS l ON l.network = a.network AND l.layer = a.layer
LEFT JOIN curve_detectors AS d USING (unit_set_id, unit)
ORDER BY u.unit_set_id, u.unit;
