"""TCAV over concepts, classes and layers of one network, as staged tables.

Source: Kim et al. 2018, methods §7.3. A CAV is fitted for every concept against every random set, and for every random
set against the next one. Each class's gradients are computed once for each layer. Holm's correction is over all
(concept, class, layer) of the analysis.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from statistics import mean

import polars
import torch
import torch.nn.functional as F
from torch import Tensor

from tasks.activations.effective_centre import CENTRE_COLUMNS
from tasks.concepts.cav import Cav, fit_cav, layer_activations
from tasks.concepts.config import ClassImages, ConceptsConfig
from tasks.concepts.exemplars import (
    ExemplarSet,
    check_apart,
    class_frames,
    drawn_exemplars,
    open_folder,
    photograph_cuts,
    random_sets,
    read_exemplars,
)
from tasks.concepts.store import cavs_exist, save_cavs
from tasks.concepts.synthetic_patterns import PATTERNS
from tasks.concepts.tcav import class_gradients, compared, holm, magnitude, random_cavs, score, sensitivities
from tasks.config import images_address
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.vision.classes import class_index, class_name, labeller
from tasks.vision.images import open_frames, webp
from tasks.vision.network import Network
from tasks.vision.networks import load_network

CODE_VERSION = 1
PICTURE_SIDE = 96
"""Side of an exemplar's thumbnail, in pixels."""


@dataclass(frozen=True)
class ClassSet:
    """A class of the network, and its images."""

    index: int
    name: str
    images: ExemplarSet


@dataclass(frozen=True)
class Sets:
    """The network and all exemplar sets of an analysis."""

    network: Network
    concepts: list[ExemplarSet]
    random: list[ExemplarSet]
    classes: list[ClassSet]

    @property
    def all(self) -> list[ExemplarSet]:
        return [*self.concepts, *self.random, *(of_class.images for of_class in self.classes)]


def gather(config: ConceptsConfig, settings: Settings, progress: Progress = silent) -> Sets:
    """Read and draw all exemplar sets of an analysis.

    progress: in thousandths. UserError for an unknown network, layer or class, and for sets that can't be read, are too
    small, or share an image.
    """
    network = load_network(config.network, settings.weights_dir)
    for layer in config.layers:
        network.layer(layer)  # refuses an unknown layer before any image is read
    indices = [class_index(network, of_class.name) for of_class in config.classes]
    concepts = [concept_set(name, config.drawn, network.input_size, config.seed) for name in config.concepts]
    progress(200, 1000)
    classes = [
        ClassSet(index, class_name(network, index), class_images(of_class, index, network))
        for of_class, index in zip(config.classes, indices, strict=True)
    ]
    progress(600, 1000)
    pool = open_frames(
        config.random.model_copy(update={"frame_size": network.input_size}), settings, part_of(progress, 600, 900)
    )
    given = [*concepts, *(of_class.images for of_class in classes)]
    random = random_sets(pool, config.random_sets, config.random_size, config.seed, apart_from=given)
    sets = Sets(network, concepts, random, classes)
    check_apart(sets.all)
    progress(1000, 1000)
    return sets


def concept_set(name: str, drawn: int, frame_size: int, seed: int) -> ExemplarSet:
    """Draw `drawn` exemplars of a synthetic pattern, or read those at an address. UserError as `read_exemplars`."""
    if name in PATTERNS:
        return drawn_exemplars(name, drawn, frame_size, seed)
    return read_exemplars(images_address(name), "concept", frame_size)


def class_images(wanted: ClassImages, index: int, network: Network) -> ExemplarSet:
    """Read the photographs of a class, without those labelled as another one. UserError as `class_frames`."""
    size = network.input_size
    if wanted.folder is None:
        photographs = photograph_cuts(size)
    else:
        stated = labeller(network)
        photographs = open_folder(wanted.folder, size, lambda name, label: stated(name, label) in (None, index))
    return class_frames(photographs, wanted.name, network, index, wanted.least_probability)


