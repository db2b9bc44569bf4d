"""What an attack does to TCAV: attacked sets beside their controls, read where they were made and elsewhere.

A story is a concept, a class and a layer (methods §7). `attacked_sets` changes the exemplars' pixels, a `ScoreReader`
says what TCAV then makes of them at any layer of any network, a `PictureReader` how much of it an eye could see. Sets
come one at a time, so that one is in memory; changed images are kept as PNG, and it is the PNG that is read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from PIL import Image
from pydantic import Field, field_validator
from torch import Tensor

from tasks.checksums import Damaged, check_file, commit_folder, is_committed, read_commit
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
from tasks.concepts.exemplars import ExemplarSet, write_exemplars
from tasks.concepts.tcav import class_gradients, compared, random_cavs, sensitivities
from tasks.config import Config, Seed, Whole
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.storage import writing
from tasks.vision.classes import class_index
from tasks.vision.images import rgb_tensor
from tasks.vision.networks import Network

ObjectiveName = Literal["token-pushing", "cav", "class-gradient", "random-set"]
PerturbedSet = Literal["concept", "random"]
IDENTITY = ("perturbed_set", "attack", "epsilon", "fraction")
"""Columns that tell the sets of one story apart, in every table about them."""
CODE_VERSION = 1
REMEDY = "run the `attack` flow again, which sets them aside and makes them anew"
BEFORE_CHECKSUMS = "sha256.txt"
"""The list of names and checksums that committed a piece's images before `checksums.json` did."""


class AttackGrid(Config):
    """How a concept's exemplars are pushed: every objective at every ε and fraction, each with its controls."""

    kind: Literal["negative", "positive"] = Field(
        "negative",
        description="negative: a concept that matters stops mattering; positive: one that does not comes to matter",
    )
    objectives: tuple[ObjectiveName, ...] = Field(
        ("token-pushing", "class-gradient"),
        min_length=1,
        description="token-pushing, cav and class-gradient push the exemplars; random-set pushes the random sets",
    )
    epsilons: tuple[Epsilon, ...] = Field(
        (2, 8), min_length=1, description="no pixel changes by more in any channel; in steps of 1/255"
    )
    fractions: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.5, 1.0),
        min_length=1,
        description="shares of the images that are attacked; each one's are among the next one's",
    )
    steps: Whole = Field(10, ge=1, description="gradient steps")
    seed: Seed = Field(0, description="of which images are attacked, the noise, the random direction")

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
    piece: folder of settings.attacks_dir that holds the touched images at the largest fraction; None where clean.
    """

    perturbed_set: PerturbedSet
    attack: str
    epsilon: int
    fraction: float
    concept: ExemplarSet
    random: tuple[ExemplarSet, ...]
    artifact_folder: str | None = None

    @property
    def identity(self) -> dict[str, str | int | float]:
        return {column: getattr(self, column) for column in IDENTITY}

    @property
    def frames_ncyx(self) -> Tensor:
        """Of all that is touched."""
        perturbed_set = self.random if self.perturbed_set == "random" else [self.concept]
        return torch.cat([one.frames_ncyx for one in perturbed_set])


def attacked_sets(
    config: AttackGrid,
    at: ClassAtLayer,
    concept: ExemplarSet,
    random: Sequence[ExemplarSet],
    settings: Settings,
    cav_config: CavConfig = CavConfig(),
    progress: Progress = silent,
) -> Iterator[AttackedSets]:
    """The clean sets; then for whatever is touched, ε by ε: noise, random direction, attacks, largest fraction first.

    A positive attack goes to where the class's images are. Images are attacked one for one, so that a smaller
    fraction's are taken from a larger one's. Objectives see activations as cav_config pools them. What was attacked
    before is read from its files; damaged ones are set aside and made again. progress: in thousandths. UserError as
    `attack` and `fit_cav`.
    """
    clean = AttackedSets("concept", "clean", 0, 0.0, concept, tuple(random))
    yield clean
    jobs = [
        (replace(clean, perturbed_set=perturbed_set, attack=name, epsilon=epsilon), objective)
        for perturbed_set, objectives in _objectives(config, at, concept, random, cav_config).items()
        for epsilon in config.epsilons
        for name, objective in objectives.items()
    ]
    for done, (job, objective) in enumerate(jobs):
        listen = part_of(progress, 1000 * done // len(jobs), 1000 * (done + 1) // len(jobs))
        widest = config.attack(job.epsilon, max(config.fractions))
        job = replace(job, artifact_folder=_artifact_folder(job, config.kind, widest, at, cav_config))
        if not artifact_exists(job.artifact_folder, settings):
            _write_artifact(job, _changer(objective, widest, at, listen), settings)
        changed_ncyx = torch.stack(
            [rgb_tensor(Image.open(file)) for file in artifact_files(job.artifact_folder, settings)]
        )
        for fraction in sorted(config.fractions, reverse=True):
            chosen_p = poisoned(len(changed_ncyx), config.attack(job.epsilon, fraction))
            mixed_ncyx = job.frames_ncyx.index_copy(0, chosen_p, changed_ncyx[chosen_p])
            yield _with_frames(replace(job, fraction=fraction), mixed_ncyx)
        progress(1000 * (done + 1) // len(jobs), 1000)  # of what was read from files, nothing else tells


def _changer(
    objective: Objective | None, config: AttackConfig, at: ClassAtLayer, progress: Progress
) -> Callable[[Tensor], Tensor]:
    """What changes frames: the attack on an objective at the layer, or noise where there is none."""
    if objective is None:
        return lambda frames_ncyx: noise(frames_ncyx, config)
    return lambda frames_ncyx: attack(at.network, at.layer, frames_ncyx, objective, config, progress)


def _artifact_folder(
    job: AttackedSets, kind: str, config: AttackConfig, at: ClassAtLayer, cav_config: CavConfig
) -> str:
    return content_key(
        "attack",
        CODE_VERSION,
        weights_sha256=at.network.weights_sha256,
        layer=at.layer,
        grid=kind,
        touched=job.perturbed_set,
        attack=job.attack,
        config=config,
        concept=job.concept.key,
        random=[one.key for one in job.random],
        classes=(at.index, at.images.key),
        cav=cav_config,
    )


def artifact_exists(artifact_folder: str, settings: Settings) -> bool:
    """Whether a piece's images are there. What was damaged since is set aside, so that it is made again."""
    folder = settings.attacks_dir / artifact_folder
    try:
        _adopt(folder)
        if is_committed(folder):
            read_commit(folder, REMEDY)
            return True
    except Damaged as error:
        set_aside(folder, str(error), settings)
    return False


