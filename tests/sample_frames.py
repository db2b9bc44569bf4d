"""A small, consistent set of frames for every table that a load may fill.

One layer of a network, one activation set (n = 8 rotations, |G| = 16), and on it a TopK SAE and a group crosscoder of
40 features each. The crosscoder's profiles are drawn from a planted symmetry, so the type of every feature is known.
A lower layer and a layer of another network are there for attacks to be read at.
"""

import io
import json
from datetime import datetime
from functools import cache

import numpy as np
import polars as pl
from PIL import Image, ImageDraw

from tasks.concepts.perturbed_sets import IDENTITY
from tasks.concepts.tcav import holm
from tasks.keys import content_key
from tasks.symmetry.group import DihedralGroup

N_ROTATIONS = 8
GROUP_ORDER = 2 * N_ROTATIONS
FEATURES = 40
K = 8
DEAD = (7, 18, 29, 39)
EXAMPLES = 4
NEIGHBOURS = 4
PATCH_SIDE = 31

NETWORK = "efficientnet_lite0"
LAYER = "blocks.5"
LOWER_LAYER = "blocks.3"
OTHER_NETWORK = "inceptionv1-bvlc"
OTHER_LAYER = "mixed4d"
SET = content_key("sample activation set", 1)
SAE = content_key("sample dictionary", 1, method="topk-sae")
CROSSCODER = content_key("sample dictionary", 1, method="group-crosscoder")

# fold: how often the profile repeats in a full turn; 0 = the same at every angle, None = no regularity
FOLDS = {"period-360": 1, "period-180": 2, "period-90": 4, "invariant": 0, "mixed": None}
_CYCLE = ("period-360", "period-180", "period-360", "invariant", "period-90", "period-360", "period-180", "mixed")


def planted_type(feature: int) -> str:
    """The symmetry type that feature `feature` of the crosscoder was drawn with."""
    return _CYCLE[feature % len(_CYCLE)]


def planted_orientation(feature: int) -> float:
    """Direction the feature points in, degrees counter-clockwise; an even feature's is the axis of some reflection."""
    return 22.5 * (feature % 5) + (7.0 if feature % 2 else 0.0)


def sample_frames() -> dict[str, pl.DataFrame]:
    """Frames by table name, columns as in `sql/schema`; the same at every call."""
    return dict(_frames())


@cache
def _frames() -> dict[str, pl.DataFrame]:
    random = np.random.default_rng(0)
    images = [content_key("sample image", 1, number=number) for number in range(6)]
    frames = {
        "networks": pl.DataFrame(
            {
                "network": [NETWORK, OTHER_NETWORK],
                "weights_sha256": [content_key("sample weights", 1, network=each) for each in (NETWORK, OTHER_NETWORK)],
                "input_size": [224] * 2,
                "classes": [1000] * 2,
            }
        ),
        "layers": pl.DataFrame(
            {
                "network": [NETWORK, NETWORK, OTHER_NETWORK],
                "layer": [LAYER, LOWER_LAYER, OTHER_LAYER],
                "channels": [40, 24, 480],
                "receptive_field": [PATCH_SIDE, 23, 123],
                "stride": [8, 8, 16],
                "offset_px": [-11, -7, -58],
            }
        ),
        "images": pl.DataFrame(
            {
                "image_id": images,
                "source": ["scikit-image", "scikit-image", "dead-leaves", "dead-leaves", "folder", "folder"],
                "name": ["astronaut", "coffee", "leaves-0", "leaves-1", "garden/rose.jpg", "street.png"],
                "width": [512, 600, 224, 224, 640, 320],
                "height": [512, 400, 224, 224, 480, 320],
            }
        ),
        "quarantine": pl.DataFrame(
            {
                "activation_set_id": [SET] * 3,
                "name": ["broken.jpg", "notes.png", "cut-short.jpg"],
                "reason": ["image file is truncated", "not an image", "image file is truncated"],
            }
        ),
        "activation_sets": pl.DataFrame(
            {
                "activation_set_id": [SET],
                "network": [NETWORK],
                "layer": [LAYER],
                "n_rotations": [N_ROTATIONS],
                "reflections": [True],
                "group_order": [GROUP_ORDER],
                "orbits": [200],
                "sampling": ["norm"],
                "seed": [0],
                "config": [json.dumps({"network": NETWORK, "layer": LAYER, "orbits": 200})],
            }
        ),
        "shards": pl.DataFrame(
            {
                "activation_set_id": [SET] * 3,
                "shard": [0, 1, 2],
                "split": ["train", "train", "test"],
                "orbits": [90, 90, 20],
                "bytes": [orbits * GROUP_ORDER * 40 * 2 for orbits in (90, 90, 20)],
                "sha256": [content_key("sample shard", 1, number=number) for number in range(3)],
            }
        ),
        "dictionaries": pl.DataFrame(
            {
                "dictionary_id": [SAE, CROSSCODER],
                "activation_set_id": [SET] * 2,
                "architecture": ["sae", "group-crosscoder"],
                "method": ["topk", "topk"],
                "features": [FEATURES] * 2,
                "channels": [40] * 2,
                "k": [K] * 2,
                "group_order": [1, GROUP_ORDER],
                "encode_from": [None, "identity"],
                "orbit_reuse": [None, True],
                "steps": [300] * 2,
                "rows_seen": [300 * 128] * 2,
                "seed": [0] * 2,
                "train_seconds": [2.5, 7.25],
                "config": [json.dumps({"architecture": each, "k": K}) for each in ("sae", "group-crosscoder")],
            }
        ),
        "runs": pl.DataFrame(
            {
                "flow_run_id": ["sample-run"],
                "flow": ["atlas"],
                "started_at": [datetime(2025, 1, 2, 3, 4, 5)],
                "seconds": [92.5],
                "peak_memory_bytes": [1_500_000_000],
                "git_revision": ["0123456789abcdef0123456789abcdef01234567"],
                "config": [json.dumps({"n_rotations": N_ROTATIONS})],
            }
        ),
    }
    made = [(SAE, 1, 0.21), (CROSSCODER, GROUP_ORDER, 0.34)]
    parts = [_dictionary_frames(*one, images, random) for one in made]
    frames |= {table: pl.concat(part[table] for part in parts) for table in parts[0]}
    frames |= _symmetry_frames(random) | _tuning_frames() | _neuron_frames(images) | _family_frames()
    frames |= _dimension_frames()
    concepts, attacked = _concept_frames(), _attack_frames()
    for table in concepts:
        frames[table] = pl.concat([each[table] for each in (concepts, attacked) if table in each])
    frames |= {table: frame for table, frame in attacked.items() if table not in concepts}
    return frames | {"feature_visualisations": _visualisations()}


PLAIN_SET = content_key("sample activation set", 1, group_order=1)
PLAIN_SAE = content_key("sample dictionary", 1, method="relu-sae")
PLAIN_LAYER = "blocks.2"
PLAIN_METRICS = {"loss_recovered_zero": 0.96, "loss_recovered_mean": 0.91, "top1_change": 0.07, "stability": 0.62}


