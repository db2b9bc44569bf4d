"""The training loop: rows in, dictionaries' folders out; stopped at any point it goes on from the last checkpoint.

A checkpoint is named by its step and its SHA-256, so that one rename commits both, and the one before is deleted after
that. A damaged one is set aside with a warning, and the training starts from the one before or anew.

Several configurations may train side by side on one pass over the shards. Under `torchrun` each process takes a part of
every batch (tasks/dictionary/distributed.py). On a GPU: CUDA and bfloat16 autocast; on a CPU float32.
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

import polars
import safetensors.torch
import torch
from filelock import FileLock
from safetensors.torch import save_file

from tasks.activations.shards import ActivationSet
from tasks.checksums import Damaged, check_file, commit_folder, is_committed
from tasks.dictionary import distributed, store
from tasks.dictionary.base import Dictionary, Loss
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.limits import check_fits, check_varies
from tasks.dictionary.metrics import Evaluation, evaluate
from tasks.dictionary.rows import STREAM_FIELDS, batches
from tasks.errors import UserError
from tasks.keys import content_key, file_sha256
from tasks.progress import Progress, silent
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.storage import atomic_file, write_text, writing
from tasks.tensors import read_about, read_tensors

CODE_VERSION = 2
DECAY_SHARE = 0.2
CHECKPOINTS = "checkpoint*.safetensors"
BEFORE_CHECKSUMS = "checkpoint.safetensors"
"""The checkpoint before there were checksums."""
REMEDY = "training goes on without it"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""Adam's, of each parameter."""
NOT_IN_THE_KEY = {"log_every", "checkpoint_every"}  # they change no byte of the model


def dictionary_key(activation_set: str, config: DictionaryConfig) -> str:
    return content_key(
        "dictionary", CODE_VERSION, activation_set=activation_set, config=config.model_dump(exclude=NOT_IN_THE_KEY)
    )


def learning_rate_at(step: int, config: DictionaryConfig) -> float:
    """Constant, then linear to 0 over the last `DECAY_SHARE` of the steps."""
    return config.learning_rate * min(1.0, (config.steps - step) / (DECAY_SHARE * config.steps))


def train(activation_set: str, config: DictionaryConfig, settings: Settings, progress: Progress = silent) -> str:
    """Train a dictionary on the train split of an activation set, evaluate it on the test split; returns its key.

    A dictionary that is there already is not trained again; one that was damaged is set aside. UserError when a split
    is empty or all its rows are alike, the memory is too small, or the loss stops being a finite number.
    """
    [(key, failure)] = train_together(activation_set, (config,), settings, progress).items()
    if failure:
        raise failure
    return key


def train_together(
    activation_set: str, configs: Sequence[DictionaryConfig], settings: Settings, progress: Progress = silent
) -> dict[str, UserError | None]:
    """Train several dictionaries on one pass over the shards: {key: None, or why it failed}, in the configs' order.

    Each ends as if it had been trained alone, bit for bit; one that diverges leaves the others alone.
    UserError as `train`, and when the configs don't ask for the same stream of rows.
    """
    keys = {dictionary_key(activation_set, config): config for config in configs}
    _check_one_stream(configs)
    waiting = {key: config for key, config in keys.items() if not store.is_whole(key, settings)}
    for key in keys.keys() - waiting.keys():
        _remove_checkpoints(store.folder_of(key, settings))  # of a process that was killed right after the commit
    failures: dict[str, UserError | None] = dict.fromkeys(keys)
    if not waiting:
        progress(1, 1)
        return failures
    distributed.check_divides(configs[0].batch_size)
    acts = ActivationSet.open(activation_set, settings)
    if {shard.split for shard in acts.shards} != {"train", "test"}:
        raise UserError(f"activation set {activation_set} lacks a split; give extraction.test_share a value above 0")
    check_varies(acts, configs[0])
    check_fits(acts, list(waiting.values()))
    with ExitStack() as held:
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
                f"dictionaries that train on one pass must agree in {field}, not have {' and '.join(values)}: "
                "train them one by one"
            )


def _fit(trainers: Sequence["_Trainer"], acts: ActivationSet, progress: Progress) -> None:
    """The loop. Each batch is read once, for all that have not seen it."""
    done, total = sum(trainer.step for trainer in trainers), sum(trainer.config.steps for trainer in trainers)
    step = min(trainer.step for trainer in trainers)
    for x_gbd in batches(acts, trainers[0].config, first_step=step):
        at_this_step = [trainer for trainer in trainers if trainer.step == step and not trainer.is_over()]
        if not at_this_step and all(trainer.is_over() for trainer in trainers):
            return
        x_gbd = distributed.part_of(x_gbd).to(trainers[0].device)
        for trainer in at_this_step:
            trainer.advance(x_gbd)
        step, done = step + 1, done + len(at_this_step)
        if step % trainers[0].config.log_every == 0 or done == total:
            progress(done, total)


def _first_rows(acts: ActivationSet, config: DictionaryConfig) -> torch.Tensor:
    """m rows for the initial features, from an order of their own."""
    needed, parts = config.features, []
    for x_gbd in batches(acts, config.model_copy(update={"seed": config.seed + 2**31})):
        parts.append(x_gbd[:, :needed])
        needed -= parts[-1].shape[1]
        if not needed:
            return torch.cat(parts, dim=1)
    raise AssertionError("the stream of batches has no end")


