"""A publication of nothing new is found by content: what was loaded, the code, and the files as they are."""

import os
import shutil
from uuid import uuid4

import duckdb
import polars as pl
import pytest

from tasks.quarantine import set_aside
from tasks.staging import stage_tables
from tasks.warehouse import publication
from tasks.warehouse.load import load
from tasks.warehouse.publication import RECORD, is_published
from tasks.warehouse.publish import publish
from tasks.warehouse.query import query
from tests.damage import flip
from tests.sample_tables import sample_tables

MIDDLE = 50_003


def a_run(name: str) -> dict[str, pl.DataFrame]:
    return {"runs": sample_tables()["runs"].with_columns(flow_run_id=pl.lit(name))}


def snapshot_is_damaged(settings, monkeypatch):
    settings.published_file.resolve().chmod(0o644)
    flip(settings.published_file.resolve(), MIDDLE)


def snapshot_is_missing(settings, monkeypatch):
    settings.published_file.resolve().unlink()


def link_is_missing(settings, monkeypatch):
    settings.published_file.unlink()


def link_is_a_file(settings, monkeypatch):
    snapshot = settings.published_file.resolve()
    settings.published_file.unlink()
    shutil.copyfile(snapshot, settings.published_file)


def link_names_another_snapshot(settings, monkeypatch):
    other = settings.published_file.resolve().with_name(f"{'0' * 64}.duckdb")
    shutil.copyfile(settings.published_file, other)
    settings.published_file.unlink()
    settings.published_file.symlink_to(other)


def warehouse_is_damaged(settings, monkeypatch):
    flip(settings.warehouse_file, MIDDLE)


def warehouse_is_missing(settings, monkeypatch):
    settings.warehouse_file.unlink()


def killed_writer_left_a_log(settings, monkeypatch):
    settings.warehouse_file.with_name(f"{settings.warehouse_file.name}.wal").write_bytes(b"")


def rows_were_loaded(settings, monkeypatch):
    load("later", a_run("later"), settings)


def rows_were_staged(settings, monkeypatch):
    stage_tables("later", a_run("later"), settings)


def a_run_staged_more_than_its_row(settings, monkeypatch):
    run = str(uuid4())
    stage_tables(run, a_run(run) | {"images": sample_tables()["images"]}, settings)


def row_of_a_run_is_no_document(settings, monkeypatch):
    run = str(uuid4())
    stage_tables(run, a_run(run), settings)
    flip(settings.staging_dir / run / "checksums.json", 100)


def something_was_set_aside(settings, monkeypatch):
    (settings.staging_dir / "letter").mkdir(parents=True)
    set_aside(settings.staging_dir / "letter", "is foreign", settings)


def code_has_changed(settings, monkeypatch):
    monkeypatch.setattr(publication, "code_sha256", lambda: "f" * 64)


def record_is_missing(settings, monkeypatch):
    settings.published_file.with_name(RECORD).unlink()


def record_is_damaged(settings, monkeypatch):
    flip(settings.published_file.with_name(RECORD), 500)


CHANGES = [
    snapshot_is_damaged,
    snapshot_is_missing,
    link_is_missing,
    link_is_a_file,
    link_names_another_snapshot,
    warehouse_is_damaged,
    warehouse_is_missing,
    killed_writer_left_a_log,
    rows_were_loaded,
    rows_were_staged,
    a_run_staged_more_than_its_row,
    row_of_a_run_is_no_document,
    something_was_set_aside,
    code_has_changed,
    record_is_missing,
    record_is_damaged,
]


def test_what_was_just_published_is_published(published):
    assert is_published(published)


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_is_published_again(published, monkeypatch, change):
    change(published, monkeypatch)
    assert not is_published(published)


def test_nothing_is_published_where_nothing_was_loaded(settings):
    assert not is_published(settings)


def test_a_publication_of_nothing_new_opens_and_writes_nothing(published, monkeypatch):
    monkeypatch.setattr(duckdb, "connect", lambda *arguments, **options: pytest.fail("a database was opened"))
    before = {path: path.lstat().st_mtime_ns for path in published.data_dir.rglob("*")}
    assert publish(published) == published.published_file
    assert {path: path.lstat().st_mtime_ns for path in published.data_dir.rglob("*")} == before


@pytest.fixture
def no_expectations(monkeypatch):
    """The Great Expectations suite is left to other tests: it takes long."""
    monkeypatch.setattr("tasks.warehouse.audit.run_expectations", lambda connection: [])


def test_the_row_of_a_run_that_made_nothing_is_published_with_what_is_new(published, no_expectations):
    run, snapshot = str(uuid4()), published.published_file.resolve()
    stage_tables(run, a_run(run), published)
    publish(published)
    assert published.published_file.resolve() == snapshot
    stage_tables("later", a_run("later"), published)
    publish(published)
    assert set(query("SELECT flow_run_id FROM runs", published)["flow_run_id"]) == {"sample-run", run, "later"}
    assert is_published(published)


@pytest.mark.parametrize("change", [snapshot_is_damaged, snapshot_is_missing, link_names_another_snapshot])
def test_a_damaged_snapshot_is_replaced_although_nothing_is_new(published, monkeypatch, no_expectations, change):
    change(published, monkeypatch)
    publish(published)
    assert query("SELECT flow_run_id FROM runs", published).item() == "sample-run"
    assert is_published(published)
    assert os.readlink(published.published_file) != f"snapshots/{'0' * 64}.duckdb"
