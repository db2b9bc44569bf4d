-- Compares the orientations that a layer's curve-detecting neurons cover with those that features of dictionaries cover.
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
    v.activation_set_label,
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
    n.dictionary_label,
    s.unit_set_id,
    u.unit_set_label
FROM unit_sets AS s
LEFT JOIN dictionaries AS d USING (dictionary_id)
LEFT JOIN gaps AS g USING (unit_set_id)
LEFT JOIN coverage AS c USING (unit_set_id)
JOIN activation_set_labels() AS v ON v.activation_set_id = s.activation_set_id
JOIN unit_set_labels() AS u USING (unit_set_id)
LEFT JOIN dictionary_labels() AS n USING (dictionary_id)
ORDER BY s.network, s.layer, s.activation_set_id, s.kind DESC, s.dictionary_id;
COMMENT ON VIEW curve_coverage IS 'one row per unit set (unit_set_id): the neurons of a layer, and the features of each of its dictionaries';
COMMENT ON COLUMN curve_coverage.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN curve_coverage.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN curve_coverage.activation_set_id IS 'content key of the natural images that maxima and confirmations are measured on; refers to activation_sets';
COMMENT ON COLUMN curve_coverage.activation_set_label IS 'label of the activation set, unique';
COMMENT ON COLUMN curve_coverage.kind IS 'neurons (of the layer) or features (of the dictionary)';
COMMENT ON COLUMN curve_coverage.architecture IS 'architecture of the dictionary: sae, group-crosscoder or steerable-crosscoder; null for neurons';
COMMENT ON COLUMN curve_coverage.method IS 'sparsity method of the dictionary; null for neurons';
COMMENT ON COLUMN curve_coverage.units IS 'number of units: channels of the layer, or features of the dictionary';
COMMENT ON COLUMN curve_coverage.detectors IS 'number of curve detectors';
COMMENT ON COLUMN curve_coverage.share_of_units IS 'share of the units that are curve detectors, 0 to 1';
COMMENT ON COLUMN curve_coverage.coverage IS 'share of orientations at which some detector reaches half its own maximum, 0 to 1';
COMMENT ON COLUMN curve_coverage.largest_gap IS 'largest gap between successive peaks, degrees; 360 without a detector';
COMMENT ON COLUMN curve_coverage.wide_gaps IS 'number of gaps above 20 degrees';
COMMENT ON COLUMN curve_coverage.missing_detectors IS 'number of features that detect a curve where the neurons leave an arc or gap open, confirmed on natural images; null for neurons';
COMMENT ON COLUMN curve_coverage.dictionary_id IS 'content key of the dictionary that the features belong to; refers to dictionaries; null for neurons';
COMMENT ON COLUMN curve_coverage.dictionary_label IS 'label of the dictionary, unique; null for neurons';
COMMENT ON COLUMN curve_coverage.unit_set_id IS 'content key of the unit set; refers to unit_sets';
COMMENT ON COLUMN curve_coverage.unit_set_label IS 'label of the unit set, unique';
