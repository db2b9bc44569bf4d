"""Four Dask workers with a data folder each and a shared store; two are killed with kill -9 during the extraction."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tasks.activations.shards import ActivationSet
from tasks.keys import file_sha256
from tasks.liveness import die_with_parent
from tasks.settings import ROOT, Settings
from tests.faults.runs import TRAIN, run

pytestmark = pytest.mark.faults
EXTRACT = [
    *("run", "extract"),
    *(each.replace("extraction.", "") for each in TRAIN[2:] if "extraction." in each),
    "--set=orbits_per_shard=4",
]
DASK = "from dask.__main__ import main; main()"
KILLED = f"from tests.faults.disturbed import AtRename, kill; AtRename(r'/shard-\\d+\\.safetensors$').arm(kill); {DASK}"
"""A worker that is killed when it has computed its first shard and is about to rename it."""
START_SECONDS = 180


@contextmanager
def process(program: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen]:
    """A Python program of its own that is stopped at the end, whatever happens."""
    started = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent,
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait()


@pytest.fixture
def scheduler(tmp_path) -> Iterator[str]:
    file = tmp_path / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    with process(DASK, "scheduler", *options) as started:
        until(lambda: file.exists() and file.stat().st_size > 0, started)
        yield json.loads(file.read_text())["address"]


def until(holds, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not holds():
        assert process.poll() is None, "it ended"
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.1)


def test_two_of_four_workers_are_killed_and_the_set_is_the_same(scheduler, prefect_api, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    alone = Settings(data_dir=tmp_path / "alone")
    run(EXTRACT, alone, prefect_api)
    store = str(tmp_path / "store")
    with ExitStack() as running:
        workers = []
        for number, program in enumerate([DASK, KILLED, DASK, KILLED]):
            folder = tmp_path / f"worker {number}"
            options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
            settings = {
                "KALEIDOSCOPE_DATA_DIR": str(folder / "data"),
                "KALEIDOSCOPE_SHARED_STORE": store,
                "PREFECT_API_URL": prefect_api,
            }
            worker = process(program, "worker", scheduler, *options, "--local-directory", str(folder), **settings)
            workers.append(running.enter_context(worker))
        with distributed.Client(scheduler, set_as_default=False) as client:
            client.wait_for_workers(4, timeout=START_SECONDS)
        planner = Settings(data_dir=tmp_path / "planner", shared_store=store)
        monkeypatch.setenv("KALEIDOSCOPE_TASK_RUNNER", scheduler)
        monkeypatch.setenv("KALEIDOSCOPE_SHARED_STORE", store)
        said = run(EXTRACT, planner, prefect_api)
        assert [worker.poll() for worker in workers] == [None, -9, None, -9], said

    [folder] = [path for path in alone.activations_dir.iterdir() if (path / "manifest.json").exists()]
    expected, found = ActivationSet.open(folder.name, alone), ActivationSet.open(folder.name, planner)
    assert len(found.shards) == 16
    assert found.shards == expected.shards
    assert not list(planner.activations_dir.glob("*/*.safetensors")), "the planner extracted nothing itself"
    for info in found.shards:
        found.read(info.index)
        name = f"{folder.name}/shard-{info.index:05}.safetensors"
        assert file_sha256(planner.activations_dir / name) == file_sha256(alone.activations_dir / name)
