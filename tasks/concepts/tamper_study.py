"""Tamper detection of several sets of exemplars with the same random sets, as staged tables (methods §7.7)."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars
from pydantic import Field

from tasks.concepts.analyse import concept_set, concept_set_tables, network_tables
from tasks.concepts.config import CavConfig, ConceptSources
from tasks.concepts.exemplars import random_sets
from tasks.concepts.tamper_detection import (
    CALIBRATION_SETS,
    RANDOM_SETS,
    TamperConfig,
    TamperDetector,
    check_enough,
    clean_images,
    needs_calibration,
    tamper_tables,
)
from tasks.config import Config, Seed, Whole
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.vision.images import ImagesConfig, open_frames
from tasks.vision.names import LayerName, NetworkName
from tasks.vision.networks import load_network

CODE_VERSION = 2


class TamperStudyConfig(Config):
    """Which sets of exemplars are checked, and at which layer. The defaults need no photographs."""

    network: NetworkName = Field("efficientnet_lite0", description="name of the network")
    layer: LayerName = Field(
        "block10", description="name of the layer; at other than block10, thresholds are calibrated"
    )
    concepts: ConceptSources = Field(
        ("stripes", "dots", "checks"),
        min_length=1,
        description="folders of exemplars, or names of synthetic patterns: stripes, dots, honeycombs, zigzags, checks; "
        "patterns often fail without cause, least often with photographs as random sets",
    )
    drawn: Whole = Field(24, ge=2, description="number of exemplars of a synthetic pattern")
    random: ImagesConfig = Field(
        ImagesConfig(sources=("scikit-image", "dead-leaves"), scenes=72),
        description="images that random sets are drawn from",
    )
    random_sets: Whole = Field(RANDOM_SETS, ge=1, description="number of random sets")
    random_size: Whole = Field(24, ge=2, description="number of images in a random set")
    cav: CavConfig = Field(
        CavConfig(), description="how CAVs are fitted; for other than the defaults, thresholds are calibrated"
    )
    seed: Seed = Field(0, description="seed that draws the patterns and the random sets")


def analyse_tampering(config: TamperStudyConfig, settings: Settings, progress: Progress = silent) -> str:
    """Check all sets and stage `trust_analyses`, `trust_checks` and the tables that they refer to; return their key.

    The key is made from the pixels of all sets, the layer and the CAV config, so equal pixels give an equal key.
    progress: in thousandths. UserError for an unknown network or layer, and for sets that can't be read, are too small,
    share images with random sets, or share a name.
    """
    network = load_network(config.network, settings.weights_dir)
    network.layer(config.layer)  # refuses an unknown layer before any image is read
    given = [concept_set(name, config.drawn, network.input_size, config.seed) for name in config.concepts]
    concepts = list({exemplars.key: exemplars for exemplars in given}.values())
    for exemplars in concepts:
        check_enough(exemplars)
    [(name, count)] = Counter(exemplars.name for exemplars in concepts).most_common(1)
    if count > 1:
        raise UserError(
            f"{count} different sets have the name {name}: rename a folder, so that reports can distinguish them"
        )
    progress(100, 1000)
    images = config.random.model_copy(update={"frame_size": network.input_size})
    pool = open_frames(images, settings, part_of(progress, 100, 200))
    randoms = random_sets(pool, config.random_sets, config.random_size, config.seed, apart_from=concepts)
    calibrated = needs_calibration(network.name, config.layer, config.cav)
    key = content_key(
        "trust",
        CODE_VERSION,
        weights_sha256=network.weights_sha256,
        layer=config.layer,
        concepts=[exemplars.key for exemplars in concepts],
        random=[exemplars.key for exemplars in randoms],
        cav=config.cav,
        **({"calibration_sets": CALIBRATION_SETS} if calibrated else {}),
    )
    if is_staged(key, settings):
        return key
    detector = TamperDetector(randoms, network, config.layer, TamperConfig(cav=config.cav), part_of(progress, 200, 400))
    if calibrated:
        size = min(map(len, concepts))
        clean = clean_images(pool, [*concepts, *randoms], size, config.seed)
        detector.calibrate(clean, size, config.seed, part_of(progress, 400, 500))
    reports = []
    for place, exemplars in enumerate(concepts):
        start, stop = (500 + 500 * done // len(concepts) for done in (place, place + 1))
        reports.append((exemplars, detector.check(exemplars, part_of(progress, start, stop))))
    stage_tables(
        key,
        {
            **network_tables(network, [config.layer]),
            **concept_set_tables(concepts),
            **tamper_tables(reports, key, network.name, config.layer, len(randoms)),
        },
        settings,
    )
    progress(1000, 1000)
    return key


def tamper_metrics(tables: Mapping[str, polars.DataFrame]) -> dict[str, float]:
    """Return the MLflow metrics of `analyse_tampering`'s tables: {CHECK/SET: value of the check}."""
    return {f"{check['check_name']}/{check['name']}": check["value"] for check in checks_with_names(tables)}


def checks_with_names(tables: Mapping[str, polars.DataFrame]) -> list[dict[str, Any]]:
    """Return the rows of `trust_checks` joined with `concepts`, which holds the sets' names."""
    return tables["trust_checks"].join(tables["concepts"], "concept_id", maintain_order="left").to_dicts()