def artifact_files(artifact_folder: str, settings: Settings) -> list[Path]:
    """The PNG files of a piece, in order. UserError where they aren't there, Damaged where one changed."""
    folder = settings.attacks_dir / artifact_folder
    _adopt(folder)
    if not is_committed(folder):
        raise UserError(f"there are no attacked images in {folder}; run the `attack` flow again, which makes them")
    return [folder / name for name in sorted(read_commit(folder, REMEDY)["files"])]


def _write_artifact(job: AttackedSets, change: Callable[[Tensor], Tensor], settings: Settings) -> None:
    """Keep the touched frames, changed, as PNG files."""
    folder = settings.attacks_dir / job.artifact_folder
    perturbed_set = job.random if job.perturbed_set == "random" else (job.concept,)
    names = tuple(name for one in perturbed_set for name in one.names)
    commit_folder(folder, write_exemplars(ExemplarSet(job.attack, "concept", change(job.frames_ncyx), names), folder))


def _adopt(folder: Path) -> None:
    """Commit images that were kept before `checksums.json`, if they are what was written. Raises Damaged."""
    checksums = folder / BEFORE_CHECKSUMS
    if is_committed(folder) or not checksums.is_file():
        return
    lines = [line.split("  ", maxsplit=1) for line in checksums.read_text(errors="replace").splitlines()]
    found = {file.name for file in folder.glob("*.png")}
    if not lines or any(len(line) != 2 for line in lines) or {name for _, name in lines} != found:
        raise Damaged(checksums, "doesn't name the images beside it", REMEDY)
    for sha256, name in lines:
        check_file(folder / name, sha256, REMEDY)
    with writing(folder):
        commit_folder(folder, [name for _, name in lines])
        checksums.unlink(missing_ok=True)


def _objectives(
    config: AttackGrid, at: ClassAtLayer, concept: ExemplarSet, random: Sequence[ExemplarSet], cav_config: CavConfig
) -> dict[PerturbedSet, dict[str, Objective | None]]:
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

    found: dict[PerturbedSet, dict[str, Objective | None]] = {}
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

    if job.perturbed_set == "concept":
        return replace(job, concept=changed(job.concept, frames_ncyx))
    parts = frames_ncyx.split([len(one) for one in job.random])
    return replace(job, random=tuple(changed(one, part) for one, part in zip(job.random, parts, strict=True)))


