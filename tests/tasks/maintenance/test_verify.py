import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.activations.plan import ExtractionPlan
from tasks.dictionary.store import describe
from tasks.errors import UserError
from tasks.liveness import Holder, alive
from tasks.maintenance.verify import verify
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.staging import stage_tables
from tests.damage import flip
from tests.sample_tables import sample_tables
from tests.tasks.activations.small_set import before_centres
from tests.tasks.maintenance.conftest import contents


def found(settings, *states) -> set[tuple[str, str]]:
    """(state, place below the data folder) of what verify finds in these states, or in all but orphaned."""
    return {
        (finding.state, finding.where.removeprefix(f"{settings.data_dir}/"))
        for finding in verify(settings)
        if (finding.state in states if states else finding.state != "orphaned")
    }


def only(folder: Path, pattern: str) -> Path:
    [path] = folder.glob(pattern)
    return path


def test_what_was_made_is_as_it_was_made_and_stays_so(small):
    settings, _, replica = small
    before, told = contents(settings.data_dir), []
    findings = verify(settings, lambda done, total: told.append((done, total)))
    assert [(finding.state, finding.where) for finding in findings] == [
        ("orphaned", str(settings.dictionaries_dir / replica))
    ]
    assert contents(settings.data_dir) == before
    assert told[-1][0] == told[-1][1] == len(told)


def test_a_disk_may_be_read_only(small, tmp_path):
    settings, _, replica = small
    mounted = subprocess.run(["mount", "--bind", settings.data_dir, settings.data_dir], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"needs the right to mount: {mounted.stderr.strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", settings.data_dir], check=True)
        with pytest.raises(OSError, match="Read-only"):
            (settings.data_dir / "new").touch()
        assert found(settings, "wrong", "stuck", "unfinished", "orphaned") == {("orphaned", f"dictionaries/{replica}")}
    finally:
        subprocess.run(["umount", settings.data_dir], check=True)


