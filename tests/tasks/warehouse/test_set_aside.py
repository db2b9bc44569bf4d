"""One damaged thing stops itself, not the rest: whatever stands among the staged folders, and the warehouse itself."""

import json
import os
import re
import shutil

import duckdb
import polars as pl
import pytest

from tasks.checksums import COMMIT, SEAL, commit_folder, write_document
from tasks.errors import UserError
from tasks.quarantine import in_quarantine
from tasks.staging import is_staged, schema_version, stage_tables, staged_keys
from tasks.warehouse.audit import AuditFailed, AuditResult
from tasks.warehouse.database import open_warehouse
from tasks.warehouse.load import load, loaded_keys
from tasks.warehouse.publish import publish
from tasks.warehouse.query import query
from tests.damage import flip
from tests.sample_tables import sample_tables
from tests.tasks.warehouse.processes import run_python

BAD, GOOD = "b" * 64, "a" * 64


@pytest.fixture(autouse=True)
def no_expectations(monkeypatch):
    """The Great Expectations suite is left to other tests: it takes long."""
    monkeypatch.setattr("tasks.warehouse.audit.run_expectations", lambda connection: [])


def a_run(name: str, **columns) -> dict[str, pl.DataFrame]:
    return {"runs": sample_tables()["runs"].with_columns(flow_run_id=pl.lit(name), **columns)}


def runs_seen(settings) -> list[str]:
    return query("SELECT flow_run_id FROM runs ORDER BY flow_run_id", settings)["flow_run_id"].to_list()


def aside(settings) -> list[str]:
    return [str(one.came_from) for one in in_quarantine(settings)]


def flipped(folder):
    flip(folder / "runs.parquet", 5_003)
    return r"runs\.parquet is damaged"


def truncated(folder):
    os.truncate(folder / "runs.parquet", 100)
    return r"runs\.parquet is damaged"


def without_file(folder):
    (folder / "runs.parquet").unlink()
    return r"runs\.parquet is missing"


def without_commit(folder):
    (folder / COMMIT).unlink()
    return f"was never finished, or its {COMMIT} is missing"


def flipped_commit(folder):
    flip(folder / COMMIT, 1_001)
    return f"{COMMIT} is damaged"


def of_another_key(folder):
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name(GOOD), folder)
    return f"belongs to {GOOD}"


def no_parquet(folder):
    (folder / "runs.parquet").write_bytes(b"a letter to my aunt")
    commit_folder(folder, ["runs.parquet"], schema_version=schema_version())
    return r"runs\.parquet can't be read"


def changed(folder, change):
    rows = change(pl.read_parquet(folder / "runs.parquet"))
    rows.write_parquet(folder / "runs.parquet")
    commit_folder(folder, ["runs.parquet"], schema_version=schema_version())


def without_column(folder):
    changed(folder, lambda rows: rows.drop("seconds"))
    return r"the rows for runs lack columns \[seconds\]"


def with_column(folder):
    changed(folder, lambda rows: rows.with_columns(colour=pl.lit("red")))
    return r"unknown columns \[colour\]"


def with_null(folder):
    changed(folder, lambda rows: rows.with_columns(flow=pl.lit(None, dtype=pl.String)))
    return "runs refused rows: .*NOT NULL"


def of_another_type(folder):
    changed(folder, lambda rows: rows.with_columns(seconds=pl.lit("long")))
    return "runs refused rows: .*long"


def unknown_table(folder):
    (folder / "runs.parquet").rename(folder / "songs.parquet")
    commit_folder(folder, ["songs.parquet"], schema_version=schema_version())
    return "no table 'songs' can be loaded"


def contradicting(folder):
    networks = sample_tables()["networks"].with_columns(weights_sha256=pl.lit("0" * 64))
    networks.write_parquet(folder / "networks.parquet")
    commit_folder(folder, ["networks.parquet"], schema_version=schema_version())
    return "networks already has another row for efficientnet_lite0"


def newer(folder):
    commit_folder(folder, ["runs.parquet"], schema_version=99)
    return "made by a newer Kaleidoscope: its schema has version 99, this one knows .*; upgrade Kaleidoscope"


