import json
import os
from functools import reduce
from statistics import stdev

import duckdb
import polars as pl
import pytest

from tasks.errors import UserError
from tasks.warehouse.audit import audit, run_expectations, run_sql_audit
from tasks.warehouse.database import SQL_DIR, open_warehouse, schema, sql_files
from tasks.warehouse.expectations import suite
from tasks.warehouse.load import BOOKKEEPING
from tests.sample_tables import sample_tables
from tests.sample_tables.attacks import ATTACK_ANALYSIS, FACET_ANALYSIS, FACET_EPSILON, TRUST_ANALYSIS, attacked_key
from tests.sample_tables.concepts import CONCEPT_ANALYSIS, CONCEPTS, RANDOM_SCORES, RANDOM_SETS, ZEBRA, ZEBRAS
from tests.sample_tables.dimensions import FEATURE_DIMENSIONS, PCA_DIMENSIONS
from tests.sample_tables.families import CROSSCODER_FAMILIES, SAE_FAMILIES
from tests.sample_tables.planted import (
    ACTIVATION_SET,
    CROSSCODER,
    DEAD,
    LAYER,
    LOWER_LAYER,
    OTHER_LAYER,
    OTHER_NETWORK,
    SAE,
)
from tests.sample_tables.tuning import FEATURE_TUNING, NEURON_TUNING


def with_cell(frames, table, column, value, **where):
    """`frames` with `value` (or an expression) in `column` of the rows of `table` that `where` picks."""
    picked = pl.all_horizontal(pl.col(name) == wanted for name, wanted in where.items())
    changed = pl.when(picked).then(value if isinstance(value, pl.Expr) else pl.lit(value)).otherwise(pl.col(column))
    assert frames[table].filter(picked).height, "the case must hit a row"
    return frames | {table: frames[table].with_columns(changed.alias(column))}


def without_rows(frames, table, **where):
    picked = pl.all_horizontal(pl.col(name) == wanted for name, wanted in where.items())
    assert frames[table].filter(picked).height, "the case must hit a row"
    return frames | {table: frames[table].filter(~picked)}


def trained_on_another_layer(frames, dictionary):
    sets = frames["activation_sets"]
    other = sets.with_columns(activation_set_id=pl.lit("f" * 64), layer=pl.lit("blocks.1"))
    frames = frames | {"activation_sets": pl.concat([sets, other])}
    return with_cell(frames, "dictionaries", "activation_set_id", "f" * 64, dictionary_id=dictionary)


def cell(table, column, value, **where):
    return lambda frames: with_cell(frames, table, column, value, **where)


def no_rows(table, **where):
    return lambda frames: without_rows(frames, table, **where)


NAN = float("nan")
LIVE = {"dictionary_id": CROSSCODER, "feature": 5}
BLOCK = LIVE | {"element": 3}
MIXED = {"dictionary_id": SAE, "neuron": 4}
SPLIT = MIXED | {"feature": 5}
NEURON = {"unit_set_id": NEURON_TUNING, "unit": 3}
DETECTOR = {"unit_set_id": FEATURE_TUNING, "unit": 32}
KIN = {"family_analysis_id": CROSSCODER_FAMILIES}
PLAIN = {"family_analysis_id": SAE_FAMILIES}
LINES = KIN | {"family": 1}  # of period 180, without members at 90
BLOBS = KIN | {"family": 3}  # invariant
MEMBER = KIN | {"feature": 14}  # of the lines
LONER = KIN | {"feature": 15}  # in no family
PAIR = KIN | {"feature": 6, "partner": 14}
SCORE = KIN | {"condition": "features", "seed": 1}
FOUND = {"dimension_analysis_id": PCA_DIMENSIONS}
OF_FEATURES = {"dimension_analysis_id": FEATURE_DIMENSIONS}
DIMENSION = FOUND | {"dimension": 1}
FOLLOWED = DIMENSION | {"parameter": "frequency"}
BESIDE = DIMENSION | {"parameter": "orientation"}
CURVE = DIMENSION | {"parameter": "colour"}
HARMONIC = DIMENSION | {"irrep": "A1"}
KEPT = FOUND | {"dimensions": 4}
RENDERING = DIMENSION | {"kind": "rendered", "place": 2}
NATURAL = DIMENSION | {"kind": "patch", "place": 2}
STRIPES = {"concept_id": CONCEPTS["stripes"]}
EXEMPLAR = STRIPES | {"place": 2}
VECTOR = STRIPES | {"random_set_id": RANDOM_SETS[0]}
RANDOM_VECTOR = {"concept_id": RANDOM_SETS[0], "random_set_id": RANDOM_SETS[1]}
TEST = STRIPES | {"concept_analysis_id": CONCEPT_ANALYSIS, "class_index": ZEBRA}
CORRECTED = TEST | {"tests": 2}
TWICE = stdev(2 * RANDOM_SCORES)  # of stripes' scores too

EXPERIMENT = {"attack_experiment_id": ATTACK_ANALYSIS}
ATTACK = EXPERIMENT | {"perturbed_set": "concept", "attack": "token-pushing", "epsilon": 8, "fraction": 1.0}
HALF = ATTACK | {"fraction": 0.5}
NOISE = ATTACK | {"attack": "noise"}
FIRST = HALF | {"attack": "cav", "epsilon": 2}
CLEAN = EXPERIMENT | {"perturbed_set": "concept", "attack": "clean", "epsilon": 0, "fraction": 0.0}
RANDOM_SET = ATTACK | {"perturbed_set": "random", "attack": "random-set"}
PUSHED = {"concept_id": attacked_key("stripes", "token-pushing", 8)}
HALF_PUSHED = {"concept_id": attacked_key("stripes", "token-pushing", 8, 0.5)}
HERE = {"eval_layer": LAYER}
READ = ATTACK | HERE
ELSEWHERE = {"eval_network": OTHER_NETWORK, "eval_layer": OTHER_LAYER}
SHOWN = {name: ATTACK[name] for name in ("attack_experiment_id", "perturbed_set", "attack", "epsilon")} | {"place": 2}
NOTICED = ATTACK | {"dictionary_id": SAE, "statistic": "rare"}
FACETED = {"facet_analysis_id": FACET_ANALYSIS}
POSITIVE = FACETED | {"attack": "positive", "facet_id": CONCEPTS["stripes"]}
NEGATIVE = POSITIVE | {"attack": "negative"}
UNCHANGED = POSITIVE | {"attack": "clean"}
STRIPED_FACET = FACETED | {"facet_id": CONCEPTS["stripes"]}
UNFACETED = FACETED | {"attack": "plain"}
READING = FACETED | {"place": 7, "facet_id": CONCEPTS["dots"]}
TRUSTED = {"trust_analysis_id": TRUST_ANALYSIS, "concept_id": CONCEPTS["stripes"]}
DIVIDED = {"trust_analysis_id": TRUST_ANALYSIS, "check_name": "split-half disagreement"}
CHECKED = TRUSTED | DIVIDED
NO_PICTURES = [b"GIF89a, not a WebP", b"RIFF    WAVEfmt ", b"JUNK    WEBPVP8 ", b""]


def of_vector(about, change):
    """`change(frames, cav)` with the key of the vector that `about` picks."""
    return lambda frames: change(frames, frames["cavs"].filter(**about)["cav_id"].item())


def score_cell(column, value, **about):
    return of_vector(about, lambda frames, cav: with_cell(frames, "tcav_scores", column, value, cav_id=cav))


def in_turn(*changes):
    return lambda frames: reduce(lambda found, change: change(found), changes, frames)


def row_twice(table, **where):
    return lambda frames: frames | {table: pl.concat([frames[table], frames[table].filter(**where)])}


def told_twice(frames, concepts, **changes):
    """Every vector and score of `concepts` again under another key, and the numbers of the test as they then are."""
    again = frames["cavs"].filter(pl.col("concept_id").is_in(concepts))
    scores = frames["tcav_scores"].join(again.select("cav_id"), on="cav_id", how="semi")
    reverse = pl.col("cav_id").str.reverse()
    frames = frames | {
        "cavs": pl.concat([frames["cavs"], again.with_columns(reverse)]),
        "tcav_scores": pl.concat([frames["tcav_scores"], scores.with_columns(reverse)]),
    }
    for column, value in changes.items():
        frames = with_cell(frames, "tcav_tests", column, value, **TEST)
    return frames


def of_two_classes(frames):
    scores = frames["tcav_scores"]
    other = scores.head(1).with_columns(**{"class_images_id": pl.lit(CONCEPTS["dots"])})
    return frames | {"tcav_scores": pl.concat([scores, other])}


def in_no_test(frames):
    scores = frames["tcav_scores"]
    other = scores.with_columns(class_index=pl.lit(ZEBRA + 1, dtype=pl.Int64))
    return frames | {"tcav_scores": pl.concat([scores, other])}


