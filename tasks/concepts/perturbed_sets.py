"""Perturbed sets of exemplars, and the controls beside them (methods §7.4 and §7.5).

`attacked_sets` perturbs the images of a concept, or of the random sets, with every objective of an `AttackGrid`. The
perturbed images are stored as PNG files in an artifact folder, and each set is built from those files. The sets come
from a generator, so that only one set is in memory at a time.

Each attack is a unit of work of its own: `attacked_sets` stores its frames and objective in a folder, and `perturb`
makes the artifact folder from them, perhaps in another process or on another machine.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from tasks.checksums import COMMIT, Damaged, check_file, commit_folder, committed_file, is_committed, read_commit
from tasks.concepts.attack import (
    VectorObjective,
    along,
    attack,
    away_from,
    class_direction,
    mirrored,
    noise,
    poisoned,
    random_direction,
    towards,
)
from tasks.concepts.cav import Cav, fit_cav, layer_activations
from tasks.concepts.config import AttackConfig, AttackGrid, CavConfig
from tasks.concepts.exemplars import ExemplarSet, write_exemplars
from tasks.concepts.names import ObjectiveName
from tasks.concepts.tcav import class_gradients
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.shared import fetch_folder, name_of, share, shared_store
from tasks.storage import atomic_file, writing
from tasks.tensors import read_about, read_tensors
from tasks.vision.classes import class_index
from tasks.vision.images import rgb_tensor
from tasks.vision.network import Network
from tasks.vision.networks import load_network

PerturbedSet = Literal["concept", "random"]
IDENTITY = ("perturbed_set", "attack", "epsilon", "fraction")
"""Columns that identify a perturbed set within its experiment, in every table about such sets."""
CODE_VERSION = 1
REMEDY = "run the `attack` flow again, which moves them to quarantine and makes new ones"
INPUTS = "inputs.safetensors"
Runner = Callable[[Callable[..., None], Sequence[tuple]], object]
"""Runs `work(*unit, settings)` for each unit, in any order, and returns when all are done."""
BEFORE_CHECKSUMS = "sha256.txt"
"""The list of names and checksums that older versions wrote into an artifact folder in place of `checksums.json`."""


@dataclass(frozen=True)
class ClassAtLayer:
    """A class at a layer of a network.

    images: images of the class; gradients_ncyx: gradient of the class's logit at the layer for each of them, as
    `class_gradients` computes it.
    """

    network: Network
    layer: str
    index: int
    images: ExemplarSet
    gradients_ncyx: Tensor


def class_at(
    network: Network, layer: str, class_name: str, images: ExemplarSet, progress: Progress = silent
) -> ClassAtLayer:
    """Find a class by its name or number in this network, and compute its gradients at the layer.

    UserError for an unknown layer, and as `class_index`.
    """
    index = class_index(network, class_name)
    return ClassAtLayer(
        network, layer, index, images, class_gradients(network, layer, index, images.frames_ncyx, progress)
    )


@dataclass(frozen=True)
class AttackedSets:
    """The exemplars and random sets that TCAV gets, clean or perturbed.

    perturbed_set: whose images were changed; attack: name of an objective, or of a control: clean, noise,
    random-direction; epsilon: in steps of 1/255; fraction: share of that set's images that were changed. Epsilon and
    fraction are 0 for the clean sets. artifact_folder: folder of settings.attacks_dir with the images that were
    changed at the largest fraction; None for the clean sets.
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
        """All frames of the perturbed set: the concept's, or those of all random sets in their order."""
        return torch.cat([images.frames_ncyx for images in self._perturbed()])

    @property
    def names(self) -> tuple[str, ...]:
        """The names of these frames."""
        return tuple(name for images in self._perturbed() for name in images.names)

    def _perturbed(self) -> tuple[ExemplarSet, ...]:
        return self.random if self.perturbed_set == "random" else (self.concept,)