def no_tables(folder):
    document = json.loads((folder / COMMIT).read_text())
    del document["schema_version"], document[SEAL]
    write_document(folder / COMMIT, document)
    return "holds no staged tables"


def plain_file(folder):
    shutil.rmtree(folder)
    folder.write_text("a letter to my aunt")
    return "is not a folder of staged tables"


def notes(folder):
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "letter.txt").write_text("Dear aunt")
    return r"was never finished, .*; it holds letter\.txt"


def link(folder):
    shutil.rmtree(folder)
    folder.symlink_to(GOOD)
    return "is not a folder of staged tables"


def offending(folder):
    changed(folder, lambda rows: rows.with_columns(git_revision=pl.lit(None, dtype=pl.String)))
    rows = sample_tables()["quarantine"].head(1).with_columns(activation_set_id=pl.lit("no such set"))
    rows.write_parquet(folder / "quarantine.parquet")
    commit_folder(folder, ["quarantine.parquet"], schema_version=schema_version())
    return "its rows fail audits: quarantine_belongs_to_a_set: 1 offending"


SPOILS = [
    *(flipped, truncated, without_file, without_commit, flipped_commit, of_another_key, no_parquet),
    *(without_column, with_column, with_null, of_another_type, unknown_table, contradicting, newer, no_tables),
    *(plain_file, notes, link, offending),
]


def test_what_can_not_be_loaded_is_set_aside_and_made_again(published):
    stage_tables(GOOD, a_run(GOOD), published)
    reasons = {}
    for number, spoil in enumerate(SPOILS):
        key = f"{number:064}"
        stage_tables(key, a_run(key), published)
        reasons[key] = spoil(published.staging_dir / key)
    publish(published)
    assert runs_seen(published) == [GOOD, "sample-run"]
    assert sorted(aside(published)) == [f"frames/{key}" for key in reasons]
    found = {one.came_from.name: one.reason for one in in_quarantine(published)}
    assert {key: reason for key, reason in reasons.items() if not re.search(reason, found[key])} == {}
    assert query("SELECT name, reason FROM set_aside WHERE kind = 'frames' ORDER BY name", published).rows() == [
        (key, found[key]) for key in reasons
    ]
    assert query("SELECT count(*) FROM data_quality WHERE subject = 'set aside'", published).item() == len(SPOILS)

    for key in reasons:
        assert not is_staged(key, published)
        stage_tables(key, a_run(key), published)
    publish(published)
    assert runs_seen(published) == [*reasons, GOOD, "sample-run"]
    assert query("FROM set_aside", published).is_empty()


def test_rows_wait_for_those_that_they_refer_to(settings):
    tables = sample_tables()
    last = {"tuning_curves": tables["tuning_curves"]}
    stage_tables(BAD, last, settings)
    stage_tables(GOOD, {table: rows for table, rows in tables.items() if table != "tuning_curves"}, settings)
    os.truncate(settings.staging_dir / GOOD / "unit_tuning.parquet", 50)
    stage_tables("run", a_run("alone"), settings)
    publish(settings)
    [(name, reason)] = query("SELECT name, reason FROM set_aside WHERE kind = 'waiting'", settings).rows()
    assert name == BAD
    assert "tuning_curves refused rows: by a foreign key they refer to unit_tuning " in reason
    assert staged_keys(settings) == [BAD, "run"]

    stage_tables(GOOD, {table: rows for table, rows in tables.items() if table != "tuning_curves"}, settings)
    publish(settings)
    assert query("SELECT count(*) FROM tuning_curves", settings).item() == last["tuning_curves"].height
    assert query("FROM set_aside", settings).is_empty()


def test_what_was_loaded_is_not_read_again(published):
    stage_tables(GOOD, a_run(GOOD), published)
    publish(published)
    flip(published.staging_dir / GOOD / "runs.parquet", 5_003)
    publish(published)
    assert runs_seen(published) == [GOOD, "sample-run"]
    assert in_quarantine(published) == []