# audit -> (what spoils the sample, what the first offending row must say)
SPOILT = {
    "group_order_follows_from_the_rotations": [
        (cell("activation_sets", "n_rotations", 16, seed=0), {"activation_set_id": ACTIVATION_SET}),
        (
            cell("activation_sets", "reflections", False, seed=0),
            {"activation_set_id": ACTIVATION_SET, "reflections": False},
        ),
    ],
    "dictionaries_fit_their_activation_set": [
        (cell("dictionaries", "group_order", 16, dictionary_id=SAE), {"dictionary_id": SAE, "group_order": 16}),
        (
            cell("dictionaries", "group_order", 8, dictionary_id=CROSSCODER),
            {"dictionary_id": CROSSCODER, "group_order": 8},
        ),
        (cell("dictionaries", "channels", 41, dictionary_id=SAE), {"dictionary_id": SAE, "layer_channels": 40}),
        (cell("dictionaries", "k", 41, dictionary_id=SAE), {"dictionary_id": SAE, "k": 41}),
        (cell("dictionaries", "steps", 0, dictionary_id=SAE), {"dictionary_id": SAE}),
    ],
    "shards_add_up_to_their_set": [
        (cell("shards", "orbits", 89, shard=1), {"activation_set_id": ACTIVATION_SET, "orbits": 200}),
        (cell("shards", "shard", 7, shard=2), {"activation_set_id": ACTIVATION_SET, "last_shard": 7}),
        (no_rows("shards", activation_set_id=ACTIVATION_SET), {"activation_set_id": ACTIVATION_SET, "shards": 0}),
    ],
    "quarantine_belongs_to_a_set": [
        (cell("quarantine", "activation_set_id", "f" * 64, name="broken.jpg"), {"name": "broken.jpg"})
    ],
    "features_are_complete": [
        (cell("dictionaries", "features", 41, dictionary_id=SAE), {"dictionary_id": SAE, "rows_found": 40}),
        (cell("features", "feature", 40, dictionary_id=SAE, feature=DEAD[0]), {"dictionary_id": SAE, "last": 40}),
    ],
    "feature_statistics_agree": [
        (cell("features", "density", 1.5, **LIVE), LIVE),
        (cell("features", "density", NAN, **LIVE), LIVE),
        (cell("features", "dead", True, **LIVE), LIVE),
        (
            cell("features", "dead", False, dictionary_id=SAE, feature=DEAD[0]),
            {"dictionary_id": SAE, "feature": DEAD[0]},
        ),
        (cell("features", "max_activation", 1.0, dictionary_id=SAE, feature=DEAD[0]), {"feature": DEAD[0]}),
        (cell("features", "mean_activation", 99.0, **LIVE), LIVE),
        (cell("features", "max_activation", NAN, **LIVE), LIVE),
        (cell("features", "atom_dimension", 0, **LIVE), LIVE),
    ],
    "active_features_stay_within_k": [
        (cell("dictionary_metrics", "value", 8.01, dictionary_id=SAE, metric="l0"), {"dictionary_id": SAE, "l0": 8.01}),
        (
            cell("features", "density", 1.0, dictionary_id=SAE, dead=False),
            {"dictionary_id": SAE, "sum_of_densities": 36.0},
        ),
    ],
    "dictionary_metrics_are_complete": [
        (
            no_rows("dictionary_metrics", dictionary_id=SAE, metric="cosine"),
            {"dictionary_id": SAE, "missing_metric": "cosine"},
        )
    ],
    "dictionary_metrics_are_in_range": [
        (
            cell("dictionary_metrics", "value", value, dictionary_id=SAE, metric=metric),
            {"dictionary_id": SAE, "metric": metric},
        )
        for metric, value in [
            ("fvu", -0.1),
            ("fvu", 2.5),
            ("fvu", NAN),
            ("fvu", float("inf")),
            ("l0", -1.0),
            ("dead_fraction", 1.2),
            ("cosine", -1.2),
            ("rows", 0.0),
        ]
    ],
    "block_metrics_are_complete": [
        (no_rows("block_metrics", dictionary_id=CROSSCODER, element=4), {"dictionary_id": CROSSCODER, "blocks": 15}),
        (no_rows("block_metrics", dictionary_id=SAE), {"dictionary_id": SAE, "blocks": 0}),
        (cell("block_metrics", "element", 16, dictionary_id=CROSSCODER, element=4), {"last_block": 16}),
        (cell("block_metrics", "fvu", -0.1, dictionary_id=CROSSCODER, element=4), {"impossible_fvu": 1}),
        (cell("block_metrics", "fvu", NAN, dictionary_id=CROSSCODER, element=4), {"impossible_fvu": 1}),
    ],
    "training_steps_are_in_range": [
        (
            cell("training_steps", "step", 999, dictionary_id=SAE, step=50, metric="loss"),
            {"dictionary_id": SAE, "step": 999},
        ),
        (
            cell("training_steps", "value", NAN, dictionary_id=SAE, step=50, metric="loss"),
            {"dictionary_id": SAE, "step": 50},
        ),
    ],
    "examples_are_sorted": [
        (cell("feature_examples", "activation", 0.01, **LIVE, rank=2), LIVE | {"rank": 3}),
        (cell("feature_examples", "activation", 99.0, **LIVE, rank=1), LIVE | {"rank": 1, "activation": 99.0}),
        (cell("feature_examples", "activation", 0.0, **LIVE, rank=4), LIVE | {"rank": 4}),
        (no_rows("feature_examples", **LIVE, rank=1), LIVE | {"rank": 2, "expected_rank": 1}),
    ],
    "examples_are_pictures_inside_the_frame": [
        (cell("feature_examples", "y", 224, **LIVE, rank=2), LIVE | {"rank": 2, "y": 224}),
        (cell("feature_examples", "x", -1, **LIVE, rank=2), LIVE | {"rank": 2, "x": -1}),
        (cell("feature_examples", "element", 16, **LIVE, rank=2), LIVE | {"element": 16}),
        (cell("feature_examples", "patch", b"GIF89a, not a WebP", **LIVE, rank=2), LIVE | {"rank": 2}),
        (cell("feature_examples", "patch", b"", **LIVE, rank=2), LIVE | {"patch_bytes": 0}),
    ],
    "neighbours_are_sorted": [
        (cell("feature_neighbours", "neighbour", 5, **LIVE, rank=1), LIVE | {"rank": 1, "neighbour": 5}),
        (cell("feature_neighbours", "neighbour", 99, **LIVE, rank=1), LIVE | {"rank": 1, "neighbour": 99}),
        (cell("feature_neighbours", "similarity", 1.5, **LIVE, rank=1), LIVE | {"rank": 1, "similarity": 1.5}),
        (cell("feature_neighbours", "similarity", -0.99, **LIVE, rank=1), LIVE | {"rank": 2}),
        (cell("feature_neighbours", "similarity", NAN, **LIVE, rank=1), LIVE | {"rank": 1}),
        (no_rows("feature_neighbours", **LIVE, rank=2), LIVE | {"rank": 3, "expected_rank": 2}),
    ],
    "transform_blocks_are_complete": [
        (no_rows("transform_blocks", **BLOCK), LIVE | {"blocks": 15}),
        (no_rows("transform_blocks", **LIVE), LIVE | {"blocks": 0}),
        (cell("transform_blocks", "element", 16, **BLOCK), LIVE | {"last": 16}),
        (
            cell("transform_blocks", "dictionary_id", SAE, **LIVE),
            {"dictionary_id": SAE, "feature": 5, "group_order": 1},
        ),
    ],
    "transform_block_profiles_are_cosines": [
        (cell("transform_blocks", "cosine_to_identity", 1.1, **BLOCK), BLOCK),
        (cell("transform_blocks", "cosine_to_identity", NAN, **BLOCK), BLOCK),
        (cell("transform_blocks", "cosine_to_identity", 0.9, **LIVE, element=0), LIVE | {"element": 0}),
        (cell("transform_blocks", "norm", -1.0, **BLOCK), BLOCK),
        (cell("transform_blocks", "norm", float("inf"), **BLOCK), BLOCK),
    ],
    "transform_block_angles_follow_the_group": [
        (cell("transform_blocks", "rotation_degrees", 90.0, **BLOCK), BLOCK | {"rotation_degrees": 90.0}),
        (cell("transform_blocks", "mirrored", True, **BLOCK), BLOCK | {"mirrored": True}),
    ],
    "visualisations_are_pictures": [
        (cell("feature_visualisations", "picture", b"no picture", feature=3), {"feature": 3, "picture_bytes": 10}),
    ],
    "harmonics_sum_to_one": [
        (cell("feature_harmonics", "energy", pl.col("energy") + 0.01, **LIVE, harmonic=1), LIVE),
        (
            lambda frames: with_cell(
                with_cell(frames, "feature_harmonics", "energy", pl.col("energy") - 1, **LIVE, harmonic=4),
                "feature_harmonics",
                "energy",
                pl.col("energy") + 1,
                **LIVE,
                harmonic=0,
            ),
            LIVE,
        ),
        (no_rows("feature_harmonics", **LIVE), LIVE | {"harmonics": 0}),
    ],
    "symmetry_is_read_from_every_live_feature": [
        (no_rows("feature_symmetry", **LIVE), LIVE | {"dead": False, "type": None}),
        (cell("feature_symmetry", "feature", DEAD[0], **LIVE), {"dictionary_id": CROSSCODER}),
        (cell("feature_symmetry", "dictionary_id", SAE, **LIVE), {"feature": 5}),
    ],
    "symmetry_agrees_with_the_blocks": [
        (cell("feature_symmetry", "invariance", 0.99, **LIVE), LIVE | {"invariance": 0.99}),
        (cell("feature_symmetry", "mirror", -0.5, **LIVE), LIVE | {"mirror": -0.5}),
        (cell("feature_symmetry", "mirror", NAN, **LIVE), LIVE),
        (cell("feature_symmetry", "mirror", None, **LIVE), LIVE | {"mirror": None}),
        (cell("transform_blocks", "mirrored", False, **LIVE), LIVE | {"largest_reflection": None}),
        (cell("feature_symmetry", "mirror_element", 3, **LIVE), LIVE | {"mirror_element": 3}),
        (cell("feature_symmetry", "mirror_element", None, **LIVE), LIVE | {"mirror_element": None}),
    ],
    "symmetry_labels_make_sense": [
        (cell("feature_symmetry", "type", "mixed", **LIVE), LIVE | {"type": "mixed"}),
        (cell("feature_symmetry", "period_degrees", None, **LIVE), LIVE | {"period_degrees": None}),
        (cell("feature_symmetry", "period_degrees", 400.0, **LIVE), LIVE | {"period_degrees": 400.0}),
        (cell("feature_symmetry", "confidence", 1.2, **LIVE), LIVE | {"confidence": 1.2}),
        (cell("feature_symmetry", "rotational_order", -1, **LIVE), LIVE),
        (cell("feature_symmetry", "stabiliser_order", 3, **LIVE), LIVE | {"stabiliser_order": 3}),
        (cell("feature_symmetry", "stabiliser", "full", **LIVE), LIVE | {"stabiliser": "full"}),
    ],
    "tuning_is_complete": [
        (cell("unit_sets", "units", 41, kind="neurons"), {"unit_set_id": NEURON_TUNING, "rows_found": 40}),
        (cell("unit_sets", "dictionary_id", SAE, kind="neurons"), {"unit_set_id": NEURON_TUNING, "dictionary_id": SAE}),
        (cell("unit_sets", "dictionary_id", None, kind="features"), {"unit_set_id": FEATURE_TUNING}),
        (cell("unit_sets", "activation_set_id", "f" * 64, kind="features"), {"unit_set_id": FEATURE_TUNING}),
        (cell("unit_tuning", "unit", 40, **NEURON), {"unit_set_id": NEURON_TUNING, "last": 40}),
        (
            cell("unit_tuning", "unit", 40, unit_set_id=NEURON_TUNING, unit=0),
            {"unit_set_id": NEURON_TUNING, "first": 1},
        ),
    ],
    "tuning_agrees_with_its_numbers": [
        (cell("unit_tuning", column, value, **DETECTOR), DETECTOR)
        for column, value in [
            ("best_response", NAN),
            ("best_response", 1.0),
            ("natural_maximum", float("inf")),
            ("natural_maximum", 1000.0),
            ("natural_maximum", 0.0),
            ("confidence", 1.2),
            ("peak_degrees", 360.0),
            ("peak_degrees", None),
            ("width_degrees", 0.0),
            ("echo", 0.3),
            ("echo", None),
            ("concentration", 1.1),
            ("concentration", 0.6),
            ("weakest_rendering", 0.2),
            ("straight_share", 0.6),
            ("straight_share", None),
            ("criteria_met", 4),
            ("criteria_met", 6),
            ("is_curve_detector", False),
        ]
    ],
    "curve_detectors_are_those_of_unit_tuning": [
        (no_rows("curve_detectors", **DETECTOR), DETECTOR | {"curve_family": None}),
        (cell("curve_detectors", "unit", 33, **DETECTOR), {"unit": 33, "is_curve_detector": False}),
        (cell("curve_detectors", "natural_correlation", 1.1, **DETECTOR), DETECTOR),
        (cell("curve_detectors", "natural_correlation", NAN, **DETECTOR), DETECTOR),
        (cell("curve_detectors", "natural_correlation", 0.6, **DETECTOR), DETECTOR | {"missing": True}),
        (cell("curve_detectors", "natural_correlation", None, **DETECTOR), DETECTOR | {"missing": True}),
        (cell("curve_detectors", "missing", None, **DETECTOR), DETECTOR),
        (cell("curve_detectors", "missing", False, **NEURON), NEURON),
        (cell("curve_detectors", "missing", True, unit_set_id=FEATURE_TUNING, unit=0), {"unit": 0, "missing": True}),
    ],
    "tuning_curves_go_around": [
        (no_rows("tuning_curves", **DETECTOR), DETECTOR | {"stimulus": None}),
        (no_rows("tuning_curves", **DETECTOR, stimulus="arc", angle_degrees=8.0), DETECTOR | {"angles": 89}),
        (cell("tuning_curves", "angle_degrees", 358.0, **DETECTOR, stimulus="arc", angle_degrees=356.0), DETECTOR),
        (cell("tuning_curves", "response", NAN, **DETECTOR, stimulus="arc", angle_degrees=8.0), DETECTOR),
        (cell("tuning_curves", "response", 9.0, **DETECTOR, stimulus="arc", angle_degrees=8.0), {"largest_at": 8.0}),
    ],
    "neurons_are_complete": [
        (no_rows("neurons", dictionary_id=SAE, neuron=4), {"dictionary_id": SAE, "rows_found": 39}),
        (cell("neurons", "neuron", 40, dictionary_id=SAE, neuron=4), {"dictionary_id": SAE, "last": 40}),
    ],
    "neurons_add_up": [
        (cell("neurons", column, value, **MIXED), MIXED)
        for column, value in [
            ("max_activation", NAN),
            ("max_activation", 0.0),
            ("density", 0.0),
            ("top_rows", 201),
            ("top_rows", 0),
            ("explained", None),
            ("explained", 1.1),
            ("explained", 0.95),
            ("suppressed", -0.1),
            ("bias", 0.9),
        ]
    ],
    "neuron_features_are_shares": [
        (cell("neuron_features", "share", 0.1, **MIXED, rank=1), MIXED | {"rank": 2, "share_before": 0.1}),
        (cell("neuron_features", "share", 0.9, **MIXED, rank=1), MIXED | {"rank": 1, "share": 0.9}),
        (cell("neuron_features", "share", 0.0, **MIXED, rank=2), MIXED | {"rank": 2, "share": 0.0}),
        (cell("neuron_features", "share", NAN, **MIXED, rank=2), MIXED | {"rank": 2}),
        (cell("neuron_features", "rows_carried", 9, **MIXED, rank=2), MIXED | {"rank": 2, "all_rows": 21}),
        (cell("neuron_features", "feature", 4, **MIXED, rank=2), MIXED | {"rank": 2, "feature": 4}),
        (no_rows("neuron_features", **MIXED, rank=1), MIXED | {"rank": 2, "expected_rank": 1}),
        (no_rows("neuron_features", **MIXED), MIXED | {"rank": None}),
        (cell("neurons", "carried", 0.0, **MIXED), MIXED | {"rank": 1}),
    ],
    "neuron_examples_are_sorted": [
        (cell("neuron_examples", "activation", 0.5, **SPLIT, rank=2), SPLIT | {"rank": 3}),
        (cell("neuron_examples", "activation", 11.0, **SPLIT, rank=1), SPLIT | {"rank": 1, "activation": 11.0}),
        (cell("neuron_examples", "activation", 0.0, **SPLIT, rank=4), SPLIT | {"rank": 4}),
        (no_rows("neuron_examples", **SPLIT, rank=1), SPLIT | {"rank": 2, "expected_rank": 1}),
        (cell("neuron_features", "rows_carried", 3, **SPLIT), SPLIT | {"rank": 4, "rows_carried": 3}),
        (no_rows("neuron_features", **SPLIT), SPLIT | {"rank": 1, "rows_carried": None}),
    ],
    "neuron_examples_are_pictures_inside_the_frame": [
        (cell("neuron_examples", "y", 224, **SPLIT, rank=2), SPLIT | {"rank": 2, "y": 224}),
        (cell("neuron_examples", "x", -1, **SPLIT, rank=2), SPLIT | {"rank": 2, "x": -1}),
        (cell("neuron_examples", "patch", b"GIF89a, not a WebP", **SPLIT, rank=2), SPLIT | {"rank": 2}),
        (cell("neuron_examples", "patch", b"", **SPLIT, rank=2), SPLIT | {"patch_bytes": 0}),
    ],
    "family_analyses_fit_their_dictionary": [
        (cell("family_analyses", "n_rotations", 0, **KIN), KIN | {"n_rotations": 0}),
        (cell("family_analyses", "group_order", 8, **KIN), KIN | {"group_order": 8}),
        (cell("family_analyses", "reflections", False, **KIN), KIN | {"reflections": False}),
        (cell("family_analyses", "dictionary_id", SAE, **KIN), KIN | {"dictionary_group_order": 1}),
        (cell("activation_sets", "n_rotations", 12, seed=0), KIN | {"set_n_rotations": 12}),
        (cell("activation_sets", "reflections", False, seed=0), KIN),
    ],
    "family_analyses_hold_every_live_feature": [
        (no_rows("feature_families", **MEMBER), KIN | {"live_feature": 14, "feature_found": None}),
        (no_rows("feature_families", **KIN), KIN | {"feature_found": None}),
        (
            cell("feature_families", "feature", DEAD[0], **MEMBER),
            KIN | {"live_feature": None, "feature_found": DEAD[0]},
        ),
        (cell("feature_families", "feature", 15, **MEMBER), KIN | {"live_feature": 14, "feature_found": None}),
        (cell("family_analyses", "live_features", 37, **KIN), KIN | {"live_features": 37}),
    ],
    "families_are_numbered_by_size": [
        (cell("family_analyses", "families", 6, **KIN), KIN | {"families": 6, "families_found": 5}),
        (no_rows("family_shapes", **KIN), KIN | {"families": 5, "families_found": None}),
        (cell("family_analyses", "min_family_size", 3, **KIN), KIN | {"family": 4, "size": 2}),
        (cell("family_shapes", "family", 5, **BLOBS), KIN | {"family": 4, "expected_family": 3}),
        (cell("family_shapes", "size", 10, **LINES), LINES | {"size_before": 9}),
        (cell("family_shapes", "size", 6, **LINES), LINES | {"size": 6, "members": 5}),
        (cell("feature_families", "family", 0, **MEMBER), LINES | {"size": 5, "members": 4}),
        (cell("feature_families", "family", None, **PLAIN, family=1), PLAIN | {"family": 1, "members": None}),
    ],
    "family_prototypes_are_members": [
        (cell("family_shapes", "prototype", 15, **LINES), LINES | {"prototype": 15, "prototype_family": None}),
        (cell("family_shapes", "prototype", 99, **LINES), LINES | {"prototype": 99, "prototype_family": None}),
        (cell("family_shapes", "prototype", 4, **LINES), LINES | {"prototype_family": 4}),
        (cell("feature_families", "element", 4, **KIN, feature=6), LINES | {"element": 4}),
        (cell("feature_families", "orientation_degrees", 1.0, **KIN, feature=6), LINES | {"orientation_degrees": 1.0}),
        (cell("feature_families", "similarity", 0.9, **KIN, feature=6), LINES | {"similarity": 0.9}),
        (cell("feature_families", "similarity", NAN, **KIN, feature=6), LINES),
        (cell("feature_families", "similarity", 0.5, **MEMBER), LINES),
        (cell("family_shapes", "mean_similarity", NAN, **LINES), LINES),
    ],
    "family_members_stand_in_their_family": [
        (cell("feature_families", column, value, **where), where)
        for where, column, value in [
            (MEMBER, "element", None),
            (MEMBER, "element", 16),
            (MEMBER, "element", -1),
            (MEMBER, "mirrored", True),
            (MEMBER, "mirrored", None),
            (MEMBER, "orientation_degrees", None),
            (MEMBER, "orientation_degrees", 180.0),
            (MEMBER, "orientation_degrees", -1.0),
            (MEMBER, "orientation_degrees", NAN),
            (MEMBER, "similarity", None),
            (MEMBER, "similarity", 1.1),
            (MEMBER, "similarity", NAN),
            (MEMBER, "strength", 1.1),
            (MEMBER, "strength", NAN),
            (MEMBER, "stimulus_type", None),
            (MEMBER, "stimulus_confidence", 1.1),
            (MEMBER, "map_x", NAN),
            (MEMBER, "map_y", float("inf")),
            (LONER, "element", 0),
            (LONER, "mirrored", False),
            (LONER, "orientation_degrees", 0.0),
            (LONER, "similarity", 0.5),
            (KIN | {"feature": 11}, "orientation_degrees", 0.0),
            (PLAIN | {"feature": 2}, "element", 1),
        ]
    ],
    "family_shapes_make_sense": [
        (cell("family_shapes", column, value, **where), where)
        for where, column, value in [
            (LINES, "type", None),
            (LINES, "type", "mixed"),
            (LINES, "stabiliser", None),
            (LINES, "period_degrees", None),
            (LINES, "period_degrees", 400.0),
            (LINES, "period_degrees", 90.0),
            (LINES, "evenness", None),
            (LINES, "evenness", 1.1),
            (LINES, "evenness", NAN),
            (LINES, "covered", None),
            (LINES, "covered", -0.1),
            (LINES, "reach_degrees", None),
            (LINES, "reach_degrees", 0.0),
            (LINES, "reach_degrees", 200.0),
            (LINES, "missing_members", None),
            (LINES, "missing_members", 2),
            (LINES, "missing_orientations", pl.lit([180.0])),
            (LINES, "missing_orientations", pl.lit([-1.0])),
            (LINES, "mean_similarity", 1.1),
            (LINES, "profile", None),
            (LINES, "profile", pl.col("profile").list.head(7)),
            (LINES, "profile", pl.col("profile").list.eval(pl.element() - 0.1)),
            (LINES, "profile", pl.col("profile").list.eval(pl.element() * pl.element() * 3 - 2)),
            (LINES, "profile_low", None),
            (LINES, "profile_low", pl.col("profile_low").list.eval(pl.element() + 1)),
            (LINES, "profile_high", pl.col("profile_high").list.head(7)),
            (BLOBS, "covered", 1.0),
            (BLOBS, "missing_members", 0),
            (PLAIN | {"family": 0}, "type", "mixed"),
            (PLAIN | {"family": 0}, "profile", pl.lit([1.0])),
        ]
    ],
    "family_pairs_are_of_one_family": [
        (cell("feature_families", "family", 0, **MEMBER), PAIR | {"family": 1, "partner_family": 0}),
        (cell("feature_families", "family", None, **MEMBER), PAIR | {"partner_family": None}),
        *(
            (cell("family_pairs", column, value, **PAIR), KIN | {"feature": 6} | {column: value})
            for column, value in [
                ("partner", 6),
                ("partner", 99),
                ("element", 16),
                ("element", -1),
                ("similarity", 1.1),
                ("examples", 9),
                ("examples", 0),
                ("fired", None),
                ("fired", 1.1),
                ("chance", None),
                ("chance", -0.1),
            ]
        ),
        (cell("family_pairs", "fired", NAN, **PAIR), PAIR),
    ],
    "family_pairs_go_both_ways": [
        (no_rows("family_pairs", **PAIR), KIN | {"feature": 14, "partner": 6, "element_back": None}),
        (cell("family_pairs", "element", 2, **PAIR), PAIR | {"element": 2, "element_back": 7}),
        (cell("family_pairs", "similarity", 0.5, **PAIR), PAIR | {"similarity": 0.5, "similarity_back": 0.85}),
        (
            # a reflection undoes itself and is not undone by a rotation
            cell("family_pairs", "element", 0, **KIN, feature=5, partner=21),
            KIN | {"feature": 21, "partner": 5, "element": 8, "element_back": 0},
        ),
    ],
    "family_scores_are_in_range": [
        (cell("family_scores", "value", value, **SCORE, metric=metric), SCORE | {"metric": metric})
        for metric, value in [
            ("adjusted_rand", -1.1),
            ("adjusted_rand", NAN),
            ("purity", 1.1),
            ("silhouette", float("inf")),
            ("silhouette", -1.1),
            ("neighbour_agreement", 1.1),
            ("neighbour_chance", -0.1),
            ("clustered", 1.1),
            ("families", -1.0),
            ("features", -1.0),
        ]
    ]
    + [(cell("family_scores", "metric", "beauty", **SCORE, metric="purity"), SCORE | {"metric": "beauty"})],
    "dimensions_are_complete": [
        (cell("dimension_analyses", "components", 7, **FOUND), FOUND | {"components": 7, "rows_found": 6}),
        (no_rows("tuning_dimensions", **FOUND), FOUND | {"rows_found": 0}),
        (cell("tuning_dimensions", "dimension", 6, **DIMENSION), FOUND | {"last": 6}),
        (cell("tuning_dimensions", "dimension", 6, **FOUND, dimension=0), FOUND | {"first": 1}),
        (cell("tuning_dimensions", "direction", pl.col("direction").list.head(39), **DIMENSION), {"shortest": 39}),
        (cell("tuning_dimensions", "direction", pl.lit([0.0] * 41), **DIMENSION), {"longest": 41}),
        (cell("tuning_dimensions", "direction", pl.lit([NAN] * 40), **DIMENSION), FOUND),
    ],
    "dimension_analyses_fit_their_units": [
        (cell("dimension_analyses", column, value, **where), where)
        for where, column, value in [
            (FOUND, "method", "guesswork"),
            (FOUND, "units", 41),
            (OF_FEATURES, "units", 41),
            (FOUND, "dictionary_id", "f" * 64),
            (FOUND, "constant_units", -1),
            (FOUND, "constant_units", 41),
            (FOUND, "constant_units", 35),
            (FOUND, "rows", 5),
            (FOUND, "components", 0),
            (FOUND, "mean", pl.lit([0.0] * 39)),
            (FOUND, "mean", pl.lit([NAN] * 40)),
        ]
    ]
    + [
        (cell("layers", "channels", 41, layer="blocks.5"), FOUND | {"layer_channels": 41}),
        (lambda frames: trained_on_another_layer(frames, CROSSCODER), OF_FEATURES | {"dictionary_id": CROSSCODER}),
    ],
    "dimension_variance_adds_up": [
        (cell("tuning_dimensions", column, value, **DIMENSION), DIMENSION)
        for column, value in [
            ("explained_variance", pl.col("explained_variance") + 1e-5),
            ("explained_variance", NAN),
            ("cumulative_variance", pl.col("cumulative_variance") - 1e-5),
            ("cumulative_variance", NAN),
            ("low", 3.0),
            ("low", NAN),
            ("high", float("inf")),
        ]
    ]
    + [
        (
            lambda frames: with_cell(
                with_cell(frames, "tuning_dimensions", "explained_variance", 1.2, **FOUND, dimension=0),
                "tuning_dimensions",
                "cumulative_variance",
                1.2,
                **FOUND,
                dimension=0,
            ),
            FOUND | {"dimension": 0, "explained_so_far": 1.2},
        )
    ],
    "tuning_scores_are_complete": [
        (no_rows("tuning_scores", **FOUND), FOUND | {"scores": None}),
        (no_rows("tuning_scores", **DIMENSION), FOUND | {"dimensions_scored": 5}),
        (no_rows("tuning_scores", **BESIDE), FOUND | {"scores": 35, "parameters": 6}),
        (cell("tuning_scores", "assigned", False, **FOLLOWED), FOUND | {"assigned_scores": 5}),
        (cell("tuning_scores", "assigned", True, **BESIDE), FOUND | {"assigned_scores": 7}),
        (
            # in place of the dimension that is orientation's
            lambda frames: with_cell(
                with_cell(frames, "tuning_scores", "assigned", False, **FOUND, dimension=0, parameter="orientation"),
                "tuning_scores",
                "assigned",
                True,
                **BESIDE,
            ),
            FOUND | {"assigned_scores": 6, "assigned_dimensions": 5},
        ),
        (
            lambda frames: with_cell(
                with_cell(frames, "tuning_scores", "assigned", False, **FOLLOWED),
                "tuning_scores",
                "assigned",
                True,
                **BESIDE,
            ),
            FOUND | {"assigned_scores": 6, "assigned_parameters": 5},
        ),
    ],
    "tuning_scores_are_in_range": [
        (cell("tuning_scores", column, value, **where), where)
        for where, column, value in [
            (FOLLOWED, "r_squared", 1.1),
            (FOLLOWED, "r_squared", -0.1),
            (FOLLOWED, "r_squared", NAN),
            (FOLLOWED, "null_r_squared", 0.07),
            (FOLLOWED, "null_r_squared", NAN),
            (FOLLOWED, "p_value", 0.0),
            (FOLLOWED, "p_value", 1.1),
            (FOLLOWED, "p_value", NAN),
            (FOLLOWED, "preferred", 0.0),
            (BESIDE, "preferred", None),
            (BESIDE, "preferred", 180.0),
            (BESIDE, "preferred", -1.0),
            (BESIDE, "preferred", NAN),
        ]
    ]
    + [
        (cell("tuning_scores", "null_r_squared", -0.1, **FOUND, parameter="frequency"), {"null_r_squared": -0.1}),
        (cell("tuning_scores", "p_value", 0.9, **FOLLOWED), FOUND | {"p_value": 0.8, "p_value_of_closer": 0.9}),
        (cell("tuning_scores", "parameter", "beauty", **FOLLOWED), DIMENSION | {"parameter": "beauty"}),
    ],
    "dimension_curves_span_their_parameter": [
        (no_rows("dimension_curves", **CURVE), CURVE | {"values": None}),
        (no_rows("tuning_scores", **CURVE), CURVE | {"r_squared": None}),
        (no_rows("dimension_curves", **CURVE, value=30.0), CURVE | {"values": [0.0, 60.0, 90.0, 120.0, 150.0]}),
        (cell("dimension_curves", "mean", NAN, **CURVE), CURVE | {"possible": False}),
        (cell("dimension_curves", "std", -0.1, **CURVE), CURVE | {"possible": False}),
        *(
            (cell("dimension_curves", "value", pl.col("value") + shift, parameter=parameter), {"parameter": parameter})
            for parameter, shift in [
                ("orientation", 15.0),
                ("colour", -1.0),
                ("phase", 45.0),
                ("direction", -1.0),
                ("frequency", 0.5),
                ("frequency", -0.03),
                ("curvature", -0.1),
                ("curvature", float("inf")),
            ]
        ),
    ],
    "dimension_harmonics_sum_to_one": [
        (no_rows("dimension_harmonics", **DIMENSION), FOUND | {"dimensions": 5}),
        (no_rows("dimension_harmonics", **FOUND), FOUND | {"dimensions": None, "components": 6}),
        (no_rows("dimension_harmonics", **HARMONIC), DIMENSION),
        (
            cell("dimension_harmonics", "irrep", "E9", **HARMONIC),
            DIMENSION | {"irreps": ["A2", "B", "E1", "E2", "E3", "E9"]},
        ),
        (cell("dimension_harmonics", "share", pl.col("share") + 0.01, **HARMONIC), DIMENSION),
        (cell("dimension_harmonics", "share", NAN, **HARMONIC), DIMENSION),
        (
            lambda frames: with_cell(
                with_cell(frames, "dimension_harmonics", "share", pl.col("share") + 1, **HARMONIC),
                "dimension_harmonics",
                "share",
                pl.col("share") - 1,
                **DIMENSION,
                irrep="A2",
            ),
            DIMENSION,
        ),
        (cell("dimension_harmonics", "waves_per_turn", 5, **HARMONIC), DIMENSION | {"highest": 5}),
        (cell("dimension_harmonics", "waves_per_turn", -1, **HARMONIC), DIMENSION | {"lowest": -1}),
        (cell("activation_sets", "group_order", 1, seed=0), FOUND | {"group_order": 1}),
    ],
    "dimension_completeness_is_in_range": [
        (no_rows("dimension_completeness", **FOUND, dimensions=6), FOUND | {"last": 4, "components": 6}),
        (
            cell("dimension_completeness", "dimension_analysis_id", "f" * 64, **FOUND),
            {"dimension_analysis_id": "f" * 64, "components": None},
        ),
        *(
            (cell("dimension_completeness", column, value, **KEPT), FOUND | {column: value})
            for column, value in [
                ("dimensions", 0),
                ("dimensions", 7),
                ("frames", 0),
                ("frames", 21),
                ("labelled", 21),
                ("labelled", -1),
                ("labelled", 9),
                ("labelled", 0),
                ("agreement_kept", 1.1),
                ("agreement_removed", -0.1),
                ("accuracy_clean", None),
                ("accuracy_clean", 0.9),
                ("accuracy_kept", None),
                ("accuracy_kept", 1.1),
                ("accuracy_removed", None),
                ("accuracy_removed", -0.1),
            ]
        ),
        (cell("dimension_completeness", "agreement_kept", NAN, **KEPT), KEPT),
        (cell("dimension_completeness", "accuracy_clean", 1.1, **FOUND), KEPT),
    ],
    "dimension_pictures_go_from_low_to_high": [
        (no_rows("dimension_pictures", **NATURAL), DIMENSION | {"place": 3, "expected_place": 2}),
        (cell("dimension_pictures", "picture", b"GIF89a, not a WebP", **NATURAL), NATURAL | {"picture_bytes": 18}),
        (cell("dimension_pictures", "picture", b"", **NATURAL), NATURAL | {"picture_bytes": 0}),
        (cell("dimension_pictures", "coherence", 0.5, **NATURAL), NATURAL),
        (cell("dimension_pictures", "orientation_degrees", 20.0, **NATURAL), NATURAL),
        (cell("dimension_pictures", "spatial_frequency", 0.1, **NATURAL), NATURAL),
        *(
            (cell("dimension_pictures", column, value, **RENDERING), RENDERING)
            for column, value in [
                ("score", -9.0),
                ("score", NAN),
                ("coherence", None),
                ("coherence", 1.1),
                ("orientation_degrees", None),
                ("orientation_degrees", 180.0),
                ("orientation_degrees", NAN),
                ("spatial_frequency", None),
                ("spatial_frequency", 0.0),
                ("spatial_frequency", 0.8),
            ]
        ),
        (cell("dimension_pictures", "score", 9.0, **NATURAL), NATURAL | {"place": 3, "score_before": 9.0}),
        (cell("tuning_dimensions", "high", 1.0, **DIMENSION), RENDERING | {"place": 4, "high": 1.0}),
        (no_rows("tuning_dimensions", **DIMENSION), RENDERING | {"low": None}),
    ],
    "dimension_paths_belong_to_rendered_pictures": [
        (no_rows("dimension_paths", **FOLLOWED), FOLLOWED | {"is_rendered": True, "spearman": None}),
        (no_rows("dimension_pictures", **DIMENSION, kind="rendered"), FOLLOWED | {"is_rendered": False}),
        (cell("dimension_paths", "parameter", "phase", **FOLLOWED), DIMENSION | {"parameter": "phase"}),
        (cell("dimension_paths", "intended", False, **FOLLOWED), FOLLOWED | {"assigned": True}),
        (cell("dimension_paths", "intended", True, **BESIDE), BESIDE | {"assigned": False}),
        *(
            (cell("dimension_paths", column, value, **FOLLOWED), FOLLOWED)
            for column, value in [
                ("spearman", -1.1),
                ("spearman", NAN),
                ("drift", -0.1),
                ("drift", NAN),
                ("drift", float("inf")),
            ]
        ),
        (cell("dimension_paths", "drift", 1.1, **BESIDE), BESIDE),
    ],
    "concept_exemplars_are_complete": [
        (no_rows("concept_exemplars", **STRIPES), STRIPES | {"exemplars_found": 0}),
        (no_rows("concept_exemplars", **EXEMPLAR), STRIPES | {"exemplars": 4, "exemplars_found": 3}),
        (cell("concepts", "exemplars", 5, **STRIPES), STRIPES | {"exemplars": 5, "exemplars_found": 4}),
        (cell("concept_exemplars", "place", 4, **STRIPES, place=0), STRIPES | {"first": 1, "last": 4}),
        (cell("concept_exemplars", "place", 4, **EXEMPLAR), STRIPES | {"first": 0, "last": 4}),
        (cell("concept_exemplars", "place", -1, **EXEMPLAR), STRIPES | {"first": -1, "last": 3}),
        (
            lambda frames: (
                frames
                | {
                    "concept_exemplars": pl.concat(
                        [frames["concept_exemplars"], frames["concept_exemplars"].filter(**STRIPES)]
                    )
                }
            ),
            STRIPES | {"exemplars": 4, "exemplars_found": 8, "images": 4},
        ),
        (cell("concept_exemplars", "image_id", "f" * 64, **STRIPES), STRIPES | {"exemplars": 4, "images": 1}),
        (
            lambda frames: without_rows(
                with_cell(frames, "concepts", "exemplars", 0, **STRIPES), "concept_exemplars", **STRIPES
            ),
            STRIPES | {"exemplars": 0},
        ),
    ],
    "concept_exemplars_are_pictures": [
        (cell("concept_exemplars", "picture", b"GIF89a, not a WebP", **EXEMPLAR), EXEMPLAR | {"picture_bytes": 18}),
        (cell("concept_exemplars", "picture", b"RIFF    WAVEfmt ", **EXEMPLAR), EXEMPLAR | {"picture_bytes": 16}),
        (cell("concept_exemplars", "picture", b"JUNK    WEBPVP8 ", **EXEMPLAR), EXEMPLAR | {"picture_bytes": 16}),
        (cell("concept_exemplars", "picture", b"", **EXEMPLAR), EXEMPLAR | {"picture_bytes": 0}),
    ],
    "concept_sets_are_apart": [
        (
            lambda frames, sets=sets: with_cell(
                with_cell(frames, "concept_exemplars", "image_id", "f" * 64, concept_id=sets[0], place=1),
                "concept_exemplars",
                "image_id",
                "f" * 64,
                concept_id=sets[1],
                place=2,
            ),
            {"concept_analysis_id": CONCEPT_ANALYSIS, "image_id": "f" * 64, "concepts": sorted(sets)},
        )
        for sets in [
            (CONCEPTS["stripes"], RANDOM_SETS[2]),
            (CONCEPTS["stripes"], ZEBRAS),
            (RANDOM_SETS[0], ZEBRAS),
            (RANDOM_SETS[0], RANDOM_SETS[1]),
            (CONCEPTS["stripes"], CONCEPTS["dots"]),
        ]
    ],
    "cavs_fit_their_analysis": [
        (cell("cavs", "network", "another", **VECTOR), VECTOR | {"analysis_network": "efficientnet_lite0"}),
        (cell("cavs", "concept_id", RANDOM_SETS[0], **VECTOR), VECTOR | {"concept_id": RANDOM_SETS[0]}),
        (cell("cavs", "accuracy", 1.1, **VECTOR), VECTOR | {"accuracy": 1.1}),
        (cell("cavs", "accuracy", -0.1, **RANDOM_VECTOR), RANDOM_VECTOR),
        (cell("cavs", "accuracy", NAN, **VECTOR), VECTOR),
        (
            of_vector(VECTOR, lambda frames, cav: without_rows(frames, "tcav_scores", cav_id=cav)),
            VECTOR | {"concept_analysis_id": None},
        ),
    ],
    "tcav_scores_are_in_range": [
        *(
            (score_cell(column, value, **VECTOR), {"class_images_id": ZEBRAS, column: value})
            for column, value in [
                ("score", 1.2),
                ("score", -0.2),
                ("score", 0.7),
                ("magnitude", 1.1),
                ("magnitude", -0.1),
                ("class_index", 1000),
                ("class_index", -1),
            ]
        ),
        (score_cell("score", NAN, **VECTOR), {"class_images_id": ZEBRAS}),
        (score_cell("magnitude", NAN, **VECTOR), {"class_images_id": ZEBRAS}),
        (cell("concepts", "exemplars", 4, concept_id=ZEBRAS), {"class_images_id": ZEBRAS, "class_images": 4}),
        (no_rows("concepts", concept_id=ZEBRAS), {"class_images_id": ZEBRAS, "class_images": None}),
        (of_two_classes, {"class_images_id": ZEBRAS, "class_sets": 2}),
    ],
    "tcav_tests_agree_with_their_scores": [
        (of_vector(VECTOR, lambda frames, cav: without_rows(frames, "tcav_scores", cav_id=cav)), TEST | {"vectors": 2}),
        (
            of_vector(RANDOM_VECTOR, lambda frames, cav: without_rows(frames, "tcav_scores", cav_id=cav)),
            TEST | {"vectors": 3, "random_vectors": 2},
        ),
        (no_rows("tcav_scores", concept_analysis_id=CONCEPT_ANALYSIS), TEST | {"vectors": None}),
        (no_rows("tcav_tests", **TEST), TEST | {"random_sets": None, "vectors": 3}),
        (in_no_test, TEST | {"class_index": ZEBRA + 1, "random_sets": None}),
        (cell("cavs", "random_set_id", RANDOM_SETS[1], **VECTOR), TEST | {"vectors": 3, "different_randoms": 2}),
        (cell("cavs", "layer", "blocks.1", **RANDOM_VECTOR), TEST | {"random_vectors": 2}),
        (
            lambda frames: told_twice(frames, STRIPES.values(), score_std=TWICE),
            TEST | {"vectors": 6, "random_vectors": 3, "different_randoms": 3},
        ),
        (
            lambda frames: told_twice(frames, RANDOM_SETS, random_score_std=TWICE),
            TEST | {"vectors": 3, "random_vectors": 6, "different_randoms": 3},
        ),
        (
            lambda frames: told_twice(
                frames, [*STRIPES.values(), *RANDOM_SETS], random_sets=6, score_std=TWICE, random_score_std=TWICE
            ),
            TEST | {"random_sets": 6, "vectors": 6, "random_vectors": 6, "different_randoms": 3},
        ),
        (
            # two random sets against the same third
            cell("cavs", "random_set_id", RANDOM_SETS[2], **RANDOM_VECTOR),
            TEST | {"vectors": 3, "random_vectors": 3, "different_randoms": 3},
        ),
        *(
            (cell("tcav_tests", column, value, **TEST), TEST | {name: value})
            for column, name, value in [
                ("random_sets", "random_sets", 4),
                ("class_images_id", "class_images_id", CONCEPTS["dots"]),
                ("score", "score", 0.9),
                ("score_std", "score_std", 0.1),
                ("magnitude", "magnitude", 0.4),
                ("accuracy", "accuracy", 0.9),
                ("random_score", "random_score", 0.5),
                ("random_score_std", "random_score_std", 0.1),
            ]
        ),
        *(
            (cell("tcav_tests", column, NAN, **TEST), TEST)
            for column in (
                "score",
                "score_std",
                "magnitude",
                "accuracy",
                "random_score",
                "random_score_std",
                "agreement",
            )
        ),
        (cell("tcav_tests", "score", pl.col("score") + 1e-5, **TEST), TEST),
        (cell("tcav_tests", "agreement", 1.1, **TEST), TEST),
        (score_cell("score", 0.8, **VECTOR), TEST),
        (score_cell("score", 0.8, **RANDOM_VECTOR), TEST),
        (cell("cavs", "accuracy", 0.5, **VECTOR), TEST),
    ],
    "tcav_p_values_are_corrected": [
        (
            cell("concept_analyses", "tests", 3, concept_analysis_id=CONCEPT_ANALYSIS),
            CORRECTED | {"tests": 3, "tests_found": 2},
        ),
        (
            no_rows("tcav_tests", concept_analysis_id=CONCEPT_ANALYSIS),
            {"concept_analysis_id": CONCEPT_ANALYSIS, "tests_found": None},
        ),
        (cell("tcav_tests", "p_holm", 0.008, **TEST), CORRECTED | {"p_holm": 0.008, "expected_p_holm": 0.016}),
        (cell("tcav_tests", "p_holm", 0.004, **TEST), CORRECTED | {"p_holm": 0.004}),
        (cell("tcav_tests", "p_holm", 0.017, **TEST), CORRECTED | {"p_holm": 0.017}),
        (cell("tcav_tests", "p_holm", NAN, **TEST), CORRECTED),
        (
            lambda frames: with_cell(
                with_cell(frames, "tcav_tests", "p_value", -0.1, **TEST), "tcav_tests", "p_holm", -0.2, **TEST
            ),
            CORRECTED | {"p_value": -0.1, "expected_p_holm": -0.2},
        ),
        (cell("tcav_tests", "p_value", NAN, **TEST), CORRECTED),
        (
            cell("tcav_tests", "p_value", 1.5, concept_analysis_id=CONCEPT_ANALYSIS, concept_id=CONCEPTS["dots"]),
            {"p_value": 1.5, "p_holm": 1.0},
        ),
        (
            cell("tcav_tests", "p_holm", 1.5, concept_analysis_id=CONCEPT_ANALYSIS, concept_id=CONCEPTS["dots"]),
            {"p_value": 1.0, "p_holm": 1.5},
        ),
    ],
    "attacks_keep_their_bounds": [
        *(
            (cell("attacks", column, value, **ATTACK), ATTACK | {column: value})
            for column, value in [
                ("largest_change", 9),
                ("largest_change", 0),
                ("largest_change", -1),
                ("changed", 5),
                ("changed", -1),
                ("changed", 0),
                ("perceptual", 4.1),
                ("perceptual", -0.1),
                ("psnr", None),
                ("psnr", 30.0),
                ("fraction", 1.5),
                ("fraction", 0.0),
                ("epsilon", 256),
                ("artifact_folder", None),
            ]
        ),
        *((cell("attacks", column, NAN, **ATTACK), EXPERIMENT | {column: None}) for column in ("psnr", "perceptual")),
        (cell("attacks", "fraction", NAN, **ATTACK), EXPERIMENT | {"attack": "token-pushing", "fraction": None}),
        (cell("attacks", "psnr", float("inf"), **ATTACK), ATTACK),
        (cell("attacks", "largest_change", 3, **ATTACK), ATTACK | {"least_psnr": 38.588}),
        (cell("attacks", "changed", 3, **HALF), HALF | {"images": 4, "changed": 3}),
        *(
            (cell("attacks", column, value, **CLEAN), CLEAN | {column: value})
            for column, value in [
                ("perturbed_set", "random"),
                ("epsilon", 2),
                ("fraction", 0.5),
                ("changed", 1),
                ("largest_change", 1),
                ("psnr", 40.0),
                ("perceptual", 0.1),
                ("artifact_folder", "f" * 64),
            ]
        ),
        (
            in_turn(
                *(
                    cell("attacks", column, value, **CLEAN)
                    for column, value in [("largest_change", 1), ("psnr", 49.0), ("changed", 1)]
                ),
            ),
            CLEAN | {"changed": 1},
        ),
    ],
    "attacked_sets_are_what_they_say": [
        (cell("attacks", "changed", 3, **ATTACK), ATTACK | {"changed": 3, "different": 4}),
        (cell("attacks", "images", 5, **ATTACK), ATTACK | {"images": 5, "exemplars": 4}),
        (cell("attacks", "changed", 1, **CLEAN), CLEAN | {"changed": 1, "different": 0}),
        (cell("attacks", "concept_id", CONCEPTS["stripes"], **ATTACK), ATTACK | STRIPES | {"different": 0}),
        (cell("attacks", "concept_id", PUSHED["concept_id"], **RANDOM_SET), RANDOM_SET | PUSHED | {"different": 4}),
        (cell("concepts", "origin", "drawn", **PUSHED), ATTACK | {"origin": "drawn"}),
        (cell("concepts", "exemplars", 5, **PUSHED), ATTACK | {"exemplars": 5, "clean_exemplars": 4}),
        (no_rows("concepts", **PUSHED), ATTACK | {"exemplars": None}),
        (no_rows("concept_exemplars", **PUSHED), ATTACK | {"different": None}),
        (no_rows("concept_exemplars", **PUSHED, place=1), ATTACK | {"different": 3}),
        (
            # in another order
            cell("concept_exemplars", "place", 3 - pl.col("place"), **HALF_PUSHED),
            HALF | {"changed": 2, "different": 4},
        ),
        (
            in_turn(
                cell("attacks", "changed", 0, **ATTACK),
                lambda frames: with_cell(
                    frames,
                    "concept_exemplars",
                    "image_id",
                    pl.lit(frames["concept_exemplars"].filter(**STRIPES)["image_id"]).gather(pl.col("place") % 4),
                    **PUSHED,
                ),
            ),
            ATTACK | {"changed": 0, "different": 0},
        ),
    ],
    "attacked_sets_are_nested": [
        (cell("concept_exemplars", "image_id", "f" * 64, **HALF_PUSHED, place=0), HALF | {"larger": 1.0, "strays": 1}),
        (cell("concept_exemplars", "image_id", "f" * 64, **PUSHED, place=1), HALF | {"strays": 1}),
        (cell("attacks", "images", 5, **HALF), HALF),
        (cell("attacks", "changed", 1, **ATTACK), HALF | {"changed": 2, "larger_changed": 1}),
        (
            cell("attacks", "largest_change", 7, **ATTACK),
            HALF | {"largest_change": 8, "larger_largest_change": 7},
        ),
        (cell("attacks", "artifact_folder", "f" * 64, **HALF), HALF),
        (cell("attacks", "artifact_folder", None, **HALF), HALF),
    ],
    "attacks_have_their_controls": [
        (no_rows("attacks", **NOISE), NOISE),
        (no_rows("attacks", **RANDOM_SET | {"attack": "noise"}), RANDOM_SET | {"attack": "noise"}),
        (no_rows("attacks", **ATTACK | {"attack": "random-direction"}), ATTACK | {"attack": "random-direction"}),
        (cell("attacks", "epsilon", 4, **NOISE), NOISE),
        (cell("attacks", "fraction", 0.9, **NOISE), NOISE),
        (no_rows("attacks", **CLEAN), EXPERIMENT | {"clean": 0}),
        (row_twice("attacks", **CLEAN), EXPERIMENT | {"clean": 2}),
        (no_rows("attacks", **EXPERIMENT), EXPERIMENT | {"clean": 0, "attacks": 0}),
        (
            lambda frames: frames | {"attacks": frames["attacks"].filter(pl.col("attack").is_in(["clean", "noise"]))},
            EXPERIMENT | {"clean": 1, "attacks": 0},
        ),
    ],
    "attacks_are_read_everywhere": [
        (no_rows("attack_scores", **READ), READ),
        (no_rows("attack_scores", **HALF, **HERE), HALF | HERE),
        (no_rows("attack_scores", **ATTACK, **ELSEWHERE), ATTACK | ELSEWHERE),
        (no_rows("attack_scores", **CLEAN, **ELSEWHERE), CLEAN | ELSEWHERE),
        (no_rows("attack_scores", **RANDOM_SET, eval_layer=LOWER_LAYER), RANDOM_SET | {"eval_layer": LOWER_LAYER}),
        (no_rows("attack_scores", **HERE), EXPERIMENT | HERE),
        (no_rows("attack_scores", **EXPERIMENT), EXPERIMENT | HERE),
    ],
    "attack_scores_are_in_range": [
        *(
            (cell("attack_scores", column, value, **READ), READ | {column: value})
            for column, value in [
                ("class_index", 1000),
                ("class_index", -1),
                ("class_index", ZEBRA + 1),
                ("score", 1.2),
                ("score", -0.2),
                ("score", 0.3),
                ("score_std", -0.1),
                ("score_std", 0.6),
                ("magnitude", 1.1),
                ("magnitude", -0.1),
                ("random_score", 0.5),
                ("random_score", 0.4),
                ("random_score_std", 0.1),
                ("random_score_std", -0.1),
                ("accuracy", 1.1),
                ("accuracy", -0.1),
                ("cosine", 1.1),
                ("cosine", -1.1),
            ]
        ),
        *(
            (cell("attack_scores", column, NAN, **READ), READ | {column: None})
            for column in ("score", "score_std", "magnitude", "random_score", "random_score_std", "accuracy", "cosine")
        ),
        *(
            (cell("attack_scores", column, value, **RANDOM_SET, **HERE), RANDOM_SET | HERE | {column: value})
            for column, value in [
                ("random_score", 1.2),
                ("random_score", -0.2),
                ("random_score", 0.3),
                ("random_score_std", 0.7),
                ("random_score_std", -0.1),
            ]
        ),
        (cell("attack_scores", "class_index", 1000, eval_network=OTHER_NETWORK), CLEAN | ELSEWHERE),
        (cell("attack_scores", "cosine", 0.99, **CLEAN, **HERE), CLEAN | HERE | {"cosine": 0.99}),
        (cell("concepts", "exemplars", 4, concept_id=ZEBRAS), EXPERIMENT | {"class_images": 4}),
        (no_rows("concepts", concept_id=ZEBRAS), EXPERIMENT | {"class_images": None}),
        (cell("attack_experiments", "random_sets", 2, **EXPERIMENT), EXPERIMENT | {"random_sets": 2}),
    ],
    "attack_p_values_are_corrected": [
        (cell("attack_experiments", "tests", 43, **EXPERIMENT), EXPERIMENT | {"tests": 43, "tests_found": 44}),
        (no_rows("attack_scores", **EXPERIMENT), EXPERIMENT | {"tests_found": None}),
        (cell("attack_scores", "p_holm", 0.0004, **NOISE, **HERE), NOISE | HERE | {"expected_p_holm": 0.0176}),
        (cell("attack_scores", "p_holm", 0.0001, **NOISE, **HERE), NOISE | HERE | {"p_holm": 0.0001}),
        (cell("attack_scores", "p_holm", 1.5, **READ), READ | {"p_holm": 1.5}),
        (cell("attack_scores", "p_holm", NAN, **READ), READ),
        (cell("attack_scores", "p_value", NAN, **READ), READ),
        (cell("attack_scores", "p_value", 1.5, **READ), READ | {"p_value": 1.5}),
        # every smaller p value counts against the others too: of so many rows the first are named
        (cell("attack_scores", "p_value", -0.1, **FIRST, **HERE), FIRST | HERE | {"p_value": -0.1}),
    ],
    "attack_pictures_are_pictures": [
        (cell("attack_pictures", kind, picture, **SHOWN), SHOWN | {"kind": kind, "picture_bytes": len(picture)})
        for kind in ("clean", "attacked", "difference")
        for picture in NO_PICTURES
    ],
    "attack_pictures_belong_to_their_attack": [
        (
            no_rows("attack_pictures", **{name: value for name, value in SHOWN.items() if name != "place"}),
            SHOWN | {"place": None, "images": 4},
        ),
        (cell("attack_pictures", "place", 4, **SHOWN), SHOWN | {"place": 4, "images": 4}),
        (cell("attack_pictures", "place", -1, **SHOWN), SHOWN | {"place": -1}),
        (cell("attack_pictures", "attack", "clean", **SHOWN), SHOWN | {"attack": "clean", "images": None}),
        (
            cell("attack_pictures", "perturbed_set", "random", **SHOWN),
            SHOWN | {"perturbed_set": "random", "images": None},
        ),
        (
            in_turn(cell("attacks", "changed", 0, **ATTACK), cell("attacks", "changed", 0, **HALF)),
            SHOWN | {"images": None},
        ),
    ],
    "attack_features_are_complete": [
        (no_rows("attack_features", **NOTICED), NOTICED | {"images": 4, "value": None}),
        (no_rows("attack_features", **ATTACK), NOTICED | {"value": None}),
        (no_rows("attack_features", **CLEAN), NOTICED | CLEAN | {"value": None}),
        (
            cell("attack_features", "perturbed_set", "random", **NOTICED),
            NOTICED | {"perturbed_set": "random", "images": None},
        ),
        (
            cell("attack_features", "random_mean", 0.2, **NOTICED),
            EXPERIMENT | {"statistic": "rare", "different_randoms": 2},
        ),
        *(
            (cell("attack_features", column, value, **NOTICED), NOTICED | {column: value})
            for column, value in [("flagged", 1.25), ("flagged", -0.25), ("flagged", 0.4), ("auc", 1.1), ("auc", -0.1)]
        ),
        *(
            (cell("attack_features", column, NAN, **NOTICED), NOTICED | {column: None})
            for column in ("value", "flagged", "auc")
        ),
        (
            cell("attack_features", "random_mean", NAN, **NOTICED),
            EXPERIMENT | {"statistic": "rare", "different_randoms": 2},
        ),
        (
            cell("attack_features", "random_mean", NAN, statistic="rare"),
            EXPERIMENT | {"random_mean": None, "different_randoms": 1},
        ),
        (cell("attack_features", "auc", 0.6, **NOTICED | CLEAN), NOTICED | CLEAN | {"auc": 0.6}),
    ],
    "facet_pictures_are_pictures": [
        (cell("facet_pictures", "picture", picture, **POSITIVE), {"place": 7, "picture_bytes": len(picture)})
        for picture in NO_PICTURES
    ],
    "facet_pictures_name_their_images": [
        *(
            (cell("facet_pictures", column, value, **about), about | {column: value})
            for about, column, value in [
                (UNFACETED, "facet_id", CONCEPTS["dots"]),
                (UNFACETED, "target_facet_id", CONCEPTS["dots"]),
                (UNFACETED, "probe_images_id", CONCEPTS["dots"]),
                (UNFACETED, "accuracy", 1.0),
                (UNFACETED, "cosine", 1.0),
                (POSITIVE, "attack", "magic"),
                (POSITIVE, "facet_id", None),
                (POSITIVE, "facet_id", ZEBRAS),
                (POSITIVE, "target_facet_id", None),
                (POSITIVE, "target_facet_id", CONCEPTS["stripes"]),
                (POSITIVE, "target_facet_id", ZEBRAS),
                (POSITIVE, "probe_images_id", None),
                (POSITIVE, "probe_images_id", CONCEPTS["stripes"]),
                (POSITIVE, "accuracy", None),
                (POSITIVE, "accuracy", 1.1),
                (POSITIVE, "cosine", None),
                (POSITIVE, "cosine", -1.1),
                (NEGATIVE, "target_facet_id", CONCEPTS["dots"]),
                (UNCHANGED, "probe_images_id", PUSHED["concept_id"]),
                (UNCHANGED, "cosine", 0.9),
                (UNCHANGED, "cosine", None),
            ]
        ),
        *((cell("facet_pictures", column, NAN, **POSITIVE), POSITIVE) for column in ("accuracy", "cosine")),
        (
            cell("concepts", "origin", "drawn", concept_id=attacked_key("stripes", "positive", FACET_EPSILON)),
            POSITIVE | {"origin": "drawn"},
        ),
    ],
    "facet_pictures_have_their_controls": [
        (no_rows("facet_pictures", **FACETED), FACETED | {"plain": 0, "clean": 0, "pictures": 0}),
        (no_rows("facet_pictures", **UNFACETED), FACETED | {"plain": 0, "first": 1}),
        (no_rows("facet_pictures", **POSITIVE | {"attack": "noise"}), STRIPED_FACET | {"clean": 1, "noise": 0}),
        (no_rows("facet_pictures", **UNCHANGED), STRIPED_FACET | {"clean": 0, "noise": 1}),
        (no_rows("facet_pictures", **FACETED, attack="clean"), FACETED | {"facet_id": None, "plain": 1, "clean": 0}),
        (row_twice("facet_pictures", **NEGATIVE), STRIPED_FACET | {"pictures": 5, "different": 4}),
        (cell("facet_pictures", "place", 9, **NEGATIVE), FACETED | {"pictures": 9, "last": 9}),
        (cell("facet_pictures", "place", -1, **UNFACETED), FACETED | {"first": -1}),
        (cell("facet_pictures", "place", 1, **NEGATIVE), FACETED | {"facet_id": None, "plain": 1}),
        (row_twice("facet_pictures", **UNFACETED), FACETED | {"plain": 2}),
    ],
    "facet_readings_are_complete": [
        (no_rows("facet_readings", **READING), READING | {"readings": 0}),
        (no_rows("facet_readings", **FACETED), FACETED | {"readings": 0}),
        (row_twice("facet_readings", **READING), READING | {"readings": 2}),
        (cell("facet_readings", "logit", NAN, **READING), READING),
        (cell("facet_readings", "facet_id", ZEBRAS, **READING), READING | {"facet_id": ZEBRAS, "readings": 1}),
        (cell("facet_readings", "place", 9, **READING), READING | {"place": 9}),
    ],
    "trust_checks_agree_with_their_thresholds": [
        (cell("trust_checks", "passed", False, **CHECKED), CHECKED | {"passed": False}),
        (cell("trust_checks", "value", 0.31, **CHECKED), CHECKED | {"value": 0.31}),
        (
            cell("trust_checks", "threshold", 0.05, check_name="split-half disagreement"),
            DIVIDED | {"threshold": 0.05, "thresholds": 1},
        ),
        (cell("trust_checks", "threshold", 0.29, **CHECKED), DIVIDED | {"thresholds": 2}),
        (cell("trust_checks", "check_name", "smells", **CHECKED), TRUSTED | {"check_name": "smells"}),
        (no_rows("trust_checks", **CHECKED), TRUSTED | {"checks": 2}),
        (
            no_rows("trust_checks", trust_analysis_id=TRUST_ANALYSIS),
            {"trust_analysis_id": TRUST_ANALYSIS, "concept_id": None},
        ),
        *((cell("trust_checks", column, NAN, **CHECKED), CHECKED) for column in ("value", "threshold")),
    ],
}
CASES = [
    pytest.param(name, spoil, row, id=f"{name}-{number}")
    for name, cases in SPOILT.items()
    for number, (spoil, row) in enumerate(cases)
]
WRITTEN_PAST_THE_LOADER = "loads_account_for_every_row"