@cache
def early_vision_frames() -> dict[str, pl.DataFrame]:
    """A second load: rows of an earlier layer without transforms, a tuned ReLU SAE on them, its neurons taken apart."""
    first, only = _frames(), {"activation_set_id": PLAIN_SET, "dictionary_id": PLAIN_SAE, "layer": PLAIN_LAYER}

    def retold(table: str, **changes) -> pl.DataFrame:
        """Rows of the first load that belong to its SAE, told of the new set."""
        frame = first[table]
        if "dictionary_id" in frame.columns:
            of_neurons = pl.col("dictionary_id").is_null() & pl.lit(table == "unit_sets")
            frame = frame.filter(pl.col("dictionary_id").eq(SAE) | of_neurons)
        renamed = {name: pl.lit(value) for name, value in (only | changes).items() if name in frame.columns}
        if table == "unit_sets":
            renamed["dictionary_id"] = pl.when(pl.col("dictionary_id").is_not_null()).then(pl.lit(PLAIN_SAE))
        if "unit_set_id" in frame.columns:
            renamed["unit_set_id"] = pl.col("unit_set_id").str.reverse()
        if "element" in frame.columns:
            renamed["element"] = pl.lit(0, dtype=frame.schema["element"])
        return frame.with_columns(**renamed)

    once = {"networks", "images", "runs", "quarantine", "transform_blocks", "feature_harmonics", "feature_symmetry"}
    once |= _family_frames().keys() | _dimension_frames().keys()
    once |= _concept_frames().keys() | _attack_frames().keys()
    frames = {table: retold(table) for table in first if table not in once}
    frames["layers"] = retold("layers", receptive_field=19).head(1)
    frames["activation_sets"] = retold(
        "activation_sets", n_rotations=1, reflections=False, group_order=1, sampling="uniform"
    )
    frames["dictionaries"] = retold("dictionaries", method="relu", k=None)
    more = {"dictionary_id": PLAIN_SAE, "metric": list(PLAIN_METRICS), "value": list(PLAIN_METRICS.values())}
    frames["dictionary_metrics"] = pl.concat([frames["dictionary_metrics"], pl.DataFrame(more)])
    return frames


def both_loads() -> dict[str, pl.DataFrame]:
    """All rows of `sample_frames` and `early_vision_frames`."""
    first, second = sample_frames(), early_vision_frames()
    return first | {table: pl.concat([first[table], frame], how="vertical_relaxed") for table, frame in second.items()}


def _dictionary_frames(
    dictionary: str, group_order: int, fvu: float, images: list[str], random: np.random.Generator
) -> dict[str, pl.DataFrame]:
    live = np.array([feature not in DEAD for feature in range(FEATURES)])
    density = np.where(live, random.uniform(0.02, 0.4, FEATURES), 0.0)
    density *= 0.9 * K / density.sum()
    mean = np.where(live, random.uniform(0.5, 2.0, FEATURES), 0.0)
    top = mean * random.uniform(2.0, 5.0, FEATURES)

    metrics = {
        "fvu": fvu,
        "l0": float(density.sum()),
        "dead_fraction": len(DEAD) / FEATURES,
        "cosine": 1 - fvu / 2,
        "rows": 20.0 * GROUP_ORDER,
    }
    examples = [
        {
            "dictionary_id": dictionary,
            "feature": feature,
            "rank": rank,
            "image_id": images[(feature + rank) % len(images)],
            "y": 40 + 8 * rank,
            "x": 60 + 8 * (feature % 10),
            "element": (5 * feature + rank) % GROUP_ORDER if group_order > 1 else 0,
            "activation": float(top[feature]) * (1.1 - 0.1 * rank),
            "patch": _patch(feature, rank),
        }
        for feature in range(FEATURES)
        if live[feature]
        for rank in range(1, EXAMPLES + 1)
    ]
    steps = list(range(0, 300, 50))
    curves = {
        "loss": [fvu + 2 * 0.5 ** (step / 50) for step in steps],
        "fvu": [fvu + 0.7 * 0.5 ** (step / 50) for step in steps],
    }
    return {
        "dictionary_metrics": pl.DataFrame(
            {"dictionary_id": [dictionary] * len(metrics), "metric": list(metrics), "value": list(metrics.values())}
        ),
        "block_metrics": pl.DataFrame(
            {
                "dictionary_id": [dictionary] * group_order,
                "element": range(group_order),
                "fvu": fvu + 0.01 * np.sin(np.arange(group_order)),
            }
        ),
        "training_steps": pl.DataFrame(
            {
                "dictionary_id": [dictionary] * (len(curves) * len(steps)),
                "step": steps * len(curves),
                "metric": [metric for metric in curves for _ in steps],
                "value": [value for values in curves.values() for value in values],
            }
        ),
        "features": pl.DataFrame(
            {
                "dictionary_id": [dictionary] * FEATURES,
                "feature": range(FEATURES),
                "atom_dimension": [1] * FEATURES,
                "density": density,
                "mean_activation": mean,
                "max_activation": top,
                "dead": ~live,
            }
        ),
        "feature_examples": pl.DataFrame(examples),
        "feature_neighbours": _neighbours(dictionary, np.flatnonzero(live), random),
    }


def _neighbours(dictionary: str, live: np.ndarray, random: np.random.Generator) -> pl.DataFrame:
    atoms = random.normal(size=(FEATURES, 12))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    cosines = atoms[live] @ atoms[live].T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argsort(-cosines, axis=1)[:, :NEIGHBOURS]
    return pl.DataFrame(
        {
            "dictionary_id": [dictionary] * nearest.size,
            "feature": np.repeat(live, NEIGHBOURS),
            "rank": np.tile(np.arange(1, NEIGHBOURS + 1), len(live)),
            "neighbour": live[nearest].ravel(),
            "similarity": np.take_along_axis(cosines, nearest, axis=1).ravel(),
        }
    )


def _profile(feature: int, random: np.random.Generator) -> np.ndarray:
    """[|G|] cosines to the identity block: rotations r^k, then reflections r^k s."""
    fold = FOLDS[planted_type(feature)]
    turn = 2 * np.pi * np.arange(N_ROTATIONS) / N_ROTATIONS
    if fold is None:
        profile = random.uniform(-0.3, 0.7, GROUP_ORDER)
    else:
        # the left-right mirror takes direction p to 180 - p, and r^k turns that by k steps
        mirrored = turn + np.pi - 2 * np.deg2rad(planted_orientation(feature))
        angles = np.concatenate([turn, mirrored])
        profile = -0.1 + 1.1 * np.exp(3 * (np.cos(fold * angles) - 1))
    profile[0] = 1.0
    return profile


