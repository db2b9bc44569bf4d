import fcntl
import json
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import hypothesis
import polars
import pytest
from hypothesis import strategies

from tasks.checksums import commit_folder
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.liveness import Holder, alive, waiting_for
from tasks.maintenance.garbage import delete_garbage, find_garbage
from tasks.maintenance.verify import verify
from tasks.quarantine import set_aside
from tasks.report.site import swapped_in
from tasks.settings import Settings
from tasks.staging import stage_tables, staged_keys
from tasks.storage import writing
from tasks.warehouse.load import load
from tasks.warehouse.publish import publish
from tasks.warehouse.query import catalogue, query
from tests.sample_tables import sample_tables
from tests.tasks.maintenance.conftest import contents, grow_old

DAY = 24 * 3600
KEYS = [content_key("folder", 1, number=number) for number in range(8)]


def places(garbage, settings) -> set[str]:
    return {str(one.path.relative_to(settings.data_dir)) for one in garbage}


def age(path: Path, days: float) -> None:
    for each in (path, *path.rglob("*")):
        os.utime(each, (time.time() - days * DAY,) * 2, follow_symlinks=False)


def whole(kind: str, key: str, settings: Settings, **config: str) -> Path:
    """A finished folder of a kind, a week old."""
    folder = settings.data_dir / kind / key
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    commit_folder(folder, ["config.json"])
    if kind == "activations":
        (folder / "manifest.json").write_text("{}")
    grow_old(folder)
    return folder


def test_what_is_listed_is_not_deleted_and_what_is_deleted_was_listed(small):
    settings, _, replica = small
    before = contents(settings.data_dir)
    size = sum(file.stat().st_size for file in (settings.dictionaries_dir / replica).iterdir())
    [one] = find_garbage(settings)
    assert (one.path, one.bytes) == (settings.dictionaries_dir / replica, size)
    assert contents(settings.data_dir) == before

    tables = query("FROM dictionaries", settings), catalogue(settings)
    assert delete_garbage(settings) == [one]
    assert find_garbage(settings) == []
    assert verify(settings) == []
    gone = {name for name in before if name.startswith(f"dictionaries/{replica}/")}
    assert contents(settings.data_dir).keys() == before.keys() - gone
    publish(settings)
    assert query("FROM dictionaries", settings).equals(tables[0])
    assert catalogue(settings).filter(name="features").equals(tables[1].filter(name="features"))


@hypothesis.settings(max_examples=25)
@hypothesis.given(
    dictionaries=strategies.dictionaries(strategies.sampled_from(KEYS), strategies.sampled_from(KEYS)),
    sets=strategies.sets(strategies.sampled_from(KEYS)),
    attacks=strategies.sets(strategies.sampled_from(KEYS)),
    cavs=strategies.sets(strategies.sampled_from(KEYS)),
    in_rows=strategies.lists(strategies.sampled_from(KEYS), max_size=3),
    in_models=strategies.lists(strategies.sampled_from(KEYS), max_size=2),
    in_runs=strategies.lists(
        strategies.tuples(strategies.sampled_from(KEYS), strategies.sampled_from(["RUNNING", "FINISHED"])), max_size=2
    ),
)
def test_whatever_refers_to_whatever_it_stays(
    tmp_path_factory, dictionaries, sets, attacks, cavs, in_rows, in_models, in_runs
):
    settings = Settings(data_dir=tmp_path_factory.mktemp("graph") / "data", tracking_uri=None)
    settings.mlflow_dir.mkdir(parents=True)
    with closing(sqlite3.connect(settings.mlflow_dir / "mlflow.db")) as connection, connection:
        connection.execute("CREATE TABLE model_versions (name, version, current_stage)")
        connection.execute("CREATE TABLE model_version_tags (key, value, name, version)")
        connection.execute("CREATE TABLE runs (run_uuid, status)")
        connection.execute("CREATE TABLE tags (key, value, run_uuid)")
        connection.execute("CREATE TABLE logged_models (model_id)")
        for version, key in enumerate(in_models):
            connection.execute("INSERT INTO model_versions VALUES ('m', ?, 'None')", [version])
            connection.execute("INSERT INTO model_version_tags VALUES ('dictionary', ?, 'm', ?)", [key, version])
        for run, (key, status) in enumerate(in_runs):
            connection.execute("INSERT INTO runs VALUES (?, ?)", [run, status])
            connection.execute("INSERT INTO tags VALUES ('dictionary', ?, ?)", [key, run])
    for number, key in enumerate(in_rows):
        row = sample_tables()["runs"].with_columns(config=polars.lit(json.dumps({"dictionaries": [key]})))
        stage_tables(f"run-{number}", {"runs": row}, settings)
    folders = {
        whole("dictionaries", key, settings, activation_set=made_from) for key, made_from in dictionaries.items()
    }
    for kind, keys in (("activations", sets), ("attacks", attacks), ("cavs", cavs)):
        folders |= {whole(kind, key, settings) for key in keys}

    named = {*in_rows, *in_models, *(key for key, status in in_runs if status == "RUNNING")}
    named |= {made_from for key, made_from in dictionaries.items() if key in named}
    kept = {folder for folder in folders if folder.name in named}
    assert {one.path for one in find_garbage(settings)} == folders - kept
    delete_garbage(settings)
    assert {folder for folder in folders if folder.exists()} == kept
    assert staged_keys(settings) == [f"run-{number}" for number in range(len(in_rows))]


def test_staged_tables_are_never_deleted(settings):
    stage_tables("staged_keys", {"runs": sample_tables()["runs"]}, settings)
    age(settings.staging_dir, 1000)
    assert find_garbage(settings) == []


