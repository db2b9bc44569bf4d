-- Which orientations do a layer's curve detectors cover, and do the features cover more than the neurons?
CREATE OR REPLACE VIEW curve_coverage AS
WITH peaks AS (
    SELECT
        d.unit_set_id,
        d.missing,
        u.peak_degrees,
        coalesce(
            lead(u.peak_degrees) OVER (PARTITION BY d.unit_set_id ORDER BY u.peak_degrees, d.unit),
            360 + min(u.peak_degrees) OVER (PARTITION BY d.unit_set_id)
        ) - u.peak_degrees AS gap
    FROM curve_detectors AS d
    JOIN unit_tuning AS u USING (unit_set_id, unit)
),
gaps AS (
    SELECT
        unit_set_id,
        count(*) AS detectors,
        max(gap) AS largest_gap,
        count(*) FILTER (gap > 20) AS wide_gaps,
        count(*) FILTER (missing) AS missing_detectors
    FROM peaks
    GROUP BY unit_set_id
),
shares AS (
    SELECT unit_set_id, angle_degrees, response / max(response) OVER (PARTITION BY unit_set_id, unit) AS share
    FROM tuning_curves
    JOIN curve_detectors USING (unit_set_id, unit)
    WHERE stimulus = 'arc'
),
orientations AS (
    SELECT unit_set_id, angle_degrees, max(share) AS share
    FROM shares
    GROUP BY unit_set_id, angle_degrees
),
coverage AS (
    SELECT unit_set_id, avg((share >= 0.5)::INTEGER) AS coverage
    FROM orientations
    GROUP BY unit_set_id
)
SELECT
    s.network,
    s.layer,
    s.activation_set_id,
    s.kind,
    d.architecture,
    d.method,
    s.units,
    coalesce(g.detectors, 0) AS detectors,
    coalesce(g.detectors, 0) / s.units AS share_of_units,
    coalesce(c.coverage, 0) AS coverage,
    coalesce(g.largest_gap, 360) AS largest_gap,
    coalesce(g.wide_gaps, 1) AS wide_gaps,
    CASE s.kind WHEN 'features' THEN coalesce(g.missing_detectors, 0) END AS missing_detectors,
    s.dictionary_id,
    s.unit_set_id
FROM unit_sets AS s
LEFT JOIN dictionaries AS d USING (dictionary_id)
LEFT JOIN gaps AS g USING (unit_set_id)
LEFT JOIN coverage AS c USING (unit_set_id)
ORDER BY s.network, s.layer, s.activation_set_id, s.kind DESC, s.dictionary_id;
COMMENT ON VIEW curve_coverage IS 'one row per subject: a layer''s neurons, then the features of each of its dictionaries';
COMMENT ON COLUMN curve_coverage.coverage IS 'share of orientations at which some detector reaches half its own maximum';
COMMENT ON COLUMN curve_coverage.largest_gap IS 'degrees between successive peaks; 360 without a detector';
COMMENT ON COLUMN curve_coverage.wide_gaps IS 'gaps above 20 degrees';
COMMENT ON COLUMN curve_coverage.missing_detectors IS 'confirmed features where the neurons leave an arc or a gap; null for neurons';