def _symmetry_frames(random: np.random.Generator) -> dict[str, pl.DataFrame]:
    blocks, harmonics, symmetry = [], [], []
    for feature in (feature for feature in range(FEATURES) if feature not in DEAD):
        kind = planted_type(feature)
        fold = FOLDS[kind]
        profile = _profile(feature, random)
        key = {"dictionary_id": [CROSSCODER] * GROUP_ORDER, "feature": [feature] * GROUP_ORDER}
        blocks.append(
            pl.DataFrame(
                key
                | {
                    "element": range(GROUP_ORDER),
                    "rotation_degrees": [360 / N_ROTATIONS * (element % N_ROTATIONS) for element in range(GROUP_ORDER)],
                    "mirrored": [element >= N_ROTATIONS for element in range(GROUP_ORDER)],
                    "norm": 1 + 0.1 * np.cos(2 * np.pi * np.arange(GROUP_ORDER) / N_ROTATIONS + feature),
                    "cosine_to_identity": profile,
                }
            )
        )
        energy = np.abs(np.fft.rfft(profile[:N_ROTATIONS])) ** 2
        energy[1:-1] *= 2  # a real signal's negative frequencies carry the same again
        energy /= energy.sum()
        harmonics.append(
            pl.DataFrame(
                {
                    "dictionary_id": [CROSSCODER] * len(energy),
                    "feature": [feature] * len(energy),
                    "harmonic": range(len(energy)),
                    "energy": energy,
                }
            )
        )
        mirror_element = N_ROTATIONS + int(np.argmax(profile[N_ROTATIONS:]))
        mirror = float(profile[mirror_element])
        symmetry.append(
            {
                "dictionary_id": CROSSCODER,
                "feature": feature,
                "type": kind,
                "period_degrees": 360.0 / fold if fold else None,
                "confidence": 0.4 if fold is None else 0.8 + 0.005 * (feature % 30),
                "rotational_order": 0 if fold == 0 else fold or 1 + int(np.argmax(energy[1:])),
                "invariance": float(profile.mean()),
                "mirror": mirror,
                "mirror_element": mirror_element,
                "stabiliser": _stabiliser(fold, mirror)[0],
                "stabiliser_order": _stabiliser(fold, mirror)[1],
            }
        )
    return {
        "transform_blocks": pl.concat(blocks),
        "feature_harmonics": pl.concat(harmonics),
        "feature_symmetry": pl.DataFrame(symmetry),
    }


def _stabiliser(fold: int | None, mirror: float) -> tuple[str, int]:
    if fold == 0:
        return "full", GROUP_ORDER
    if fold is None:
        return "trivial", 1
    if mirror > 0.95:
        return f"D_{fold}", 2 * fold
    return ("trivial", 1) if fold == 1 else (f"C_{fold}", fold)


TUNING_STEP = 4.0
NEURON_TUNING = content_key("sample tuning", 1, of="neurons")
FEATURE_TUNING = content_key("sample tuning", 1, of="features")


def planted_peak(unit: int) -> float:
    """Orientation of a unit's radial tuning curve, degrees, both for neurons and for the SAE's features."""
    return 9.0 * unit


def planted_detectors(kind: str) -> list[int]:
    """Curve detectors: the neurons leave the end of the circle out, the features go all around."""
    if kind == "neurons":
        return list(range(0, 30, 3))
    return [feature for feature in range(0, FEATURES, 2) if feature not in DEAD]


def _tuning_frames() -> dict[str, pl.DataFrame]:
    """Curves of 60° width at half maximum, for the layer's neurons and for the SAE's features."""
    neuron_peaks = np.array([planted_peak(unit) for unit in planted_detectors("neurons")])
    angles = np.arange(0, 360, TUNING_STEP)
    subjects, units, curves, detectors = [], [], [], []
    for subject, kind, dictionary in ((NEURON_TUNING, "neurons", None), (FEATURE_TUNING, "features", SAE)):
        subjects.append(
            {
                "unit_set_id": subject,
                "network": NETWORK,
                "layer": LAYER,
                "kind": kind,
                "dictionary_id": dictionary,
                "activation_set_id": SET,
                "step_degrees": TUNING_STEP,
                "stimuli": 4000,
                "units": FEATURES,
            }
        )
        for unit in range(FEATURES):
            key, peak = {"unit_set_id": subject, "unit": unit}, planted_peak(unit)
            is_detector, silent = unit in planted_detectors(kind), kind == "features" and unit in DEAD
            units.append(
                key
                | {
                    "stimulus_type": "curve" if is_detector else "other" if silent else "grating",
                    "confidence": 0.0 if silent else 0.6,
                    "best_response": 0.0 if silent else 12.0,
                    "best_arc_response": 0.0 if silent else 10.0,
                    "natural_maximum": 0.0 if silent else 15.0,
                    "peak_degrees": None if silent else peak,
                    "width_degrees": None if silent else 60.0,
                    "echo": None if silent else 0.01,
                    "concentration": None if silent else 0.9,
                    "weakest_rendering": None if silent else 0.7,
                    "straight_share": None if silent else 0.2 if is_detector else 0.9,
                    "criteria_met": 5 if is_detector else 0 if silent else 4,
                    "is_curve_detector": is_detector,
                }
            )
            if not is_detector:
                continue
            bump = 8 * np.exp(np.log(2) / (1 - np.cos(np.pi / 6)) * (np.cos(np.deg2rad(angles - peak)) - 1))
            for stimulus, gain in (("arc", 1), ("arc dark line", 1.1), ("arc light line", 0.9)):
                count = len(angles)
                curves.append(
                    pl.DataFrame(
                        {
                            "unit_set_id": [subject] * count,
                            "unit": [unit] * count,
                            "stimulus": [stimulus] * count,
                            "angle_degrees": angles,
                            "response": gain * bump,
                        }
                    )
                )
            away = np.abs((neuron_peaks - peak + 180) % 360 - 180)
            turns_any = unit % 4 == 0
            against_neurons = {
                "nearest_neuron": planted_detectors("neurons")[int(np.argmin(away))],
                "nearest_degrees": float(away.min()),
                "inside_arc": bool(away.min() > 30),
                "inside_gap": bool(away.min() > 10),
                "missing": bool(away.min() > 10) and turns_any,
            }
            detectors.append(
                key
                | {
                    "curve_family": "20 px, any" if turns_any else "12 px, dark line",
                    "preferred_radius": 20.0 if turns_any else 12.0,
                    "rendering": "any" if turns_any else "dark line",
                    "natural_correlation": 0.9 if turns_any else 0.4,
                }
                | (against_neurons if kind == "features" else dict.fromkeys(against_neurons))
            )
    return {
        "unit_sets": pl.DataFrame(subjects),
        "unit_tuning": pl.DataFrame(units, infer_schema_length=None),
        "tuning_curves": pl.concat(curves),
        "curve_detectors": pl.DataFrame(detectors, infer_schema_length=None),
    }


SILENT_NEURON = 39
TOP_ROWS = 20


def planted_mixture(neuron: int) -> dict[int, float]:
    """Features of the SAE that carry a neuron, and their shares: odd neurons have one, even ones two if they live."""
    features = {neuron: 0.6, neuron + 1: 0.3} if neuron % 2 == 0 else {neuron: 0.9}
    return {feature: share for feature, share in features.items() if feature not in DEAD and neuron != SILENT_NEURON}


def _neuron_frames(images: list[str]) -> dict[str, pl.DataFrame]:
    """The layer's neurons as mixtures of the SAE's features."""
    neurons, features, examples = [], [], []
    for neuron in range(FEATURES):
        key, mixture, silent = (
            {"dictionary_id": SAE, "neuron": neuron},
            planted_mixture(neuron),
            neuron == SILENT_NEURON,
        )
        shares = {"explained": 0.7, "carried": 0.9, "suppressed": 0.1, "bias": 0.1}
        if not mixture:
            shares = {"explained": 0.1, "carried": 0.0, "suppressed": 0.0, "bias": 0.1}
        neurons.append(
            key
            | {
                "max_activation": 0.0 if silent else 10.0,
                "density": 0.0 if silent else 0.2,
                "top_rows": 0 if silent else TOP_ROWS,
            }
            | (dict.fromkeys(shares) if silent else shares)
        )
        for rank, (feature, share) in enumerate(mixture.items(), start=1):
            features.append(
                key | {"rank": rank, "feature": feature, "share": share, "rows_carried": round(share * TOP_ROWS)}
            )
            examples += [
                key
                | {
                    "feature": feature,
                    "rank": number,
                    "image_id": images[(neuron + number) % len(images)],
                    "y": 40 + 8 * number,
                    "x": 60 + 8 * (neuron % 10),
                    "activation": 10.0 - rank - number,
                    "patch": _patch(feature, number),
                }
                for number in range(1, EXAMPLES + 1)
            ]
    return {
        "neurons": pl.DataFrame(neurons, infer_schema_length=None),
        "neuron_features": pl.DataFrame(features),
        "neuron_examples": pl.DataFrame(examples),
    }