def test_every_sql_audit_has_a_bad_row_to_catch():
    assert SPOILT.keys() | {WRITTEN_PAST_THE_LOADER} == {file.stem for file in sql_files("audits")}


def test_every_sql_audit_says_what_it_guards():
    assert all(file.read_text().startswith("-- Guards: ") for file in sql_files("audits"))


def tables_of(frames) -> duckdb.DuckDBPyConnection:
    """The frames as tables, without the schema's constraints."""
    connection = duckdb.connect()
    for table, frame in frames.items():
        connection.register(table, frame)
    return connection


def run(name, frames):
    with tables_of(frames) as connection:
        return run_sql_audit(connection, SQL_DIR / "audits" / f"{name}.sql")


@pytest.mark.parametrize(("name", "spoil", "row"), CASES)
def test_a_sql_audit_catches_a_bad_row_and_names_it(name, spoil, row):
    assert run(name, sample_tables()).passed
    result = run(name, spoil(sample_tables()))
    assert (result.audit, result.kind, result.passed) == (name, "sql", False)
    named = json.loads(result.detail)
    assert 1 <= len(named) <= result.failures
    assert any(row.items() <= offending.items() for offending in named), named


@pytest.mark.parametrize("table", sorted(schema().keys() - BOOKKEEPING))
def test_a_row_written_past_the_loader_is_caught(table):
    frames = sample_tables()
    rows = {name: frame.height for name, frame in frames.items()}
    loads = pl.DataFrame({"table_name": list(rows), "rows": list(rows.values())})
    assert run(WRITTEN_PAST_THE_LOADER, frames | {"loads": loads}).passed
    frames[table] = pl.concat([frames[table], frames[table].head(1)])
    result = run(WRITTEN_PAST_THE_LOADER, frames | {"loads": loads})
    named = [{"table_name": table, "rows_found": rows[table] + 1, "rows_loaded": rows[table]}]
    assert json.loads(result.detail) == named


