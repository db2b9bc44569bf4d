-- Guards: every sampled position is in a shard, and shards are numbered 0, 1, 2, … without a gap.
SELECT
    s.activation_set_id,
    s.orbits,
    coalesce(sum(h.orbits), 0)::BIGINT AS orbits_in_shards,
    count(h.shard) AS shards,
    max(h.shard) AS last_shard
FROM activation_sets AS s
LEFT JOIN shards AS h USING (activation_set_id)
GROUP BY ALL
HAVING orbits_in_shards <> s.orbits OR last_shard IS DISTINCT FROM shards - 1 OR min(h.orbits) < 1;
