"""What an attack does to TCAV: attacked sets beside their controls, read where they were made and elsewhere.

A story is a concept, a class and a layer (methods §7). `attacked_sets` changes the exemplars' pixels, `read_scores`
says what TCAV then makes of them at any layer of any network, `picture_changes` how much of it an eye could see.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Annotated, Literal

import polars
import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor

from tasks.concepts.attack import (
    AttackConfig,
    Epsilon,
    Objective,
    along,
    attack,
    away_from,
    class_direction,
    largest_change,
    mirrored,
    noise,
    perceptual_distance,
    poisoned,
    psnr,
    random_direction,
    towards,
)
from tasks.concepts.cav import Cav, CavConfig, fit_cav, layer_activations
from tasks.concepts.exemplars import ExemplarSet
from tasks.concepts.tcav import class_gradients, compared, holm, random_cavs, sensitivities
from tasks.progress import Progress, part_of, silent
from tasks.vision.classes import class_index
from tasks.vision.networks import Network

ObjectiveName = Literal["token-pushing", "cav", "class-gradient", "random-set"]
Touched = Literal["concept", "random"]
IDENTITY = ("touched", "attack", "epsilon", "fraction")
"""Columns that tell the sets of one story apart, in every frame made here."""


class StoryConfig(BaseModel):
    """How a concept's exemplars are pushed: every objective at every ε and fraction, each with its controls."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["negative", "positive"] = Field(
        description="negative: a concept that matters stops mattering; positive: one that does not comes to matter"
    )
    objectives: tuple[ObjectiveName, ...] = Field(
        ("token-pushing",),
        min_length=1,
        description="token-pushing, cav and class-gradient push the exemplars; random-set pushes the random sets",
    )
    epsilons: tuple[Epsilon, ...] = Field(
        (1, 2, 4, 8, 16), min_length=1, description="no pixel changes by more in any channel; in steps of 1/255"
    )
    fractions: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (1.0,), min_length=1, description="shares of the images that are attacked; each one's are among the next one's"
    )
    steps: int = Field(20, ge=1, description="gradient steps")
    seed: int = Field(0, ge=0, lt=2**31, description="of which images are attacked, the noise, the random direction")

    @field_validator("objectives", "epsilons", "fractions")
    @classmethod
    def _each_once(cls, values: tuple) -> tuple:
        if len(set(values)) < len(values):
            raise ValueError("gives a value twice; give each once")
        return values

    def attack(self, epsilon: int, fraction: float = 1.0) -> AttackConfig:
        return AttackConfig(epsilon=epsilon, steps=self.steps, poisoned_fraction=fraction, seed=self.seed)


@dataclass(frozen=True)
class ClassAtLayer:
    """A class at a layer of a network. gradients_ncyx: of its logit there, one an image, as `class_gradients`."""

    network: Network
    layer: str
    index: int
    images: ExemplarSet
    gradients_ncyx: Tensor


def class_at(
    network: Network, layer: str, class_name: str, images: ExemplarSet, progress: Progress = silent
) -> ClassAtLayer:
    """The class, found by its name or number in this network. UserError as `class_index`, and for an unknown layer."""
    index = class_index(network, class_name)
    return ClassAtLayer(
        network, layer, index, images, class_gradients(network, layer, index, images.frames_ncyx, progress)
    )


@dataclass(frozen=True)
class AttackedSets:
    """The exemplars and random sets that a user of TCAV gets.

    touched: whose images were changed; attack: an objective's name, or a control: clean, noise, random-direction;
    epsilon: in steps of 1/255; fraction: of the touched images that were changed. Both are 0 where clean.
    """

    touched: Touched
    attack: str
    epsilon: int
    fraction: float
    concept: ExemplarSet
    random: tuple[ExemplarSet, ...]

    @property
    def identity(self) -> dict[str, str | int | float]:
        return {column: getattr(self, column) for column in IDENTITY}

    @property
    def frames_ncyx(self) -> Tensor:
        """Of all that is touched."""
        touched = self.random if self.touched == "random" else [self.concept]
        return torch.cat([one.frames_ncyx for one in touched])