def analyse_concepts(config: ConceptsConfig, settings: Settings, progress: Progress = silent) -> str:
    """Run TCAV, stage its tables and save the concepts' CAVs; return their key.

    The tables are `concepts`, `cavs`, `tcav_scores`, `tcav_tests` and those that they refer to; `save_cavs` stores the
    CAVs. The key is made from the pixels of all sets, the layers, the classes and the CAV config, so equal pixels give
    an equal key. progress: in thousandths. UserError as `gather` and `fit_cav`.
    """
    sets = gather(config, settings, part_of(progress, 0, 200))
    key = content_key(
        "concepts",
        CODE_VERSION,
        weights_sha256=sets.network.weights_sha256,
        layers=config.layers,
        concepts=[images.key for images in sets.concepts],
        random=[images.key for images in sets.random],
        classes=[(of_class.index, of_class.images.key) for of_class in sets.classes],
        cav=config.cav,
    )
    if is_staged(key, settings) and cavs_exist(key, settings):
        return key
    cavs: list[dict] = []
    scores: list[dict] = []
    tests: list[dict] = []
    vectors: dict[tuple[str, str], list[Cav]] = {}
    for place, layer in enumerate(config.layers):
        start, stop = (200 + 800 * done // len(config.layers) for done in (place, place + 1))
        *layer_rows, layer_vectors = _test_layer(key, layer, sets, config, part_of(progress, start, stop))
        for rows, new_rows in zip((cavs, scores, tests), layer_rows, strict=True):
            rows += new_rows
        vectors |= layer_vectors
    save_cavs(key, vectors, settings)
    adjusted = holm([test["p_value"] for test in tests])
    stage_tables(
        key,
        {
            **network_tables(sets.network, config.layers),
            **concept_set_tables(sets.all),
            "concept_analyses": polars.DataFrame(
                {
                    "concept_analysis_id": key,
                    "network": sets.network.name,
                    **config.cav.model_dump(),
                    "tests": len(tests),
                }
            ),
            "cavs": polars.DataFrame(cavs),
            "tcav_scores": polars.DataFrame(scores),
            "tcav_tests": polars.DataFrame([test | {"p_holm": p} for test, p in zip(tests, adjusted, strict=True)]),
        },
        settings,
    )
    progress(1000, 1000)
    return key


def _test_layer(
    analysis: str, layer: str, sets: Sets, config: ConceptsConfig, progress: Progress
) -> tuple[list[dict], list[dict], list[dict], dict[tuple[str, str], list[Cav]]]:
    """Return a layer's rows of cavs, tcav_scores and tcav_tests (without p_holm), and {(layer, concept): its CAVs}."""
    network = sets.network
    acts = {}
    for done, images in enumerate([*sets.concepts, *sets.random], start=1):
        acts[images.key] = layer_activations(network, layer, images.frames_ncyx, config.cav.pool)
        progress(600 * done // (len(sets.concepts) + len(sets.random)), 1000)
    random_nd = [acts[images.key] for images in sets.random]
    vectors: dict[tuple[str, str], Cav] = {
        (concept.key, random.key): fit_cav(acts[concept.key], acts[random.key], config.cav)
        for concept, random in product(sets.concepts, sets.random)
    }
    following = pairwise([*sets.random, sets.random[0]])
    controls = {
        (random.key, other.key): cav
        for (random, other), cav in zip(following, random_cavs(random_nd, config.cav), strict=True)
    }
    keys = {pair: _cav_key(pair, layer, network, config) for pair in [*vectors, *controls]}
    cavs = [
        {"cav_id": keys[pair], "concept_id": pair[0], "random_set_id": pair[1], "network": network.name, "layer": layer}
        | {"accuracy": cav.accuracy}
        for pair, cav in [*vectors.items(), *controls.items()]
    ]

    scores, tests = [], []
    for done, of_class in enumerate(sets.classes, start=1):
        gradients_ncyx = class_gradients(network, layer, of_class.index, of_class.images.frames_ncyx)
        sensitivities_n = {
            pair: sensitivities(gradients_ncyx, cav) for pair, cav in [*vectors.items(), *controls.items()]
        }
        of_test = {
            "concept_analysis_id": analysis,
            "class_images_id": of_class.images.key,
            "class_index": of_class.index,
        }
        scores += [
            {**of_test, "cav_id": keys[pair], "score": score(pair_n), "magnitude": magnitude(pair_n)}
            for pair, pair_n in sensitivities_n.items()
        ]
        for concept in sets.concepts:
            own = [pair for pair in vectors if pair[0] == concept.key]
            cavs_of_concept = [vectors[pair] for pair in own]
            tests.append(
                {**of_test, "concept_id": concept.key, "layer": layer}
                | {"class_name": of_class.name, "random_sets": len(own)}
                | compared([sensitivities_n[pair] for pair in own], [sensitivities_n[pair] for pair in controls])
                | {"accuracy": mean(cav.accuracy for cav in cavs_of_concept)}
                | {"agreement": agreement(torch.stack([cav.vector_d for cav in cavs_of_concept]))}
            )
        progress(600 + 400 * done // len(sets.classes), 1000)
    concept_cavs = {
        (layer, concept.key): [vectors[concept.key, random.key] for random in sets.random] for concept in sets.concepts
    }
    return cavs, scores, tests, concept_cavs


def _cav_key(pair: tuple[str, str], layer: str, network: Network, config: ConceptsConfig) -> str:
    concept, random = pair
    return content_key(
        "cav",
        CODE_VERSION,
        weights_sha256=network.weights_sha256,
        layer=layer,
        concept=concept,
        random=random,
        config=config.cav,
    )


def agreement(vectors_nd: Tensor) -> float:
    """Return the mean cosine between each two of the unit vectors [n, d]."""
    count = len(vectors_nd)
    cosines_nn = vectors_nd @ vectors_nd.T
    return ((cosines_nn.sum() - cosines_nn.trace()) / (count * (count - 1))).item()


def concept_set_tables(sets: Sequence[ExemplarSet]) -> dict[str, polars.DataFrame]:
    """Return the tables `concepts` and `concept_exemplars` of sets; of sets with equal pixels only the first counts."""
    distinct: dict[str, ExemplarSet] = {}
    for images in sets:
        distinct.setdefault(images.key, images)
    sets = list(distinct.values())
    exemplars = []
    for images in sets:
        small_ncyx = F.interpolate(images.frames_ncyx.float(), (PICTURE_SIDE, PICTURE_SIDE), mode="area")
        exemplars += [
            (images.key, place, image, name, webp(small_cyx))
            for place, (image, name, small_cyx) in enumerate(zip(images.images, images.names, small_ncyx, strict=True))
        ]
    return {
        "concepts": polars.DataFrame(
            [
                (images.key, images.name, images.role, images.origin, len(images), len(images.quarantine))
                for images in sets
            ],
            schema={
                "concept_id": polars.String,
                "name": polars.String,
                "role": polars.String,
                "origin": polars.String,
                "exemplars": polars.Int32,
                "quarantined": polars.Int32,
            },
            orient="row",
        ),
        "concept_exemplars": polars.DataFrame(
            exemplars,
            schema={
                "concept_id": polars.String,
                "place": polars.Int32,
                "image_id": polars.String,
                "name": polars.String,
                "picture": polars.Binary,
            },
            orient="row",
        ),
    }


def network_tables(network: Network, layers: Sequence[str]) -> dict[str, polars.DataFrame]:
    """Return the tables `networks` and `layers` of a network and some of its layers, whose centres aren't measured."""
    rows = []
    for name in layers:
        layer = asdict(network.layer(name))
        rows.append({"network": network.name, "layer": layer.pop("name"), "offset_px": layer.pop("offset"), **layer})
    return {
        "networks": polars.DataFrame(
            {
                "network": network.name,
                "weights_sha256": network.weights_sha256,
                "input_size": network.input_size,
                "classes": network.classes,
            }
        ),
        "layers": polars.DataFrame(rows).with_columns(
            polars.lit(None, polars.Float64).alias(column) for column in CENTRE_COLUMNS
        ),
    }


def concept_metrics(frames: Mapping[str, polars.DataFrame]) -> dict[str, float]:
    """Return the MLflow metrics of `analyse_concepts`'s tables: {METRIC/CONCEPT/CLASS/LAYER: value} of each test."""
    names = dict(frames["concepts"].select("concept_id", "name").iter_rows())
    metrics: dict[str, float] = {}
    for test in frames["tcav_tests"].iter_rows(named=True):
        test_name = f"{names[test['concept_id']]}/{test['class_name'].replace(' ', '-')}/{test['layer']}"
        metrics |= {f"{name}/{test_name}": test[name] for name in ("score", "p_holm", "accuracy")}
    return metrics
