"""Many flow runs through one `kaleidoscope up`: what its servers hold in memory, open files and on the disk.

    python -m tests.faults.soak 200

Each run is `publish` with nothing new to publish. A few runs are scheduled at a time, and the deployment's concurrency
limit lets one work. Measured at the start (after the first publication), in the middle and at the end. Where
PREFECT_API_DATABASE_CONNECTION_URL is set, Prefect's server uses that database.
"""

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from prefect.client.orchestration import SyncPrefectClient

from flows.servers import running_servers
from tasks.settings import PREFECT_DATABASE, Settings
from tasks.staging import stage_tables
from tests.faults.services import running_up
from tests.sample_tables import sample_tables

AT_A_TIME = 4
RUN_SECONDS = 900
END_SECONDS = 60
SETTLE_POLLS = 25
LOCKED = re.compile(r"database is locked|deadlock", re.IGNORECASE)
SERVICES = {"Prefect server": "flows.prefect_app", "MLflow server": "mlflow server", "worker": "prefect worker"}


@dataclass(frozen=True)
class Sample:
    """What the services take after `runs` runs. Each dictionary: name of a service or database -> its figure."""

    runs: int
    seconds: float
    memory_mib: dict[str, float]
    open_files: dict[str, int]
    database_mib: dict[str, float]


@dataclass(frozen=True)
class Soak:
    """samples: at the start, in the middle and at the end. states: state of a run -> number of runs.

    lock_errors: log and line of each error about a locked database. slots: concurrency slots that are taken after the
    last run. left: processes of runs that are alive after the last run.
    """

    samples: list[Sample]
    states: dict[str, int]
    lock_errors: list[str]
    slots: int
    left: int


def soak(runs: int, settings: Settings, variables: Mapping[str, str]) -> Soak:
    """Execute `runs` runs on an empty data folder. variables: those that name Prefect's database, if it isn't there."""
    stage_tables("sample", sample_tables(), settings)
    with running_up(settings, variables) as process:
        parent = psutil.Process(process.pid)
        with SyncPrefectClient(running_servers(settings)["prefect"]) as client:
            before = len(parent.children(recursive=True))
            deployment = client.read_deployment_by_name("publish/publish").id
            states = [_ended(client, client.create_flow_run_from_deployment(deployment).id)]
            began = time.monotonic()
            samples = [_sample(0, 0.0, parent, settings)]
            for half in (runs // 2, runs - runs // 2):
                states += _executed(half, client, deployment)
                samples.append(_sample(len(states) - 1, time.monotonic() - began, parent, settings))
            slots = sum(limit.active_slots for limit in client.read_global_concurrency_limits())
        left = _left(parent, before)
    lines = [(log.name, line) for log in settings.data_dir.rglob("*.log") for line in log.open(errors="replace")]
    lock_errors = [f"{log}: {line.strip()}" for log, line in lines if LOCKED.search(line)]
    return Soak(samples, {state: states.count(state) for state in sorted({*states})}, lock_errors, slots, left)


def _left(parent: psutil.Process, before: int) -> int:
    """Return how many child processes there are more than before, once those of the last runs have had time to end."""
    deadline = time.monotonic() + END_SECONDS
    while (left := len(parent.children(recursive=True)) - before) > 0 and time.monotonic() < deadline:
        time.sleep(0.5)
    return left


def _executed(runs: int, client: SyncPrefectClient, deployment: Any) -> list[str]:
    states, waiting = [], []
    for number in range(runs):
        waiting.append(client.create_flow_run_from_deployment(deployment).id)
        if len(waiting) == AT_A_TIME or number == runs - 1:
            states += [_ended(client, run) for run in waiting]
            waiting = []
    return states


def _ended(client: SyncPrefectClient, run: Any) -> str:
    """Wait for a flow run; return the type of its last state."""
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        state = client.read_flow_run(run).state
        if state and state.is_final():
            return state.type.value
        if time.monotonic() > deadline:
            raise TimeoutError(f"run {run} has not ended after {RUN_SECONDS} s")
        time.sleep(0.5)


def _sample(runs: int, seconds: float, parent: psutil.Process, settings: Settings) -> Sample:
    services = {}
    for child in parent.children(recursive=True):
        command = " ".join(child.cmdline())
        services |= {name: child for name, part in SERVICES.items() if part in command and name not in services}
    files = {"prefect": settings.prefect_file, "mlflow": settings.mlflow_dir / "mlflow.db"}
    files |= {"warehouse": settings.warehouse_file}
    return Sample(
        runs,
        round(seconds),
        {name: round(child.memory_info().rss / 2**20) for name, child in services.items()},
        {name: _open_files(child) for name, child in services.items()},
        {name: round(_bytes(file) / 2**20, 2) for name, file in files.items()},
    )


def _open_files(process: psutil.Process) -> int:
    """Return the fewest open files within a few seconds: requests that are being answered hold connections."""
    counts = []
    for _ in range(SETTLE_POLLS):
        counts.append(process.num_fds())
        time.sleep(0.2)
    return min(counts)


def _bytes(database: Path) -> int:
    """Return the size of a database with its write-ahead log."""
    return sum(file.stat().st_size for file in database.parent.glob(f"{database.name}*"))


def main() -> None:
    variables = {name: os.environ[name] for name in PREFECT_DATABASE if name in os.environ}
    with tempfile.TemporaryDirectory() as folder:
        ended = soak(int(sys.argv[1]), Settings(data_dir=Path(folder) / "data"), variables)
    print(json.dumps(asdict(ended), indent=1))


if __name__ == "__main__":
    main()
