"""`sql/schema/03_dictionaries.sql`: the SAE and the group crosscoder, and what needs no group about their features."""

import json

import numpy as np

from tests.sample_tables.pictures import patch, waves
from tests.sample_tables.planted import ACTIVATION_SET, CROSSCODER, DEAD, FEATURES, GROUP_ORDER, LIVE, SAE
from tests.sample_tables.rows import Row, Tables, row, rows, together
from tests.sample_tables.sources import IMAGES

K = 8
EXAMPLE_RANKS = range(1, 5)
NEIGHBOURS = 4


def dictionary_rows(random: np.random.Generator) -> Tables:
    of_group = {"group_order": GROUP_ORDER, "encode_from": "identity", "orbit_reuse": True}
    sae = _dictionary("sae", dictionary_id=SAE, group_order=1, train_seconds=2.5)
    crosscoder = _dictionary("group-crosscoder", dictionary_id=CROSSCODER, train_seconds=7.25, **of_group)
    parts = [_one_dictionary(sae, 0.21, random), _one_dictionary(crosscoder, 0.34, random)]
    return together([*parts, {"feature_visualisations": _visualisations()}])


def _dictionary(architecture: str, **columns) -> Row:
    columns |= {"activation_set_id": ACTIVATION_SET, "method": "topk", "steps": 300, "rows_seen": 300 * 128}
    columns |= {"features": FEATURES, "channels": 40, "config": json.dumps({"architecture": architecture, "k": K})}
    return row("dictionaries", architecture=architecture, k=K, **columns)


REPLICAS = (1, 2)
"""Seeds of the dictionaries with which a dictionary's features are matched."""
PREDICTIONS = (("linear", 0, 0.0, 0.3), ("nonlinear", 200, 0.0, 0.25), ("generators", 300, 0.0, 0.35))
PREDICTIONS += (("orbit-linear", 0, 0.45, 0.45), ("matching-pursuit", 0, 0.15, 0.15))
"""Predictors of a group crosscoder's blocks: name, steps, FVU of the identity block and of every other one."""


def _one_dictionary(dictionary: Row, fvu: float, random: np.random.Generator) -> Tables:
    key, group_order = {"dictionary_id": dictionary["dictionary_id"]}, dictionary["group_order"]
    live = np.isin(np.arange(FEATURES), LIVE)
    density = np.where(live, random.uniform(0.02, 0.4, FEATURES), 0.0)
    density = np.round(density * 0.9 * K / density.sum() * 200) / 200  # of 200 orbits
    mean = np.where(live, random.uniform(0.5, 2.0, FEATURES), 0.0)
    top = mean * random.uniform(2.0, 5.0, FEATURES)
    metrics = {"fvu": fvu, "l0": float(density.sum()), "dead_fraction": len(DEAD) / FEATURES}
    metrics |= {"cosine": 1 - fvu / 2, "rows": 20.0 * GROUP_ORDER}
    blocks = fvu + 0.01 * np.sin(np.arange(group_order))
    steps = range(0, 300, 50)
    curves = {"loss": [fvu + 2 * 0.5 ** (s / 50) for s in steps], "fvu": [fvu + 0.7 * 0.5 ** (s / 50) for s in steps]}
    features = {"feature": range(FEATURES), "density": density, "mean_activation": mean, "max_activation": top}
    return {
        "dictionaries": [dictionary],
        "dictionary_metrics": rows("dictionary_metrics", **key, metric=metrics, value=metrics.values()),
        "block_metrics": rows("block_metrics", **key, element=range(group_order), fvu=blocks),
        "dictionary_stability": rows(
            "dictionary_stability",
            **key,
            replica_id=[f"{seed:064x}" for seed in REPLICAS],
            replica_seed=REPLICAS,
            stability=[0.6 + 0.01 * seed for seed in REPLICAS],
            stability_random=0.1,
        ),
        "orbit_predictions": [
            each
            for predictor, steps, of_identity, of_others in PREDICTIONS
            if group_order > 1
            for each in rows(
                "orbit_predictions",
                **(key | {"predictor": predictor, "steps": steps, "variance": 2.0}),
                element=range(group_order),
                fvu=[of_identity if element == 0 else of_others for element in range(group_order)],
            )
        ],
        "training_steps": [
            each
            for metric, values in curves.items()
            for each in rows("training_steps", **key, step=steps, metric=metric, value=values)
        ],
        "features": rows("features", **key, **features, atom_dimension=1, dead=~live),
        "feature_examples": [
            example | key for feature in LIVE for example in _examples(feature, float(top[feature]), group_order)
        ],
        "feature_neighbours": [neighbour | key for neighbour in _neighbours(random)],
    }


def _examples(feature: int, top: float, group_order: int) -> list[Row]:
    elements = [(5 * feature + rank) % group_order for rank in EXAMPLE_RANKS]
    activations = [top * (1.1 - 0.1 * rank) for rank in EXAMPLE_RANKS]
    return rows("feature_examples", **example_columns(feature, feature), element=elements, activation=activations)


def example_columns(number: int, feature: int) -> Row:
    """Where the top examples of a feature or neuron `number` lie, and pictures of the feature."""
    return {
        "feature": feature,
        "rank": EXAMPLE_RANKS,
        "image_id": [IMAGES[(number + rank) % len(IMAGES)] for rank in EXAMPLE_RANKS],
        "y": [40 + 8 * rank for rank in EXAMPLE_RANKS],
        "x": 60 + 8 * (number % 10),
        "patch": [patch(feature, rank) for rank in EXAMPLE_RANKS],
    }


def _neighbours(random: np.random.Generator) -> list[Row]:
    """The nearest of random atoms."""
    atoms = random.normal(size=(FEATURES, 12))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    cosines = atoms[LIVE] @ atoms[LIVE].T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argsort(-cosines, axis=1)[:, :NEIGHBOURS]
    return rows(
        "feature_neighbours",
        feature=np.repeat(LIVE, NEIGHBOURS),
        rank=np.tile(np.arange(1, NEIGHBOURS + 1), len(LIVE)),
        neighbour=np.array(LIVE)[nearest].ravel(),
        similarity=np.take_along_axis(cosines, nearest, axis=1).ravel(),
    )


def _visualisations() -> list[Row]:
    """Optimised images of the SAE's first features; the last of them has none against its direction."""
    images = [
        row("feature_visualisations", dictionary_id=SAE, feature=feature, direction=name, picture=waves(feature, sign))
        for feature in range(6)
        for name, sign in (("positive", 1), ("negative", -1))
    ]
    return images[:-1]