def attacked_sets(
    config: StoryConfig,
    at: ClassAtLayer,
    concept: ExemplarSet,
    random: Sequence[ExemplarSet],
    cav_config: CavConfig = CavConfig(),
    progress: Progress = silent,
) -> list[AttackedSets]:
    """The clean sets, then for whatever is touched, ε by ε and fraction by fraction: noise, random direction, attacks.

    A positive attack goes to where the class's images are. Images are attacked one for one, so that a smaller
    fraction's are taken from a larger one's. Objectives see activations as cav_config pools them.
    progress: in thousandths. UserError as `attack` and `fit_cav`.
    """
    clean = AttackedSets("concept", "clean", 0, 0.0, concept, tuple(random))
    jobs = [
        (replace(clean, touched=touched, attack=name, epsilon=epsilon), objective)
        for touched, objectives in _objectives(config, at, concept, random, cav_config).items()
        for epsilon in config.epsilons
        for name, objective in objectives.items()
    ]
    found = [clean]
    for done, (job, objective) in enumerate(jobs):
        listen = part_of(progress, 1000 * done // len(jobs), 1000 * (done + 1) // len(jobs))
        frames_ncyx, widest = job.frames_ncyx, config.attack(job.epsilon, max(config.fractions))
        if objective is None:
            changed_ncyx = noise(frames_ncyx, widest)
        else:
            changed_ncyx = attack(at.network, at.layer, frames_ncyx, objective, widest, listen)
        for fraction in config.fractions:
            chosen_p = poisoned(len(frames_ncyx), config.attack(job.epsilon, fraction))
            mixed_ncyx = frames_ncyx.index_copy(0, chosen_p, changed_ncyx[chosen_p])
            found.append(_with_frames(replace(job, fraction=fraction), mixed_ncyx))
    progress(1000, 1000)
    return found


def _objectives(
    config: StoryConfig, at: ClassAtLayer, concept: ExemplarSet, random: Sequence[ExemplarSet], cav_config: CavConfig
) -> dict[Touched, dict[str, Objective | None]]:
    """Whose images are touched -> name -> what is raised there, controls first; None is noise."""
    negative = config.kind == "negative"
    sign = -1 if negative else 1

    def acts_nd(images: ExemplarSet) -> Tensor:
        return layer_activations(at.network, at.layer, images.frames_ncyx, cav_config.pool)

    concept_nd, class_nd = acts_nd(concept), acts_nd(at.images)
    random_nds = [acts_nd(one) for one in random] if {"cav", "random-set"} & {*config.objectives} else []
    concept_d, class_d = concept_nd.mean(0), class_nd.mean(0)
    slope_d = class_direction(at.gradients_ncyx, cav_config.pool)
    astray_d = random_direction(len(concept_d), config.seed)

    def controls(mean_d: Tensor) -> dict[str, Objective | None]:
        """In a positive story the random direction is gone as far as the way to the class."""
        goal_d = mean_d + (class_d - concept_d).norm() * astray_d
        return {"noise": None, "random-direction": along(astray_d) if negative else towards(goal_d)}

    def pushed(name: ObjectiveName) -> Objective:
        match name:
            case "token-pushing":
                return away_from(concept_d) if negative else towards(class_d)
            case "cav":
                start_nd = concept_nd if negative else class_nd
                cavs = [fit_cav(start_nd, random_nd, cav_config) for random_nd in random_nds]
                return along(sign * mean_vector(cavs))
            case "class-gradient":
                return along(sign * slope_d)
            case "random-set":
                random_d = torch.cat(random_nds).mean(0)
                return along(slope_d) if negative else towards(mirrored(class_d, concept_d, random_d))

    found: dict[Touched, dict[str, Objective | None]] = {}
    if own := [name for name in config.objectives if name != "random-set"]:
        found["concept"] = controls(concept_d) | {name: pushed(name) for name in own}
    if "random-set" in config.objectives:
        found["random"] = controls(torch.cat(random_nds).mean(0)) | {"random-set": pushed("random-set")}
    return found


def _with_frames(job: AttackedSets, frames_ncyx: Tensor) -> AttackedSets:
    """The same with other pixels in what is touched, each set named by what befell it."""

    def changed(images: ExemplarSet, frames_ncyx: Tensor) -> ExemplarSet:
        name = f"{images.name}-{job.attack}-{job.epsilon}-{job.fraction:g}"
        return replace(images, name=name, frames_ncyx=frames_ncyx, origin="attacked")

    if job.touched == "concept":
        return replace(job, concept=changed(job.concept, frames_ncyx))
    parts = frames_ncyx.split([len(one) for one in job.random])
    return replace(job, random=tuple(changed(one, part) for one, part in zip(job.random, parts, strict=True)))


def mean_vector(cavs: Sequence[Cav]) -> Tensor:
    """Unit [d]: the mean of vectors."""
    return F.normalize(torch.stack([cav.vector_d for cav in cavs]).mean(0), dim=0)


def read_scores(
    sets: Sequence[AttackedSets],
    places: Sequence[ClassAtLayer],
    cav_config: CavConfig = CavConfig(),
    progress: Progress = silent,
) -> polars.DataFrame:
    """What TCAV says of the sets at each place: where they were attacked, or where they never were (transfer).

    sets: the clean one first, as `attacked_sets` gives them. One row per (place, set): `IDENTITY`, read_network,
    read_layer, class_index; score and its spread over the random sets, magnitude; random_score and random_spread, of
    vectors of random sets; p_value of the one against the other and p_holm over all the rows; accuracy of the vectors;
    cosine of their mean to the clean set's. progress: in rows. UserError as `random_cavs` and `fit_cav`.
    """
    rows = []
    for at in places:
        clean_d = None
        for one, cavs, controls in _vectors(sets, at, cav_config):
            clean_d = mean_vector(cavs) if clean_d is None else clean_d
            rows.append(
                {
                    **one.identity,
                    "read_network": at.network.name,
                    "read_layer": at.layer,
                    "class_index": at.index,
                    **compared(*([sensitivities(at.gradients_ncyx, cav) for cav in some] for some in (cavs, controls))),
                    "accuracy": mean(cav.accuracy for cav in cavs),
                    "cosine": (mean_vector(cavs) @ clean_d).item(),
                }
            )
            progress(len(rows), len(sets) * len(places))
    adjusted = holm([row["p_value"] for row in rows])
    return polars.DataFrame([row | {"p_holm": p} for row, p in zip(rows, adjusted, strict=True)])


def _vectors(
    sets: Sequence[AttackedSets], at: ClassAtLayer, cav_config: CavConfig
) -> Iterator[tuple[AttackedSets, list[Cav], list[Cav]]]:
    """Each set with the concept's vectors and those of random sets; what random sets have in common is found once."""
    known: dict[tuple[str, ...], tuple[list[Tensor], list[Cav]]] = {}

    def acts_nd(images: ExemplarSet) -> Tensor:
        return layer_activations(at.network, at.layer, images.frames_ncyx, cav_config.pool)

    for one in sets:
        keys = tuple(random.key for random in one.random)
        if keys not in known:
            random_nds = [acts_nd(random) for random in one.random]
            known[keys] = random_nds, random_cavs(random_nds, cav_config)
        random_nds, controls = known[keys]
        concept_nd = acts_nd(one.concept)
        yield one, [fit_cav(concept_nd, random_nd, cav_config) for random_nd in random_nds], controls


def picture_changes(
    sets: Sequence[AttackedSets], network: Network, layers: tuple[str, ...], progress: Progress = silent
) -> polars.DataFrame:
    """How far the pictures went from the clean ones, of those that changed at all; one row per set.

    `IDENTITY`; changed: their number; largest_change: greatest, in steps of 1/255; psnr: mean, dB, null where nothing
    changed; perceptual: mean of `perceptual_distance` at the layers, 0 where nothing changed. sets: as `read_scores`.
    progress: in sets.
    """
    clean, rows = sets[0], []
    for done, one in enumerate(sets, start=1):
        before_ncyx, after_ncyx = replace(clean, touched=one.touched).frames_ncyx, one.frames_ncyx
        by_n = largest_change(before_ncyx, after_ncyx)
        before_ncyx, after_ncyx = before_ncyx[by_n > 0], after_ncyx[by_n > 0]
        row = {"changed": len(after_ncyx), "largest_change": by_n.max().item(), "psnr": None, "perceptual": 0.0}
        if len(after_ncyx):
            row["psnr"] = psnr(before_ncyx, after_ncyx).mean().item()
            row["perceptual"] = perceptual_distance(network, layers, before_ncyx, after_ncyx).mean().item()
        rows.append(one.identity | row)
        progress(done, len(sets))
    return polars.DataFrame(rows, schema_overrides={"psnr": polars.Float64})