def test_there_must_be_a_data_folder(tmp_path):
    with pytest.raises(UserError, match="is not a folder: set KALEIDOSCOPE_DATA_DIR to the data folder"):
        verify(Settings(data_dir=tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "pattern",
    [
        "frames/*/dictionaries.parquet",
        "frames/*/activation_sets.parquet",
        "activations/*/plan.json",
        "activations/*/rows.parquet",
        "activations/*/shard-00000.safetensors",
        "activations/*/manifest.json",
        "dictionaries/CHAMPION/model.safetensors",
        "dictionaries/CHAMPION/config.json",
        "dictionaries/CHAMPION/checksums.json",
        "published/snapshots/*.duckdb",
        "mlflow/artifacts/models/*/artifacts/artifacts/data/dictionaries/*/model.safetensors",
    ],
)
def test_a_flipped_bit_is_found_in_its_file(small, pattern):
    settings, champion, _ = small
    file = only(settings.data_dir, pattern.replace("CHAMPION", champion))
    flip(file, 8 * (file.stat().st_size // 2) + 3)
    wrong = found(settings, "wrong", "stuck")
    assert len(wrong) == 1
    [(state, where)] = wrong
    assert state == "wrong"
    place = str(file.relative_to(settings.data_dir))
    assert place == where or place.startswith(f"{where}/")


def test_a_flipped_bit_in_the_warehouse_is_found(small):
    settings, _, _ = small
    size = settings.warehouse_file.stat().st_size
    for byte in range(300_000, size, 262_144):  # in each block: some are not in use
        flip(settings.warehouse_file, 8 * byte + 1)
    assert found(settings, "wrong") == {("wrong", "warehouse/kaleidoscope.duckdb")}


def test_a_damaged_database_of_mlflow_is_found(small):
    settings, _, _ = small
    database = settings.mlflow_dir / "mlflow.db"
    database.write_bytes(database.read_bytes()[:4096] + bytes(8192) + database.read_bytes()[12288:])
    assert found(settings, "wrong") == {("wrong", "mlflow/mlflow.db")}


@pytest.mark.parametrize(
    ("gone", "missing"),
    [
        ("dictionaries/CHAMPION", {"dictionaries/CHAMPION"}),
        ("activations/SET", {"activations/SET", "dictionaries/CHAMPION", "dictionaries/REPLICA"}),
        ("activations/SET/shard-00001.safetensors", {"activations/SET/shard-00001.safetensors"}),
        ("frames/SET", {"frames/SET"}),
        ("mlflow/artifacts/models", {"mlflow/artifacts/models/MODEL/artifacts/MLmodel"}),
        ("published/snapshots", {"published/kaleidoscope.duckdb"}),
    ],
)
def test_what_is_missing_and_referred_to_is_found(small, gone, missing):
    settings, champion, replica = small
    names = {
        "CHAMPION": champion,
        "REPLICA": replica,
        "SET": describe(champion, settings)["activation_set"],
        "MODEL": only(settings.mlflow_dir, "artifacts/models/*").name,
    }

    def named(pattern: str) -> str:
        for name, value in names.items():
            pattern = pattern.replace(name, value)
        return pattern

    path = settings.data_dir / named(gone)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert {where for _, where in found(settings, "wrong", "stuck")} == {named(each) for each in missing}


def test_a_folder_under_another_name_is_found(small):
    settings, champion, replica = small
    acts = describe(champion, settings)["activation_set"]
    for kind, key in (("dictionaries", replica), ("activations", acts), ("frames", acts)):
        shutil.copytree(settings.data_dir / kind / key, settings.data_dir / kind / ("0" * 64))
    places = {place.split("/")[0] for _, place in found(settings, "wrong")}
    assert places == {"dictionaries", "activations", "frames"}


def test_addresses_of_another_data_folder_are_found(small, tmp_path):
    settings, _, _ = small
    copy = Settings(data_dir=tmp_path / "copy", tracking_uri=None)
    shutil.copytree(settings.data_dir, copy.data_dir, symlinks=True)
    assert found(copy, "wrong") == {("wrong", "mlflow/mlflow.db")}


def test_what_is_unfinished_or_left_is_no_error(small):
    settings, champion, _ = small
    acts = describe(champion, settings)["activation_set"]
    stage_tables("staged-later", {"runs": sample_tables()["runs"]}, settings)
    (settings.activations_dir / acts / "manifest.json").unlink()
    (settings.activations_dir / acts / "shard-00001.safetensors").unlink()
    (settings.dictionaries_dir / ("1" * 64)).mkdir()
    (settings.staging_dir / acts / ".tmp-killed").write_bytes(b"half")
    settings.running_dir.mkdir(exist_ok=True)
    dead = settings.running_dir / "11111111-2222-3333-4444-555555555555.lock"
    dead.write_text(Holder(name="flow run 1", does="atlas", pid=1).model_dump_json())
    shards = ExtractionPlan.open(acts, settings).shards
    assert found(settings) == {
        ("unfinished", "frames/staged-later"),
        ("unfinished", f"activations/{acts}"),
        ("unfinished", f"dictionaries/{'1' * 64}"),
        ("unfinished", f"frames/{acts}/.tmp-killed"),
        ("unfinished", f"running/{dead.name}"),
    }
    assert f"has {shards - 1} of {shards} shards" in {finding.what for finding in verify(settings)}


def test_what_is_from_before_checksums_is_no_error_and_stays_as_it_is(small):
    settings, champion, replica = small
    acts = describe(champion, settings)["activation_set"]
    plan = settings.activations_dir / acts / "plan.json"
    written = before_centres(json.loads(plan.read_text()))
    del written["sha256"]
    plan.write_text(json.dumps(written))
    (settings.dictionaries_dir / replica / "checksums.json").unlink()
    stage_tables("old", {"runs": sample_tables()["runs"]}, settings)
    (settings.staging_dir / "old" / "checksums.json").unlink()
    (settings.staging_dir / "old" / "tables.txt").write_text("runs")
    before = contents(settings.data_dir)
    assert found(settings) == {
        ("unfinished", f"activations/{acts}"),
        ("unfinished", f"dictionaries/{replica}"),
        ("unfinished", "frames/old"),  # and not loaded yet
    }
    assert contents(settings.data_dir) == before


def test_runs_whose_process_is_gone_are_stuck(small):
    settings, _, _ = small
    with closing(sqlite3.connect(settings.mlflow_dir / "mlflow.db")) as connection, connection:
        connection.execute("UPDATE runs SET status = 'RUNNING'")
        [[run]] = connection.execute("SELECT run_uuid FROM runs").fetchall()
    flow_run, waiting = "11111111-2222-3333-4444-555555555555", "44444444-2222-3333-4444-555555555555"
    (settings.data_dir / "prefect").mkdir()
    with closing(sqlite3.connect(settings.data_dir / "prefect" / "prefect.db")) as connection, connection:
        connection.execute("CREATE TABLE flow_run (id, name, state_name, state_type, state_timestamp, start_time)")
        now, long_ago = datetime.now(UTC), datetime.now(UTC) - timedelta(minutes=11)
        for run_id, state, at in [
            (flow_run, "Running", now), ("2" * 36, "Completed", now), ("3" * 36, "Pending", now),
            (waiting, "Pending", long_ago),
        ]:  # fmt: skip
            at = at.strftime("%Y-%m-%d %H:%M:%S.%f")
            connection.execute("INSERT INTO flow_run VALUES (?, 'owl', ?, ?, ?, 0)", [run_id, state, state.upper(), at])
    stuck = {("stuck", f"flow run {waiting}"), ("stuck", f"flow run {flow_run}"), ("stuck", f"MLflow run {run}")}
    assert found(settings) == stuck
    holder = Holder(name="flow run", does="atlas")
    with (
        alive(settings.running_dir / f"{flow_run}.lock", holder),
        alive(settings.running_dir / f"{waiting}.lock", holder),
    ):
        assert found(settings) == set()


def test_quarantine_is_shown_with_its_reason(small):
    settings, _, replica = small
    moved = set_aside(settings.dictionaries_dir / replica, "a bit was flipped", settings)
    [finding] = verify(settings)
    assert (finding.state, finding.where) == ("quarantine", str(moved))
    assert finding.what == f"dictionaries/{replica}: a bit was flipped"


def test_each_snapshot_is_named_by_its_checksum(small):
    settings, _, _ = small
    snapshot = settings.published_file.resolve()
    shutil.copyfile(snapshot, snapshot.with_name(f"{'0' * 64}.duckdb"))
    assert found(settings, "wrong") == {("wrong", f"published/snapshots/{'0' * 64}.duckdb")}


def test_findings_can_be_written_as_json(small):
    settings, champion, _ = small
    shutil.rmtree(settings.dictionaries_dir / champion)
    for finding in json.loads(json.dumps([finding._asdict() for finding in verify(settings)])):
        assert set(finding) == {"state", "what", "where", "remedy"}
        assert all(finding.values())
