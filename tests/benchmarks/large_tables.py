"""The tables of one large dictionary: a group crosscoder under 32 rotations and reflections, |G| = 64.

Each feature has 8 patches of 75 pixels, drawn from 2,000 different ones, and the details that its page shows. Effects
on the logits are left out, because they are measured for a few features only.
"""

from io import BytesIO

import numpy as np
import polars as pl
from PIL import Image
from skimage import data

from tests.sample_tables import sample_tables
from tests.sample_tables.pictures import webp
from tests.sample_tables.planted import CROSSCODER
from tests.sample_tables.rows import row

ROTATIONS, PATCHES, SIDE, DIFFERENT_PATCHES, NEIGHBOURS = 32, 8, 75, 2000, 4
BINS, NEURONS, QUANTILES, MAPS, MAP_SIDE = 24, 8, (0.1, 0.3, 0.5, 0.7, 0.9), 3, 28
OTHERS = ("b" * 64, "c" * 64)
"""Dictionaries, without tables of their own, in which features have matches."""
ELEMENTS = 2 * ROTATIONS
MAP = {"map_rows": MAP_SIDE, "map_columns": MAP_SIDE, "stride_px": 8, "maximum": 5.0}
TYPES = ("invariant", "period-180", "period-360", "period-90", "mixed")
SHARED = ("networks", "layers", "images")


def filled(table: str, **columns: np.ndarray | list) -> pl.DataFrame:
    """Return rows of a table from some of its columns; the others are null or zero."""
    given = {name: pl.Series(name, values) for name, values in columns.items()}
    rest = {name: value for name, value in row(table).items() if name not in given}
    return pl.DataFrame(given).with_columns(**{name: pl.lit(value) for name, value in rest.items()})


def patches(random: np.random.Generator) -> list[bytes]:
    """Return different patches of a photograph, as the analysis stores them."""
    photograph = data.astronaut()
    corners = random.integers(0, len(photograph) - SIDE, (DIFFERENT_PATCHES, 2))
    return [webp(photograph[y : y + SIDE, x : x + SIDE]) for y, x in corners]


def png(grey_yx: np.ndarray) -> bytes:
    """Return a grey picture as the heat-maps are stored."""
    buffer = BytesIO()
    Image.fromarray(grey_yx.astype(np.uint8)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def large_tables(features: int) -> dict[str, pl.DataFrame]:
    """Return the tables of one dictionary with so many live features, details of their pages included."""
    random = np.random.default_rng(0)
    sample = sample_tables()
    group = {"n_rotations": ROTATIONS, "reflections": True, "group_order": ELEMENTS}
    tables = {name: sample[name] for name in SHARED}
    tables["activation_sets"] = sample["activation_sets"].with_columns(**{k: pl.lit(v) for k, v in group.items()})
    dictionary = sample["dictionaries"].filter(dictionary_id=CROSSCODER)
    tables["dictionaries"] = dictionary.with_columns(features=pl.lit(features), group_order=pl.lit(ELEMENTS))
    number = np.arange(features)
    profile = np.cos(2 * np.pi * np.outer(1 + number % 4, np.arange(ELEMENTS)) / ROTATIONS).ravel()
    stored = patches(random)
    of_patch = random.integers(0, len(stored), features * PATCHES)
    # by the name of the table: the columns that are not null or zero
    columns: dict[str, dict] = {
        "features": {"density": random.uniform(0.001, 0.1, features), "atom_dimension": np.ones(features, int)},
        "feature_symmetry": {
            "type": [TYPES[each % len(TYPES)] for each in number],
            "confidence": random.uniform(0, 1, features),
            "stabiliser": np.repeat("D_2", features),
            "stabiliser_order": np.repeat(4, features),
            "rotational_order": 1 + number % 4,
        },
    }
    columns["features"]["max_activation"] = columns["features"]["mean_activation"] = random.uniform(1, 9, features)
    count_of = random.integers(1, 1000, features * BINS)
    maps = [png(random.integers(0, 256, (MAP_SIDE, MAP_SIDE))) for _ in range(100)]
    repeated = {
        "transform_blocks": ("element", ELEMENTS, {"cosine_to_identity": profile, "norm": 1 + 0.1 * profile}),
        "feature_harmonics": ("harmonic", ROTATIONS // 2 + 1, {"energy": np.ones(features * (ROTATIONS // 2 + 1))}),
        "feature_neighbours": (
            "rank",
            NEIGHBOURS,
            {"neighbour": (np.repeat(number, NEIGHBOURS) + np.tile(1 + np.arange(NEIGHBOURS), features)) % features},
        ),
        "feature_examples": (
            "rank",
            PATCHES,
            {
                "patch": [stored[each] for each in of_patch],
                "image_id": np.repeat(sample["images"]["image_id"][0], features * PATCHES),
                "activation": np.tile(np.linspace(9, 2, PATCHES), features),
            },
        ),
    }
    image = sample["images"]["image_id"][0]
    repeated |= {
        "activation_histograms": (
            "bin",
            BINS,
            {
                "lower": np.tile(2.0 ** np.arange(BINS), features),
                "upper": np.tile(2.0 ** np.arange(1, BINS + 1), features),
                "rows": count_of,
            },
        ),
        "feature_neurons": (
            "rank",
            NEURONS,
            {"neuron": random.integers(0, 480, features * NEURONS), "weight": random.normal(size=features * NEURONS)},
        ),
        "quantile_examples": (
            "quantile",
            QUANTILES,
            {
                "patch": [stored[each] for each in random.integers(0, len(stored), features * len(QUANTILES))],
                "image_id": np.repeat(image, features * len(QUANTILES)),
                "activation": np.tile(QUANTILES, features),
            },
        ),
        "feature_heat_maps": (
            "rank",
            MAPS,
            {
                "picture": [maps[each] for each in random.integers(0, len(maps), features * MAPS)],
                **{name: np.full(features * MAPS, value) for name, value in MAP.items()},
            },
        ),
        "feature_matches": (
            "other_dictionary_id",
            OTHERS,
            {"other_feature": random.integers(0, features, features * len(OTHERS))},
        ),
    }
    tables["image_frames"] = filled(
        "image_frames",
        activation_set_id=tables["activation_sets"]["activation_set_id"].to_list(),
        image_id=[image] * len(tables["activation_sets"]),
        side_px=[224] * len(tables["activation_sets"]),
        picture=[webp(data.astronaut()[:224, :224])] * len(tables["activation_sets"]),
    )
    tables["matched_dictionaries"] = filled(
        "matched_dictionaries",
        dictionary_id=[CROSSCODER] * len(OTHERS),
        other_dictionary_id=OTHERS,
        other_activation_set_id=[tables["activation_sets"]["activation_set_id"][0]] * len(OTHERS),
        other_architecture=["group-crosscoder"] * len(OTHERS),
        other_method=["topk"] * len(OTHERS),
    )
    for table, own in columns.items():
        tables[table] = filled(table, feature=number, dictionary_id=np.repeat(CROSSCODER, features), **own)
    for table, (counter, count, own) in repeated.items():
        values = np.arange(count) if isinstance(count, int) else np.array(count)
        keys = {"feature": np.repeat(number, len(values)), counter: np.tile(values, features)}
        tables[table] = filled(table, dictionary_id=np.repeat(CROSSCODER, features * len(values)), **keys, **own)
    return tables
