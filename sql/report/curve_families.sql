-- One row per family of a subject's curve detectors, the largest first.
SELECT subject, family, members, coverage, largest_gap, mean_width, peaks
FROM curve_families
ORDER BY subject, members DESC, family;
