-- One row per subject that was tuned: the neurons of an activation set's layer, then the features of each of its dictionaries. Of one
-- that was tuned more than once, the finest tuning.
SELECT
    c.subject,
    c.activation_set,
    c.kind,
    c.dictionary,
    c.units,
    c.detectors,
    c.share_of_units,
    c.coverage,
    c.largest_gap,
    c.wide_gaps,
    c.missing_detectors
FROM curve_coverage AS c
JOIN tuning_subjects AS s USING (subject)
QUALIFY row_number() OVER (PARTITION BY c.activation_set, c.kind, c.dictionary ORDER BY s.step_degrees, c.subject) = 1
ORDER BY c.activation_set, c.kind DESC, c.dictionary;
