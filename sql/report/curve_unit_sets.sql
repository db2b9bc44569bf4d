-- Returns one row per unit set with tuning, and the 95 % interval of its share of detectors: the neurons of an activation set's layer, then the features of each of its dictionaries. Of
-- unit sets with the same units, the one with the smallest step_degrees is returned.
SELECT
    c.unit_set_id,
    c.unit_set_label,
    c.activation_set_id,
    c.kind,
    c.dictionary_id,
    c.units,
    c.detectors,
    c.share_of_units,
    wilson_low(c.share_of_units, c.units) AS share_low,
    wilson_high(c.share_of_units, c.units) AS share_high,
    c.coverage,
    c.largest_gap,
    c.wide_gaps,
    c.missing_detectors
FROM curve_coverage AS c
JOIN unit_sets AS s USING (unit_set_id)
QUALIFY row_number() OVER (PARTITION BY c.activation_set_id, c.kind, c.dictionary_id ORDER BY s.step_degrees, c.unit_set_id) = 1
ORDER BY c.activation_set_id, c.kind DESC, c.dictionary_id;
