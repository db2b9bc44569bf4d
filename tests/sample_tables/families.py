"""`sql/schema/08_families.sql`: families of the crosscoder under its group and of the SAE, with scores of both."""

from collections import namedtuple

import numpy as np

from tasks.keys import content_key
from tasks.symmetry.group import DihedralGroup
from tests.sample_tables.planted import CROSSCODER, FOLDS, LIVE, N_ROTATIONS, SAE
from tests.sample_tables.rows import Row, Tables, row, rows, together
from tests.sample_tables.symmetry import TURNS, degrees, planted_cosine
from tests.sample_tables.tuning import planted_detectors

CROSSCODER_FAMILIES = content_key("sample families", 1, of="group-crosscoder")
SAE_FAMILIES = content_key("sample families", 1, of="sae")
FAMILY_SEEDS = (0, 1, 2)

# elements: the element that carries the prototype, the first member, to each member; the reach is in degrees
PlantedFamily = namedtuple("PlantedFamily", "type stabiliser reach elements")
# curves all around, lines without those at 90°, edges of both hands without those at 270°, blobs, hatches
PLANTED_FAMILIES = (
    PlantedFamily("period-360", "D_1", 30.0, {0: 0, 2: 1, 8: 2, 10: 3, 16: 4, 24: 5, 26: 6, 32: 7, 34: 0}),
    PlantedFamily("period-180", "D_2", 22.5, {6: 0, 14: 1, 22: 3, 30: 0, 38: 1}),
    PlantedFamily("period-360", "trivial", 45.0, {5: 0, 13: 2, 21: 8, 37: 12}),
    PlantedFamily("invariant", "full", None, {3: 0, 11: 0, 19: 0, 27: 0}),
    PlantedFamily("period-90", "D_4", 22.5, {4: 0, 12: 1}),
)
PLANTED_STIMULI = ("curve", "line", "edge", "colour", "hatch")
MISSING = {1: [90.0], 2: [270.0]}  # orientations without a member, by family
# of the SAE, whose families have no orientations; feature 9, a grating, is among the curves
SAE_PLANTED_FAMILIES = ((0, 2, 4, 6, 8, 10, 12, 9), (1, 3, 5, 11, 13))


def family_rows() -> Tables:
    pairs_and_scores = {"family_pairs": _pairs(), "family_scores": _scores()}
    return together([_crosscoder_families(), _sae_families(), pairs_and_scores])


def _crosscoder_families() -> Tables:
    members = {}
    for number, family in enumerate(PLANTED_FAMILIES):
        for place, (feature, element) in enumerate(family.elements.items()):
            period = 360.0 / FOLDS[family.type] if FOLDS[family.type] else None
            members[feature] = {
                "family": number,
                "element": element,
                "orientation_degrees": degrees(element) % period if period else None,
                "mirrored": element >= N_ROTATIONS,
                "similarity": _similarity(place),
                # the last curve is one that answers edges more
                "stimulus_type": "edge" if feature == 34 else PLANTED_STIMULI[number],
            }
    shapes = [_shape(number, family) for number, family in enumerate(PLANTED_FAMILIES)]
    return _one_analysis(CROSSCODER_FAMILIES, CROSSCODER, DihedralGroup(N_ROTATIONS), shapes, members)


def _shape(number: int, family: PlantedFamily) -> Row:
    fold, elements, missing = FOLDS[family.type], family.elements, MISSING.get(number, [])
    profile = planted_cosine(fold * TURNS)
    shape = {
        "size": len(elements),
        "prototype": next(iter(elements)),
        "type": family.type,
        "stabiliser": family.stabiliser,
        "mean_similarity": _mean_similarity(len(elements)),
        "profile": profile.tolist(),
        "profile_low": (profile - 0.1 * (1 - profile)).tolist(),
        "profile_high": (profile + 0.1 * (1 - profile)).tolist(),
    }
    if fold:
        period = 360.0 / fold
        shape |= {
            "period_degrees": period,
            "reach_degrees": family.reach,
            "evenness": _evenness([degrees(element) % period for element in elements.values()], period),
            "covered": 0.75 if missing else 1.0,
            "missing_members": len(missing),
            "missing_orientations": missing,
        }
    return row("family_shapes", family=number, **shape)


