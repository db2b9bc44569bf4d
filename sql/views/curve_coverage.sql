-- Which orientations do a layer's curve detectors cover, and do the features cover more than the neurons?
CREATE OR REPLACE VIEW curve_coverage AS
WITH peaks AS (
    SELECT
        d.subject,
        d.missing,
        u.peak_degrees,
        coalesce(
            lead(u.peak_degrees) OVER (PARTITION BY d.subject ORDER BY u.peak_degrees, d.unit),
            360 + min(u.peak_degrees) OVER (PARTITION BY d.subject)
        ) - u.peak_degrees AS gap
    FROM curve_detectors AS d
    JOIN unit_tuning AS u USING (subject, unit)
),
gaps AS (
    SELECT
        subject,
        count(*) AS detectors,
        max(gap) AS largest_gap,
        count(*) FILTER (gap > 20) AS wide_gaps,
        count(*) FILTER (missing) AS missing_detectors
    FROM peaks
    GROUP BY subject
),
shares AS (
    SELECT subject, angle_degrees, response / max(response) OVER (PARTITION BY subject, unit) AS share
    FROM tuning_curves
    JOIN curve_detectors USING (subject, unit)
    WHERE stimulus = 'arc'
),
orientations AS (
    SELECT subject, angle_degrees, max(share) AS share
    FROM shares
    GROUP BY subject, angle_degrees
),
coverage AS (
    SELECT subject, avg((share >= 0.5)::INTEGER) AS coverage
    FROM orientations
    GROUP BY subject
)
SELECT
    s.network,
    s.layer,
    s.activation_set,
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
    s.dictionary,
    s.subject
FROM tuning_subjects AS s
LEFT JOIN dictionaries AS d USING (dictionary)
LEFT JOIN gaps AS g USING (subject)
LEFT JOIN coverage AS c USING (subject)
ORDER BY s.network, s.layer, s.activation_set, s.kind DESC, s.dictionary;
COMMENT ON VIEW curve_coverage IS 'one row per subject: a layer''s neurons, then the features of each of its dictionaries';
COMMENT ON COLUMN curve_coverage.coverage IS 'share of orientations at which some detector reaches half its own maximum';
COMMENT ON COLUMN curve_coverage.largest_gap IS 'degrees between successive peaks; 360 without a detector';
COMMENT ON COLUMN curve_coverage.wide_gaps IS 'gaps above 20 degrees';
COMMENT ON COLUMN curve_coverage.missing_detectors IS 'confirmed features where the neurons leave an arc or a gap; null for neurons';
