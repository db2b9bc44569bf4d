"""`sql/schema/02_activations.sql`: the activation set, its three shards and its images."""

import json

from tasks.keys import content_key
from tests.sample_tables.planted import ACTIVATION_SET, GROUP_ORDER, LAYER, N_ROTATIONS, NETWORK
from tests.sample_tables.rows import Tables, row, rows
from tests.sample_tables.sources import IMAGES


def activation_rows() -> Tables:
    group = {
        "transformations": "rotations",
        "n_rotations": N_ROTATIONS,
        "reflections": True,
        "group_order": GROUP_ORDER,
    }
    config = {"network": NETWORK, "layer": LAYER, "orbits": 200}
    more = {"sampling": "norm", "centre_y_px": -2, "centre_x_px": -3}
    activation_set = row("activation_sets", activation_set_id=ACTIVATION_SET, **group, **config, **more)
    orbits = (90, 90, 20)
    shards = rows(
        "shards",
        activation_set_id=ACTIVATION_SET,
        shard=range(3),
        split=["train", "train", "test"],
        orbits=orbits,
        bytes=[2 * 40 * GROUP_ORDER * each for each in orbits],
        sha256=[content_key("sample shard", 1, number=number) for number in range(3)],
    )
    images = rows(
        "activation_set_images",
        activation_set_id=ACTIVATION_SET,
        image_id=IMAGES,
        split=["train"] * 5 + ["test"],
        orbits=[36] * 5 + [20],
    )
    return {
        "activation_sets": [activation_set | {"config": json.dumps(config)}],
        "shards": shards,
        "activation_set_images": images,
    }