def _sae_families() -> Tables:
    curves = planted_detectors("features")
    members = {feature: {"stimulus_type": "curve" if feature in curves else "grating"} for feature in LIVE}
    shapes = []
    for number, family in enumerate(SAE_PLANTED_FAMILIES):
        shape = {"size": len(family), "prototype": family[0], "mean_similarity": _mean_similarity(len(family))}
        shapes.append(row("family_shapes", family=number, **shape))
        for place, feature in enumerate(family):
            alike = {"element": 0, "mirrored": False, "similarity": _similarity(place)}
            members[feature] |= {"family": number} | alike
    return _one_analysis(SAE_FAMILIES, SAE, DihedralGroup(1, reflections=False), shapes, members)


def _one_analysis(key: str, dictionary: str, group: DihedralGroup, shapes: list[Row], members: dict) -> Tables:
    subgroup = {"n_rotations": group.n_rotations, "reflections": group.reflections, "group_order": group.order}
    counts = {"live_features": len(LIVE), "families": len(shapes), "neighbours": 5, "min_family_size": 2}
    counts["least_similarity"] = 0.3
    analysis = row("family_analyses", dictionary_id=dictionary, **subgroup, **counts)
    features = [_on_map(feature, members.get(feature, {})) for feature in LIVE]
    tables = {"family_analyses": [analysis], "family_shapes": shapes, "feature_families": features}
    return {table: [each | {"family_analysis_id": key} for each in found] for table, found in tables.items()}


def _on_map(feature: int, member: Row) -> Row:
    """A live feature, on a map where families keep together and the rest is strewn about them."""
    member = {"stimulus_type": "mixed" if feature % 2 else "other"} | member
    family, angle = member.get("family"), 2.4 * feature
    centre = 2 * np.pi * (family or 0) / 5
    away, spread, strength = (0.0, 6.0, 0.0) if family is None else (4.0, 0.6, 0.9)
    member["stimulus_confidence"] = 0.05 if member["stimulus_type"] == "mixed" else 0.4
    member["map_x"] = float(away * np.cos(centre) + spread * np.cos(angle))
    member["map_y"] = float(away * np.sin(centre) + spread * np.sin(angle))
    return row("feature_families", feature=feature, strength=strength, **member)


def _similarity(place: int) -> float:
    """Cosine of a family's member with its prototype, which is the first."""
    return 1.0 if place == 0 else 0.95 - 0.02 * place


def _mean_similarity(size: int) -> float:
    return float(np.mean([_similarity(place) for place in range(size)]))


def _evenness(orientations: list[float], period: float) -> float:
    """Entropy of the gaps between the orientations over that of equal gaps."""
    ordered = np.sort(orientations)
    gaps = np.diff(ordered, append=ordered[0] + period)
    shares = gaps[gaps > 0] / period
    return float(-(shares * np.log(shares)).sum() / np.log(len(gaps)))


def _pairs() -> list[Row]:
    """Every two members of a family of the crosscoder: the partner fires on 7 of 8 images, by chance on 2."""
    group = DihedralGroup(N_ROTATIONS)
    return [
        row(
            "family_pairs",
            **{"family_analysis_id": CROSSCODER_FAMILIES, "feature": feature, "partner": partner},
            element=int(group.compose(to_partner, group.inverse(to_feature))),
            **{"similarity": 0.85, "examples": 8, "fired": 0.875},
            # what looks the same from everywhere fires under any element
            chance=0.875 if family.type == "invariant" else 0.25,
        )
        for family in PLANTED_FAMILIES
        for feature, to_feature in family.elements.items()
        for partner, to_partner in family.elements.items()
        if partner != feature
    ]


def _scores() -> list[Row]:
    """The crosscoder above the SAE, both above their controls, a little apart from seed to seed."""
    levels = {
        (CROSSCODER_FAMILIES, "features"): 0.7,
        (CROSSCODER_FAMILIES, "shuffled blocks"): 0.2,
        (CROSSCODER_FAMILIES, "random dictionary"): 0.05,
        (SAE_FAMILIES, "features"): 0.4,
        (SAE_FAMILIES, "random dictionary"): 0.05,
    }
    scores = []
    for (analysis, condition), level in levels.items():
        for seed in FAMILY_SEEDS:
            value = level + 0.02 * (seed - 1)
            metrics = {"adjusted_rand": value - 0.1, "purity": value + 0.2, "silhouette": value - 0.2}
            metrics |= {"neighbour_agreement": value + 0.1, "neighbour_chance": 0.15, "clustered": 0.5 + value / 2}
            metrics |= {"families": 5.0 if analysis == CROSSCODER_FAMILIES else 2.0, "features": 36.0}
            key = {"family_analysis_id": analysis, "condition": condition, "seed": seed}
            scores += rows("family_scores", **key, metric=metrics, value=metrics.values())
    return scores
