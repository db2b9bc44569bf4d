"""Trainings that start their own processes: two do what one does, and go on after a kill -9."""

import os
import signal
import threading
import time

import polars
import psutil
import pytest
from safetensors.torch import load_file

from tasks.activations.extract import extract
from tasks.dictionary import store
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.launch import train_in_processes
from tasks.dictionary.train import train
from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.provenance import made_in
from tasks.settings import Settings
from tests.tasks.activations.small_set import SMALL
from tests.tasks.dictionary.test_distributed import LOSS_TOLERANCE

CONFIG = DictionaryConfig(
    architecture="sae", features=16, k=2, steps=40, batch_size=8, log_every=5, checkpoint_every=20
)  # fmt: skip


@pytest.fixture(scope="module")
def extracted(tmp_path_factory) -> tuple[str, Settings]:
    """Key of the small set and settings whose data folder holds it; the tests train in it with configs of their own."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("extracted"))
    return extract(SMALL, settings), settings


def in_processes(settings: Settings) -> list[psutil.Process]:
    """The training processes of this data folder that are alive."""
    of_training = []
    for process in psutil.Process().children(recursive=True):
        arguments = process.cmdline()
        if "tasks.dictionary.launch" in arguments and "torch.distributed.run" not in arguments:
            of_training.append(process)
    return of_training


def test_two_processes_train_as_one_does(extracted, tmp_path):
    activation_set, settings = extracted
    told = []
    with made_in("run 1"):
        key = train_in_processes(activation_set, CONFIG, 2, settings, lambda *report: told.append(report))
    assert told == [(done, 40) for done in range(5, 41, 5)]
    two = store.read_table(key, "history", settings)
    model = load_file(store.folder_of(key, settings) / "model.safetensors")
    made = store.provenance_of(key, settings)
    assert made is not None
    assert made["flow_run_id"] == "run 1"
    assert train_in_processes(activation_set, CONFIG, 2, settings, lambda *report: told.append(report)) == key
    assert told[-1] == (1, 1), "it is not trained again"

    store.folder_of(key, settings).rename(tmp_path / "two")
    assert train(activation_set, CONFIG, settings) == key, "the number of processes is not part of the key"
    one = store.read_table(key, "history", settings)
    losses = [rows.filter(polars.col("metric") == "loss")["value"].to_list() for rows in (one, two)]
    assert losses[1] == pytest.approx(losses[0], rel=LOSS_TOLERANCE)
    alone = load_file(store.folder_of(key, settings) / "model.safetensors")
    assert (alone["encoder.weight"] - model["encoder.weight"]).abs().max() < 1e-3


def test_a_mistake_is_the_same_one_line(extracted):
    activation_set, settings = extracted
    with pytest.raises(UserError, match=r"^batch_size = 7 can't be split over 2 processes: change one of them$"):
        train_in_processes(activation_set, CONFIG.model_copy(update={"batch_size": 7}), 2, settings)
    with pytest.raises(UserError, match="there is no activation set"):
        train_in_processes("f" * 64, CONFIG, 2, settings)
    assert in_processes(settings) == []


@pytest.mark.faults
def test_a_killed_process_ends_the_training_and_the_next_one_resumes(extracted, tmp_path):
    activation_set, settings = extracted
    config = CONFIG.model_copy(update={"steps": 1000, "checkpoint_every": 20, "log_every": 20, "seed": 1})
    key = train_in_processes(activation_set, config, 2, settings)
    undisturbed = file_sha256(store.folder_of(key, settings) / "model.safetensors")
    store.folder_of(key, settings).rename(tmp_path / "undisturbed")

    def kill_after_a_checkpoint() -> None:
        while not list(store.folder_of(key, settings).glob("checkpoint-*.safetensors")):
            time.sleep(0.01)
        os.kill(max(process.pid for process in in_processes(settings)), signal.SIGKILL)

    killer = threading.Thread(target=kill_after_a_checkpoint)
    killer.start()
    with pytest.raises(UserError, match=r"a process of the training of topk-sae was killed by signal 9.*run again"):
        train_in_processes(activation_set, config, 2, settings)
    killer.join()
    assert in_processes(settings) == []
    [checkpoint] = store.folder_of(key, settings).glob("checkpoint-*.safetensors")
    reached = int(checkpoint.name.split("-")[1])
    told = []
    assert train_in_processes(activation_set, config, 2, settings, lambda *report: told.append(report)) == key
    assert 0 < reached < 1000
    assert told[0] == (reached + 20, 1000), "it resumes at the checkpoint"
    assert file_sha256(store.folder_of(key, settings) / "model.safetensors") == undisturbed
