"""Train dictionaries on an activation set and write their folders; an interrupted training resumes at its checkpoint.

A checkpoint's file name contains its step and its SHA-256, so that one rename commits both. The previous checkpoint is
deleted after that. A damaged checkpoint is set aside with a warning; the training then resumes from the previous one,
or starts from the beginning.

Several configurations can train on one pass over the shards. With `stream`, the shards are computed meanwhile and not
stored (tasks/activations/stream.py); the dictionary is the same. Under `torchrun` each process trains on a part of
every batch (tasks/dictionary/distributed.py). Training uses CUDA with bfloat16 autocast where there is a GPU, else
float32 on the CPU.
"""

import hashlib
import json
import math
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from tasks.activations.shards import ActivationSet, is_stored
from tasks.activations.stream import streamed
from tasks.checksums import Damaged, check_file
from tasks.dictionary import distributed, store
from tasks.dictionary.base import Dictionary, Loss
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.limits import check_fits, check_group, check_splits, check_varies
from tasks.dictionary.metrics import evaluate
from tasks.dictionary.rows import STREAM_FIELDS, batches
from tasks.dictionary.start import initialise
from tasks.errors import UserError
from tasks.keys import content_key, file_sha256
from tasks.progress import Progress, silent
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.storage import atomic_file, writing
from tasks.tensors import read_about, read_tensors

CODE_VERSION, NEWER_VERSIONS = 3, {"relu": 5, "batchtopk": 4, "matryoshka": 4, "gated": 4, "jumprelu": 4}
"""The second has methods whose training has changed since that of all did."""
DECAY_SHARE = 0.2
CHECKPOINTS = "checkpoint*.safetensors"
BEFORE_CHECKSUMS = "checkpoint.safetensors"
"""File name of a checkpoint that is older than checksums."""
REMEDY = "training goes on without it"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""Adam's state of each parameter."""
NOT_IN_THE_KEY = {"log_every", "checkpoint_every"}  # they don't change the trained model
YOUNGER_FIELDS = {"atom_dimension": 1, "start": "rows", "mixed_shards": 1}
"""{field: what trainings without it did}."""


def dictionary_key(activation_set: str, config: DictionaryConfig) -> str:
    # these fields are younger than dictionaries, which keep their keys
    left_out = NOT_IN_THE_KEY | {name for name, before in YOUNGER_FIELDS.items() if getattr(config, name) == before}
    return content_key(
        "dictionary", code_version(config), activation_set=activation_set, config=config.model_dump(exclude=left_out)
    )


def code_version(config: DictionaryConfig) -> int:
    """Return the version of the code that trains a dictionary."""
    return NEWER_VERSIONS.get(config.method, CODE_VERSION)


def learning_rate_at(step: int, config: DictionaryConfig) -> float:
    """Return the learning rate of a step: constant, then linear to 0 over the last `DECAY_SHARE` of the steps."""
    return config.learning_rate * min(1.0, (config.steps - step) / (DECAY_SHARE * config.steps))


def train(
    activation_set: str,
    config: DictionaryConfig,
    settings: Settings,
    progress: Progress = silent,
    *,
    stream: bool = False,
) -> str:
    """Train a dictionary on the train split of an activation set, evaluate it on the test split and return its key.

    A dictionary that is trained already is not trained again; a damaged one is set aside and trained again. stream: if
    the activation set is planned and not stored, its shards are computed while they are read. Raises UserError if a
    split is empty or all its rows are equal, if memory is too small, or if the loss becomes NaN or infinite.
    """
    [(key, failure)] = train_together(activation_set, (config,), settings, progress, stream=stream).items()
    if failure:
        raise failure
    return key


def train_together(
    activation_set: str,
    configs: Sequence[DictionaryConfig],
    settings: Settings,
    progress: Progress = silent,
    *,
    stream: bool = False,
) -> dict[str, UserError | None]:
    """Train several dictionaries on one pass over the shards.

    Returns {key: None, or the error of a dictionary whose loss diverged}, in the configs' order. Each model is bit for
    bit the same as if it had been trained alone; one that diverges doesn't affect the others. stream: as for `train`.
    Raises UserError as `train` does, and if the configs don't all need the same stream of rows.
    """
    keys = {dictionary_key(activation_set, config): config for config in configs}
    _check_one_stream(configs)
    waiting = {key: config for key, config in keys.items() if not store.is_whole(key, settings)}
    for key in keys.keys() - waiting.keys():
        _remove_checkpoints(store.folder_of(key, settings))  # left by a process killed right after it published
    failures: dict[str, UserError | None] = dict.fromkeys(keys)
    if not waiting:
        progress(1, 1)
        return failures
    distributed.check_divides(configs[0].batch_size)
    if stream and distributed.world_size() > 1:
        raise UserError("stream = true trains in one process: leave out torchrun, or set stream = false")
    with ExitStack() as held:
        if stream and not is_stored(activation_set, settings):
            acts: ActivationSet = held.enter_context(streamed(activation_set, settings))
        else:
            acts = ActivationSet.open(activation_set, settings)
        for config in configs:
            check_group(acts.group, config)
        check_splits(acts)
        # trainings with a checkpoint have passed this check, for which shards may have to be computed
        if not all(any(store.folder_of(key, settings).glob(CHECKPOINTS)) for key in waiting):
            check_varies(acts, configs[0])
        check_fits(acts, list(waiting.values()))
        for key in waiting:
            held.enter_context(writing(store.folder_of(key, settings)))
        trainers = [_Trainer(key, config, acts, settings) for key, config in waiting.items()]
        _fit(trainers, acts, progress)
        for trainer in trainers:
            failures[trainer.key] = trainer.failure
            if not trainer.failure and distributed.is_first():
                trainer.publish(acts)
        distributed.wait_for_all()
    return failures


