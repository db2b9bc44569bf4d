-- One row per family of a subject's curve detectors, the largest first.
SELECT unit_set_id, curve_family, members, coverage, largest_gap, mean_width, peaks
FROM curve_families
ORDER BY unit_set_id, members DESC, curve_family;
