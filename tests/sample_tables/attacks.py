"""`sql/schema/11_attacks.sql`: attacks after which stripes are to stop mattering for zebras, facets and trust checks.

Token pushing at ε 8 does it, of whole sets, there and at a lower layer, but not in another network; the weaker attacks
and the controls do nothing.
"""

from collections import namedtuple

import numpy as np

from tasks.concepts.tcav import holm
from tasks.keys import content_key
from tests.sample_tables.concepts import (
    BY_CHANCE,
    CONCEPTS,
    PLANTED_CONCEPTS,
    RANDOM_SCORE,
    RANDOM_SETS,
    ZEBRA,
    ZEBRAS,
    exemplar_row,
)
from tests.sample_tables.pictures import WAVES_SIDE, wave_pixels, waves, webp
from tests.sample_tables.planted import LAYER, LOWER_LAYER, NETWORK, OTHER_LAYER, OTHER_NETWORK, SAE
from tests.sample_tables.rows import Row, Tables, row, rows, together

ATTACK_ANALYSIS = content_key("sample attacks", 1)
FACET_ANALYSIS = content_key("sample facets", 1)
TRUST_ANALYSIS = content_key("sample trust", 1)
PLACE = {"network": NETWORK, "layer": LAYER}
EXEMPLARS = 4
CLEAN_SCORE = float(np.mean(PLANTED_CONCEPTS["stripes"].scores))

# by perturbed set: each ε, each fraction and each attack that was run on it
PlantedAttacks = namedtuple("PlantedAttacks", "epsilons fractions attacks")
ATTACKED = {
    "concept": PlantedAttacks((2, 8), (0.5, 1.0), ("noise", "random-direction", "token-pushing", "cav")),
    "random": PlantedAttacks((8,), (1.0,), ("noise", "random-direction", "random-set")),
}
# by evaluation network and layer: scores by attack and ε of the whole sets whose score is not that of clean stripes
PlantedReading = namedtuple("PlantedReading", "class_index scores")
AT_ATTACKED_LAYER = {("token-pushing", 8): 5 / 15, ("cav", 8): 1 / 15, ("random-set", 8): 8 / 15}
PLANTED_READINGS = {
    (NETWORK, LAYER): PlantedReading(ZEBRA, AT_ATTACKED_LAYER),
    (NETWORK, LOWER_LAYER): PlantedReading(ZEBRA, {("token-pushing", 8): 7 / 15, ("random-set", 8): 12 / 15}),
    (OTHER_NETWORK, OTHER_LAYER): PlantedReading(ZEBRA + 1, {("token-pushing", 8): 13 / 15, ("cav", 8): 12 / 15}),
}
# of a dictionary's features on clean exemplars and on random sets, and its rise for an ε of 1
PlantedStatistic = namedtuple("PlantedStatistic", "clean random rise")
PLANTED_STATISTICS = {
    "fvu": PlantedStatistic(0.2, 0.25, 0.01),
    "rare": PlantedStatistic(0.1, 0.1, 0.05),
    "fragile": PlantedStatistic(0.1, 0.15, 0.04),
    "plain": PlantedStatistic(0.1, 0.12, 0.03),
}
# of clean stripes, clean dots, noise, and another attack; the attacks are those of whole sets at ε 8
PlantedCheck = namedtuple("PlantedCheck", "threshold stripes dots noise attack")
PLANTED_CHECKS = {
    "CAV shift after JPEG": PlantedCheck(0.052, 0.01, 0.03, 0.04, 0.3),
    "split-half disagreement": PlantedCheck(0.3, 0.1, 0.31, 0.2, 0.25),
    "colour grain": PlantedCheck(0.34, 0.2, 0.1, 1.9, 1.4),
}
# cosine of a picture's probe with the clean probe, and the picture's logits for its own facet and the other one
PlantedFacet = namedtuple("PlantedFacet", "cosine own other")
PLANTED_FACETS = {
    "clean": PlantedFacet(1.0, 2.0, -1.2),
    "noise": PlantedFacet(0.95, 1.8, -1.1),
    "negative": PlantedFacet(-0.3, 0.2, -1.0),
    "positive": PlantedFacet(-0.5, -0.6, 1.4),
}
FACET_EPSILON = 4


def attacked_name(name: str, attack: str, epsilon: int, fraction: float = 1.0) -> str:
    return f"{name}-{attack}-{epsilon}-{fraction:g}"


def attacked_key(*attacked) -> str:
    """Key of exemplars after an attack; arguments as `attacked_name`."""
    return content_key("sample exemplars", 1, name=attacked_name(*attacked))