def test_in_a_large_family_partners_need_not_keep_each_other():
    large = with_cell(sample_tables(), "family_shapes", "size", 66, **LINES)
    assert run("family_pairs_go_both_ways", without_rows(large, "family_pairs", **PAIR)).passed


def test_only_the_first_offending_rows_are_named_but_all_are_counted():
    name = "examples_are_pictures_inside_the_frame"
    result = run(name, with_cell(sample_tables(), "feature_examples", "y", 999, dictionary_id=SAE))
    assert result.failures == sample_tables()["feature_examples"].filter(dictionary_id=SAE).height
    assert len(json.loads(result.detail)) == 5


# expectation -> (bad value, a row it sits in)
UNEXPECTED = {
    "networks.weights_sha256: match_regex": ("not a checksum", {"network": "efficientnet_lite0"}),
    "networks.input_size: be_between": (0, {"network": "efficientnet_lite0"}),
    "networks.classes: be_between": (0, {"network": "efficientnet_lite0"}),
    "layers.channels: be_between": (0, {"layer": "blocks.5"}),
    "layers.receptive_field: be_between": (0, {"layer": "blocks.5"}),
    "layers.stride: be_between": (0, {"layer": "blocks.5"}),
    "images.image_id: match_regex": ("no key", {"name": "an image that no example uses"}),
    "images.width: be_between": (0, {"name": "coffee"}),
    "images.height: be_between": (-1, {"name": "coffee"}),
    "quarantine.reason: match_regex": (" ", {"name": "broken.jpg"}),
    "activation_sets.activation_set_id: match_regex": ("no key", {"seed": 0}),
    "activation_sets.sampling: be_in_set": ("whim", {"seed": 0}),
    "activation_sets.orbits: be_between": (0, {"seed": 0}),
    "shards.sha256: match_regex": ("no key", {"shard": 1}),
    "shards.bytes: be_between": (0, {"shard": 1}),
    "dictionaries.dictionary_id: match_regex": ("no key", {"group_order": 1}),
    "dictionaries.architecture: be_in_set": ("cathedral", {"group_order": 1}),
    "dictionaries.method: be_in_set": ("guesswork", {"group_order": 1}),
    "dictionaries.encode_from: be_in_set": ("nowhere", {"group_order": 16}),
    "dictionaries.train_seconds: be_between": (-1.0, {"group_order": 1}),
    "features.density: be_between": (1.5, LIVE),
    "features.max_activation: be_between": (-1.5, LIVE),
    "features.atom_dimension: be_between": (5, LIVE),
    "feature_symmetry.type: match_regex": ("period", LIVE),
    "feature_symmetry.stabiliser: match_regex": ("Z_2", LIVE),
    "feature_symmetry.confidence: be_between": (-0.1, LIVE),
    "feature_symmetry.invariance: be_between": (-1.1, LIVE),
    "feature_symmetry.mirror: be_between": (1.1, LIVE),
    "unit_sets.unit_set_id: match_regex": ("no key", {"kind": "neurons"}),
    "unit_sets.step_degrees: be_between": (5.0, {"kind": "neurons"}),
    "unit_sets.stimuli: be_between": (0, {"kind": "neurons"}),
    "unit_sets.units: be_between": (0, {"kind": "neurons"}),
    "unit_tuning.stimulus_type: be_in_set": ("blob", DETECTOR),
    "unit_tuning.confidence: be_between": (1.2, DETECTOR),
    "unit_tuning.criteria_met: be_between": (6, DETECTOR),
    "curve_detectors.curve_family: match_regex": (" ", DETECTOR),
    "curve_detectors.preferred_radius: be_between": (0.0, DETECTOR),
    "curve_detectors.rendering: be_in_set": ("in oil", DETECTOR),
    "neurons.density: be_between": (1.5, {"neuron": 4}),
    "neurons.top_rows: be_between": (-1, {"neuron": 4}),
    "neurons.explained: be_between": (1.5, {"neuron": 4}),
    "family_analyses.family_analysis_id: match_regex": ("no key", {"n_rotations": 1}),
    "family_analyses.neighbours: be_between": (1, {"n_rotations": 1}),
    "family_analyses.min_family_size: be_between": (1, {"n_rotations": 1}),
    "family_shapes.type: match_regex": ("period", LINES),
    "family_shapes.stabiliser: match_regex": ("Z_2", LINES),
    "family_shapes.mean_similarity: be_between": (1.1, LINES),
    "family_shapes.evenness: be_between": (-0.1, LINES),
    "family_shapes.covered: be_between": (1.1, LINES),
    "feature_families.stimulus_type: be_in_set": ("blob", MEMBER),
    "feature_families.strength: be_between": (1.2, MEMBER),
    "feature_families.similarity: be_between": (-1.1, MEMBER),
    "dimension_analyses.dimension_analysis_id: match_regex": ("no key", {"method": "random"}),
    "dimension_analyses.method: be_in_set": ("guesswork", FOUND),
    "dimension_analyses.components: be_between": (0, {"method": "ica"}),
    "dimension_analyses.rows: be_between": (0, {"method": "ica"}),
    "dimension_analyses.constant_units: be_between": (-1, {"method": "ica"}),
    "tuning_dimensions.explained_variance: be_between": (1.1, DIMENSION),
    "tuning_dimensions.cumulative_variance: be_between": (1.1, DIMENSION),
    "tuning_scores.r_squared: be_between": (1.1, FOLLOWED),
    "tuning_scores.null_r_squared: be_between": (-0.1, FOLLOWED),
    "tuning_scores.p_value: be_between": (1.1, FOLLOWED),
    "dimension_completeness.frames: be_between": (0, KEPT),
    "dimension_completeness.labelled: be_between": (-1, KEPT),
    "dimension_completeness.agreement_kept: be_between": (1.1, KEPT),
    "dimension_completeness.agreement_removed: be_between": (1.1, KEPT),
    "dimension_completeness.accuracy_clean: be_between": (1.1, KEPT),
    "dimension_completeness.accuracy_kept: be_between": (-0.1, KEPT),
    "dimension_completeness.accuracy_removed: be_between": (-0.1, KEPT),
    "dimension_paths.spearman: be_between": (1.1, FOLLOWED),
    "dimension_paths.drift: be_between": (-0.1, FOLLOWED),
    "concepts.concept_id: match_regex": ("no key", {"name": "stripes"}),
    "concepts.name: match_regex": (" ", {"role": "class"}),
    "concepts.quarantined: be_between": (-1, {"role": "class"}),
    "concept_analyses.concept_analysis_id: match_regex": ("no key", {"seed": 0}),
    "concept_analyses.classifier: be_in_set": ("guesswork", {"seed": 0}),
    "concept_analyses.pool: be_in_set": ("swimming", {"seed": 0}),
    "concept_analyses.penalty: be_between": (0.0, {"seed": 0}),
    "concept_analyses.held_out: be_between": (1.0, {"seed": 0}),
    "tcav_tests.class_name: match_regex": (" ", TEST),
    "tcav_tests.random_sets: be_between": (2, TEST),
    "tcav_tests.score: be_between": (1.1, TEST),
    "tcav_tests.magnitude: be_between": (-0.1, TEST),
    "tcav_tests.random_score: be_between": (1.1, TEST),
    "tcav_tests.accuracy: be_between": (1.1, TEST),
    "tcav_tests.p_value: be_between": (-0.1, TEST),
    "tcav_tests.p_holm: be_between": (1.1, TEST),
    "tcav_tests.score_std: be_between": (-0.1, TEST),
    "tcav_tests.random_score_std: be_between": (-0.1, TEST),
    "tcav_tests.agreement: be_between": (-1.1, TEST),
    "attack_experiments.attack_experiment_id: match_regex": ("no key", {"seed": 0}),
    "attack_experiments.class_name: match_regex": (" ", {"seed": 0}),
    "attack_experiments.random_sets: be_between": (2, {"seed": 0}),
    "attack_experiments.classifier: be_in_set": ("guesswork", {"seed": 0}),
    "attack_experiments.pool: be_in_set": ("swimming", {"seed": 0}),
    "attack_experiments.steps: be_between": (0, {"seed": 0}),
    "attacks.attack: be_in_set": ("guesswork", {"changed": 0}),
    "attacks.epsilon: be_between": (256, {"perturbed_set": "random", "attack": "noise"}),
    "attacks.fraction: be_between": (1.5, {"perturbed_set": "random", "attack": "random-direction"}),
    "attacks.artifact_folder: match_regex": ("no key", ATTACK),
    "attacks.images: be_between": (0, ATTACK),
    "attacks.perceptual: be_between": (4.1, ATTACK),
    "attack_scores.score: be_between": (1.1, READ),
    "attack_scores.magnitude: be_between": (-0.1, READ),
    "attack_scores.random_score: be_between": (1.1, READ),
    "attack_scores.accuracy: be_between": (1.1, READ),
    "attack_scores.p_value: be_between": (-0.1, READ),
    "attack_scores.p_holm: be_between": (1.1, READ),
    "attack_scores.score_std: be_between": (-0.1, READ),
    "attack_scores.random_score_std: be_between": (-0.1, READ),
    "attack_scores.cosine: be_between": (-1.1, READ),
    "attack_features.flagged: be_between": (1.1, NOTICED),
    "attack_features.auc: be_between": (-0.1, NOTICED),
    "attack_features.statistic: be_in_set": ("mood", CLEAN | {"random_mean": 0.25}),
    "facet_analyses.unit: be_between": (-1, {"seed": 0}),
    "facet_analyses.unit_name: match_regex": (" ", {"seed": 0}),
    "facet_analyses.weight: be_between": (-0.1, {"seed": 0}),
    "facet_analyses.epsilon: be_between": (0, {"seed": 0}),
    "facet_analyses.steps: be_between": (0, {"seed": 0}),
    "facet_analyses.facet_analysis_id: match_regex": ("no key", {"seed": 0}),
    "trust_analyses.random_sets: be_between": (0, {"layer": LAYER}),
    "trust_analyses.trust_analysis_id: match_regex": ("no key", {"layer": LAYER}),
    "trust_checks.threshold: be_between": (-0.1, CHECKED),
    "trust_checks.check_name: be_in_set": ("smells", TRUSTED | {"threshold": 0.34}),
    "runs.flow: match_regex": ("Not a flow!", {"flow_run_id": "sample-run"}),
    "runs.seconds: be_between": (-1.0, {"flow_run_id": "sample-run"}),
    "runs.peak_memory_bytes: be_between": (0, {"flow_run_id": "sample-run"}),
}