CROSSCODER_FAMILIES = content_key("sample families", 1, of="group-crosscoder")
SAE_FAMILIES = content_key("sample families", 1, of="sae")
FAMILY_SEEDS = (0, 1, 2)

# family of the crosscoder -> the symmetry it was drawn with, its reach in degrees, and the element that carries its
# prototype, the first, to each member: curves all around, lines without those at 90°, edges of both hands without those
# at 270°, blobs and hatches
PLANTED_FAMILIES = (
    ("period-360", "D_1", 30.0, {0: 0, 2: 1, 8: 2, 10: 3, 16: 4, 24: 5, 26: 6, 32: 7, 34: 0}),
    ("period-180", "D_2", 22.5, {6: 0, 14: 1, 22: 3, 30: 0, 38: 1}),
    ("period-360", "trivial", 45.0, {5: 0, 13: 2, 21: 8, 37: 12}),
    ("invariant", "full", None, {3: 0, 11: 0, 19: 0, 27: 0}),
    ("period-90", "D_4", 22.5, {4: 0, 12: 1}),
)
MISSING = {1: [90.0], 2: [270.0]}
PLANTED_STIMULI = ("curve", "line", "edge", "colour", "hatch")
# of the SAE, whose families have no orientations; one grating is taken for a curve
SAE_PLANTED_FAMILIES = ((0, 2, 4, 6, 8, 10, 12, 9), (1, 3, 5, 11, 13))


def _family_frames() -> dict[str, pl.DataFrame]:
    """Families of the crosscoder under its own group, and of the SAE beside it, with scores against both."""
    parts = [_crosscoder_families(), _sae_families()]
    frames = {table: pl.concat((part[table] for part in parts), how="diagonal_relaxed") for table in parts[0]}
    return frames | {"family_pairs": _family_pairs(), "family_scores": _family_scores()}


def _crosscoder_families() -> dict[str, pl.DataFrame]:
    shapes, of_family = [], {}
    turn = 2 * np.pi * np.arange(N_ROTATIONS) / N_ROTATIONS
    for family, (kind, stabiliser, reach, elements) in enumerate(PLANTED_FAMILIES):
        fold = FOLDS[kind]
        period = 360.0 / fold if fold else None
        orientations = None if period is None else [_degrees(element) % period for element in elements.values()]
        profile = -0.1 + 1.1 * np.exp(3 * (np.cos(fold * turn) - 1))
        shapes.append(
            {
                "family": family,
                "size": len(elements),
                "prototype": next(iter(elements)),
                "type": kind,
                "period_degrees": period,
                "stabiliser": stabiliser,
                "mean_similarity": float(np.mean([_similarity(place) for place in range(len(elements))])),
                "reach_degrees": reach,
                "evenness": None if period is None else _evenness(orientations, period),
                "covered": None if period is None else 0.75 if family in MISSING else 1.0,
                "missing_members": None if period is None else len(MISSING.get(family, [])),
                "missing_orientations": None if period is None else MISSING.get(family, []),
                "profile": profile.tolist(),
                "profile_low": (profile - 0.1 * (1 - profile)).tolist(),
                "profile_high": (profile + 0.1 * (1 - profile)).tolist(),
            }
        )
        for place, (feature, element) in enumerate(elements.items()):
            of_family[feature] = {
                "family": family,
                "element": element,
                "orientation_degrees": None if period is None else _degrees(element) % period,
                "mirrored": element >= N_ROTATIONS,
                "similarity": _similarity(place),
                # the last curve is one that answers edges more
                "stimulus_type": "edge" if feature == 34 else PLANTED_STIMULI[family],
            }
    return _one_analysis(CROSSCODER_FAMILIES, CROSSCODER, DihedralGroup(N_ROTATIONS), shapes, of_family)


def _sae_families() -> dict[str, pl.DataFrame]:
    shapes, of_family = [], {}
    for family, members in enumerate(SAE_PLANTED_FAMILIES):
        shapes.append(
            {
                "family": family,
                "size": len(members),
                "prototype": members[0],
                "mean_similarity": float(np.mean([_similarity(place) for place in range(len(members))])),
            }
        )
        for place, feature in enumerate(members):
            similarity = _similarity(place)
            of_family[feature] = {"family": family, "element": 0, "mirrored": False, "similarity": similarity}
    for feature in range(FEATURES):
        answered = "curve" if feature in planted_detectors("features") else "grating"
        of_family[feature] = of_family.get(feature, {}) | {"stimulus_type": answered}
    return _one_analysis(SAE_FAMILIES, SAE, DihedralGroup(1, reflections=False), shapes, of_family)


def _one_analysis(
    analysis: str, dictionary: str, group: DihedralGroup, shapes: list[dict], of_family: dict[int, dict]
) -> dict[str, pl.DataFrame]:
    """A row for each live feature, on a map where families keep together and the rest is strewn about them."""
    rows = []
    for feature in (feature for feature in range(FEATURES) if feature not in DEAD):
        row = {"stimulus_type": "mixed" if feature % 2 else "other"} | of_family.get(feature, {})
        family, angle = row.get("family"), 2.4 * feature
        centre = 2 * np.pi * (0 if family is None else family) / 5
        away, spread = (0.0, 6.0) if family is None else (4.0, 0.6)
        rows.append(
            row
            | {
                "feature": feature,
                "strength": 0.0 if family is None else 0.9,
                "map_x": away * np.cos(centre) + spread * np.cos(angle),
                "map_y": away * np.sin(centre) + spread * np.sin(angle),
                "stimulus_confidence": 0.05 if row["stimulus_type"] == "mixed" else 0.4,
            }
        )
    summary = {
        "family_analysis_id": analysis,
        "dictionary_id": dictionary,
        "n_rotations": group.n_rotations,
        "reflections": group.reflections,
        "group_order": group.order,
        "neighbours": 5,
        "min_family_size": 2,
        "seed": 0,
        "live_features": len(rows),
        "families": len(shapes),
    }
    named = pl.lit(analysis).alias("family_analysis_id")
    return {
        "family_analyses": pl.DataFrame([summary]),
        "family_shapes": pl.DataFrame(shapes, infer_schema_length=None).select(named, pl.all()),
        "feature_families": pl.DataFrame(rows, infer_schema_length=None).select(named, pl.all()),
    }


