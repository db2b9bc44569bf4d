-- Guards: every curve detector has tuning curves, every curve has a response at each step around the circle, and the mean curve peaks where
-- unit_tuning says.
WITH curves AS (
    SELECT
        unit_set_id,
        unit,
        stimulus,
        count(*) AS angles,
        max(angle_degrees) AS last_angle,
        arg_max(angle_degrees, response) AS largest_at,
        count(*) FILTER (NOT isfinite(response)) AS impossible
    FROM tuning_curves
    GROUP BY ALL
)
SELECT u.unit_set_id, u.unit, c.stimulus, c.angles, c.last_angle, c.largest_at, u.peak_degrees, c.impossible
FROM unit_tuning AS u
JOIN unit_sets AS s USING (unit_set_id)
LEFT JOIN curves AS c USING (unit_set_id, unit)
WHERE (u.is_curve_detector AND c.stimulus IS NULL)
    OR abs(c.angles * s.step_degrees - 360) > 1e-6
    OR abs(c.last_angle + s.step_degrees - 360) > 1e-6
    OR c.impossible > 0
    OR (c.stimulus = 'arc' AND abs((c.largest_at - u.peak_degrees + 540) % 360 - 180) > s.step_degrees);
