-- Guards: tuning values are in range and present exactly where the unit responds to arcs, and curve detectors meet the criteria that can be
-- checked here.
SELECT unit_set_id, unit, stimulus_type, confidence, peak_degrees, width_degrees, echo, concentration, criteria_met, is_curve_detector
FROM unit_tuning
WHERE NOT (isfinite(best_response) AND isfinite(best_arc_response) AND isfinite(natural_maximum))
    OR NOT confidence BETWEEN 0 AND 1
    OR best_response < best_arc_response
    OR NOT coalesce(peak_degrees >= 0 AND peak_degrees < 360, true)
    OR NOT coalesce(width_degrees > 0 AND width_degrees <= 360, true)
    OR NOT coalesce(concentration BETWEEN 0 AND 1.000001, true)
    OR (peak_degrees IS NULL) <> (width_degrees IS NULL OR echo IS NULL OR concentration IS NULL)
    OR is_curve_detector <> (criteria_met = 5)
    OR NOT criteria_met BETWEEN 0 AND 5
    OR (is_curve_detector AND NOT coalesce(
        echo < 0.3 AND concentration > 0.6 AND weakest_rendering >= 0.25 AND straight_share < 0.6
        AND best_arc_response >= 0.1 * natural_maximum AND natural_maximum > 0,
        false
    ));