def _family_pairs() -> pl.DataFrame:
    """Every two members of a family of the crosscoder: the partner fires on 7 of 8 images, else on 2."""
    group = DihedralGroup(N_ROTATIONS)
    rows = [
        {
            "family_analysis_id": CROSSCODER_FAMILIES,
            "feature": feature,
            "partner": partner,
            "element": int(group.compose(to_partner, group.inverse(to_feature))),
            "similarity": 0.85,
            "examples": 8,
            "fired": 0.875,
            # what looks the same from everywhere fires under any element
            "chance": 0.875 if kind == "invariant" else 0.25,
        }
        for kind, _, _, elements in PLANTED_FAMILIES
        for feature, to_feature in elements.items()
        for partner, to_partner in elements.items()
        if partner != feature
    ]
    return pl.DataFrame(rows)


def _family_scores() -> pl.DataFrame:
    """The crosscoder above the SAE, both above their controls, a little apart from seed to seed."""
    planted = {
        (CROSSCODER_FAMILIES, "features"): 0.7,
        (CROSSCODER_FAMILIES, "shuffled blocks"): 0.2,
        (CROSSCODER_FAMILIES, "random dictionary"): 0.05,
        (SAE_FAMILIES, "features"): 0.4,
        (SAE_FAMILIES, "random dictionary"): 0.05,
    }
    rows = []
    for (analysis, subject), level in planted.items():
        for seed in FAMILY_SEEDS:
            value = level + 0.02 * (seed - 1)
            metrics = {
                "adjusted_rand": value - 0.1,
                "purity": value + 0.2,
                "silhouette": value - 0.2,
                "neighbour_agreement": value + 0.1,
                "neighbour_chance": 0.15,
                "clustered": 0.5 + value / 2,
                "families": 5.0 if analysis == CROSSCODER_FAMILIES else 2.0,
                "features": 36.0,
            }
            key = {"family_analysis_id": analysis, "condition": subject, "seed": seed}
            rows += [key | {"metric": metric, "value": value} for metric, value in metrics.items()]
    return pl.DataFrame(rows)


PCA_DIMENSIONS = content_key("sample dimensions", 1, method="pca")
NEURON_DIMENSIONS = content_key("sample dimensions", 1, method="neurons")
RANDOM_DIMENSIONS = content_key("sample dimensions", 1, method="random")
FEATURE_DIMENSIONS = content_key("sample dimensions", 1, method="ica", dictionary=CROSSCODER)

