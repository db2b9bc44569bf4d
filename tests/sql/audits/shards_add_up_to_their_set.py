from tests.sql.audit_cases import all_of, change, remove

VALID = {
    "activation_sets": {"activation_set_id": "set", "orbits": 200},
    "shards": {"activation_set_id": "set", "shard": [0, 1, 2], "orbits": [90, 90, 20]},
}

CASES = [
    (change("shards", {"shard": 1}, orbits=89), {"orbits": 200, "orbits_in_shards": 199}),
    (change("shards", {"shard": 2}, shard=7), {"shards": 3, "last_shard": 7}),
    (remove("shards"), {"orbits_in_shards": 0, "shards": 0}),
    (all_of(change("shards", {"shard": 0}, orbits=110), change("shards", {"shard": 2}, orbits=0)), {"shards": 3}),
]
