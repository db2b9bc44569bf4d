"""The training loop: rows in, a dictionary's folder out; stopped at any point it goes on from its last checkpoint."""

import json
import math
import time
from pathlib import Path

import polars
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tasks.activations.shards import ActivationSet
from tasks.dictionary import store
from tasks.dictionary.base import Dictionary, Loss
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.metrics import evaluate
from tasks.dictionary.rows import batches
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.storage import atomic_file, write_text, writing

CODE_VERSION = 1
DECAY_SHARE = 0.2
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

    A dictionary that is there already is not trained again. UserError when a split is
    empty or the loss stops being a finite number.
    """
    key = dictionary_key(activation_set, config)
    if store.is_whole(key, settings):
        progress(config.steps, config.steps)
        return key
    acts = ActivationSet.open(activation_set, settings)
    if {shard.split for shard in acts.shards} != {"train", "test"}:
        raise UserError(f"activation set {activation_set} lacks a split; give extraction.test_share a value above 0")
    with writing(store.folder_of(key, settings)):
        checkpoint = store.folder_of(key, settings) / "checkpoint.safetensors"
        state = _fit(acts, config, checkpoint, progress)
        _publish(key, state, acts, settings)
        checkpoint.unlink(missing_ok=True)
    return key


def _fit(acts: ActivationSet, config: DictionaryConfig, checkpoint: Path, progress: Progress) -> "_State":
    """The loop: from the checkpoint where there is one, else from the first step, to the last."""
    dictionary = store.create(config, acts.channels, acts.group.order)
    optimiser = torch.optim.Adam(dictionary.parameters(), lr=config.learning_rate, fused=True)
    rows_since_fired_m = torch.zeros(config.features, dtype=torch.int64)
    state = _State(dictionary, optimiser, rows_since_fired_m)
    if checkpoint.exists():
        state.restore(checkpoint)
    else:
        dictionary.initialise(_first_rows(acts, config))

    started = time.perf_counter()
    for x_gbd in batches(acts, config, first_step=state.step):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate_at(state.step, config)
        loss = dictionary.loss(x_gbd, rows_since_fired_m > config.dead_after_rows)
        loss.total.backward()
        optimiser.step()
        optimiser.zero_grad()
        rows_since_fired_m += x_gbd.shape[1]
        rows_since_fired_m[loss.indices_bk[loss.values_bk > 0]] = 0

        state.step += 1
        last = state.step == config.steps
        if state.step % config.log_every == 0 or last:
            if not math.isfinite(loss.total.item()):
                raise UserError(f"training diverged at step {state.step} ({config.method}); lower learning_rate")
            state.log(x_gbd, loss, rows_since_fired_m > config.dead_after_rows)
            progress(state.step, config.steps)
        if state.step % config.checkpoint_every == 0 or last:
            state.seconds += time.perf_counter() - started
            started = time.perf_counter()
            if last:
                return state
            state.save(checkpoint)
    raise AssertionError("the stream of batches has no end")


def _first_rows(acts: ActivationSet, config: DictionaryConfig) -> torch.Tensor:
    """m rows for the initial features, from an order of their own."""
    needed, parts = config.features, []
    for x_gbd in batches(acts, config.model_copy(update={"seed": config.seed + 2**31})):
        parts.append(x_gbd[:, :needed])
        needed -= parts[-1].shape[1]
        if not needed:
            return torch.cat(parts, dim=1)
    raise AssertionError("the stream of batches has no end")


class _State:
    """All that the next step depends on."""

    def __init__(self, dictionary: Dictionary, optimiser: torch.optim.Adam, rows_since_fired_m: torch.Tensor):
        self.dictionary, self.optimiser, self.rows_since_fired_m = dictionary, optimiser, rows_since_fired_m
        self.step, self.seconds, self.history = 0, 0.0, []

    def log(self, x_gbd: torch.Tensor, loss: Loss, dead_m: torch.Tensor) -> None:
        z_gbd = x_gbd * self.dictionary.scale
        values = {
            "fvu": (loss.reconstruction / (z_gbd - z_gbd.mean(1, keepdim=True)).square().mean()).item(),
            "loss": loss.total.item(),
            "auxiliary_loss": loss.auxiliary.item(),
            "l0": (loss.values_bk > 0).sum(1).double().mean().item(),
            "dead_fraction": dead_m.double().mean().item(),
        }
        self.history += [(self.step, metric, value) for metric, value in values.items()]

    def save(self, path: Path) -> None:
        tensors = {f"dictionary.{name}": tensor for name, tensor in self.dictionary.state_dict().items()}
        for name, parameter in self.dictionary.named_parameters():
            for moment, tensor in self.optimiser.state[parameter].items():
                tensors[f"adam.{moment}.{name}"] = tensor
        tensors["rows_since_fired"] = self.rows_since_fired_m
        about = {"step": self.step, "seconds": self.seconds, "history": self.history}
        with atomic_file(path) as temporary:
            save_file(tensors, temporary, {"about": json.dumps(about)})

    def restore(self, path: Path) -> None:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["about"])
            self.dictionary.load_state_dict(
                {name: file.get_tensor(f"dictionary.{name}") for name in self.dictionary.state_dict()}
            )
            for name, parameter in self.dictionary.named_parameters():
                moments = ("step", "exp_avg", "exp_avg_sq")
                self.optimiser.state[parameter] = {m: file.get_tensor(f"adam.{m}.{name}") for m in moments}
            self.rows_since_fired_m.copy_(file.get_tensor("rows_since_fired"))
        self.step, self.seconds = about["step"], about["seconds"]
        self.history = [tuple(entry) for entry in about["history"]]


def _publish(key: str, state: _State, acts: ActivationSet, settings: Settings) -> None:
    """Evaluate and write the dictionary's files, metrics.json last."""
    folder, dictionary = store.folder_of(key, settings), state.dictionary.eval().requires_grad_(False)
    evaluation = evaluate(dictionary, acts)
    with atomic_file(folder / "model.safetensors") as temporary:
        save_file(dictionary.state_dict(), temporary)
    with atomic_file(folder / "history.parquet") as temporary:
        polars.DataFrame(
            state.history, schema={"step": polars.Int32, "metric": polars.String, "value": polars.Float64}, orient="row"
        ).write_parquet(temporary)
    with atomic_file(folder / "block_fvu.parquet") as temporary:
        polars.DataFrame({"element": range(len(evaluation.fvu_g)), "fvu": evaluation.fvu_g}).write_parquet(temporary)
    with atomic_file(folder / "test_firing.parquet") as temporary:
        polars.DataFrame({"fired": evaluation.firing_counts_m}).write_parquet(temporary)
    description = {
        "config": dictionary.config.model_dump(mode="json"),
        "activation_set": acts.key,
        "network": acts.config.network,
        "layer": acts.config.layer,
        "channels": acts.channels,
        "group_order": acts.group.order if dictionary.config.method == "group-crosscoder" else 1,
        "version": CODE_VERSION,
    }
    write_text(folder / "config.json", json.dumps(description, indent=1))
    metrics = evaluation.scalars() | {"train_seconds": state.seconds}
    write_text(folder / "metrics.json", json.dumps(metrics, indent=1))
