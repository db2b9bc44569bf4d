"""A data folder that was moved or copied reads and writes its own files, also through plain MLflow clients."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tasks.errors import UserError
from tasks.settings import ROOT, Settings
from tasks.tracking.promotion import promote
from tasks.tracking.registry import register
from tasks.tracking.runs import log_training
from tasks.tracking.store import artifacts_folder, create_store, server_command
from tests.tasks.tracking.conftest import CHANNELS, plain_features, write_dictionary

KEY, LATER = "a" * 64, "b" * 64
CLIENT = """
import os, sys
opened, data_folder = [], sys.argv[1]
sys.addaudithook(lambda event, about: opened.append(about[0]) if event == "open" else None)
import mlflow, numpy
model = mlflow.pyfunc.load_model("models:/topk-sae@champion")
numpy.save(sys.argv[2], model.predict(numpy.load(sys.argv[3])))
client = mlflow.MlflowClient()
[version] = client.search_model_versions("name = 'topk-sae'")
client.download_artifacts(version.run_id, "figures", sys.argv[4])
with mlflow.start_run():
    mlflow.log_text("by a plain client", "note.txt")
for path in opened:
    if isinstance(path, str) and path.startswith(data_folder + "/"):
        raise SystemExit(f"opened {path}")
"""


@pytest.fixture
def original(tmp_path, empty_store):
    """A data folder with a champion; its name holds what means something in a URL."""
    from matplotlib.figure import Figure

    settings = Settings(data_dir=tmp_path / "one #1" / "data", tracking_uri=None)
    settings.mlflow_dir.mkdir(parents=True)
    shutil.copyfile(empty_store, settings.mlflow_dir / "mlflow.db")
    tensors = write_dictionary(KEY, settings, architecture="sae")
    register(KEY, log_training(KEY, settings, lambda: {"training": Figure()}), settings)
    assert promote("topk-sae", True, settings)
    return settings, tensors


def addresses(settings) -> set[str]:
    """Every value of MLflow's database that is an address of a file."""
    with closing(sqlite3.connect(settings.mlflow_dir / "mlflow.db")) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [row for table in tables for row in connection.execute(f'SELECT * FROM "{table}"')]
    return {value for row in rows for value in row if isinstance(value, str) and value.startswith(("file:", "/"))}


def test_addresses_of_a_real_store_are_known(original):
    settings, _ = original
    found = addresses(settings)
    assert {address.removeprefix(artifacts_folder(settings)).split("/")[-1] for address in found} == {"", "artifacts"}
    assert all(address.startswith(artifacts_folder(settings)) for address in found)


def test_a_copy_reads_and_writes_only_its_own_files(original, tmp_path):
    settings, tensors = original
    copy = Settings(data_dir=tmp_path / "copy of data", tracking_uri=None)
    shutil.copytree(settings.data_dir, copy.data_dir)
    for file in settings.mlflow_dir.joinpath("artifacts").rglob("*"):
        if file.is_file():
            file.write_bytes(b"poison")
    before = {path: path.stat().st_mtime_ns for path in settings.data_dir.rglob("*")}

    create_store(copy)
    assert all(address.startswith(artifacts_folder(copy)) for address in addresses(copy))
    rows = np.random.default_rng(0).standard_normal((5, CHANNELS)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    (tmp_path / "downloaded").mkdir()
    child = subprocess.run(
        [sys.executable, "-c", CLIENT, str(settings.data_dir)]
        + [str(tmp_path / name) for name in ("features.npy", "rows.npy", "downloaded")],
        env={name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
        | {"MLFLOW_TRACKING_URI": copy.mlflow_tracking_uri, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0, child.stderr
    np.testing.assert_allclose(np.load(tmp_path / "features.npy"), plain_features(tensors, rows), atol=1e-5)
    assert [file.name for file in (tmp_path / "downloaded").rglob("*.png")] == ["training.png"]

    write_dictionary(LATER, copy, architecture="sae", seed=2)
    register(LATER, log_training(LATER, copy), copy)
    assert all(address.startswith(artifacts_folder(copy)) for address in addresses(copy))
    assert [note.read_text() for note in copy.mlflow_dir.rglob("note.txt")] == ["by a plain client"]
    assert {path: path.stat().st_mtime_ns for path in settings.data_dir.rglob("*")} == before
    assert not (tmp_path / "mlruns").exists()


def test_addresses_are_rewritten_once_and_go_on_naming_the_same_files(original, tmp_path):
    settings, _ = original
    below = {address.removeprefix(artifacts_folder(settings)) for address in addresses(settings)}
    moved = Settings(data_dir=tmp_path / "moved", tracking_uri=None)
    settings.data_dir.rename(moved.data_dir)
    server_command(moved, 5050)
    assert {address.removeprefix(artifacts_folder(moved)) for address in addresses(moved)} == below
    assert all(Path(moved.mlflow_dir / "artifacts" / each.lstrip("/")).exists() for each in below if "models" in each)
    once = (moved.mlflow_dir / "mlflow.db").read_bytes()
    create_store(moved)
    assert (moved.mlflow_dir / "mlflow.db").read_bytes() == once


def test_a_store_of_the_users_own_is_left_alone(original, tmp_path):
    settings, _ = original
    own = tmp_path / "own.db"
    shutil.copyfile(settings.mlflow_dir / "mlflow.db", own)
    before = own.read_bytes()
    create_store(Settings(data_dir=tmp_path / "elsewhere", tracking_uri=f"sqlite:///{own}"))
    assert own.read_bytes() == before


def test_an_address_that_the_user_chose_stays(original, tmp_path):
    settings, _ = original
    with closing(sqlite3.connect(settings.mlflow_dir / "mlflow.db")) as connection, connection:
        connection.execute("UPDATE runs SET artifact_uri = 's3://bucket/mlflow/artifacts/1'")
    moved = Settings(data_dir=tmp_path / "moved", tracking_uri=None)
    settings.data_dir.rename(moved.data_dir)
    create_store(moved)
    with closing(sqlite3.connect(moved.mlflow_dir / "mlflow.db")) as connection:
        assert connection.execute("SELECT DISTINCT artifact_uri FROM runs").fetchall() == [
            ("s3://bucket/mlflow/artifacts/1",)
        ]


def test_a_server_on_what_is_no_database_is_one_line(settings):
    (settings.mlflow_dir / "mlflow.db").write_bytes(b"not a database, " * 100)
    with pytest.raises(UserError, match=r"MLflow at sqlite:.* failed: file is not a database"):
        server_command(settings, 5050)
