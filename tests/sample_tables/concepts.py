"""`sql/schema/10_concepts.sql`: drawn stripes, which matter for zebras, and dots, which don't, over random sets."""

from collections import namedtuple

import numpy as np

from tasks.keys import content_key
from tests.sample_tables.pictures import patch, waves
from tests.sample_tables.planted import LAYER, NETWORK
from tests.sample_tables.rows import Row, Tables, row, rows

CONCEPT_ANALYSIS = content_key("sample concepts", 1)
ZEBRA = 340  # index of the class
ZEBRAS = content_key("sample exemplars", 1, name="zebra")
RANDOM_SETS = [content_key("sample exemplars", 1, name=f"random_{number}") for number in range(3)]
RANDOM_SCORES = (0.4, 0.6, 0.4)  # of the vectors of random sets, each against the next
RANDOM_SCORE = float(np.mean(RANDOM_SCORES))
BY_CHANCE = {"random_score": RANDOM_SCORE, "random_score_std": float(np.std(RANDOM_SCORES, ddof=1))}

# scores: by random set; p_holm: after Holm's correction over both concepts
PlantedConcept = namedtuple("PlantedConcept", "scores accuracy agreement p_value p_holm")
PLANTED_CONCEPTS = {
    "stripes": PlantedConcept((1.0, 0.8, 1.0), accuracy=1.0, agreement=0.9, p_value=0.008, p_holm=0.016),
    "dots": PlantedConcept((0.6, 0.4, 0.4), accuracy=0.5, agreement=0.3, p_value=1.0, p_holm=1.0),
}
CONCEPTS = {name: content_key("sample exemplars", 1, name=name) for name in PLANTED_CONCEPTS}
SCORED = {"concept_analysis_id": CONCEPT_ANALYSIS, "class_images_id": ZEBRAS, "class_index": ZEBRA}


def concept_rows() -> Tables:
    drawn = {"role": "concept", "origin": "drawn", "exemplars": 4}
    sets = rows("concepts", concept_id=CONCEPTS.values(), name=CONCEPTS, **drawn)
    names = [f"random_{number}" for number in range(len(RANDOM_SETS))]
    sets += rows("concepts", concept_id=RANDOM_SETS, name=names, role="random", origin="folder", exemplars=4)
    zebras = {"role": "class", "origin": "folder", "exemplars": 5, "quarantined": 1}
    sets.append(row("concepts", concept_id=ZEBRAS, name="zebra", **zebras))
    cavs, scores = _cavs()
    chosen = {"network": NETWORK, "classifier": "logistic", "pool": "mean", "penalty": 0.01, "held_out": 0.25}
    analysis = row("concept_analyses", concept_analysis_id=CONCEPT_ANALYSIS, **chosen, tests=len(CONCEPTS))
    return {
        "concepts": sets,
        "concept_exemplars": [
            exemplar_row(
                each["concept_id"],
                place,
                name=f"{each['name']}-{place}",
                picture=waves(place) if each["name"] == "stripes" else patch(number, place),
            )
            for number, each in enumerate(sets)
            for place in range(each["exemplars"])
        ],
        "concept_analyses": [analysis],
        "cavs": cavs,
        "tcav_scores": rows(
            "tcav_scores",
            **SCORED,
            cav_id=[cav["cav_id"] for cav in cavs],
            score=scores,
            magnitude=[score / 2 for score in scores],
        ),
        "tcav_tests": [_test(*each) for each in PLANTED_CONCEPTS.items()],
    }


def exemplar_row(concept: str, place: int, **columns) -> Row:
    key = content_key("sample exemplar", 1, concept=concept, place=place)
    return row("concept_exemplars", **{"concept_id": concept, "place": place, "image_id": key} | columns)


def _cavs() -> tuple[list[Row], list[float]]:
    """Vectors of each random set against the next, and of every concept against all random sets; and their scores."""
    following = [*RANDOM_SETS[1:], RANDOM_SETS[0]]
    cavs, scores = [_cav(*pair, accuracy=0.5) for pair in zip(RANDOM_SETS, following, strict=True)], [*RANDOM_SCORES]
    for name, planted in PLANTED_CONCEPTS.items():
        cavs += [_cav(CONCEPTS[name], random_set, planted.accuracy) for random_set in RANDOM_SETS]
        scores += planted.scores
    return cavs, scores


def _cav(concept: str, random_set: str, accuracy: float) -> Row:
    key = content_key("sample cav", 1, concept=concept, random=random_set)
    place = {"network": NETWORK, "layer": LAYER}
    return row("cavs", cav_id=key, concept_id=concept, random_set_id=random_set, **place, accuracy=accuracy)


def _test(name: str, planted: PlantedConcept) -> Row:
    score = float(np.mean(planted.scores))
    found = planted._asdict() | {"score": score, "score_std": float(np.std(planted.scores, ddof=1))}
    del found["scores"]
    key = {"concept_id": CONCEPTS[name], "layer": LAYER, "class_name": "zebra", "random_sets": len(RANDOM_SETS)}
    return row("tcav_tests", **SCORED, **key, **found, **BY_CHANCE, magnitude=score / 2)