def test_a_stage_that_is_at_work_is_left_alone(published):
    folder = published.staging_dir / BAD
    code = f"""
import os, signal
from pathlib import Path
from tasks.storage import writing
with writing(Path({str(folder)!r})):
    Path({str(folder / "runs.parquet")!r}).write_bytes(b"half")
    from tasks.settings import Settings
    from tasks.warehouse import audit
    from tasks.warehouse.publish import publish
    audit.run_expectations = lambda connection: []
    publish(Settings(data_dir=Path({str(published.data_dir)!r})))
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert (folder / "runs.parquet").read_bytes() == b"half"
    assert in_quarantine(published) == []


def test_of_many_loads_the_offending_ones_are_found(published):
    keys = [f"{number:064}" for number in range(7)]
    for key in keys:
        stage_tables(key, a_run(key), published)
    orphan = sample_tables()["quarantine"].head(1)
    for key in keys[2], keys[5]:
        rows = orphan.with_columns(activation_set_id=pl.lit(key))
        stage_tables(key, a_run(key) | {"quarantine": rows}, published)
    publish(published)
    assert runs_seen(published) == [*(key for key in keys if key not in (keys[2], keys[5])), "sample-run"]
    assert sorted(aside(published)) == [f"frames/{keys[2]}", f"frames/{keys[5]}"]


def test_offending_rows_of_older_code_leave_the_warehouse(published):
    orphan = {"quarantine": sample_tables()["quarantine"].head(1).with_columns(activation_set_id=pl.lit("no such set"))}
    stage_tables(BAD, orphan, published)
    stage_tables(GOOD, a_run(GOOD), published)
    load(BAD, orphan, published)
    load(GOOD, a_run(GOOD), published)
    publish(published)
    assert runs_seen(published) == [GOOD, "sample-run"]
    assert sorted(aside(published)) == [f"frames/{BAD}", "warehouse/kaleidoscope.duckdb"]
    [warehouse] = [one for one in in_quarantine(published) if one.came_from.parts[0] == "warehouse"]
    assert "contains rows that fail audits: quarantine_belongs_to_a_set" in warehouse.reason


def test_offending_rows_that_were_never_published_and_are_staged_no_more_leave_the_warehouse(published):
    orphan = {"quarantine": sample_tables()["quarantine"].head(1).with_columns(activation_set_id=pl.lit("no such set"))}
    load(BAD, orphan, published)
    stage_tables(GOOD, a_run(GOOD), published)
    load(GOOD, a_run(GOOD), published)
    publish(published)
    assert runs_seen(published) == [GOOD, "sample-run"]
    [warehouse] = in_quarantine(published)
    assert f"the rows of {BAD} are stored nowhere else: run their flows again" in warehouse.reason
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        assert BAD in loaded_keys(connection)


def test_published_rows_are_not_dropped_for_an_audit_of_newer_code(published, monkeypatch):
    """An upgrade may bring an audit that rows offend which were published before and are staged no more."""
    [load_key] = loads_of(published)
    before = published.published_file.resolve()
    monkeypatch.setattr("tasks.warehouse.publication.code_sha256", lambda: "f" * 64)
    monkeypatch.setattr("tasks.warehouse.publish.run_audits", lambda connection: [refusing_the_first_load(connection)])
    with pytest.raises(AuditFailed, match=f"the last snapshot stays. Run the flows again that stage {load_key}, and"):
        publish(published)
    assert published.published_file.resolve() == before
    assert in_quarantine(published) == []
    # the flows have run again, and their rows are as before: now they can be set aside by name
    stage_tables(load_key, sample_tables(), published)
    stage_tables(GOOD, a_run(GOOD), published)
    publish(published)
    assert runs_seen(published) == [GOOD]
    assert f"frames/{load_key}" in aside(published)


def refusing_the_first_load(connection):
    refused = "sample-run" in {run for (run,) in connection.execute("SELECT flow_run_id FROM runs").fetchall()}
    return AuditResult("no sample", "sql", not refused, int(refused), "sample-run")


def loads_of(published):
    with duckdb.connect(str(published.published_file), read_only=True) as snapshot:
        return sorted(loaded_keys(snapshot))


def every_block(file):
    data = bytearray(file.read_bytes())
    for byte in range(20_000, len(data), 262_144):
        data[byte] ^= 1
    file.write_bytes(data)


def halved(file):
    os.truncate(file, file.stat().st_size // 2)


def no_bytes(file):
    os.truncate(file, 0)


def head_only(file):
    os.truncate(file, 12_288)


def letter(file):
    file.write_bytes(b"a letter to my aunt" * 1000)


def is_folder(file):
    file.unlink()
    file.mkdir()


def of_somebody_else(file):
    file.unlink()
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE networks (network VARCHAR, colour VARCHAR)")


def other_column(file):
    with duckdb.connect(str(file)) as connection:
        connection.execute("ALTER TABLE audit_results ADD COLUMN colour VARCHAR")


def table_lost(file):
    with duckdb.connect(str(file)) as connection:
        connection.execute("DROP TABLE family_scores")


@pytest.mark.parametrize(
    ("spoil", "origin"),
    [
        (every_block, "from the published snapshot"),
        (halved, "from the published snapshot"),
        (no_bytes, "from the published snapshot"),
        (head_only, "from the published snapshot"),
        (letter, "from the published snapshot"),
        (is_folder, "from the published snapshot"),
        (of_somebody_else, "from the published snapshot"),
        (other_column, "from the published snapshot"),
        (table_lost, "from its own tables"),
    ],
)
def test_a_damaged_or_foreign_warehouse_is_set_aside_and_made_again(published, spoil, origin):
    spoil(published.warehouse_file)
    for _ in range(2):
        with open_warehouse(published) as connection:
            found = {table: len(connection.table(table)) for table in sample_tables()}
            assert loaded_keys(connection) == {"sample"}
        lost = {"family_scores"} if spoil is table_lost else set()
        assert found == {table: 0 if table in lost else rows.height for table, rows in sample_tables().items()}
    [one] = in_quarantine(published)
    assert str(one.came_from) == "warehouse/kaleidoscope.duckdb"
    assert f"it was rebuilt {origin}" in one.reason


def test_without_a_snapshot_the_warehouse_is_made_from_what_is_staged(published):
    stage_tables("sample", sample_tables(), published)
    flip(published.published_file.resolve(), 8 * 3_000_000)
    halved(published.warehouse_file)
    publish(published)
    for table, rows in sample_tables().items():
        if table != "provenance":  # its rows are made from who staged the tables
            assert query(f"SELECT count(*) FROM {table}", published).item() == rows.height
    assert aside(published) == ["warehouse/kaleidoscope.duckdb"]


def test_a_damaged_block_that_only_a_reader_meets_is_mended_too(published):
    """No block that holds the list of tables is damaged: the file opens."""
    with duckdb.connect(str(published.warehouse_file), read_only=True) as connection:
        blocks = {row[0] for row in connection.execute(
            "SELECT DISTINCT block_id FROM pragma_storage_info('feature_examples') WHERE block_id >= 0"
        ).fetchall()}  # fmt: skip
    for block in blocks:
        flip(published.warehouse_file, 8 * (12_288 + 262_144 * block + 1_000))
    publish(published)
    assert runs_seen(published) == ["sample-run"]
    [one] = in_quarantine(published)
    assert "Corrupt database file" in one.reason
    assert "rebuilt from the published snapshot" in one.reason


def test_a_damaged_log_of_a_killed_process_is_set_aside_with_its_warehouse(published):
    stage_tables(GOOD, a_run(GOOD), published)
    code = f"""
import duckdb, os
connection = duckdb.connect({str(published.warehouse_file)!r})
connection.execute("PRAGMA disable_checkpoint_on_shutdown; PRAGMA wal_autocheckpoint='1TB'")
connection.execute("UPDATE runs SET seconds = 2")
connection.execute("CREATE TABLE other AS FROM range(1000)")
os._exit(0)
"""
    assert run_python(code).returncode == 0
    log = published.warehouse_file.with_name("kaleidoscope.duckdb.wal")
    for byte in range(100, log.stat().st_size, 100):
        flip(log, 8 * byte)
    publish(published)
    assert runs_seen(published) == [GOOD, "sample-run"]
    assert not log.exists()


def test_a_file_that_can_not_be_opened_is_left_alone(published, monkeypatch):
    published.warehouse_file.write_bytes(b"unreadable")
    monkeypatch.setattr(
        "tasks.warehouse.database.open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "denied")), raising=False
    )
    with pytest.raises(UserError, match=r"can't open warehouse .*: denied"):
        publish(published)
    assert published.warehouse_file.read_bytes() == b"unreadable"
    assert in_quarantine(published) == []
