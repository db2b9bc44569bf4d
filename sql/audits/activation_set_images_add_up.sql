-- Guards: where an activation set's images are recorded, their positions add up to the set's, and none has less than one.
SELECT
    s.activation_set_id,
    s.orbits,
    sum(i.orbits)::BIGINT AS orbits_in_images,
    min(i.orbits) AS fewest
FROM activation_sets AS s
JOIN activation_set_images AS i USING (activation_set_id)
GROUP BY s.activation_set_id, s.orbits
HAVING orbits_in_images <> s.orbits OR fewest < 1;
