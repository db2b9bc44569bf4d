-- Groups curve detectors that differ in orientation alone, and shows how evenly they cover the circle.
CREATE OR REPLACE VIEW curve_families AS
WITH peaks AS (
    SELECT
        d.unit_set_id,
        d.curve_family,
        d.unit,
        d.preferred_radius,
        d.rendering,
        u.peak_degrees,
        u.width_degrees,
        coalesce(
            lead(u.peak_degrees) OVER (PARTITION BY d.unit_set_id, d.curve_family ORDER BY u.peak_degrees, d.unit),
            360 + min(u.peak_degrees) OVER (PARTITION BY d.unit_set_id, d.curve_family)
        ) - u.peak_degrees AS gap
    FROM curve_detectors AS d
    JOIN unit_tuning AS u USING (unit_set_id, unit)
),
shares AS (
    SELECT unit_set_id, unit, angle_degrees, response / max(response) OVER (PARTITION BY unit_set_id, unit) AS share
    FROM tuning_curves
    WHERE stimulus = 'arc'
),
orientations AS (
    SELECT d.unit_set_id, d.curve_family, x.angle_degrees, max(x.share) AS share
    FROM curve_detectors AS d
    JOIN shares AS x USING (unit_set_id, unit)
    GROUP BY ALL
),
coverage AS (
    SELECT unit_set_id, curve_family, avg((share >= 0.5)::INTEGER) AS coverage
    FROM orientations
    GROUP BY ALL
)
SELECT
    s.network,
    s.layer,
    s.kind,
    s.dictionary_id,
    n.dictionary_label,
    p.curve_family,
    any_value(p.preferred_radius) AS preferred_radius,
    any_value(p.rendering) AS rendering,
    count(*) AS members,
    any_value(c.coverage) AS coverage,
    max(p.gap) AS largest_gap,
    avg(p.width_degrees) AS mean_width,
    list(p.unit ORDER BY p.peak_degrees, p.unit) AS units,
    list(p.peak_degrees ORDER BY p.peak_degrees, p.unit) AS peaks,
    s.unit_set_id,
    u.unit_set_label
FROM peaks AS p
JOIN unit_sets AS s USING (unit_set_id)
LEFT JOIN coverage AS c USING (unit_set_id, curve_family)
JOIN unit_set_labels() AS u USING (unit_set_id)
LEFT JOIN dictionary_labels() AS n USING (dictionary_id)
GROUP BY s.network, s.layer, s.kind, s.dictionary_id, n.dictionary_label, s.unit_set_id, u.unit_set_label, p.curve_family
ORDER BY s.network, s.layer, s.kind DESC, s.dictionary_id, members DESC, p.curve_family;
COMMENT ON VIEW curve_families IS 'one row per (unit_set_id, curve_family): curve detectors of one preferred radius and rendering';
COMMENT ON COLUMN curve_families.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN curve_families.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN curve_families.kind IS 'neurons (of the layer) or features (of the dictionary)';
COMMENT ON COLUMN curve_families.dictionary_id IS 'content key of the dictionary that the features belong to; refers to dictionaries; null for neurons';
COMMENT ON COLUMN curve_families.dictionary_label IS 'label of the dictionary, unique; null for neurons';
COMMENT ON COLUMN curve_families.curve_family IS 'name of the family: detectors of the same preferred radius and rendering, which differ in orientation alone';
COMMENT ON COLUMN curve_families.preferred_radius IS 'radius of the family''s arcs, pixels';
COMMENT ON COLUMN curve_families.rendering IS 'rendering of the family: dark or light line, dark or light fill, or any';
COMMENT ON COLUMN curve_families.members IS 'number of detectors in the family';
COMMENT ON COLUMN curve_families.coverage IS 'share of orientations at which some member reaches half its own maximum, 0 to 1; null without stored tuning curves';
COMMENT ON COLUMN curve_families.largest_gap IS 'largest gap between successive peaks of the family, degrees';
COMMENT ON COLUMN curve_families.mean_width IS 'mean full width at half maximum of the members'' tuning curves, degrees';
COMMENT ON COLUMN curve_families.units IS 'numbers of the members, a list in the order of their peaks';
COMMENT ON COLUMN curve_families.peaks IS 'orientations of the members'' peaks, degrees, a list in the same order';
COMMENT ON COLUMN curve_families.unit_set_id IS 'content key of the unit set; refers to unit_sets';
COMMENT ON COLUMN curve_families.unit_set_label IS 'label of the unit set, unique';
