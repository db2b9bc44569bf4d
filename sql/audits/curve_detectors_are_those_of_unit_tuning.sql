-- Guards: the units that meet all criteria are exactly the curve detectors, and each has a family. A detector that counts as missing lies
-- in an arc or gap of the neurons and is confirmed on natural images.
SELECT u.unit_set_id, u.unit, u.is_curve_detector, d.curve_family, d.natural_correlation, d.missing, s.kind
FROM unit_tuning AS u
JOIN unit_sets AS s USING (unit_set_id)
LEFT JOIN curve_detectors AS d USING (unit_set_id, unit)
WHERE u.is_curve_detector <> (d.curve_family IS NOT NULL)
    OR abs(d.natural_correlation) > 1.000001
    OR isnan(d.natural_correlation)
    OR (d.curve_family IS NOT NULL AND (s.kind = 'neurons') <> (d.missing IS NULL))
    OR (d.missing AND NOT coalesce((d.inside_arc OR d.inside_gap) AND d.natural_correlation >= 0.7, false));
