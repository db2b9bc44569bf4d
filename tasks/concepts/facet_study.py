"""Faceted visualisation of one unit before and after the facets' images are attacked, as staged tables.

Source: methods §7.6 (faceted visualisation: Goh et al. 2021; attacks on exemplars: Brown & Kvinge 2022). Only a facet's
images are attacked, never the network or the generic images. The probe is then fitted to the attacked images as to
clean ones, and the same unit is visualised with it. A picture is evaluated with the probe of the clean images.

Seen on inceptionv1-bvlc, mixed4d 409, facets of 40 photographs at mixed4a, ε 8, 6 steps: a positive attack makes the
picture lose its facet and, where the two differ, show the other one (logits: honeycomb 243 to 35, plain −143, and
stripes −124 to 82). A negative attack removes a part of it. Probes stay about as accurate. Noise changes pictures and
probes little (cosine 0.94 and more; attacked 0.5 to 0.7). With facets of flat synthetic patterns even noise turns the
probe (cosine 0.2 to 0.6), because noise too separates them from generic images: compare an attack with its noise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

import polars
import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from tasks.concepts.analyse import concept_set, concept_set_tables, network_tables
from tasks.concepts.attack import attack, away_from, noise, towards
from tasks.concepts.cav import Cav, fit_cav, layer_activations
from tasks.concepts.config import AttackConfig, CavConfig, ConceptSources
from tasks.concepts.exemplars import ExemplarSet, check_apart, random_sets
from tasks.concepts.facets import FacetConfig, facet_visualisations, probe_separation, split_at_facet_layer
from tasks.config import Config, Seed, Whole
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.vision.classes import class_index, class_name
from tasks.vision.images import ImagesConfig, open_frames, webp
from tasks.vision.names import LayerName, LayerNameOrNone, NetworkName
from tasks.vision.network import Network
from tasks.vision.networks import load_network

CODE_VERSION = 1


class FacetStudyConfig(Config):
    """A unit of a network, its facets, and how their images are attacked. The defaults need no photographs."""

    network: NetworkName = Field("efficientnet_lite0", description="name of the network")
    layer: LayerNameOrNone = Field(
        None, description="name of the unit's layer; default where no class is given: block7"
    )
    unit: Whole | None = Field(None, ge=0, description="channel of the layer; default where no class is given: 50")
    of_class: str | None = Field(
        None, description="name, WordNet id or number of a class, whose logit is visualised in place of a unit"
    )
    facet_layer: LayerName = Field(
        "block5_expand", description="lower layer at which the probes are fitted and the facets attacked"
    )
    facets: ConceptSources = Field(
        ("stripes", "dots"),
        description="two or more folders of images, or synthetic patterns: stripes, dots, honeycombs, zigzags, checks",
    )
    drawn: Whole = Field(8, ge=2, description="number of images of a synthetic pattern")
    generic: ImagesConfig = Field(
        ImagesConfig(sources=("dead-leaves",), scenes=16), description="images that generic images are drawn from"
    )
    generic_images: Whole = Field(
        16, ge=2, description="number of generic images that every facet's probe is fitted against"
    )
    others: ConceptSources = Field(
        ("honeycombs", "zigzags", "checks"),
        description="folders or synthetic patterns whose images are generic ones too; without them the probe of one "
        "pattern responds to all patterns",
    )
    attack: AttackConfig = Field(AttackConfig(steps=4), description="how the facets' images are attacked")
    visualisation: FacetConfig = Field(
        FacetConfig(objective="channel", channel_size=96, steps=40, weight=4), description="how pictures are optimised"
    )
    cav: CavConfig = Field(CavConfig(), description="how probes are fitted; pool must be mean")
    seed: Seed = Field(0, description="seed that draws the patterns and the generic images")

    @model_validator(mode="before")
    @classmethod
    def _some_unit(cls, given: object) -> object:
        if isinstance(given, dict) and all(given.get(name) is None for name in ("layer", "unit", "of_class")):
            return given | {"layer": "block7", "unit": 50}
        return given

    @model_validator(mode="after")
    def _unit_or_class(self) -> Self:
        given = [value is not None for value in (self.layer, self.unit, self.of_class)]
        if given not in ([True, True, False], [False, False, True]):
            raise ValueError("give a unit with its layer, or a class (of_class), and not both")
        return self

    @field_validator("facets")
    @classmethod
    def _several(cls, facets: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(facets)) < max(2, len(facets)):
            raise ValueError(
                "give two or more facets, each once: each one's images are attacked towards the next one's"
            )
        return facets

    @field_validator("cav")
    @classmethod
    def _averaged(cls, cav: CavConfig) -> CavConfig:
        if cav.pool != "mean":
            raise ValueError(f"a facet's probe has a weight for each channel: give pool mean, not {cav.pool}")
        return cav


@dataclass(frozen=True)
class FacetUnit:
    """What is visualised. unit: channel of the layer, or index of the class; direction_c: in its activations."""

    network: Network
    layer: str
    unit: int
    name: str
    direction_c: Tensor


@dataclass(frozen=True)
class Probed:
    """A facet's images, clean or attacked, and the probe that is fitted to them.

    attack: clean, noise, negative or positive; target: the facet that a positive attack moves to; images: what the
    probe is fitted to.
    """

    attack: str
    facet: ExemplarSet
    target: ExemplarSet | None
    images: ExemplarSet
    probe: Cav


def analyse_facets(config: FacetStudyConfig, settings: Settings, progress: Progress = silent) -> str:
    """Visualise a unit under clean and attacked facets and stage the tables; return their key.

    The tables are `facet_analyses`, `facet_pictures`, `facet_readings` and those that they refer to. All pictures have
    the same start. Their order is the plain one, then for each facet clean, noise, negative and positive. The key is
    made from the pixels of all sets, the unit, the facet layer and the configs, so equal pixels give an equal key.
    progress: in thousandths. UserError for an unknown network, layer, unit or class, for a facet layer that is not
    below the unit's layer, and for sets that can't be read, are too small or share an image.
    """
    network = load_network(config.network, settings.weights_dir)
    subject = subject_of(network, config)
    # refuses an unknown facet layer before any image is read
    split_at_facet_layer(network, subject.layer, config.facet_layer, config.visualisation)
    facets, others = (
        [concept_set(name, config.drawn, network.input_size, config.seed) for name in names]
        for names in (config.facets, config.others)
    )
    pool = open_frames(
        config.generic.model_copy(update={"frame_size": network.input_size}), settings, part_of(progress, 0, 100)
    )
    generic = [
        *random_sets(pool, 1, config.generic_images, config.seed, apart_from=[*facets, *others]),
        *others,
    ]
    check_apart([*facets, *others])
    key = _key(network, subject, facets, generic, config)
    if is_staged(key, settings):
        return key
    probed = list(_probed(network, facets, generic, config, part_of(progress, 100, 600)))
    pictures_ncyx = facet_visualisations(
        network,
        subject.layer,
        subject.direction_c,
        config.facet_layer,
        [of_facet.probe for of_facet in probed],
        config.visualisation,
        part_of(progress, 600, 1000),
    )
    pictures_ncyx = (255 * pictures_ncyx.roll(1, 0)).round().byte()  # moves the plain picture from last to first
    stage_tables(
        key,
        {
            **network_tables(network, (subject.layer, config.facet_layer)),
            **concept_set_tables([*generic, *(of_facet.images for of_facet in probed)]),
            "facet_analyses": _analysis_table(key, subject, config),
            "facet_pictures": _picture_table(key, probed, pictures_ncyx),
            "facet_readings": _reading_table(key, network, probed, pictures_ncyx, config),
        },
        settings,
    )
    progress(1000, 1000)
    return key


def _key(
    network: Network,
    subject: FacetUnit,
    facets: list[ExemplarSet],
    generic: list[ExemplarSet],
    config: FacetStudyConfig,
) -> str:
    return content_key(
        "facets",
        CODE_VERSION,
        weights_sha256=network.weights_sha256,
        unit=(subject.layer, subject.unit),
        facet_layer=config.facet_layer,
        facets=[images.key for images in facets],
        generic=[images.key for images in generic],
        attack=config.attack,
        visualisation=config.visualisation,
        cav=config.cav,
    )


def subject_of(network: Network, config: FacetStudyConfig) -> FacetUnit:
    """Return the configured unit, or a class's logit up to its bias. UserError for an unknown layer, unit or class."""
    if config.of_class is not None:
        index = class_index(network, config.of_class)
        if (readout := network.readout()) is None:
            raise UserError(
                f"a class of {network.name} can't be visualised, because its logits aren't linear in a mean over "
                "positions: give layer and unit"
            )
        layer_name, weight_kc = readout
        return FacetUnit(network, layer_name, index, class_name(network, index), weight_kc[index])
    # a config without a class has a unit and its layer
    assert config.layer is not None
    assert config.unit is not None
    layer, unit = network.layer(config.layer), config.unit
    if unit >= layer.channels:
        raise UserError(f"{network.name} {layer.name} has no unit {unit}: its channels are 0 to {layer.channels - 1}")
    return FacetUnit(network, layer.name, unit, f"{layer.name} {unit}", torch.eye(layer.channels)[unit])


