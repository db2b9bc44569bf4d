"""Three machines, played by processes with a data folder each: one runs `up`, the others a worker of its pool."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.flows import Flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import WORK_POOL
from flows.dead_runs import GRACE
from flows.servers import api_url, free_port
from flows.steps import running_lock
from tasks.activations.shards import ActivationSet
from tasks.liveness import die_with_parent, is_held
from tasks.settings import ROOT, Settings
from tests.faults.services import running_up
from tests.faults.test_killed_services import command_of, wait_until
from tests.processes import environment_for

pytestmark = pytest.mark.faults

QUEUE = "extract"
CONFIG = {
    "n_rotations": 4,
    "orbits": 12,
    "orbits_per_shard": 6,
    "images": {"sources": ["dead-leaves"], "scenes": 6},
}
LAYERS = ("block1", "block1_depthwise")


def machine(name: str, folder) -> Settings:
    return Settings(data_dir=folder / name, shared_store=str(folder / "store"))


@contextmanager
def worker(settings: Settings, api: str) -> Iterator[subprocess.Popen]:
    """Yield a worker as docs/operator.md starts it on another machine; it is stopped at the end."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", WORK_POOL, "--work-queue", QUEUE]
    environment = environment_for(settings) | settings.environment() | {"PREFECT_API_URL": api, "OMP_NUM_THREADS": "1"}
    log = settings.data_dir / "worker.log"
    log.parent.mkdir(parents=True)
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, preexec_fn=die_with_parent
        )
    try:
        yield process
    finally:
        family = [*psutil.Process(process.pid).children(recursive=True), process]
        for member in family:
            member.kill()
        process.wait()


@contextmanager
def suspended(up: subprocess.Popen) -> Iterator[None]:
    """The worker of `up` takes no run meanwhile."""
    [process] = [child for child in psutil.Process(up.pid).children() if "worker start" in command_of(child)]
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def start_extraction(layer: str, api: str) -> None:
    """As docs/operator.md does."""
    config = json.dumps(CONFIG | {"layer": layer})
    command = [sys.executable, "-m", "prefect", "deployment", "run", "extract/extract", "--param", f"config={config}"]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"PREFECT_API_URL": api}, check=True, stdout=subprocess.DEVNULL)


def test_machines_extract_what_another_one_plans_and_their_runs_survive_a_new_start_of_up(tmp_path):
    planner, *others = (machine(name, tmp_path) for name in ("planner", "one", "other"))
    ports = free_port(), free_port()
    api = api_url(ports[0])
    with ExitStack() as running:
        client = running.enter_context(SyncPrefectClient(api))
        with running_up(planner, planner.environment(), ports) as up:
            for settings in others:
                running.enter_context(worker(settings, api))
            with suspended(up):
                for layer in LAYERS:
                    start_extraction(layer, api)
                wait_until(lambda: len(ended(client)) == len(LAYERS), "both runs end")
            assert [run.state.type for run in ended(client)] == [StateType.COMPLETED] * len(LAYERS)
            assert not planner.activations_dir.exists()
            keys = [folder.name for settings in others for folder in settings.activations_dir.glob("[!.]*/")]
            for key in keys:
                acts = ActivationSet.open(key, planner)
                assert sum(acts.read(shard.index).shape[0] for shard in acts.shards) == CONFIG["orbits"]
            assert {ActivationSet.open(key, planner).config.layer for key in keys} == {*LAYERS}

            with temporary_settings({PREFECT_API_URL: api}):
                sleeper = Flow.from_source(str(ROOT), "tests/faults/sleeper.py:sleeper").deploy(
                    "sleeper", work_pool_name=WORK_POOL, work_queue_name=QUEUE, print_next_steps=False
                )
            with suspended(up):
                run = client.create_flow_run_from_deployment(sleeper).id
                wait_until(lambda: any(is_held(running_lock(run, each)) for each in others), "the sleeper begins")

        with running_up(planner, planner.environment(), ports):
            state = client.read_flow_run(run).state
            old_enough = state.timestamp + GRACE + timedelta(seconds=20)
            time.sleep(max(0, (old_enough - datetime.now(UTC)).total_seconds()))
            assert client.read_flow_run(run).state.type == StateType.RUNNING
            [holder] = [each for each in others if is_held(running_lock(run, each))]
            assert not running_lock(run, planner).exists()
            assert holder.data_dir != planner.data_dir


def ended(client: SyncPrefectClient) -> list:
    return [run for run in client.read_flow_runs() if run.state.is_final()]