def attack_rows() -> Tables:
    clean, *perturbed = _perturbed_sets()
    of_concept = [clean] + [each for each in perturbed if each["perturbed_set"] == "concept"]
    attacked = [("stripes", each["attack"], each["epsilon"], each["fraction"]) for each in of_concept[1:]]
    attacked += [(facet, attack, FACET_EPSILON) for facet in CONCEPTS for attack in PLANTED_FACETS if attack != "clean"]
    names = [attacked_name(*each) for each in attacked]
    keys = [attacked_key(*each) for each in attacked]
    concepts = {"role": "concept", "origin": "attacked", "exemplars": EXEMPLARS}
    trust = row("trust_analyses", trust_analysis_id=TRUST_ANALYSIS, **PLACE, random_sets=len(RANDOM_SETS))
    tables = {
        "concepts": rows("concepts", concept_id=keys, name=names, **concepts),
        "concept_exemplars": [exemplar for each in attacked for exemplar in _exemplars(*each)],
        "attacks": [
            row("attacks", **clean, concept_id=CONCEPTS["stripes"], images=EXEMPLARS),
            *map(_attack, perturbed),
        ],
        "attack_pictures": [picture for each in perturbed if each["fraction"] == 1 for picture in _pictures(each)],
        "attack_features": [_feature(each, statistic) for each in of_concept for statistic in PLANTED_STATISTICS],
        "trust_analyses": [trust],
        "trust_checks": [check for each in of_concept for check in _checks(each)] + _checks(clean, "dots"),
    }
    return together([tables, _experiment([clean, *perturbed]), _facets()])


def _perturbed_sets() -> list[Row]:
    """The columns that identify a perturbed set, first those of the clean exemplars."""
    perturbed = [("concept", "clean", 0, 0.0)]
    for name, (epsilons, fractions, attacks) in ATTACKED.items():
        perturbed += [(name, attack, epsilon, part) for epsilon in epsilons for attack in attacks for part in fractions]
    columns = ("perturbed_set", "attack", "epsilon", "fraction")
    return [{"attack_experiment_id": ATTACK_ANALYSIS} | dict(zip(columns, each, strict=True)) for each in perturbed]


def _experiment(perturbed: list[Row]) -> Tables:
    """Every set is scored at the attacked layer, the clean and the whole sets at the other places too."""
    scores = [
        _score(*place, each) for place in PLANTED_READINGS for each in perturbed if LAYER in place or _is_whole(each)
    ]
    adjusted = holm([score["p_value"] for score in scores])
    goal = {"kind": "negative", "concept_id": CONCEPTS["stripes"], "class_images_id": ZEBRAS, "class_name": "zebra"}
    chosen = {"random_sets": len(RANDOM_SETS), "classifier": "logistic", "pool": "mean", "steps": 20}
    key = {"attack_experiment_id": ATTACK_ANALYSIS, "tests": len(scores)}
    experiment = row("attack_experiments", **key, **PLACE, **goal, **chosen)
    scores = [score | {"p_holm": p} for score, p in zip(scores, adjusted, strict=True)]
    return {"attack_experiments": [experiment], "attack_scores": scores}


def _is_whole(perturbed: Row) -> bool:
    return perturbed["fraction"] in (0, 1)


def _concept_of(perturbed: Row) -> str:
    """The exemplars that a user gets."""
    _, perturbed_set, *attacked = perturbed.values()
    of_clean = perturbed_set == "random" or perturbed["attack"] == "clean"
    return CONCEPTS["stripes"] if of_clean else attacked_key("stripes", *attacked)


def _attack(perturbed: Row) -> Row:
    images = EXEMPLARS if perturbed["perturbed_set"] == "concept" else EXEMPLARS * len(RANDOM_SETS)
    made_from = {name: perturbed[name] for name in ("perturbed_set", "attack", "epsilon")}
    stored = {"concept_id": _concept_of(perturbed), "artifact_folder": content_key("sample piece", 1, **made_from)}
    epsilon = perturbed["epsilon"]
    change = {"images": images, "changed": round(perturbed["fraction"] * images), "largest_change": epsilon}
    change["psnr"] = float(20 * np.log10(255 / epsilon) + 1)
    change["perceptual"] = 0.02 * epsilon if perturbed["attack"] == "noise" else 0.05 * epsilon
    return row("attacks", **perturbed, **stored, **change)


def _score(network: str, layer: str, perturbed: Row) -> Row:
    planted = PLANTED_READINGS[network, layer]
    changed = planted.scores if _is_whole(perturbed) else {}
    score = changed.get((perturbed["attack"], perturbed["epsilon"]), CLEAN_SCORE)
    return row(
        "attack_scores",
        **perturbed,
        **{"eval_network": network, "eval_layer": layer, "class_index": planted.class_index},
        **{"score": score, "score_std": 0.1, "magnitude": score / 2, "accuracy": 1.0},
        **BY_CHANCE,
        cosine=1.0 if perturbed["attack"] == "clean" else 0.95 if score == CLEAN_SCORE else 0.1,
        p_value=0.0004 if abs(score - RANDOM_SCORE) > 0.3 else 0.5,
    )


