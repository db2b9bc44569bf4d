-- What was extracted: how many orbits of which layer, over how many images, in how many bytes?
CREATE OR REPLACE VIEW activation_sets_overview AS
WITH stored AS (
    SELECT
        activation_set_id,
        count(*) AS shards,
        sum(bytes)::BIGINT AS bytes,
        coalesce(sum(orbits) FILTER (split = 'train'), 0)::BIGINT AS train_orbits,
        coalesce(sum(orbits) FILTER (split = 'test'), 0)::BIGINT AS test_orbits
    FROM shards
    GROUP BY activation_set_id
),
refused AS (
    SELECT activation_set_id, count(*) AS refused_images
    FROM quarantine
    GROUP BY activation_set_id
),
trained AS (
    SELECT activation_set_id, count(*) AS dictionaries
    FROM dictionaries
    GROUP BY activation_set_id
)
SELECT
    s.activation_set_id,
    s.network,
    s.layer,
    l.channels,
    l.receptive_field,
    s.n_rotations,
    s.reflections,
    s.group_order,
    s.orbits,
    s.orbits::BIGINT * s.group_order AS rows,
    t.train_orbits,
    t.test_orbits,
    t.shards,
    t.bytes,
    coalesce(r.refused_images, 0) AS refused_images,
    coalesce(d.dictionaries, 0) AS dictionaries,
    s.sampling,
    s.seed,
    s.config
FROM activation_sets AS s
JOIN layers AS l USING (network, layer)
LEFT JOIN stored AS t USING (activation_set_id)
LEFT JOIN refused AS r USING (activation_set_id)
LEFT JOIN trained AS d USING (activation_set_id);
COMMENT ON VIEW activation_sets_overview IS 'one row per activation set';
COMMENT ON COLUMN activation_sets_overview.rows IS 'orbits * |G|: activation vectors stored';
