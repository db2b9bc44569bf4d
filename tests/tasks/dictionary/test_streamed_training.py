"""A training on streamed activations: the bytes of one on a stored set, after kills too, and no shard made in vain."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest
import torch

from tasks.activations import stream
from tasks.activations.extract import extract, plan
from tasks.activations.shards import ActivationSet
from tasks.dictionary import distributed, store
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.rows import _epoch_order
from tasks.dictionary.train import dictionary_key, train
from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.settings import ROOT, Settings
from tests.tasks.activations.small_set import SMALL

CONFIG = DictionaryConfig(features=24, k=3, steps=30, batch_size=8, log_every=5, checkpoint_every=10, harmonics=1)
TRAIN_SHARDS, TEST_SHARDS = range(4), range(4, 6)
KILLED = (
    "a process that extracts shards was killed, perhaps for want of memory: run again, which resumes at the last "
    "checkpoint"
)
PROGRAM = """
import json, sys
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.train import train
from tasks.settings import Settings
if __name__ == "__main__":
    print(train(sys.argv[1], DictionaryConfig.model_validate_json(sys.argv[2]), Settings(), stream=True))
"""


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """The last bit of a convolution can depend on the number of threads; the tests' own processes compute with one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def stored(one_thread, tmp_path_factory) -> Settings:
    """Settings whose data folder has the small set stored, and CONFIG trained on it."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("stored"))
    train(extract(SMALL, settings), CONFIG, settings)
    return settings


def planned(settings: Settings) -> str:
    return plan(SMALL, settings).key


def contents(settings: Settings, config: DictionaryConfig = CONFIG) -> dict:
    """What the dictionary's files hold, but times."""
    folder = store.folder_of(dictionary_key(planned(settings), config), settings)
    found: dict = {name: file_sha256(folder / name) for name in store.FILES if name != "metrics.json"}
    return found | json.loads((folder / "metrics.json").read_text()) | {"train_seconds": None}


def on(settings: Settings, runner: str, workers: int) -> Settings:
    return settings.model_copy(update={"task_runner": runner, "workers": workers})


@pytest.fixture
def made(monkeypatch) -> list[int]:
    """The shards that threads make, in the order in which they begin."""
    shards, make = [], stream.make_shard

    def recorded(key: str, shard: int, settings: Settings) -> bytes:
        shards.append(shard)
        return make(key, shard, settings)

    monkeypatch.setattr(stream, "make_shard", recorded)
    return shards


def visits(seed: int, first_row: int, last_row: int, settings: Settings) -> list[int]:
    """The train shards whose orbits are the rows of a stream from one row to another: the plain reference."""
    rows: list[int] = []
    orbits = [len(plan(SMALL, settings).shard_rows(shard)) for shard in TRAIN_SHARDS]
    epoch = 0
    while len(rows) < last_row:
        order, _ = _epoch_order(orbits, CONFIG.model_copy(update={"seed": seed}), epoch)
        visited = [(epoch, place, shard) for place, [shard] in enumerate(order) for _ in range(orbits[shard])]
        rows, epoch = rows + visited, epoch + 1
    distinct = dict.fromkeys(rows[first_row:last_row])
    return [int(shard) for _, _, shard in distinct]


def shards_stored(settings: Settings) -> list:
    return list(settings.data_dir.glob("activations/*/shard-*"))


@pytest.mark.parametrize(("runner", "workers"), [("threads", 1), ("processes", 2)])
def test_the_dictionary_is_that_of_a_stored_set_bit_for_bit(stored, settings, runner, workers):
    key = train(planned(settings), CONFIG, on(settings, runner, workers), stream=True)
    assert store.folder_of(key, stored).is_dir(), "it has the same key"
    assert contents(settings) == contents(stored)
    assert shards_stored(settings) == []
    assert len(shards_stored(stored)) > 0


def test_shards_are_mixed_as_those_of_a_stored_set(stored, settings):
    mixed = CONFIG.model_copy(update={"mixed_shards": 3})
    train(planned(settings), mixed, on(settings, "threads", 2), stream=True)
    train(planned(stored), mixed, stored)
    assert contents(settings, mixed) == contents(stored, mixed)
    assert contents(stored, mixed)["model.safetensors"] != contents(stored)["model.safetensors"]