def _check_one_stream(configs: Sequence[DictionaryConfig]) -> None:
    for field in STREAM_FIELDS:
        values = sorted({str(getattr(config, field)) for config in configs})
        if len(values) > 1:
            raise UserError(
                f"dictionaries that train on one pass must have the same {field}, not {' and '.join(values)}: "
                "train them one by one"
            )


def _fit(trainers: Sequence["_Trainer"], acts: ActivationSet, progress: Progress) -> None:
    """Run the training loop. Each batch is read once, for all dictionaries that have reached its step."""
    done, total = sum(trainer.step for trainer in trainers), sum(trainer.config.steps for trainer in trainers)
    step, last_step = min(trainer.step for trainer in trainers), max(trainer.config.steps for trainer in trainers)
    for x_gbd in batches(acts, trainers[0].config, step, last_step):
        current = [trainer for trainer in trainers if trainer.step == step and not trainer.is_over()]
        if not current and all(trainer.is_over() for trainer in trainers):
            return
        x_gbd = distributed.local_rows(x_gbd).to(trainers[0].device)
        for trainer in current:
            trainer.advance(x_gbd)
        step, done = step + 1, done + len(current)
        if step % trainers[0].config.log_every == 0 or done == total:
            progress(done, total)


class _Trainer:
    """One dictionary in training, with the whole state that its next step depends on.

    failure: the error that stopped the training, or None.
    """

    def __init__(self, key: str, config: DictionaryConfig, acts: ActivationSet, settings: Settings):
        self.key, self.config, self.settings = key, config, settings
        self.folder = store.folder_of(key, settings)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.dictionary = store.create(config, acts.channels, acts.group)
        self.rows_since_fired_m = torch.zeros(config.features, dtype=torch.int64, device=self.device)
        self.step, self.seconds = 0, 0.0
        self.history: list[tuple[int, str, float]] = []
        self.failure: UserError | None = None
        checkpoint = self.last_checkpoint()
        if checkpoint is None:
            initialise(self.dictionary, acts)
        self.dictionary.to(self.device)
        factors = self.dictionary.learning_rate_factors
        groups = [
            {"params": [parameter], "factor": factors.get(name, 1.0)}
            for name, parameter in self.dictionary.named_parameters()
        ]
        self.optimiser = torch.optim.Adam(groups, lr=config.learning_rate, fused=True)
        if checkpoint is not None:
            self.restore(*checkpoint)

    def is_over(self) -> bool:
        return self.failure is not None or self.step == self.config.steps

    def advance(self, x_gbd: torch.Tensor) -> None:
        """Take one optimiser step on this process's rows of a batch; log and save a checkpoint where they are due."""
        config, started = self.config, time.perf_counter()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate_at(self.step, config) * group["factor"]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            dead_m = self.rows_since_fired_m > config.dead_after_rows
            loss = self.dictionary.loss(x_gbd, dead_m, done=self.step / config.steps)
        loss.total.backward()
        for parameter in self.dictionary.parameters():
            if parameter.grad is not None:
                distributed.averaged(parameter.grad)
        if self.dictionary.cuts_gradients:
            # the loss is a mean over blocks and channels
            largest = 1 / (self.dictionary.block_count * self.dictionary.channels)
            torch.nn.utils.clip_grad_norm_(self.dictionary.parameters(), largest)
        self.optimiser.step()
        self.dictionary.after_step()
        self.optimiser.zero_grad()
        self.rows_since_fired_m += x_gbd.shape[1] * distributed.world_size()
        self.rows_since_fired_m[distributed.in_any(loss.fired_m)] = 0

        self.step += 1
        self.seconds += time.perf_counter() - started
        last = self.step == config.steps
        if self.step % config.log_every == 0 or last:
            self.log(x_gbd, loss)
        if self.step % config.checkpoint_every == 0 and not last and not self.failure and distributed.is_first():
            self.save()

    def log(self, x_gbd: torch.Tensor, loss: Loss) -> None:
        z_gbd = x_gbd * self.dictionary.scale
        variance = (z_gbd - z_gbd.mean(1, keepdim=True)).square().mean()
        parts = torch.stack(
            [loss.total.detach(), loss.reconstruction, variance, loss.sparsity, loss.auxiliary, loss.l0]
        )
        total, reconstruction, variance, sparsity, auxiliary, l0 = distributed.averaged(parts).tolist()
        if not math.isfinite(total):
            self.failure = UserError(
                f"training of {self.config.name} diverged at step {self.step}; lower learning_rate ({self.key[:8]})"
            )
            return
        values = {
            # a batch of one row, or of equal rows, has no variance
            **({"fvu": reconstruction / variance} if variance else {}),
            "loss": total,
            "sparsity_loss": sparsity,
            "auxiliary_loss": auxiliary,
            "l0": l0,
            "dead_fraction": (self.rows_since_fired_m > self.config.dead_after_rows).double().mean().item(),
        }
        self.history += [(self.step, metric, value) for metric, value in values.items()]

    def save(self) -> None:
        tensors = {f"dictionary.{name}": tensor for name, tensor in self.dictionary.state_dict().items()}
        for name, parameter in self.dictionary.named_parameters():
            for moment, tensor in self.optimiser.state[parameter].items():
                tensors[f"adam.{moment}.{name}"] = tensor
        tensors["rows_since_fired"] = self.rows_since_fired_m
        about = {"key": self.key, "step": self.step, "seconds": self.seconds, "history": self.history}
        data = safetensors.torch.save(tensors, {"about": json.dumps(about)})
        path = _checkpoint(self.folder, self.step, hashlib.sha256(data).hexdigest())
        with atomic_file(path) as temporary:
            temporary.write_bytes(data)
        _remove_checkpoints(self.folder, but=path)

    def last_checkpoint(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
        """Return the metadata and the tensors of this training's newest usable checkpoint, or None.

        A checkpoint that is damaged or belongs to another training is set aside. One that disappears meanwhile was
        deleted by another process that trains the same dictionary; it is skipped.
        """
        _adopt_checkpoint(self.folder, self.dictionary)
        for path in sorted(self.folder.glob(CHECKPOINTS), reverse=True):
            try:
                check_file(path, path.stem.rpartition("-")[2], REMEDY)
                about = read_about(path, REMEDY)
                if about.get("key") != self.key:
                    raise Damaged(path, f"was left by the training of another dictionary ({about.get('key')})", REMEDY)
                tensors = read_tensors(path, REMEDY)
                if not _are_of(self.dictionary, tensors):
                    raise Damaged(path, "contains other tensors than this training needs", REMEDY)
                return about, tensors
            except Damaged as error:
                set_aside(path, str(error), self.settings)
            except FileNotFoundError:
                continue
        return None

    def restore(self, about: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        """Restore model, optimiser and history from a checkpoint."""
        self.dictionary.load_state_dict({name: tensors[f"dictionary.{name}"] for name in self.dictionary.state_dict()})
        for name, parameter in self.dictionary.named_parameters():
            self.optimiser.state[parameter] = {
                moment: tensors[f"adam.{moment}.{name}"].to(self.device) for moment in MOMENTS
            }
        self.rows_since_fired_m.copy_(tensors["rows_since_fired"])
        self.step, self.seconds = about["step"], about["seconds"]
        self.history = [tuple(entry) for entry in about["history"]]

    def publish(self, acts: ActivationSet) -> None:
        """Evaluate the dictionary and write its files."""
        dictionary = self.dictionary.cpu().eval().requires_grad_(False)
        dictionary.finish()
        evaluation = evaluate(dictionary, acts)
        store.write_dictionary(
            self.key,
            dictionary,
            evaluation,
            acts,
            self.settings,
            version=code_version(self.config),
            history=self.history,
            seconds=self.seconds,
        )
        _remove_checkpoints(self.folder)


def _checkpoint(folder: Path, step: int, sha256: str) -> Path:
    return folder / f"checkpoint-{step:09}-{sha256}.safetensors"


def _are_of(dictionary: Dictionary, tensors: dict[str, torch.Tensor]) -> bool:
    """Return whether a checkpoint's tensors fit the dictionary, by their names and shapes."""
    shapes = {f"dictionary.{name}": list(tensor.shape) for name, tensor in dictionary.state_dict().items()}
    for name, parameter in dictionary.named_parameters():
        shapes |= {f"adam.{moment}.{name}": list(parameter.shape) if moment != "step" else [] for moment in MOMENTS}
    shapes["rows_since_fired"] = [dictionary.config.features]
    return {name: list(tensor.shape) for name, tensor in tensors.items()} == shapes


def _remove_checkpoints(folder: Path, but: Path | None = None) -> None:
    for path in folder.glob(CHECKPOINTS):
        if path != but:
            path.unlink(missing_ok=True)


def _adopt_checkpoint(folder: Path, dictionary: Dictionary) -> None:
    """Rename a checkpoint that is older than checksums, if its tensors fit the dictionary."""
    path = folder / BEFORE_CHECKSUMS
    with suppress(FileNotFoundError, Damaged, KeyError):  # on failure the file stays and is set aside as damaged
        if _are_of(dictionary, read_tensors(path, REMEDY)):
            step = read_about(path, REMEDY)["step"]
            os.replace(path, _checkpoint(folder, step, file_sha256(path)))
