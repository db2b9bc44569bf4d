-- One row per unit with stored tuning curves: its numbers, the arc it answers most, and its responses to arcs in the order of their orientation.
WITH curves AS (
    SELECT subject, unit, stimulus, list(response ORDER BY angle_degrees) AS responses
    FROM tuning_curves
    GROUP BY subject, unit, stimulus
),
units AS (
    SELECT subject, unit, map_from_entries(list((stimulus, responses) ORDER BY stimulus)) AS curves
    FROM curves
    GROUP BY subject, unit
)
SELECT
    u.subject,
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
    l.receptive_field,
    units.curves
FROM units
JOIN unit_tuning AS u USING (subject, unit)
JOIN tuning_subjects AS s USING (subject)
JOIN layers AS l USING (network, layer)
LEFT JOIN curve_detectors AS d USING (subject, unit)
ORDER BY u.subject, u.unit;
