-- Guards: the dimensions of an analysis are numbered 0, 1, 2, …, as many as its components, and each has a finite direction with one entry
-- per unit.
SELECT
    a.dimension_analysis_id,
    a.components,
    count(d.dimension) AS rows_found,
    min(d.dimension) AS first,
    max(d.dimension) AS last,
    a.units,
    min(len(d.direction)) AS shortest,
    max(len(d.direction)) AS longest
FROM dimension_analyses AS a
LEFT JOIN tuning_dimensions AS d USING (dimension_analysis_id)
GROUP BY a.dimension_analysis_id, a.components, a.units
HAVING rows_found <> a.components
    OR first <> 0
    OR last <> a.components - 1
    OR shortest <> a.units
    OR longest <> a.units
    OR NOT bool_and(list_bool_and([isfinite(each) FOR each IN d.direction]));
