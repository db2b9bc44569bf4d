"""Small real runs in processes of their own, and what they leave behind, put so that two runs can be compared."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
from mlflow import MlflowClient
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType

from tasks.keys import file_sha256
from tasks.settings import ROOT, Settings
from tasks.staging import read_staged, staged_keys

RUN_SECONDS = 600
TRAIN = [
    *("run", "train"),
    *(
        f"--set={assignment}"
        for assignment in (
            "extraction.layer=block1",
            "extraction.orbits=60",
            "extraction.n_rotations=4",
            "extraction.orbits_per_shard=20",
            'extraction.images.sources=["dead-leaves"]',
            "extraction.images.scenes=6",
            "dictionary.features=24",
            "dictionary.k=4",
            "dictionary.steps=10",
            "dictionary.batch_size=32",
            "dictionary.checkpoint_every=4",
        )
    ),
]
PUBLISH = ["run", "publish"]
MODEL = "topk-group-crosscoder"
ACTIVE = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
TIMES = {"loaded_at", "migrated_at", "train_seconds"}
"""Columns, and a metric, that are another number each time."""
OF_ONE_RUN = {"runs", "audit_results", "provenance", "mlflow_runs", "mlflow_models"}
"""Tables about runs, and not about what they made."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from flows.cli import main; main()", *arguments]


def disturbed(action: str, point: str, *arguments: str) -> list[str]:
    """A command that is disturbed at a named point: see tests/faults/disturbed.py."""
    return [sys.executable, "-m", "tests.faults.disturbed", action, point, *arguments]


def start(arguments: list[str], settings: Settings, prefect_api: str) -> subprocess.Popen:
    return subprocess.Popen(
        arguments,
        cwd=ROOT,
        env=os.environ
        | {"KALEIDOSCOPE_DATA_DIR": str(settings.data_dir), "PREFECT_API_URL": prefect_api, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen) -> str:
    """What it printed; fails unless it ended well."""
    said, _ = process.communicate(timeout=RUN_SECONDS)
    assert process.returncode == 0, said
    return said


def run(arguments: list[str], settings: Settings, prefect_api: str) -> str:
    return finish(start(command(*arguments), settings, prefect_api))


def run_until_killed(point: str, arguments: list[str], settings: Settings, prefect_api: str) -> None:
    process = start(disturbed("kill", point, *arguments), settings, prefect_api)
    said, _ = process.communicate(timeout=RUN_SECONDS)
    assert process.returncode == -9, f"never came to the point {point!r}:\n{said}"


def trained(settings: Settings) -> dict:
    """Every staged row but times, and the SHA-256 of every shard and model."""
    found = {}
    for key in staged_keys(settings):
        for table, rows in read_staged(key, settings).items():
            if table not in OF_ONE_RUN:
                found[key, table] = _comparable(rows.columns, rows.rows())
    for pattern in ("activations/*/shard-*.safetensors", "dictionaries/*/model.safetensors"):
        for file in settings.data_dir.glob(pattern):
            found[str(file.relative_to(settings.data_dir))] = file_sha256(file)
    return found


def published(settings: Settings) -> dict:
    """Every row of the published tables but times."""
    found = {}
    with duckdb.connect(str(settings.published_file), read_only=True) as snapshot:
        for (table,) in snapshot.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            if table not in OF_ONE_RUN:
                rows = snapshot.table(table)
                found[table] = _comparable(rows.columns, rows.fetchall())
    return found


def _comparable(columns: list[str], rows: list[tuple]) -> list[str]:
    kept = [place for place, column in enumerate(columns) if column not in TIMES]
    # a finished run stages and loads rows about itself
    return sorted(repr([row[place] for place in kept]) for row in rows if not {*TIMES, *OF_ONE_RUN} & {*map(str, row)})


def assert_clean(settings: Settings, prefect_api: str) -> None:
    """No temporary file is left, no run counts as running, and there is one version of the model."""
    assert [path for path in settings.data_dir.rglob("*") if path.name.startswith(".tmp-")] == []
    running = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=ACTIVE)))
    with SyncPrefectClient(prefect_api) as client:
        assert client.read_flow_runs(flow_run_filter=running) == []
    mlflow = MlflowClient(settings.mlflow_tracking_uri, settings.mlflow_tracking_uri)
    experiments = [experiment.experiment_id for experiment in mlflow.search_experiments()]
    assert mlflow.search_runs(experiments, "attributes.status = 'RUNNING'") == []
    assert len(mlflow.search_model_versions(f"name = '{MODEL}'")) == 1


def assert_equal_to(undisturbed: dict, settings: Settings, contents: Callable[[Settings], dict]) -> None:
    found = contents(settings)
    assert found.keys() == undisturbed.keys()
    for name, value in undisturbed.items():
        assert found[name] == value, name


def copy_of(settings: Settings, folder: Path) -> Settings:
    """The same data in another place."""
    subprocess.run(["cp", "-a", settings.data_dir, folder], check=True)
    return Settings(data_dir=folder)
