"""`sql/schema/12_feature_details.sql`: details of the sample's features, which agree with `features`."""

import math

import numpy as np

from tasks.keys import content_key
from tests.sample_tables.dictionaries import K
from tests.sample_tables.pictures import patch, png, waves
from tests.sample_tables.planted import ACTIVATION_SET, CROSSCODER, FEATURES, GROUP_ORDER, LIVE, SAE
from tests.sample_tables.rows import Row, Tables, row, rows, together
from tests.sample_tables.sources import IMAGES

ORBITS = 200
BINS_SHOWN = 9
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
POSITIONS = 28
REPLICA = content_key("sample dictionary", 1, method="group-crosscoder", seed=1)
"""A training of the crosscoder with another seed, which is in no other table."""
ABLATED = 6
"""The SAE's first features are ablated."""


def detail_rows(features: list[Row], examples: list[Row]) -> Tables:
    """Rows for the given rows of features and feature_examples."""
    live = [feature for feature in features if not feature["dead"]]
    frames = {"activation_set_id": ACTIVATION_SET, "image_id": IMAGES, "side_px": 224}
    pictures = [waves(number) for number in range(len(IMAGES))]
    others = {
        "image_frames": rows("image_frames", **frames, picture=pictures),
        "feature_heat_maps": [_heat_map(example) for example in examples if example["rank"] <= 3],
        "feature_logit_effects": [each for feature in LIVE[:ABLATED] for each in _effects(feature)],
    }
    return together([*map(_one_feature, live), _matches(live), others])


def histogram_of(feature: Row) -> dict[int, int]:
    """Rows by bin: the highest holds the feature's maximum."""
    of_rows = ORBITS * (GROUP_ORDER if feature["dictionary_id"] == CROSSCODER else 1)
    count = round(feature["density"] * of_rows)
    top = math.floor(4 * math.log2(feature["max_activation"]))
    shares = np.array_split(range(count), min(BINS_SHOWN, count))
    return {top - place: len(share) for place, share in enumerate(shares)}


def _one_feature(feature: Row) -> Tables:
    key = {"dictionary_id": feature["dictionary_id"], "feature": feature["feature"]}
    histogram = dict(sorted(histogram_of(feature).items()))
    ends = {"lower": [2 ** (each / 4) for each in histogram], "upper": [2 ** ((each + 1) / 4) for each in histogram]}
    number = feature["feature"]
    neurons = {"neuron": [number, (number + 1) % FEATURES, (number + 2) % FEATURES], "weight": [2.0, -1.0, 0.5]}
    return {
        "activation_histograms": rows(
            "activation_histograms", **key, **ends, bin=list(histogram), rows=list(histogram.values())
        ),
        "quantile_examples": _quantile_examples(key, histogram),
        "feature_neurons": rows("feature_neurons", **key, **neurons, rank=[1, 2, 3], share=[0.64, 0.16, 0.04]),
    }


def _quantile_examples(key: Row, histogram: dict[int, int]) -> list[Row]:
    through = np.cumsum(list(histogram.values()))
    bins = [list(histogram)[np.searchsorted(through, quantile * through[-1])] for quantile in QUANTILES]
    shown = {each: quantile for quantile, each in reversed([*zip(QUANTILES, bins, strict=True)])}
    number = key["feature"]
    return [
        row(
            "quantile_examples",
            **key,
            quantile=quantile,
            image_id=IMAGES[(number + place) % len(IMAGES)],
            y=40 + 8 * place,
            x=60 + 8 * (number % 10),
            element=(number + place) % GROUP_ORDER,
            activation=2 ** ((each + 0.5) / 4),
            patch=patch(number, place + 2),
        )
        for place, (each, quantile) in enumerate(sorted(shown.items()))
    ]


def _matches(live: list[Row]) -> Tables:
    """SAE and crosscoder have the same features in the reverse order; the replica has those of the crosscoder."""
    others = {SAE: (CROSSCODER,), CROSSCODER: (SAE, REPLICA)}
    parts = [
        {
            "matched_dictionaries": [
                row(
                    "matched_dictionaries",
                    dictionary_id=key,
                    other_dictionary_id=other,
                    other_activation_set_id=ACTIVATION_SET,
                    other_architecture="sae" if other == SAE else "group-crosscoder",
                    other_method="topk",
                    other_features=FEATURES,
                    other_k=K,
                    other_seed=int(other == REPLICA),
                    differs_in_seed_alone=other == REPLICA,
                )
            ],
            "feature_matches": rows(
                "feature_matches",
                dictionary_id=key,
                other_dictionary_id=other,
                feature=LIVE,
                other_feature=LIVE if other == REPLICA else LIVE[::-1],
                cosine=[0.95 if other == REPLICA else 0.4 + 0.01 * feature for feature in LIVE],
            ),
        }
        for key, of_key in others.items()
        for other in of_key
    ]
    assert {feature["feature"] for feature in live} == set(LIVE)
    return together(parts)


def _heat_map(example: Row) -> Row:
    """A blob about the example."""
    y, x = np.mgrid[:POSITIONS, :POSITIONS] * 8 + 4
    blob = np.exp(-((y - example["y"]) ** 2 + (x - example["x"]) ** 2) / 400)
    return row(
        "feature_heat_maps",
        **{name: example[name] for name in ("dictionary_id", "feature", "rank")},
        **{"map_rows": POSITIONS, "map_columns": POSITIONS, "first_y_px": 4, "first_x_px": 4, "stride_px": 8},
        maximum=example["activation"],
        picture=png((255 * blob).astype(np.uint8)),
    )


def _effects(feature: int) -> list[Row]:
    def of(direction: str, changes: list[float]) -> list[Row]:
        first = 10 * feature + (500 if direction == "raised" else 0)
        classes = [first + place for place in range(len(changes))]
        return rows(
            "feature_logit_effects",
            dictionary_id=SAE,
            feature=feature,
            direction=direction,
            rank=[place + 1 for place in range(len(changes))],
            class_index=classes,
            class_name=[f"class {each}" for each in classes],
            change=changes,
            std_error=0.1,
            images=4,
        )

    return of("lowered", [-1.5, -1.2, -0.9, -0.6, -0.3]) + of("raised", [0.4, 0.2])