def attacked_sets(
    config: AttackGrid,
    at: ClassAtLayer,
    concept: ExemplarSet,
    random: Sequence[ExemplarSet],
    settings: Settings,
    cav_config: CavConfig = CavConfig(),
    progress: Progress = silent,
    run: Runner | None = None,
) -> Iterator[AttackedSets]:
    """Yield the clean sets, then the perturbed ones.

    Order: by perturbed set, then by ε; within these noise, random direction and the objectives; of each the largest
    fraction first. A positive attack moves activations towards those of the class's images. Every image is attacked
    on its own, so the images of a smaller fraction are taken from those of the largest. Objectives get activations
    pooled as cav_config says. Images that an earlier run stored are read from their files. Damaged files are moved to
    quarantine and made again. run: runs `perturb` for the attacks whose images don't exist; None: here, one after the
    other. progress: in thousandths. UserError as `attack` and `fit_cav`.
    """
    clean = AttackedSets("concept", "clean", 0, 0.0, concept, tuple(random))
    yield clean
    jobs = [
        (replace(clean, perturbed_set=perturbed_set, attack=name, epsilon=epsilon), objective)
        for perturbed_set, objectives in _objectives(config, at, concept, random, cav_config).items()
        for epsilon in config.epsilons
        for name, objective in objectives.items()
    ]
    artifact_folders, missing = [], []
    for job, objective in jobs:
        largest = config.attack(job.epsilon, max(config.fractions))
        artifact_folders.append(_artifact_folder(job, config.kind, largest, at, cav_config))
        if not artifact_exists(artifact_folders[-1], settings):
            inputs = _write_inputs(job, objective, largest, at, artifact_folders[-1], settings)
            missing.append((inputs, artifact_folders[-1]))
    if run is None:
        for done, unit in enumerate(missing):
            start, stop = (500 * each // len(missing) for each in (done, done + 1))
            perturb(*unit, settings, part_of(progress, start, stop))
    else:
        run(perturb, missing)
    for inputs, _ in missing:
        _delete_inputs(settings.attacks_dir / inputs, settings)
    progress(500, 1000)
    for done, ((job, _), artifact_folder) in enumerate(zip(jobs, artifact_folders, strict=True), start=1):
        job = replace(job, artifact_folder=artifact_folder)
        changed_ncyx = torch.stack([rgb_tensor(Image.open(file)) for file in artifact_files(artifact_folder, settings)])
        for fraction in sorted(config.fractions, reverse=True):
            chosen_p = poisoned(len(changed_ncyx), config.attack(job.epsilon, fraction))
            mixed_ncyx = job.frames_ncyx.index_copy(0, chosen_p, changed_ncyx[chosen_p])
            yield _with_frames(replace(job, fraction=fraction), mixed_ncyx)
        progress(500 + 500 * done // len(jobs), 1000)


def _write_inputs(
    job: AttackedSets,
    objective: VectorObjective | None,
    config: AttackConfig,
    at: ClassAtLayer,
    artifact_folder: str,
    settings: Settings,
) -> str:
    """Store what `perturb` needs in a folder of settings.attacks_dir; return its name."""
    name = content_key("attack-inputs", CODE_VERSION, artifact_folder=artifact_folder)
    folder = settings.attacks_dir / name
    tensors = {"frames_ncyx": job.frames_ncyx}
    if objective:
        tensors["vector_d"] = objective.vector_d.contiguous()
    about = {
        "attack": job.attack,
        "names": job.names,
        "network": at.network.name,
        "layer": at.layer,
        "way": objective.way if objective else None,
        "config": config.model_dump(mode="json"),
    }
    with writing(folder):
        with atomic_file(folder / INPUTS) as temporary:
            save_file(tensors, temporary, {"about": json.dumps(about)})
        commit_folder(folder, [INPUTS])
        share([folder / INPUTS], folder / COMMIT, settings)
    return name


def _delete_inputs(folder: Path, settings: Settings) -> None:
    """Delete the inputs of an attack that has its images, here and in the shared store."""
    if store := shared_store(settings):
        for name in (COMMIT, INPUTS):
            with suppress(FileNotFoundError):  # another run of this attack deleted them
                store.delete(name_of(folder / name, settings))
    shutil.rmtree(folder, ignore_errors=True)


def perturb(inputs: str, artifact_folder: str, settings: Settings, progress: Progress = silent) -> None:
    """Make the artifact folder of one attack from its inputs, unless it exists.

    inputs: name of a folder that `attacked_sets` stored. progress: as `attack`. Raises Damaged for damaged inputs.
    """
    if artifact_exists(artifact_folder, settings):
        return
    folder = settings.attacks_dir / inputs
    fetch_folder(folder, settings)
    file = committed_file(folder, INPUTS, REMEDY)
    about, tensors = read_about(file, REMEDY), read_tensors(file, REMEDY)
    config, frames_ncyx = AttackConfig(**about["config"]), tensors["frames_ncyx"]
    if about["way"] is None:
        perturbed_ncyx = noise(frames_ncyx, config)
    else:
        network = load_network(about["network"], settings.weights_dir)
        objective = VectorObjective(about["way"], tensors["vector_d"])
        perturbed_ncyx = attack(network, about["layer"], frames_ncyx, objective, config, progress)
    images = ExemplarSet(about["attack"], "concept", perturbed_ncyx, tuple(about["names"]))
    artifact = settings.attacks_dir / artifact_folder
    names = write_exemplars(images, artifact)
    commit_folder(artifact, names)
    share([artifact / name for name in names], artifact / COMMIT, settings)


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
        random=[images.key for images in job.random],
        classes=(at.index, at.images.key),
        cav=cav_config,
    )


def artifact_exists(artifact_folder: str, settings: Settings) -> bool:
    """Return whether the images of an artifact folder exist, here or in the shared store.

    Damaged ones are quarantined, so that they are copied from there or made again.
    """
    folder = settings.attacks_dir / artifact_folder
    for _ in ("as it is here", "as it is in the shared store"):
        try:
            _adopt(folder)
            if not (is_committed(folder) or fetch_folder(folder, settings)):
                return False
            read_commit(folder, REMEDY)
            return True
        except Damaged as error:
            set_aside(folder, str(error), settings)
    return False


def artifact_files(artifact_folder: str, settings: Settings) -> list[Path]:
    """Return an artifact folder's PNG files in order. UserError where they are missing, Damaged where one changed."""
    folder = settings.attacks_dir / artifact_folder
    _adopt(folder)
    if not (is_committed(folder) or fetch_folder(folder, settings)):
        raise UserError(f"there are no attacked images in {folder}; run the `attack` flow again, which makes them")
    return [folder / name for name in sorted(read_commit(folder, REMEDY)["files"])]


def _adopt(folder: Path) -> None:
    """Commit a folder that an older version wrote, if its images match its list of checksums. Raises Damaged."""
    checksums = folder / BEFORE_CHECKSUMS
    if is_committed(folder) or not checksums.is_file():
        return
    lines = [line.split("  ", maxsplit=1) for line in checksums.read_text(errors="replace").splitlines()]
    images = {file.name for file in folder.glob("*.png")}
    if not lines or any(len(line) != 2 for line in lines) or {name for _, name in lines} != images:
        raise Damaged(checksums, "doesn't name the images beside it", REMEDY)
    for sha256, name in lines:
        check_file(folder / name, sha256, REMEDY)
    with writing(folder):
        commit_folder(folder, [name for _, name in lines])
        checksums.unlink(missing_ok=True)


def _objectives(
    config: AttackGrid, at: ClassAtLayer, concept: ExemplarSet, random: Sequence[ExemplarSet], cav_config: CavConfig
) -> dict[PerturbedSet, dict[str, VectorObjective | None]]:
    """Return {perturbed set: {name: objective to maximise}}, the controls first; None stands for noise."""
    negative = config.kind == "negative"
    sign = -1 if negative else 1

    def acts_nd(images: ExemplarSet) -> Tensor:
        return layer_activations(at.network, at.layer, images.frames_ncyx, cav_config.pool)

    concept_nd, class_nd = acts_nd(concept), acts_nd(at.images)
    random_nds = [acts_nd(images) for images in random] if {"cav", "random-set"} & {*config.objectives} else []
    concept_d, class_d = concept_nd.mean(0), class_nd.mean(0)
    gradient_d = class_direction(at.gradients_ncyx, cav_config.pool)
    random_direction_d = random_direction(len(concept_d), config.seed)

    def controls(mean_d: Tensor) -> dict[str, VectorObjective | None]:
        """mean_d: of the set to be perturbed. A positive control moves as far as the concept is from the class."""
        target_d = mean_d + (class_d - concept_d).norm() * random_direction_d
        return {"noise": None, "random-direction": along(random_direction_d) if negative else towards(target_d)}

    def objective(name: ObjectiveName) -> VectorObjective:
        match name:
            case "token-pushing":
                return away_from(concept_d) if negative else towards(class_d)
            case "cav":
                positive_nd = concept_nd if negative else class_nd
                cavs = [fit_cav(positive_nd, random_nd, cav_config) for random_nd in random_nds]
                return along(sign * mean_vector(cavs))
            case "class-gradient":
                return along(sign * gradient_d)
            case "random-set":
                random_d = torch.cat(random_nds).mean(0)
                return along(gradient_d) if negative else towards(mirrored(class_d, concept_d, random_d))

    objectives: dict[PerturbedSet, dict[str, VectorObjective | None]] = {}
    if on_concept := [name for name in config.objectives if name != "random-set"]:
        objectives["concept"] = controls(concept_d) | {name: objective(name) for name in on_concept}
    if "random-set" in config.objectives:
        objectives["random"] = controls(torch.cat(random_nds).mean(0)) | {"random-set": objective("random-set")}
    return objectives


def _with_frames(job: AttackedSets, frames_ncyx: Tensor) -> AttackedSets:
    """Return the job with these frames in its perturbed set; each changed set's name tells attack, ε and fraction."""

    def changed(images: ExemplarSet, frames_ncyx: Tensor) -> ExemplarSet:
        name = f"{images.name}-{job.attack}-{job.epsilon}-{job.fraction:g}"
        return replace(images, name=name, frames_ncyx=frames_ncyx, origin="attacked")

    if job.perturbed_set == "concept":
        return replace(job, concept=changed(job.concept, frames_ncyx))
    parts = frames_ncyx.split([len(images) for images in job.random])
    return replace(job, random=tuple(changed(images, part) for images, part in zip(job.random, parts, strict=True)))


def mean_vector(cavs: Sequence[Cav]) -> Tensor:
    """Return the normalised mean [d] of the CAVs' vectors."""
    return F.normalize(torch.stack([cav.vector_d for cav in cavs]).mean(0), dim=0)
