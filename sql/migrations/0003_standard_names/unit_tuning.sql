SELECT
    subject AS unit_set_id,
    unit,
    stimulus_type,
    confidence,
    best_response,
    best_arc_response,
    natural_maximum,
    peak_degrees,
    width_degrees,
    echo,
    concentration,
    weakest_rendering,
    straight_share,
    criteria_met,
    is_curve_detector
FROM unit_tuning;