def test_exactly_the_shards_are_made_that_are_read(stored, settings, made):
    key = planned(settings)
    train(key, CONFIG, on(settings, "threads", 1), stream=True)
    check = [TRAIN_SHARDS[0], TEST_SHARDS[0]]
    first_rows = visits(CONFIG.seed + 2**31, 0, CONFIG.features, settings)
    steps = visits(CONFIG.seed, 0, CONFIG.steps * CONFIG.batch_size, settings)
    assert made == [*check, *first_rows, *steps, *TEST_SHARDS]
    assert len(steps) > 3 * len(TRAIN_SHARDS), "more than three epochs"
    made.clear()
    assert train(key, CONFIG, settings, stream=True) == dictionary_key(key, CONFIG)
    assert made == [], "it is trained already"


def test_a_training_that_resumes_makes_the_shards_after_its_checkpoint(stored, settings, made):
    def stop_at_25(done: int, total: int) -> None:
        if done == 25:
            raise KeyboardInterrupt

    key = planned(settings)
    with pytest.raises(KeyboardInterrupt):
        train(key, CONFIG, on(settings, "threads", 2), stop_at_25, stream=True)
    made.clear()
    train(key, CONFIG, on(settings, "threads", 1), stream=True)
    rows = [step * CONFIG.batch_size for step in (20, CONFIG.steps)]
    assert made == [*visits(CONFIG.seed, *rows, settings), *TEST_SHARDS]
    assert contents(settings) == contents(stored)


def test_what_reads_stored_activations_says_so_in_one_line(settings):
    key = planned(settings)
    train(key, CONFIG, settings, stream=True)
    with pytest.raises(UserError, match=r"is not finished: run the extraction again \(with stream=true") as refused:
        ActivationSet.open(key, settings)
    assert "\n" not in str(refused.value)


def test_a_set_that_is_stored_is_read(stored, made):
    other = CONFIG.model_copy(update={"seed": 1, "steps": 3})
    train(planned(stored), other, stored, stream=True)
    assert made == []


def test_several_processes_are_refused(settings, monkeypatch):
    key = planned(settings)
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    with pytest.raises(UserError, match=r"^stream = true trains in one process: leave out torchrun, or set stream ="):
        train(key, CONFIG, settings, stream=True)
    assert not settings.dictionaries_dir.exists()


@contextmanager
def started(settings: Settings, config: DictionaryConfig) -> Iterator[subprocess.Popen]:
    """A streamed training in a process of its own, whose shards two more processes make; it is stopped at the end."""
    environment = {"KALEIDOSCOPE_TASK_RUNNER": "processes", "KALEIDOSCOPE_WORKERS": "2", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, planned(settings), config.model_dump_json()],
        cwd=ROOT,
        env=os.environ | settings.environment() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(holds: Callable[[], object], process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 300
    while not holds():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.01)


def workers_of(process: subprocess.Popen) -> list[psutil.Process]:
    """The processes that make shards; the others of the pool are multiprocessing's own."""
    children = psutil.Process(process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


@pytest.mark.faults
@pytest.mark.parametrize("victim", ["the trainer", "a worker"])
def test_a_killed_process_leaves_nothing_and_the_next_training_resumes(victim, settings, tmp_path):
    config = CONFIG.model_copy(update={"steps": 120, "checkpoint_every": 10})
    alone = Settings(data_dir=tmp_path / "alone")
    expected_key = train(extract(SMALL, alone), config, alone)
    folder = store.folder_of(expected_key, settings)

    with started(settings, config) as process:
        until(lambda: list(folder.glob("checkpoint-*.safetensors")), process)
        workers = workers_of(process)
        assert len(workers) == 2
        os.kill(process.pid if victim == "the trainer" else workers[0].pid, signal.SIGKILL)
        said = process.communicate(timeout=120)[1]
    if victim == "the trainer":
        assert process.returncode == -9
    else:
        assert f"tasks.errors.UserError: {KILLED}" in said.splitlines(), said
    psutil.wait_procs(workers, timeout=30)
    assert [worker for worker in workers if worker.is_running() and worker.status() != "zombie"] == []
    assert shards_stored(settings) == []
    reached = max(int(path.name.split("-")[1]) for path in folder.glob("checkpoint-*.safetensors"))
    assert 0 < reached < 120

    steps: list[int] = []
    train(planned(settings), config, on(settings, "threads", 1), lambda done, _: steps.append(done), stream=True)
    assert steps[0] == reached + 5, "it resumes at the checkpoint"
    assert contents(settings, config) == contents(alone, config)