def _exemplars(name: str, attack: str, epsilon: int, fraction: float = 1.0) -> list[Row]:
    """The first of four images are changed, the others stay as they are."""
    exemplars = []
    for place in range(EXEMPLARS):
        by = {"attack": attack, "epsilon": epsilon} if place < EXEMPLARS * fraction else {}
        key = content_key("sample exemplar", 1, concept=CONCEPTS[name], place=place, **by)
        picture = webp(_attacked_pixels(place, attack, by.get("epsilon", 0))[1])
        concept = attacked_key(name, attack, epsilon, fraction)
        exemplars.append(exemplar_row(concept, place, image_id=key, name=f"{name}-{place}", picture=picture))
    return exemplars


def _pictures(perturbed: Row) -> list[Row]:
    key = {name: value for name, value in perturbed.items() if name != "fraction"}
    kinds = ("clean", "attacked", "difference")
    pixels = [_attacked_pixels(place, key["attack"], key["epsilon"]) for place in range(EXEMPLARS)]
    return [
        row("attack_pictures", **key, place=place, **dict(zip(kinds, map(webp, images), strict=True)))
        for place, images in enumerate(pixels)
    ]


def _attacked_pixels(place: int, attack: str, epsilon: int) -> list[np.ndarray]:
    """Waves; the same under grain (noise) or finer waves of up to ε; and these alone, at full contrast around grey."""
    clean = wave_pixels(place).astype(float)
    pattern = np.sin(np.arange(WAVES_SIDE) * 1.5 + len(attack))[None, :, None] + 0 * clean
    if attack == "noise":
        pattern = np.random.default_rng(place).choice([-1.0, 1.0], clean.shape)
    images = (clean, clean + epsilon * pattern, 127.5 + 127 * pattern)
    return [pixels.clip(0, 255).astype(np.uint8) for pixels in images]


def _feature(perturbed: Row, statistic: str) -> Row:
    planted, strength = PLANTED_STATISTICS[statistic], perturbed["fraction"] * perturbed["epsilon"]
    return row(
        "attack_features",
        **perturbed,
        **{"dictionary_id": SAE, "statistic": statistic},
        value=planted.clean + planted.rise * strength,
        random_mean=planted.random,
        flagged=perturbed["fraction"] if strength > 2 else 0.0,
        auc=0.5 + perturbed["epsilon"] / 20,
    )


def _checks(perturbed: Row, concept: str = "stripes") -> list[Row]:
    """What the trust checks find in a perturbed set of stripes, or in another concept."""
    checks = []
    for name, planted in PLANTED_CHECKS.items():
        full = planted.noise if perturbed["attack"] == "noise" else planted.attack
        value = planted.stripes + (full - planted.stripes) * perturbed["fraction"] * perturbed["epsilon"] / 8
        key = _concept_of(perturbed)
        if concept == "dots":
            key, value = CONCEPTS["dots"], planted.dots
        found = {"value": value, "threshold": planted.threshold, "passed": value <= planted.threshold}
        checks.append(row("trust_checks", trust_analysis_id=TRUST_ANALYSIS, concept_id=key, check_name=name, **found))
    return checks


def _facets() -> Tables:
    """Pictures of a unit, the plain one first, and the logits of each for the probes of both facets."""
    key = {"facet_analysis_id": FACET_ANALYSIS}
    unit = {"unit": 3, "unit_name": f"{LAYER} 3", "facet_layer": LOWER_LAYER}
    analysis = row("facet_analyses", **key, **PLACE, **unit, weight=2.0, epsilon=FACET_EPSILON, steps=20)
    pictures, logits = [{"attack": "plain"}], [dict.fromkeys(CONCEPTS.values(), -1.0)]
    for attack, planted in PLANTED_FACETS.items():
        for name, facet in CONCEPTS.items():
            (other,) = set(CONCEPTS.values()) - {facet}
            picture = {
                "attack": attack,
                "facet_id": facet,
                "target_facet_id": other if attack == "positive" else None,
                "probe_images_id": facet if attack == "clean" else attacked_key(name, attack, FACET_EPSILON),
                "accuracy": 1.0,
                "cosine": planted.cosine,
            }
            pictures.append(picture)
            logits.append({facet: planted.own, other: planted.other})
    images = [{"place": place, "picture": waves(place)} for place in range(len(pictures))]
    readings = [
        reading
        for place, by_facet in enumerate(logits)
        for reading in rows("facet_readings", **key, place=place, facet_id=by_facet, logit=by_facet.values())
    ]
    pictures = [row("facet_pictures", **key, **each, **image) for each, image in zip(pictures, images, strict=True)]
    return {"facet_analyses": [analysis], "facet_pictures": pictures, "facet_readings": readings}