def _probed(
    network: Network,
    facets: Sequence[ExemplarSet],
    generic: Sequence[ExemplarSet],
    config: FacetStudyConfig,
    progress: Progress,
) -> Iterator[Probed]:
    """Yield each facet's images clean, with noise, attacked away from their mean, and towards the next facet's mean."""

    def acts_nc(images: ExemplarSet) -> Tensor:
        return layer_activations(network, config.facet_layer, images.frames_ncyx, config.cav.pool)

    generic_nc = torch.cat([acts_nc(images) for images in generic])
    mean_cs = [acts_nc(images).mean(0) for images in facets]
    for place, (facet, following) in enumerate(pairwise([*facets, facets[0]])):
        start, middle, stop = (1000 * half // (2 * len(facets)) for half in range(2 * place, 2 * place + 3))
        noisy_ncyx = noise(facet.frames_ncyx, config.attack)
        away_ncyx, to_next_ncyx = (
            attack(network, config.facet_layer, facet.frames_ncyx, objective, config.attack, part_of(progress, *part))
            for objective, part in (
                (away_from(mean_cs[place]), (start, middle)),
                (towards(mean_cs[(place + 1) % len(facets)]), (middle, stop)),
            )
        )
        for name, target, images in (
            ("clean", None, facet),
            ("noise", None, _changed(facet, "noise", noisy_ncyx, config)),
            ("negative", None, _changed(facet, "negative", away_ncyx, config)),
            ("positive", following, _changed(facet, f"towards-{following.name}", to_next_ncyx, config)),
        ):
            yield Probed(name, facet, target, images, fit_cav(acts_nc(images), generic_nc, config.cav))


def _changed(facet: ExemplarSet, attack_name: str, frames_ncyx: Tensor, config: FacetStudyConfig) -> ExemplarSet:
    name = f"{facet.name}-{attack_name}-{config.attack.epsilon}"
    return replace(facet, name=name, frames_ncyx=frames_ncyx, origin="attacked")


def _analysis_table(key: str, subject: FacetUnit, config: FacetStudyConfig) -> polars.DataFrame:
    return polars.DataFrame(
        {
            "facet_analysis_id": key,
            "network": subject.network.name,
            "layer": subject.layer,
            "unit": subject.unit,
            "unit_name": subject.name,
            "facet_layer": config.facet_layer,
            "weight": config.visualisation.weight,
            "epsilon": config.attack.epsilon,
            "steps": config.attack.steps,
            "seed": config.seed,
        }
    )


def _picture_table(key: str, probed: Sequence[Probed], pictures_ncyx: Tensor) -> polars.DataFrame:
    """Return the table `facet_pictures`: the plain picture, then those of `probed`."""
    clean_vectors = {of_facet.facet.key: of_facet.probe.vector_d for of_facet in probed if of_facet.attack == "clean"}
    rows = [
        dict.fromkeys(("facet_id", "target_facet_id", "probe_images_id", "accuracy", "cosine")) | {"attack": "plain"}
    ] + [
        {
            "attack": of_facet.attack,
            "facet_id": of_facet.facet.key,
            "target_facet_id": of_facet.target and of_facet.target.key,
            "probe_images_id": of_facet.images.key,
            "accuracy": of_facet.probe.accuracy,
            "cosine": (of_facet.probe.vector_d @ clean_vectors[of_facet.facet.key]).item(),
        }
        for of_facet in probed
    ]
    return polars.DataFrame(
        [
            {"facet_analysis_id": key, "place": place, **row, "picture": webp(picture_cyx.float())}
            for place, (row, picture_cyx) in enumerate(zip(rows, pictures_ncyx, strict=True))
        ]
    )


def _reading_table(
    key: str, network: Network, probed: Sequence[Probed], pictures_ncyx: Tensor, config: FacetStudyConfig
) -> polars.DataFrame:
    """Return the table `facet_readings`: the logit of every facet's clean probe on every picture."""
    clean = [of_facet for of_facet in probed if of_facet.attack == "clean"]
    logits_fn, _ = probe_separation(network, config.facet_layer, [of_facet.probe for of_facet in clean], pictures_ncyx)
    return polars.DataFrame(
        [
            {"facet_analysis_id": key, "place": place, "facet_id": of_facet.facet.key, "logit": logit}
            for of_facet, logits in zip(clean, logits_fn.tolist(), strict=True)
            for place, logit in enumerate(logits)
        ]
    )


def facet_metrics(frames: Mapping[str, polars.DataFrame]) -> dict[str, float]:
    """Return the MLflow metrics of `analyse_facets`'s tables: {METRIC/FACET/ATTACK: value}.

    logit: of the facet's clean probe on the picture; target_logit: of the clean probe of the facet that a positive
    attack moves to; accuracy: of the probe that made the picture; cosine: of that probe to the clean one.
    """
    names = dict(frames["concepts"].select("concept_id", "name").iter_rows())
    logits = {(row["place"], row["facet_id"]): row["logit"] for row in frames["facet_readings"].iter_rows(named=True)}
    pictures = frames["facet_pictures"]
    target_of = dict(pictures.filter(attack="positive").select("facet_id", "target_facet_id").iter_rows())
    metrics = {}
    for facet, target in target_of.items():
        of_facet = pictures.filter((polars.col("facet_id") == facet) | (polars.col("attack") == "plain"))
        for picture in of_facet.iter_rows(named=True):
            picture_name = f"{names[facet]}/{picture['attack']}"
            metrics[f"logit/{picture_name}"] = logits[picture["place"], facet]
            metrics[f"target_logit/{picture_name}"] = logits[picture["place"], target]
            if picture["attack"] != "plain":
                metrics |= {f"{name}/{picture_name}": picture[name] for name in ("accuracy", "cosine")}
    return metrics