# dimension -> what it follows, how closely where PCA found it, and the irreducible representation it is nearest to
PLANTED_DIMENSIONS = (
    ("orientation", 0.94, "E2"),
    ("frequency", 0.91, "A1"),
    ("colour", 0.6, "A1"),
    ("phase", 0.35, "E1"),
    ("direction", 0.5, "E1"),
    ("curvature", 0.4, "A1"),
)
# analysis -> method, whose features, dimensions, how much of PCA's closeness is left, share of the nearest irrep
PLANTED_ANALYSES = {
    PCA_DIMENSIONS: ("pca", None, 6, 1.0, 0.9),
    NEURON_DIMENSIONS: ("neurons", None, 6, 0.3, 0.4),
    RANDOM_DIMENSIONS: ("random", None, 6, 0.1, 0.3),
    FEATURE_DIMENSIONS: ("ica", CROSSCODER, 3, 0.8, 0.7),
}
RENDERED = (0, 1)  # dimensions of PCA's
PLACES = 5
STIMULUS_VALUES = {
    "orientation": [15.0 * step for step in range(12)],
    "frequency": [0.03 * 2 ** (step / 2) for step in range(8)],
    "phase": [45.0 * step for step in range(8)],
    "colour": [30.0 * step for step in range(6)],
    "direction": [30.0 * step for step in range(12)],
    "curvature": [1 / radius for radius in (60, 30, 20, 12)],
}
PERIODS = {"orientation": 180.0, "phase": 360.0, "colour": 180.0, "direction": 360.0}
IRREPS = {"A1": 0, "A2": 0, "E1": 1, "E2": 2, "E3": 3, "B": N_ROTATIONS // 2}


def _dimension_frames() -> dict[str, pl.DataFrame]:
    """Dimensions of the layer's neurons by PCA beside both controls, and of the crosscoder's features by ICA."""
    rows = {
        table: []
        for table in (
            *("dimension_analyses", "tuning_dimensions", "tuning_scores", "dimension_curves"),
            *("dimension_harmonics", "dimension_completeness", "dimension_paths", "dimension_pictures"),
        )
    }
    for analysis, (method, dictionary, components, gain, purity) in PLANTED_ANALYSES.items():
        key = {"dimension_analysis_id": analysis}
        rows["dimension_analyses"].append(
            key
            | {
                "activation_set_id": SET,
                "dictionary_id": dictionary,
                "method": method,
                "source": "patches",
                "components": components,
                "seed": 0,
                "rows": 180 * GROUP_ORDER,
                "units": FEATURES,
                "constant_units": 0 if dictionary is None else len(DEAD),
                "mean": [0.5 + 0.01 * unit for unit in range(FEATURES)],
            }
        )
        if dictionary is None:
            rows["dimension_completeness"] += [key | _completeness(kept, gain) for kept in (1, 2, 4, components)]
        cumulative = 0.0
        for dimension in range(components):
            key = {"dimension_analysis_id": analysis, "dimension": dimension}
            # the last independent component adds nothing on unseen rows
            explained = -0.001 if method == "ica" and dimension == 2 else (0.2 + 0.2 * gain) * 0.6**dimension
            cumulative += explained
            rows["tuning_dimensions"].append(
                key
                | {
                    "explained_variance": explained,
                    "cumulative_variance": cumulative,
                    "low": -2.0,
                    "high": 2.0,
                    "direction": [float(np.cos(unit * (dimension + 1))) for unit in range(FEATURES)],
                }
            )
            for place, parameter in enumerate(STIMULUS_VALUES):
                rows["tuning_scores"].append(key | _score(dimension, place, parameter, gain))
                rows["dimension_curves"] += [key | point for point in _dimension_curve(dimension, parameter, gain)]
            nearest = PLANTED_DIMENSIONS[dimension][2]
            for irrep, frequency in IRREPS.items():
                share = purity if irrep == nearest else (1 - purity) / (len(IRREPS) - 1)
                rows["dimension_harmonics"].append(key | {"irrep": irrep, "waves_per_turn": frequency, "share": share})
            if analysis == PCA_DIMENSIONS and dimension in RENDERED:
                rows["dimension_paths"] += [key | path for path in _paths(dimension)]
                rows["dimension_pictures"] += [key | _picture("rendered", dimension, place) for place in range(PLACES)]
            rows["dimension_pictures"] += [key | _picture("patch", dimension, place) for place in range(PLACES)]
    return {table: pl.DataFrame(each, infer_schema_length=None) for table, each in rows.items()}


def _completeness(kept: int, gain: float) -> dict:
    """What 20 frames say, half of them labelled."""
    share = gain * kept / 8
    return {
        "dimensions": kept,
        "frames": 20,
        "labelled": 10,
        "agreement_kept": round(20 * share) / 20,
        "agreement_removed": round(20 * (1 - share)) / 20,
        "accuracy_clean": 0.8,
        "accuracy_kept": round(8 * share) / 10,
        "accuracy_removed": round(8 * (1 - share)) / 10,
    }


def _score(dimension: int, place: int, parameter: str, gain: float) -> dict:
    follows, closeness, _ = PLANTED_DIMENSIONS[dimension]
    r_squared = gain * closeness if parameter == follows else 0.01 + 0.002 * place
    return {
        "parameter": parameter,
        "r_squared": r_squared,
        "null_r_squared": 0.06,
        "p_value": 0.001 if r_squared > 0.1 else 0.03 if r_squared > 0.06 else 0.8,
        "preferred": 30.0 * dimension if parameter in PERIODS else None,
        "assigned": parameter == follows,
    }


def _dimension_curve(dimension: int, parameter: str, gain: float) -> list[dict]:
    """A wave along a circular parameter and a ramp along another, flat along those that it does not follow."""
    values = STIMULUS_VALUES[parameter]
    height = gain if parameter == PLANTED_DIMENSIONS[dimension][0] else 0.05
    if parameter in PERIODS:
        shape = np.cos(2 * np.pi * (np.array(values) - 30.0 * dimension) / PERIODS[parameter])
    else:
        shape = np.linspace(-1, 1, len(values))
    means = (1.4 * height * shape).tolist()
    return [
        {"parameter": parameter, "value": value, "mean": mean, "std": 1.1 - height}
        for value, mean in zip(values, means, strict=True)
    ]


def _paths(dimension: int) -> list[dict]:
    intended = PLANTED_DIMENSIONS[dimension][0]
    return [
        {
            "parameter": parameter,
            "intended": parameter == intended,
            "spearman": 0.9 if parameter == intended else 0.1,
            "drift": 0.8 if parameter == intended else 0.15,
        }
        for parameter in ("orientation", "frequency")
    ]


def _picture(kind: str, dimension: int, place: int) -> dict:
    row = {"kind": kind, "place": place, "score": -2.0 + 4.0 * place / (PLACES - 1)}
    if kind == "patch":
        measured = dict.fromkeys(("orientation_degrees", "coherence", "spatial_frequency"))
        return row | measured | {"picture": _patch(dimension, place + 1)}
    measured = {
        "orientation_degrees": 35.0 * place if dimension == 0 else 20.0,
        "coherence": 0.8,
        "spatial_frequency": 0.02 * 2**place if dimension == 1 else 0.1,
    }
    return row | measured | {"picture": _waves(PLACES * dimension + place, 1)}


CONCEPT_ANALYSIS = content_key("sample concepts", 1)
ZEBRA = 340
ZEBRAS = content_key("sample exemplars", 1, name="zebra")
RANDOM_SETS = [content_key("sample exemplars", 1, name=f"random_{number}") for number in range(3)]
# scores of the vectors of random sets, each against the next
RANDOM_SCORES = (0.4, 0.6, 0.4)
# concept -> its scores by random set, the vectors' accuracy and cosine, p and p after Holm's correction over both
PLANTED_CONCEPTS = {
    "stripes": ((1.0, 0.8, 1.0), 1.0, 0.9, 0.008, 0.016),
    "dots": ((0.6, 0.4, 0.4), 0.5, 0.3, 1.0, 1.0),
}
CONCEPTS = {name: content_key("sample exemplars", 1, name=name) for name in PLANTED_CONCEPTS}


def _concept_frames() -> dict[str, pl.DataFrame]:
    """Drawn stripes, which matter for zebras at the layer, and dots, which do not, over three random sets."""
    # set -> name, role, origin, exemplars, quarantined
    sets = {concept: (name, "concept", "drawn", 4, 0) for name, concept in CONCEPTS.items()}
    sets |= {concept: (f"random_{number}", "random", "folder", 4, 0) for number, concept in enumerate(RANDOM_SETS)}
    sets |= {ZEBRAS: ("zebra", "class", "folder", 5, 1)}
    exemplars = [
        {
            "concept_id": concept,
            "place": place,
            "image_id": content_key("sample exemplar", 1, concept=concept, place=place),
            "name": f"{name}-{place}",
            "picture": _waves(place, 1) if name == "stripes" else _patch(number, place),
        }
        for number, (concept, (name, *_, count, _)) in enumerate(sets.items())
        for place in range(count)
    ]
    following = [*RANDOM_SETS[1:], RANDOM_SETS[0]]
    vectors = [*zip(RANDOM_SETS, following, RANDOM_SCORES, [0.5] * len(RANDOM_SETS), strict=True)]
    for name, (scores, accuracy, *_) in PLANTED_CONCEPTS.items():
        vectors += [
            (CONCEPTS[name], random, score, accuracy) for random, score in zip(RANDOM_SETS, scores, strict=True)
        ]
    cavs = [
        {
            "cav_id": content_key("sample cav", 1, concept=concept, random=random),
            "concept_id": concept,
            "random_set_id": random,
            "network": NETWORK,
            "layer": LAYER,
            "accuracy": accuracy,
        }
        for concept, random, _, accuracy in vectors
    ]
    scored = {"concept_analysis_id": CONCEPT_ANALYSIS, "class_images_id": ZEBRAS, "class_index": ZEBRA}
    tests = [
        scored
        | {
            "concept_id": CONCEPTS[name],
            "layer": LAYER,
            "class_name": "zebra",
            "random_sets": len(RANDOM_SETS),
            "score": float(np.mean(scores)),
            "score_std": float(np.std(scores, ddof=1)),
            "magnitude": float(np.mean(scores)) / 2,
            "random_score": float(np.mean(RANDOM_SCORES)),
            "random_score_std": float(np.std(RANDOM_SCORES, ddof=1)),
            "accuracy": accuracy,
            "agreement": agreement,
            "p_value": p_value,
            "p_holm": p_holm,
        }
        for name, (scores, accuracy, agreement, p_value, p_holm) in PLANTED_CONCEPTS.items()
    ]
    analysis = {
        "concept_analysis_id": CONCEPT_ANALYSIS,
        "network": NETWORK,
        "classifier": "logistic",
        "pool": "mean",
        "penalty": 0.01,
        "held_out": 0.25,
        "seed": 0,
        "tests": len(tests),
    }
    described = ("name", "role", "origin", "exemplars", "quarantined")
    return {
        "concepts": pl.DataFrame(
            [{"concept_id": concept} | dict(zip(described, row, strict=True)) for concept, row in sets.items()]
        ),
        "concept_exemplars": pl.DataFrame(exemplars),
        "concept_analyses": pl.DataFrame([analysis]),
        "cavs": pl.DataFrame(cavs),
        "tcav_scores": pl.DataFrame(
            [
                scored | {"cav_id": cav["cav_id"], "score": score, "magnitude": score / 2}
                for cav, (_, _, score, _) in zip(cavs, vectors, strict=True)
            ]
        ),
        "tcav_tests": pl.DataFrame(tests),
    }


ATTACK_ANALYSIS = content_key("sample attacks", 1)
# what is touched -> the ε, the poisoned fractions and the attacks that it was touched with
ATTACKED = {
    "concept": ((2, 8), (0.5, 1.0), ("noise", "random-direction", "token-pushing", "cav")),
    "random": ((8,), (1.0,), ("noise", "random-direction", "random-set")),
}
# place that is read -> the class there, and the score by attack and ε of whole sets where it is not clean stripes' own
PLANTED_READINGS = {
    (NETWORK, LAYER): (ZEBRA, {("token-pushing", 8): 5 / 15, ("cav", 8): 1 / 15, ("random-set", 8): 8 / 15}),
    (NETWORK, LOWER_LAYER): (ZEBRA, {("token-pushing", 8): 7 / 15, ("random-set", 8): 12 / 15}),
    (OTHER_NETWORK, OTHER_LAYER): (ZEBRA + 1, {("token-pushing", 8): 13 / 15, ("cav", 8): 12 / 15}),
}
# statistic of a dictionary's features -> its value on clean exemplars and on random sets, and its rise for an ε of 1
PLANTED_STATISTICS = {"fvu": (0.2, 0.25, 0.01), "rare": (0.1, 0.1, 0.05), "fragile": (0.1, 0.15, 0.04)}
PLANTED_STATISTICS |= {"plain": (0.1, 0.12, 0.03)}
TRUST_ANALYSIS = content_key("sample trust", 1)
# check -> its threshold, and its value for clean stripes, clean dots, noise, and a whole attack at ε 8
PLANTED_CHECKS = {
    "CAV shift after JPEG": (0.052, 0.01, 0.03, 0.04, 0.3),
    "split-half disagreement": (0.3, 0.1, 0.31, 0.2, 0.25),
    "colour grain": (0.34, 0.2, 0.1, 1.9, 1.4),
}
FACET_ANALYSIS = content_key("sample facets", 1)
FACET_UNIT = 3
FACET_EPSILON = 4
# pictures -> the cosine of their probe, and how much they show of their facet and of the other
PLANTED_FACETS = {
    "clean": (1.0, 2.0, -1.2),
    "noise": (0.95, 1.8, -1.1),
    "negative": (-0.3, 0.2, -1.0),
    "positive": (-0.5, -0.6, 1.4),
}


def attacked_key(name: str, attack: str, epsilon: int, fraction: float = 1.0) -> str:
    """The exemplars `name` as an attack left them."""
    return content_key("sample exemplars", 1, name=f"{name}-{attack}-{epsilon}-{fraction:g}")


def _attack_frames() -> dict[str, pl.DataFrame]:
    """Stripes are to stop mattering for zebras; what TCAV, a dictionary, facets and the trust checks make of it.

    Token pushing at ε 8 does it, of whole sets, there and at a lower layer, but not in another network; the weaker ones
    and the controls do nothing.
    """
    sets = [("concept", "clean", 0, 0.0)]
    for perturbed_set, (epsilons, fractions, names) in ATTACKED.items():
        sets += [(perturbed_set, name, epsilon, share) for epsilon in epsilons for name in names for share in fractions]
    rows = [{"attack_experiment_id": ATTACK_ANALYSIS} | dict(zip(IDENTITY, each, strict=True)) for each in sets]
    scores = [
        row | _reading(row, *place) for place in PLANTED_READINGS for row in rows if place[1] == LAYER or _whole(row)
    ]
    adjusted = holm([row["p_value"] for row in scores])
    experiment = {
        "attack_experiment_id": ATTACK_ANALYSIS,
        "network": NETWORK,
        "layer": LAYER,
        "kind": "negative",
        "concept_id": CONCEPTS["stripes"],
        "class_images_id": ZEBRAS,
        "class_name": "zebra",
        "random_sets": len(RANDOM_SETS),
        "classifier": "logistic",
        "pool": "mean",
        "steps": 20,
        "seed": 0,
        "tests": len(scores),
    }
    facet_pictures, facet_readings = _facet_rows()
    of_exemplars = [row for row in rows if row["perturbed_set"] == "concept"]
    changed = [("stripes", row["attack"], row["epsilon"], row["fraction"]) for row in of_exemplars[1:]]
    changed += [
        (facet, attack, FACET_EPSILON, 1.0) for facet in CONCEPTS for attack in PLANTED_FACETS if attack != "clean"
    ]
    return {
        "concepts": pl.DataFrame(
            [
                {
                    "concept_id": attacked_key(*each),
                    "name": "{}-{}-{}-{:g}".format(*each),
                    "role": "concept",
                    "origin": "attacked",
                    "exemplars": 4,
                    "quarantined": 0,
                }
                for each in changed
            ]
        ),
        "concept_exemplars": pl.DataFrame([row for each in changed for row in _attacked_exemplars(*each)]),
        "attack_experiments": pl.DataFrame([experiment]),
        "attacks": pl.DataFrame([row | _change(row) for row in rows], infer_schema_length=None),
        "attack_scores": pl.DataFrame([row | {"p_holm": p} for row, p in zip(scores, adjusted, strict=True)]),
        "attack_pictures": pl.DataFrame(
            [
                {name: row[name] for name in ("attack_experiment_id", "perturbed_set", "attack", "epsilon")}
                | _attack_picture(row, place)
                for row in rows[1:]
                if _whole(row)
                for place in range(4)
            ]
        ),
        "attack_features": pl.DataFrame(
            [row | _statistic(row, statistic) for row in of_exemplars for statistic in PLANTED_STATISTICS]
        ),
        "facet_analyses": pl.DataFrame(
            [
                {
                    "facet_analysis_id": FACET_ANALYSIS,
                    "network": NETWORK,
                    "layer": LAYER,
                    "unit": FACET_UNIT,
                    "unit_name": f"{LAYER} {FACET_UNIT}",
                    "facet_layer": LOWER_LAYER,
                    "weight": 2.0,
                    "epsilon": FACET_EPSILON,
                    "steps": 20,
                    "seed": 0,
                }
            ]
        ),
        "facet_pictures": pl.DataFrame(facet_pictures, infer_schema_length=None),
        "facet_readings": pl.DataFrame(facet_readings),
        "trust_analyses": pl.DataFrame(
            [{"trust_analysis_id": TRUST_ANALYSIS, "network": NETWORK, "layer": LAYER, "random_sets": len(RANDOM_SETS)}]
        ),
        "trust_checks": pl.DataFrame(
            [check for row in of_exemplars for check in _checks(_concept_of(row), row)]
            + _checks(CONCEPTS["dots"], of_exemplars[0])
        ),
    }


def _whole(row: dict) -> bool:
    return row["fraction"] in (0, 1)


def _concept_of(row: dict) -> str:
    """The exemplars that a user gets."""
    if row["perturbed_set"] == "random" or row["attack"] == "clean":
        return CONCEPTS["stripes"]
    return attacked_key("stripes", row["attack"], row["epsilon"], row["fraction"])


def _change(row: dict) -> dict:
    images, epsilon = 4 if row["perturbed_set"] == "concept" else 4 * len(RANDOM_SETS), row["epsilon"]
    same = {name: row[name] for name in ("perturbed_set", "attack", "epsilon")}
    return {
        "concept_id": _concept_of(row),
        "artifact_folder": content_key("sample piece", 1, **same) if epsilon else None,
        "images": images,
        "changed": round(row["fraction"] * images),
        "largest_change": epsilon,
        "psnr": float(20 * np.log10(255 / epsilon) + 1) if epsilon else None,
        "perceptual": 0.02 * epsilon if row["attack"] == "noise" else 0.05 * epsilon,
    }


def _reading(row: dict, network: str, layer: str) -> dict:
    clean, by_chance = float(np.mean(PLANTED_CONCEPTS["stripes"][0])), float(np.mean(RANDOM_SCORES))
    class_index, turned = PLANTED_READINGS[network, layer]
    score = turned.get((row["attack"], row["epsilon"]), clean) if _whole(row) else clean
    return {
        "eval_network": network,
        "eval_layer": layer,
        "class_index": class_index,
        "score": score,
        "score_std": 0.1,
        "magnitude": score / 2,
        "random_score": by_chance,
        "random_score_std": float(np.std(RANDOM_SCORES, ddof=1)),
        "accuracy": 1.0,
        "cosine": 1.0 if row["attack"] == "clean" else 0.95 if score == clean else 0.1,
        "p_value": 0.0004 if abs(score - by_chance) > 0.3 else 0.5,
    }


def _attacked_exemplars(name: str, attack: str, epsilon: int, fraction: float) -> list[dict]:
    """The first of four images are changed, the others stay as they are."""
    rows = []
    for place in range(4):
        changed = place < 4 * fraction
        known = {"concept": CONCEPTS[name], "place": place}
        if changed:
            known |= {"attack": attack, "epsilon": epsilon}
        rows.append(
            {
                "concept_id": attacked_key(name, attack, epsilon, fraction),
                "place": place,
                "image_id": content_key("sample exemplar", 1, **known),
                "name": f"{name}-{place}",
                "picture": _webp(_attacked(place, attack, epsilon if changed else 0)[1]),
            }
        )
    return rows


def _attack_picture(row: dict, place: int) -> dict:
    clean, attacked, difference = _attacked(place, row["attack"], row["epsilon"])
    return {"place": place, "clean": _webp(clean), "attacked": _webp(attacked), "difference": _webp(difference)}


def _attacked(place: int, attack: str, epsilon: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Waves; the same under grain (noise) or finer waves of up to ε; and these alone, at full contrast around grey."""
    clean = _wave_pixels(place, 1).astype(float)
    grain = np.random.default_rng(place).choice([-1.0, 1.0], clean.shape)
    pattern = grain if attack == "noise" else np.sin(np.arange(64) * 1.5 + len(attack))[None, :, None] + 0 * clean
    return tuple(
        pixels.clip(0, 255).astype(np.uint8) for pixels in (clean, clean + epsilon * pattern, 127.5 + 127 * pattern)
    )


def _statistic(row: dict, statistic: str) -> dict:
    clean, by_chance, rise = PLANTED_STATISTICS[statistic]
    strength = row["fraction"] * row["epsilon"]
    return {
        "dictionary_id": SAE,
        "statistic": statistic,
        "value": clean + rise * strength,
        "random_mean": by_chance,
        "flagged": row["fraction"] if strength > 2 else 0.0,
        "auc": 0.5 + row["epsilon"] / 20,
    }


def _checks(concept: str, row: dict) -> list[dict]:
    """What the trust checks find in exemplars that `row` of `attacks` tells of."""
    found = []
    for name, (threshold, stripes, dots, noise, attack) in PLANTED_CHECKS.items():
        full = noise if row["attack"] == "noise" else attack
        value = stripes + (full - stripes) * row["fraction"] * row["epsilon"] / 8
        value = dots if concept == CONCEPTS["dots"] else value
        found.append(
            {
                "trust_analysis_id": TRUST_ANALYSIS,
                "concept_id": concept,
                "check_name": name,
                "value": value,
                "threshold": threshold,
                "passed": value <= threshold,
            }
        )
    return found


def _facet_rows() -> tuple[list[dict], list[dict]]:
    """Pictures of a unit, and the readings of each by the probes of both facets."""
    plain = dict.fromkeys(("facet_id", "target_facet_id", "probe_images_id", "accuracy", "cosine"))
    pictures = [{"attack": "plain"} | plain]
    shown = [dict.fromkeys(CONCEPTS.values(), -1.0)]
    for attack, (cosine, own, others) in PLANTED_FACETS.items():
        for name, facet in CONCEPTS.items():
            (other,) = set(CONCEPTS.values()) - {facet}
            pictures.append(
                {
                    "attack": attack,
                    "facet_id": facet,
                    "target_facet_id": other if attack == "positive" else None,
                    "probe_images_id": facet if attack == "clean" else attacked_key(name, attack, FACET_EPSILON),
                    "accuracy": 1.0,
                    "cosine": cosine,
                }
            )
            shown.append({facet: own, other: others})
    numbered = [
        {"facet_analysis_id": FACET_ANALYSIS, "place": place} | picture | {"picture": _waves(place, 1)}
        for place, picture in enumerate(pictures)
    ]
    readings = [
        {"facet_analysis_id": FACET_ANALYSIS, "place": place, "facet_id": facet, "logit": logit}
        for place, logits in enumerate(shown)
        for facet, logit in logits.items()
    ]
    return numbered, readings


def _degrees(element: int) -> float:
    return 360.0 / N_ROTATIONS * (element % N_ROTATIONS)


def _similarity(place: int) -> float:
    """Cosine of a family's member with its prototype, which is the first."""
    return 1.0 if place == 0 else 0.95 - 0.02 * place


def _evenness(orientations: list[float], period: float) -> float:
    """Entropy of the gaps between the orientations over that of equal gaps."""
    ordered = np.sort(orientations)
    gaps = np.diff(ordered, append=ordered[0] + period)
    shares = gaps[gaps > 0] / period
    return float(-(shares * np.log(shares)).sum() / np.log(len(gaps)))


def _visualisations() -> pl.DataFrame:
    """Optimised images of the SAE's first features; the last of them has none against its direction."""
    rows = [
        {"dictionary_id": SAE, "feature": feature, "direction": direction, "picture": _waves(feature, sign)}
        for feature in range(6)
        for direction, sign in (("positive", 1), ("negative", -1))
    ]
    return pl.DataFrame(rows[:-1])


def _waves(feature: int, sign: int) -> bytes:
    """WebP of coloured waves that run at an angle of the feature's."""
    return _webp(_wave_pixels(feature, sign))


def _wave_pixels(feature: int, sign: int) -> np.ndarray:
    y, x = np.mgrid[:64, :64]
    along = (x * np.cos(feature) + y * np.sin(feature)) / 6
    wave = np.stack([np.sin(along + shift) for shift in (0, 2, 4)], axis=2)
    return (127.5 + 100 * sign * wave).astype(np.uint8)


def _webp(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=80)
    return file.getvalue()


def _patch(feature: int, rank: int) -> bytes:
    """WebP of what the planted feature looks like: an arc, a line, a cross, a disc or grain; paler with rank."""
    fold = FOLDS[planted_type(feature)]
    centre, ink = PATCH_SIDE // 2, 10 + 20 * rank
    picture = Image.new("RGB", (PATCH_SIDE, PATCH_SIDE), (128, 128, 128 + 3 * feature))
    pen = ImageDraw.Draw(picture)
    if fold is None:
        grain = np.random.default_rng(feature).integers(0, 256, (PATCH_SIDE, PATCH_SIDE, 3), dtype=np.uint8)
        picture = Image.fromarray(grain)
    elif fold == 0:
        pen.ellipse((centre - 7, centre - 7, centre + 7, centre + 7), fill=(ink, ink, ink))
    elif fold == 1:
        towards = np.deg2rad(planted_orientation(feature))
        x, y = centre + 12 * np.cos(towards), centre - 12 * np.sin(towards)
        pen.ellipse((x - 12, y - 12, x + 12, y + 12), outline=(ink, ink, ink), width=3)
    else:
        for turn in (0, 90)[: fold // 2]:
            angle = np.deg2rad(planted_orientation(feature) + turn)
            dx, dy = 14 * np.cos(angle), -14 * np.sin(angle)
            pen.line((centre - dx, centre - dy, centre + dx, centre + dy), fill=(ink, ink, ink), width=3)
    return _webp(np.asarray(picture))
