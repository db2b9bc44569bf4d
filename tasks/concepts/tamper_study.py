"""Trust checks of several sets of exemplars beside the same random sets, as frames for the warehouse (methods §7)."""

from collections import Counter
from collections.abc import Mapping

import polars
from pydantic import Field

from tasks.activations.plan import loaded_network
from tasks.concepts.analyse import concept_set, concept_set_tables, network_tables
from tasks.concepts.cav import CavConfig
from tasks.concepts.exemplars import random_sets
from tasks.concepts.tamper_detection import RANDOM_SETS, TamperConfig, TamperDetector, check_enough, tamper_tables
from tasks.config import Config, NameOrFolder, Seed, Whole
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.vision.images import ImagesConfig, open_frames

CODE_VERSION = 2


class TamperStudyConfig(Config):
    """Which sets are checked at which layer of which network. The defaults need no photographs."""

    network: str = Field("efficientnet_lite0", description="network, by name")
    layer: str = Field("block10", description="layer, by name; thresholds are of efficientnet_lite0 block10")
    concepts: tuple[NameOrFolder, ...] = Field(
        ("stripes", "dots", "checks"),
        min_length=1,
        description="folders of exemplars, or what is drawn: stripes, dots, honeycombs, zigzags, checks; "
        "drawn ones often fail without cause, least beside photographs",
    )
    drawn: Whole = Field(24, ge=2, description="exemplars of a drawn concept")
    random: ImagesConfig = Field(
        ImagesConfig(sources=("scikit-image", "dead-leaves"), scenes=72),
        description="pool that random sets are drawn from",
    )
    random_sets: Whole = Field(RANDOM_SETS, ge=1, description="random sets")
    random_size: Whole = Field(24, ge=2, description="images of a random set")
    cav: CavConfig = Field(CavConfig(), description="how vectors are found; thresholds are of the default")
    seed: Seed = Field(0, description="draws concepts and random sets")


def analyse_tampering(config: TamperStudyConfig, settings: Settings, progress: Progress = silent) -> str:
    """Frames of `trust_analyses`, `trust_checks` and what they refer to; returns their key.

    Named by the pixels of all sets, the layer and the vectors' config: equal pixels, equal key. progress: in
    thousandths. UserError for an unknown network or layer, for sets that can't be read, are too small, share images
    with random sets, or share a name.
    """
    network = loaded_network(config.network, settings.weights_dir)
    network.layer(config.layer)  # one that isn't there is named before anything is read
    read = [concept_set(name, config.drawn, network.input_size, config.seed) for name in config.concepts]
    concepts = list({each.key: each for each in read}.values())
    for each in concepts:
        check_enough(each)
    [(name, count)] = Counter(each.name for each in concepts).most_common(1)
    if count > 1:
        raise UserError(f"{count} different sets are called {name}: rename a folder, so that reports tell them apart")
    progress(100, 1000)
    images = config.random.model_copy(update={"frame_size": network.input_size})
    pool = open_frames(images, settings, part_of(progress, 100, 200))
    randoms = random_sets(pool, config.random_sets, config.random_size, config.seed, apart_from=concepts)
    key = content_key(
        "trust",
        CODE_VERSION,
        weights_sha256=network.weights_sha256,
        layer=config.layer,
        concepts=[each.key for each in concepts],
        random=[each.key for each in randoms],
        cav=config.cav,
    )
    if is_staged(key, settings):
        return key
    checker = TamperDetector(randoms, network, config.layer, TamperConfig(cav=config.cav), part_of(progress, 200, 500))
    reports = []
    for place, each in enumerate(concepts):
        start, stop = (500 + 500 * done // len(concepts) for done in (place, place + 1))
        reports.append((each, checker.check(each, part_of(progress, start, stop))))
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
    """What a run tells of the frames of `analyse_trust`: each check's value, by its name and the set's."""
    return {f"{check['check_name']}/{check['name']}": check["value"] for check in checks_with_names(tables)}


def checks_with_names(tables: Mapping[str, polars.DataFrame]) -> list[dict[str, str | float | bool]]:
    """Rows of `trust_checks` with the sets' names."""
    return tables["trust_checks"].join(tables["concepts"], "concept_id", maintain_order="left").to_dicts()
