"""One unit under several facets, before and after the facets' images are attacked, as frames for the warehouse.

Source: methods §7 (faceted visualisation: Goh et al. 2021; attacks on exemplars: Brown & Kvinge 2022). Only a facet's
images are attacked, never the network or the generic images; the probe is then fitted to them as to clean ones, and the
same unit is visualised under it. What a picture shows of a facet is read with the probe of the clean images.

Seen on inceptionv1-bvlc, mixed4d 409, facets of 40 photographs at mixed4a, ε 8, 6 steps: a positive attack makes the
picture lose its facet and, where the two differ, show the other (logits: honeycomb 243 to 35, plain −143, and
stripes −124 to 82), a negative one a part of it, and probes stay about as accurate; noise leaves pictures and probes
(cosine 0.94 and more, attacked 0.5 to 0.7). Of drawn, flat patterns even noise turns the probe (cosine 0.2 to 0.6),
for it too tells them from generic images: read an attack beside its noise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

import polars
import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn

from tasks.activations.plan import loaded_network
from tasks.concepts.analyse import concept_set, concept_set_tables, network_tables
from tasks.concepts.attack import AttackConfig, attack, away_from, noise, towards
from tasks.concepts.cav import Cav, CavConfig, fit_cav, layer_activations
from tasks.concepts.exemplars import ExemplarSet, check_apart, random_sets
from tasks.concepts.facets import FacetConfig, facet_visualisations, probe_separation, split_at_facet_layer
from tasks.config import Config, NameOrFolder, Seed, Whole
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.vision.classes import class_index, class_name
from tasks.vision.images import ImagesConfig, open_frames, webp
from tasks.vision.networks import Network

CODE_VERSION = 1


class FacetStudyConfig(Config):
    """A unit of a network, its facets, and how their images are attacked. The defaults need no photographs."""

    network: str = Field("efficientnet_lite0", description="network, by name")
    layer: str | None = Field(None, description="layer of the unit, by name; default where no class is given: block7")
    unit: Whole | None = Field(None, ge=0, description="channel of the layer; default where no class is given: 50")
    of_class: str | None = Field(None, description="in place of a unit: a class's logit, by its name or number")
    facet_layer: str = Field("block5_expand", description="layer below, at which facets are told and attacked")
    facets: tuple[NameOrFolder, ...] = Field(
        ("stripes", "dots"),
        description="two or more folders of images, or what is drawn: stripes, dots, honeycombs, zigzags, checks",
    )
    drawn: Whole = Field(8, ge=2, description="images of what is drawn")
    generic: ImagesConfig = Field(
        ImagesConfig(sources=("dead-leaves",), scenes=16), description="pool that generic images are drawn from"
    )
    generic_images: Whole = Field(16, ge=2, description="generic images, that every facet is told from")
    others: tuple[NameOrFolder, ...] = Field(
        ("honeycombs", "zigzags", "checks"),
        description="as facets, but their images are generic ones too: without them, all that is drawn is one facet",
    )
    attack: AttackConfig = Field(AttackConfig(steps=4), description="how the facets' images are pushed")
    visualisation: FacetConfig = Field(
        FacetConfig(objective="channel", channel_size=96, steps=40, weight=4), description="how pictures are optimised"
    )
    cav: CavConfig = Field(CavConfig(), description="how probes are found; of averaged activations")
    seed: Seed = Field(0, description="draws facets and generic images")

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
            raise ValueError("give two facets or more, each once: one's images are pushed to the next one's")
        return facets

    @field_validator("cav")
    @classmethod
    def _averaged(cls, cav: CavConfig) -> CavConfig:
        if cav.pool != "mean":
            raise ValueError(f"a facet's probe weighs channels: give pool mean, not {cav.pool}")
        return cav


@dataclass(frozen=True)
class FacetUnit:
    """What is visualised. unit: channel of the layer, or the class's index; direction_c: of the layer's activations."""

    network: Network
    layer: str
    unit: int
    name: str
    direction_c: Tensor


@dataclass(frozen=True)
class Probed:
    """A facet as its probe saw it. attack: clean, noise, negative, positive; target: of a positive one."""

    attack: str
    facet: ExemplarSet
    target: ExemplarSet | None
    images: ExemplarSet
    probe: Cav


def analyse_facets(config: FacetStudyConfig, settings: Settings, progress: Progress = silent) -> str:
    """Frames of `facet_analyses`, `facet_pictures`, `facet_readings` and what they refer to; returns their key.

    Pictures, which all start alike: the plain one, then facet by facet clean, noise, negative, positive. Named by the
    pixels of all sets, the unit, the facet layer and the configs: equal pixels, equal key. progress: in thousandths.
    UserError for an unknown network, layer, unit or class, a facet layer that is not below, and sets that can't be
    read, are too small or share an image.
    """
    network = loaded_network(config.network, settings.weights_dir)
    subject = subject_of(network, config)
    split_at_facet_layer(
        network, subject.layer, config.facet_layer, config.visualisation
    )  # what can't be is refused at once
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
    key = content_key(
        "facets",
        CODE_VERSION,
        weights_sha256=network.weights_sha256,
        unit=(subject.layer, subject.unit),
        facet_layer=config.facet_layer,
        facets=[each.key for each in facets],
        generic=[each.key for each in generic],
        attack=config.attack,
        visualisation=config.visualisation,
        cav=config.cav,
    )
    if is_staged(key, settings):
        return key
    probed = list(_probed(network, facets, generic, config, part_of(progress, 100, 600)))
    pictures_ncyx = facet_visualisations(
        network,
        subject.layer,
        subject.direction_c,
        config.facet_layer,
        [each.probe for each in probed],
        config.visualisation,
        part_of(progress, 600, 1000),
    )
    pictures_ncyx = (255 * pictures_ncyx.roll(1, 0)).round().byte()  # the plain one first
    stage_tables(
        key,
        {
            **network_tables(network, (subject.layer, config.facet_layer)),
            **concept_set_tables([*generic, *(each.images for each in probed)]),
            "facet_analyses": _analysis_table(key, subject, config),
            "facet_pictures": _picture_table(key, probed, pictures_ncyx),
            "facet_readings": _reading_table(key, network, probed, pictures_ncyx, config),
        },
        settings,
    )
    progress(1000, 1000)
    return key


def subject_of(network: Network, config: FacetStudyConfig) -> FacetUnit:
    """The unit, or the class as its logit, up to the bias. UserError for an unknown layer, unit or class."""
    if config.of_class is not None:
        index = class_index(network, config.of_class)
        classifier = [module for module in network.module.modules() if isinstance(module, nn.Linear)][-1]
        # the last layer goes to the classifier averaged over positions, whatever the network
        return FacetUnit(network, network.layers()[-1], index, class_name(network, index), classifier.weight[index])
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
    """Each facet's images clean, with noise, pushed away from their own mean, and to the next facet's."""

    def acts_nc(images: ExemplarSet) -> Tensor:
        return layer_activations(network, config.facet_layer, images.frames_ncyx, config.cav.pool)

    generic_nc = torch.cat([acts_nc(each) for each in generic])
    mean_cs = [acts_nc(each).mean(0) for each in facets]
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


def _changed(facet: ExemplarSet, befell: str, frames_ncyx: Tensor, config: FacetStudyConfig) -> ExemplarSet:
    name = f"{facet.name}-{befell}-{config.attack.epsilon}"
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
    """The plain picture, then those of `probed`."""
    clean = {each.facet.key: each.probe.vector_d for each in probed if each.attack == "clean"}
    about = [
        dict.fromkeys(("facet_id", "target_facet_id", "probe_images_id", "accuracy", "cosine")) | {"attack": "plain"}
    ] + [
        {
            "attack": each.attack,
            "facet_id": each.facet.key,
            "target_facet_id": each.target and each.target.key,
            "probe_images_id": each.images.key,
            "accuracy": each.probe.accuracy,
            "cosine": (each.probe.vector_d @ clean[each.facet.key]).item(),
        }
        for each in probed
    ]
    return polars.DataFrame(
        [
            {"facet_analysis_id": key, "place": place, **row, "picture": webp(picture_cyx.float())}
            for place, (row, picture_cyx) in enumerate(zip(about, pictures_ncyx, strict=True))
        ]
    )


def _reading_table(
    key: str, network: Network, probed: Sequence[Probed], pictures_ncyx: Tensor, config: FacetStudyConfig
) -> polars.DataFrame:
    """Every picture, read with every clean probe."""
    clean = [each for each in probed if each.attack == "clean"]
    logits_fn, _ = probe_separation(network, config.facet_layer, [each.probe for each in clean], pictures_ncyx)
    return polars.DataFrame(
        [
            {"facet_analysis_id": key, "place": place, "facet_id": each.facet.key, "logit": logit}
            for each, logits in zip(clean, logits_fn.tolist(), strict=True)
            for place, logit in enumerate(logits)
        ]
    )


def facet_metrics(frames: Mapping[str, polars.DataFrame]) -> dict[str, float]:
    """What a run tells of the frames of `analyse_facets`, by facet and attack.

    logit: of the facet's clean probe on the picture; target_logit: of that of the facet its images are pushed to in a
    positive attack; accuracy and cosine of the probe itself.
    """
    names = dict(frames["concepts"].select("concept_id", "name").iter_rows())
    logits = {(row["place"], row["facet_id"]): row["logit"] for row in frames["facet_readings"].iter_rows(named=True)}
    pictures = frames["facet_pictures"]
    target_of = dict(pictures.filter(attack="positive").select("facet_id", "target_facet_id").iter_rows())
    metrics = {}
    for facet, target in target_of.items():
        of_facet = pictures.filter((polars.col("facet_id") == facet) | (polars.col("attack") == "plain"))
        for picture in of_facet.iter_rows(named=True):
            about = f"{names[facet]}/{picture['attack']}"
            metrics[f"logit/{about}"] = logits[picture["place"], facet]
            metrics[f"target_logit/{about}"] = logits[picture["place"], target]
            if picture["attack"] != "plain":
                metrics |= {f"{name}/{about}": picture[name] for name in ("accuracy", "cosine")}
    return metrics
