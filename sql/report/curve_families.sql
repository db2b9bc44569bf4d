-- Returns one row per family of curve detectors in a unit set, the largest first.
SELECT unit_set_id, curve_family, members, coverage, largest_gap, mean_width, peaks
FROM curve_families
ORDER BY unit_set_id, members DESC, curve_family;