def test_the_sample_meets_every_expectation_and_every_expectation_has_a_bad_value(loaded):
    with open_warehouse(loaded) as connection:
        results = run_expectations(connection)
    assert [result for result in results if not result.passed] == []
    assert {result.audit for result in results} == UNEXPECTED.keys()
    assert len(results) == sum(len(expectations) for expectations in suite().values())
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_each_expectation_catches_a_bad_value_and_names_its_row():
    frames = sample_tables()
    stray = frames["images"].head(1).with_columns(name=pl.lit("an image that no example uses"))
    frames["images"] = pl.concat([frames["images"], stray])
    for name, (value, where) in UNEXPECTED.items():
        table, column = name.split(":")[0].split(".")
        frames = with_cell(frames, table, column, value, **where)
    with tables_of(frames) as connection:
        results = {result.audit: result for result in run_expectations(connection)}
    for name, (value, where) in UNEXPECTED.items():
        table, column = name.split(":")[0].split(".")
        result = results[name]
        assert (result.kind, result.passed, result.failures) == ("great-expectations", False, 1), name
        (row,) = json.loads(result.detail)
        assert row[column] == value
        assert row.keys() == {*schema()[table].key, column}
        assert all(row[key] == wanted for key, wanted in where.items() if key in row), name


def test_results_are_kept_and_the_sample_passes(loaded):
    results = audit(loaded)
    assert [result for result in results if not result.passed] == []
    with duckdb.connect(str(loaded.warehouse_file), read_only=True) as connection:
        kept = connection.table("audit_results").pl()
    assert kept["audited_at"].n_unique() == 1
    assert set(kept.select("kind", "audit").iter_rows()) == {(result.kind, result.audit) for result in results}
    assert kept["passed"].all()
    assert set(kept["detail"]) == {""}


def test_without_a_warehouse_there_is_nothing_to_audit(settings):
    with pytest.raises(UserError, match=r"nothing has been loaded into .*kaleidoscope run atlas"):
        audit(settings)
    assert not settings.warehouse_file.exists()