def test_what_is_young_or_has_a_writer_or_may_be_needed_stays(settings):
    old, young, written = (whole("dictionaries", key, settings, activation_set="a") for key in KEYS[:3])
    (young / "model.safetensors").touch()
    run = settings.running_dir / "11111111-2222-3333-4444-555555555555.lock"
    with writing(written):
        age(written, 7)
        assert {one.path for one in find_garbage(settings)} == {old}
        with alive(run, Holder(name="flow run", does="atlas")):
            assert find_garbage(settings) == []
            assert delete_garbage(settings) == []
        assert {one.path for one in delete_garbage(settings)} == {old}
    assert (young.exists(), written.exists()) == (True, True)


def test_unfinished_work_stays_for_as_long_as_is_set(settings):
    training, extraction = settings.dictionaries_dir / KEYS[0], settings.activations_dir / KEYS[1]
    for folder in (training, extraction):
        folder.mkdir(parents=True)
        (folder / "checkpoint.safetensors").write_bytes(b"half")
        age(folder, 20)
    finished = whole("activations", KEYS[2], settings)
    # it may be what the training reads
    assert find_garbage(settings) == []
    impatient = settings.model_copy(update={"keep_unfinished_days": 10})
    assert {one.path for one in find_garbage(impatient)} == {training, extraction}
    assert {one.path for one in delete_garbage(impatient)} == {training, extraction}
    assert {one.path for one in find_garbage(settings)} == {finished}


def test_snapshots_and_sites_beyond_their_number_are_deleted(small):
    settings, _, replica = small
    shutil.rmtree(settings.dictionaries_dir / replica)
    for number in range(2):
        many = settings.model_copy(update={"keep_snapshots": 9, "keep_sites": 9})
        load(
            f"run {number}",
            {"runs": sample_tables()["runs"].with_columns(flow_run_id=polars.lit(f"{number}"))},
            settings,
        )
        publish(many)
        with swapped_in(settings.site_dir, many.keep_sites) as folder:
            (folder / "index.html").write_text(str(number))
    (settings.site_dir.with_name("site-versions") / "half").mkdir()
    one = settings.model_copy(update={"keep_snapshots": 1, "keep_sites": 1})
    assert len(find_garbage(settings)) == 2  # the oldest snapshot of three, the page that is half written
    garbage = delete_garbage(one)
    assert {each.path.parent.name for each in garbage} == {"snapshots", "site-versions"}
    assert len(garbage) == 4
    assert [*settings.published_file.parent.glob("snapshots/*")] == [settings.published_file.resolve()]
    assert (settings.site_dir / "index.html").read_text() == "1"
    assert query("SELECT count(*) FROM runs", settings).item() == 2


def test_quarantine_is_deleted_with_its_reasons_when_it_is_old(settings):
    moved = set_aside(whole("attacks", KEYS[0], settings), "a bit was flipped", settings)
    assert find_garbage(settings) == []
    impatient = settings.model_copy(update={"keep_quarantine_days": 0})
    assert {one.path.name for one in delete_garbage(impatient)} == {moved.name, f"{moved.name}.json"}
    assert not any(path.is_file() for path in settings.quarantine_dir.rglob("*"))


def test_results_are_deleted_once_prefect_has_deleted_their_runs(settings):
    storage = settings.data_dir / "prefect" / "storage"
    storage.mkdir(parents=True)
    for name, days in (("old", 91), ("new", 89)):
        (storage / name).touch()
        age(storage / name, days)
    assert {one.path for one in delete_garbage(settings)} == {storage / "old"}
    assert [path.name for path in storage.iterdir()] == ["new"]


def test_what_killed_processes_and_migrations_left_is_deleted(small):
    settings, _, replica = small
    shutil.rmtree(settings.dictionaries_dir / replica)
    (settings.warehouse_file.with_name("kaleidoscope.duckdb.before-v1")).write_bytes(b"old")
    (settings.published_file.parent / ".tmp-old-link").symlink_to("nowhere")
    (settings.mlflow_dir / "artifacts" / "models" / "m-orphan").mkdir()
    age(settings.data_dir, 2)
    (settings.published_file.parent / ".tmp-young").touch()
    assert places(delete_garbage(settings), settings) == {
        "warehouse/kaleidoscope.duckdb.before-v1",
        "published/.tmp-old-link",
        "mlflow/artifacts/models/m-orphan",
    }
    assert (settings.published_file.parent / ".tmp-young").exists()
    assert verify(settings)[0].where.endswith(".tmp-young")


def test_what_cannot_be_read_may_refer_to_anything(small):
    settings, _, _ = small
    parquet = next(settings.staging_dir.glob("*/dictionaries.parquet"))
    stage_tables("later", {"runs": sample_tables()["runs"]}, settings)
    (settings.staging_dir / "later" / "runs.parquet").write_bytes(parquet.read_bytes()[:-1])
    before = contents(settings.data_dir)
    with pytest.raises(UserError, match=r"runs\.parquet is damaged"):
        delete_garbage(settings)
    assert contents(settings.data_dir) == before


def test_a_publication_is_not_disturbed(small):
    settings, _, _ = small
    holder = Holder(name="flow run 1", does="publish")
    with (
        waiting_for("the warehouse", settings.warehouse_lock, holder, print),
        pytest.raises(UserError, match=r"warehouse is held by flow run 1 \(publish, PID .*\) since .*: run gc again"),
    ):
        delete_garbage(settings)


def test_a_second_one_is_refused(small):
    settings, _, replica = small
    descriptor = os.open(settings.data_dir, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(UserError, match=r"is running on .*: run again when it is done"):
            delete_garbage(settings)
    finally:
        os.close(descriptor)
    assert (settings.dictionaries_dir / replica).exists()