class _Trainer:
    """One dictionary in training: all that its next step depends on. failure: why it stopped, if it did."""

    def __init__(self, key: str, config: DictionaryConfig, acts: ActivationSet, settings: Settings):
        self.key, self.config, self.settings = key, config, settings
        self.folder = store.folder_of(key, settings)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.dictionary = store.create(config, acts.channels, acts.group)
        self.rows_since_fired_m = torch.zeros(config.features, dtype=torch.int64, device=self.device)
        self.step, self.seconds, self.history = 0, 0.0, []
        self.failure: UserError | None = None
        checkpoint = self.last_checkpoint()
        if checkpoint is None:
            self.dictionary.initialise(_first_rows(acts, config))
        self.dictionary.to(self.device)
        self.optimiser = torch.optim.Adam(self.dictionary.parameters(), lr=config.learning_rate, fused=True)
        if checkpoint is not None:
            self.restore(*checkpoint)

    def is_over(self) -> bool:
        return self.failure is not None or self.step == self.config.steps

    def advance(self, x_gbd: torch.Tensor) -> None:
        """One optimiser step on this process's rows of a batch, and what is due after it."""
        config, started = self.config, time.perf_counter()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate_at(self.step, config)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            dead_m = self.rows_since_fired_m > config.dead_after_rows
            loss = self.dictionary.loss(x_gbd, dead_m, done=self.step / config.steps)
        loss.total.backward()
        for parameter in self.dictionary.parameters():
            distributed.averaged(parameter.grad)
        self.optimiser.step()
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
            # one row, or several that are alike, have no variance to explain
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
        """What the newest checkpoint of this training says of itself, and its tensors.

        What is damaged, or another training's, is set aside. What is gone, another process has no more use for.
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
                    raise Damaged(path, "holds other tensors than this training's", REMEDY)
                return about, tensors
            except Damaged as error:
                set_aside(path, str(error), self.settings)
            except FileNotFoundError:
                continue
        return None

    def restore(self, about: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        """Go on from a checkpoint."""
        self.dictionary.load_state_dict({name: tensors[f"dictionary.{name}"] for name in self.dictionary.state_dict()})
        for name, parameter in self.dictionary.named_parameters():
            self.optimiser.state[parameter] = {
                moment: tensors[f"adam.{moment}.{name}"].to(self.device) for moment in MOMENTS
            }
        self.rows_since_fired_m.copy_(tensors["rows_since_fired"])
        self.step, self.seconds = about["step"], about["seconds"]
        self.history = [tuple(entry) for entry in about["history"]]

    def publish(self, acts: ActivationSet) -> None:
        """Evaluate and write the dictionary's files; their checksums commit them.

        Of two processes that trained the same one alone writes: the seconds they took differ.
        """
        folder, dictionary = self.folder, self.dictionary.cpu().eval().requires_grad_(False)
        evaluation = evaluate(dictionary, acts)
        with FileLock(folder / ".commit"):
            if not is_committed(folder):
                self._write(dictionary, evaluation, acts)
                commit_folder(folder, store.FILES)
        _remove_checkpoints(folder)

    def _write(self, dictionary: Dictionary, evaluation: Evaluation, acts: ActivationSet) -> None:
        folder = self.folder
        with atomic_file(folder / "model.safetensors") as temporary:
            save_file(dictionary.state_dict(), temporary)
        history_schema = {"step": polars.Int32, "metric": polars.String, "value": polars.Float64}
        with atomic_file(folder / "history.parquet") as temporary:
            polars.DataFrame(self.history, schema=history_schema, orient="row").write_parquet(temporary)
        with atomic_file(folder / "block_fvu.parquet") as temporary:
            blocks = polars.DataFrame({"element": range(len(evaluation.fvu_g)), "fvu": evaluation.fvu_g})
            blocks.write_parquet(temporary)
        with atomic_file(folder / "test_firing.parquet") as temporary:
            polars.DataFrame({"fired": evaluation.firing_counts_m}).write_parquet(temporary)
        description = {
            "config": dictionary.config.model_dump(mode="json"),
            "activation_set": acts.key,
            "network": acts.config.network,
            "layer": acts.config.layer,
            "channels": acts.channels,
            "group_order": dictionary.group.order,
            "n_rotations": dictionary.group.n_rotations,
            "reflections": dictionary.group.reflections,
            "version": CODE_VERSION,
        }
        write_text(folder / "config.json", json.dumps(description, indent=1))
        metrics = evaluation.scalars() | {"train_seconds": self.seconds}
        write_text(folder / "metrics.json", json.dumps(metrics, indent=1))


def _checkpoint(folder: Path, step: int, sha256: str) -> Path:
    return folder / f"checkpoint-{step:09}-{sha256}.safetensors"


def _are_of(dictionary: Dictionary, tensors: dict[str, torch.Tensor]) -> bool:
    """Whether tensors are those of a checkpoint of a dictionary, by their names and shapes."""
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
    """Give a checkpoint from before there were checksums its name, if its tensors are such a dictionary's."""
    path = folder / BEFORE_CHECKSUMS
    with suppress(FileNotFoundError, Damaged, KeyError):  # else it stays, and is damaged
        if _are_of(dictionary, read_tensors(path, REMEDY)):
            step = read_about(path, REMEDY)["step"]
            os.replace(path, _checkpoint(folder, step, file_sha256(path)))
