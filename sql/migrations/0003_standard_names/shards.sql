SELECT
    activation_set AS activation_set_id,
    shard,
    split,
    orbits,
    bytes,
    sha256
FROM shards;