@dataclass
class ScoreReader:
    """What TCAV says of sets at one place: where they were attacked, or where they never were (transfer).

    The clean sets are to be read first. Random sets that no attack touched are looked at once, and of an attacked image
    activations are kept as long as sets of the same piece come.
    """

    at: ClassAtLayer
    cav_config: CavConfig
    _clean_d: Tensor | None = field(default=None, init=False)
    _clean_random: tuple[list[Tensor], list[Cav]] = field(default=([], []), init=False)
    _artifact_folder: str | None = field(default=None, init=False)
    _known: dict[str, Tensor] = field(default_factory=dict, init=False)

    def read(self, one: AttackedSets) -> dict[str, str | int | float]:
        """`IDENTITY`, read_network, read_layer, class_index; score and its spread over the random sets, magnitude;
        random_score and random_spread, of vectors of random sets; p_value of the one against the other; accuracy of the
        vectors; cosine of their mean to the clean sets'. UserError as `random_cavs` and `fit_cav`.
        """
        if one.artifact_folder != self._artifact_folder:
            self._artifact_folder, self._known = one.artifact_folder, {}
        if one.perturbed_set == "random" or self._clean_d is None:
            random_nds = [self._acts_nd(random) for random in one.random]
            controls = random_cavs(random_nds, self.cav_config)
        else:
            random_nds, controls = self._clean_random
        concept_nd = self._acts_nd(one.concept)
        cavs = [fit_cav(concept_nd, random_nd, self.cav_config) for random_nd in random_nds]
        mean_d = mean_vector(cavs)
        if self._clean_d is None:
            self._clean_d, self._clean_random = mean_d, (random_nds, controls)
        gradients_ncyx = self.at.gradients_ncyx
        return {
            **one.identity,
            "eval_network": self.at.network.name,
            "eval_layer": self.at.layer,
            "class_index": self.at.index,
            **compared(*([sensitivities(gradients_ncyx, cav) for cav in some] for some in (cavs, controls))),
            "accuracy": mean(cav.accuracy for cav in cavs),
            "cosine": (mean_d @ self._clean_d).item(),
        }

    def _acts_nd(self, images: ExemplarSet) -> Tensor:
        new = [place for place, key in enumerate(images.images) if key not in self._known]
        if new:
            acts_nd = layer_activations(self.at.network, self.at.layer, images.frames_ncyx[new], self.cav_config.pool)
            self._known |= {images.images[place]: acts_d for place, acts_d in zip(new, acts_nd, strict=True)}
        return torch.stack([self._known[key] for key in images.images])


@dataclass
class PictureReader:
    """How far pictures went from the clean ones; of a piece, its largest fraction is to be read first."""

    clean: AttackedSets
    network: Network
    layers: tuple[str, ...]
    _artifact_folder: str | None = field(default=None, init=False)
    _apart: tuple[Tensor, Tensor] = field(default=(torch.empty(0), torch.empty(0)), init=False)

    def read(self, one: AttackedSets) -> dict[str, int | float | None]:
        """images: that are touched; changed: their number; largest_change: greatest, in steps of 1/255; of the changed
        ones psnr: mean, dB, null where nothing changed; perceptual: mean of `perceptual_distance` at the layers, 0
        where nothing changed.
        """
        before_ncyx, after_ncyx = replace(self.clean, perturbed_set=one.perturbed_set).frames_ncyx, one.frames_ncyx
        by_n = largest_change(before_ncyx, after_ncyx)
        changed_n = by_n > 0
        found = {"images": len(by_n), "changed": int(changed_n.sum()), "largest_change": by_n.max().item()}
        if not found["changed"]:
            return found | {"psnr": None, "perceptual": 0.0}
        if one.artifact_folder != self._artifact_folder:
            psnr_n, perceptual_n = torch.zeros(len(by_n), dtype=torch.float64), torch.zeros(len(by_n))
            changed = before_ncyx[changed_n], after_ncyx[changed_n]
            psnr_n[changed_n] = psnr(*changed)
            perceptual_n[changed_n] = perceptual_distance(self.network, self.layers, *changed)
            self._artifact_folder, self._apart = one.artifact_folder, (psnr_n, perceptual_n)
        psnr_n, perceptual_n = self._apart
        return found | {"psnr": psnr_n[changed_n].mean().item(), "perceptual": perceptual_n[changed_n].mean().item()}


def mean_vector(cavs: Sequence[Cav]) -> Tensor:
    """Unit [d]: the mean of vectors."""
    return F.normalize(torch.stack([cav.vector_d for cav in cavs]).mean(0), dim=0)
