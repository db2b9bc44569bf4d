"""Many flow runs through one `kaleidoscope up`: what its servers hold in memory, open files and on the disk.

    python -m tests.faults.soak 200

Each run is `publish` with nothing new to publish. A few runs are scheduled at a time, and the deployment's concurrency
limit lets one work. Measured at the start (after the first publication), in the middle and at the end.
"""

import json
import re
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from prefect.client.orchestration import SyncPrefectClient

from flows.servers import running_servers
from tasks.maintenance.inventory import reading
from tasks.settings import Settings
from tasks.staging import stage_tables
from tests.faults.services import running_up
from tests.sample_tables import sample_tables

AT_A_TIME = 4
RUN_SECONDS = 900
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

    lock_errors: lines of the logs that name one. slots: concurrency slots that are taken after the last run. left:
    processes of runs that are alive after the last run.
    """

    samples: list[Sample]
    states: dict[str, int]
    lock_errors: list[str]
    slots: int
    left: int


def soak(runs: int, settings: Settings) -> Soak:
    """Execute `runs` runs on an empty data folder."""
    stage_tables("sample", sample_tables(), settings)
    with running_up(settings) as process:
        parent = psutil.Process(process.pid)
        with SyncPrefectClient(running_servers(settings)["prefect"]) as client:
            deployment = client.read_deployment_by_name("publish/publish").id
            states = [_ended(client, client.create_flow_run_from_deployment(deployment).id)]
            before = len(parent.children(recursive=True))
            began = time.monotonic()
            samples = [_sample(0, 0.0, parent, settings)]
            for half in (runs // 2, runs - runs // 2):
                states += _executed(half, client, deployment)
                samples.append(_sample(len(states) - 1, time.monotonic() - began, parent, settings))
        with reading(settings.prefect_file) as database:
            [(slots,)] = database.execute("SELECT sum(active_slots) FROM concurrency_limit_v2").fetchall()
        left = len(parent.children(recursive=True)) - before
    logs = [line for log in settings.data_dir.rglob("*.log") for line in log.read_text(errors="replace").splitlines()]
    counts = {state: states.count(state) for state in sorted({*states})}
    return Soak(samples, counts, [line for line in logs if LOCKED.search(line)], slots, left)


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
        {name: child.num_fds() for name, child in services.items()},
        {name: round(_bytes(file) / 2**20, 2) for name, file in files.items()},
    )


def _bytes(database: Path) -> int:
    """Return the size of a database with its write-ahead log."""
    return sum(file.stat().st_size for file in database.parent.glob(f"{database.name}*"))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asdict(soak(int(sys.argv[1]), Settings(data_dir=Path(folder) / "data"))), indent=1))


if __name__ == "__main__":
    main()
