"""A disk that is full or read-only: one line says so, what was there stays, and once there is room all is as ever."""

import re
import shutil
import tarfile

import duckdb
import pytest
from polars.testing import assert_frame_equal

from tasks.checksums import COMMIT
from tasks.errors import UserError
from tasks.report.site import write_site
from tasks.settings import ROOT
from tasks.warehouse.database import bring_up_to_date, schema
from tasks.warehouse.load import load
from tasks.warehouse.publish import publish
from tests.disks import disk
from tests.sample_tables import sample_tables
from tests.tasks.warehouse.test_upgrade import ADDED_COLUMNS, RENAMED_TABLES

KIBIBYTE = 1024
ROOMS = [0, 12 * KIBIBYTE, 300 * KIBIBYTE, 2048 * KIBIBYTE]
"""Bytes left on the disk: for nothing, for a database's head, for a block or less, for some blocks."""


@pytest.fixture(autouse=True)
def no_expectations(monkeypatch):
    """The Great Expectations suite is left to other tests: it takes long."""
    monkeypatch.setattr("tasks.warehouse.audit.run_expectations", lambda connection: [])


def files(settings) -> dict[str, bytes]:
    """Every file of the data folder but the disk's ballast and empty locks."""
    found = (path for path in settings.data_dir.rglob("*") if path.is_file() and path.name != "ballast")
    return {str(path.relative_to(settings.data_dir)): path.read_bytes() for path in found if path.stat().st_size}


def tables(file) -> dict:
    """Rows of a database, without those that each publication makes."""
    made_each_time = {"audit_results", "schema_versions", "loads", "set_aside"}
    with duckdb.connect(str(file), read_only=True) as connection:
        return {table: connection.table(table).order("ALL").pl() for table in schema().keys() - made_each_time}


def rows_of(file) -> dict[str, list[tuple]]:
    """Rows of each table of a database of any version."""
    with duckdb.connect(str(file), read_only=True) as connection:
        names = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return {name: connection.table(name).order("ALL").fetchall() for name in names}


def assert_same_tables(file, other):
    for table, rows in tables(other).items():
        assert_frame_equal(tables(file)[table], rows)


def assert_refused(work, settings, *rooms: int, small, problem: str) -> None:
    """`work` fails with one line and changes nothing, however little room is left."""
    before = files(settings)
    for room in rooms:
        small.fill(room)
        with pytest.raises(UserError) as refusal:
            work(settings)
        small.empty()
        assert re.fullmatch(problem, str(refusal.value)), str(refusal.value)
        assert files(settings) == before


def later(settings):
    load(
        "later",
        {"runs": sample_tables()["runs"].with_columns(flow_run_id=sample_tables()["runs"]["flow_run_id"] + "-later")},
        settings,
    )


def first(settings):
    load("sample", sample_tables(), settings)


FULL = "no space left to write .*: free some and run again"


def test_a_first_load_on_a_full_disk(settings, loaded_template):
    settings.data_dir.mkdir()
    with disk(settings.data_dir) as small:
        assert_refused(first, settings, *ROOMS, 30 * 1024 * KIBIBYTE, small=small, problem=FULL)
        first(settings)
        assert_same_tables(settings.warehouse_file, loaded_template.warehouse_file)


def test_a_load_and_a_publication_on_a_full_disk(published):
    with disk(published.data_dir, 384) as small:
        size = published.warehouse_file.stat().st_size
        assert_refused(later, published, *ROOMS, size - 1, size + KIBIBYTE, small=small, problem=FULL)
        later(published)
        assert_refused(publish, published, *ROOMS, size - 1, 3 * size // 2, small=small, problem=FULL)
        publish(published)
        assert_same_tables(published.published_file, published.warehouse_file)
        assert tables(published.published_file)["runs"]["flow_run_id"].to_list() == ["sample-run", "sample-run-later"]


def test_a_migration_on_a_full_disk(settings):
    with tarfile.open(ROOT / "tests" / "data" / "e2a2564.tar.xz") as archive:
        archive.extractall(settings.data_dir.parent, filter="data")
    with disk(settings.data_dir, 384) as small:
        old = rows_of(settings.published_file)
        assert_refused(bring_up_to_date, settings, *ROOMS, small=small, problem=FULL)
        bring_up_to_date(settings)
        new = rows_of(settings.warehouse_file)
        # tables and columns were renamed, checks too; rows and the order of columns stayed
        for table in old.keys() - {"audit_results", "loads", "trust_checks"}:
            name = RENAMED_TABLES.get(table, table)
            added = ADDED_COLUMNS.get(name, ())
            kept = [place for place, column in enumerate(schema()[name].columns) if column not in added]
            assert [tuple(row[place] for place in kept) for row in new[name]] == old[table]
        assert len(new["trust_checks"]) == len(old["trust_checks"]) > 0


def test_the_page_on_a_full_disk(published):
    write_site(published)
    (published.site_dir / COMMIT).unlink()  # without it no file of the old site is linked, and all are written again
    with disk(published.data_dir, 384) as small:
        assert_refused(write_site, published, *ROOMS, small=small, problem=FULL)
        write_site(published)
        shutil.rmtree(published.site_dir.with_name("site-versions"))
        published.site_dir.unlink()
        write_site(published)
        assert (published.site_dir / "index.html").read_text().startswith("<!doctype html>")


def test_a_read_only_disk(published):
    later(published)  # what is published and unchanged is not published again
    write_site(published)
    (published.site_dir / "index.html").write_text("changed")
    with disk(published.data_dir, 384) as small, small.read_only():
        before = files(published)
        for work in (later, publish, bring_up_to_date, write_site):
            with pytest.raises(
                UserError, match=r"can't write .*: its file system is read-only; mount it writable"
            ) as no:
                work(published)
            assert "\n" not in str(no.value)
        assert files(published) == before
