import os
import shutil
import signal
import subprocess
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tasks.errors import UserError
from tasks.quarantine import in_quarantine
from tasks.warehouse.database import schema, sql_files
from tasks.warehouse.load import load
from tasks.warehouse.publish import publish
from tasks.warehouse.query import catalogue, query
from tests.sample_tables import sample_tables
from tests.sample_tables.planted import CROSSCODER
from tests.tasks.warehouse.backends import every_backend
from tests.tasks.warehouse.processes import holding, run_python


def run_named(name: str) -> dict[str, pl.DataFrame]:
    return {"runs": sample_tables()["runs"].with_columns(flow_run_id=pl.lit(name))}


def runs_seen(settings) -> list[str]:
    return query("SELECT flow_run_id FROM runs ORDER BY flow_run_id", settings)["flow_run_id"].to_list()


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_the_snapshot_holds_every_row_and_every_view(published):
    counts = dict(catalogue(published).filter(kind="table").select("name", "rows").iter_rows())
    assert counts.keys() == schema().keys()
    expected = {table: rows.height for table, rows in sample_tables().items()}
    assert counts.items() >= expected.items()
    views = catalogue(published).filter(kind="view")["name"].to_list()
    assert sorted(views) == [file.stem for file in sql_files("views")]


def test_the_published_path_opens_in_any_duckdb(published):
    with duckdb.connect(str(published.published_file), read_only=True) as connection:
        patches = connection.sql("SELECT patch FROM feature_examples ORDER BY ALL").fetchall()
    assert {patch for (patch,) in patches} == set(sample_tables()["feature_examples"]["patch"])


def test_the_snapshot_cannot_be_written_by_accident(published):
    assert published.published_file.stat().st_mode & 0o777 == 0o444


@every_backend
def test_publishing_again_shows_what_was_loaded_since_and_keeps_one_snapshot_more(published):
    first = published.published_file.resolve()
    seen = []
    for number in (1, 2):
        load(f"run {number}", run_named(f"later-{number}"), published)
        assert publish(published) == published.published_file
        seen.append(published.published_file.resolve())
        assert runs_seen(published) == [*(f"later-{n}" for n in range(1, number + 1)), "sample-run"]
    assert set(first.parent.iterdir()) == set(seen)
    assert first not in seen


@pytest.mark.parametrize("keep", [1, 3])
def test_as_many_snapshots_stay_as_are_to_be_kept(published, keep):
    settings = published.model_copy(update={"keep_snapshots": keep})
    seen = [published.published_file.resolve()]
    for number in range(3):
        load(f"run {number}", run_named(f"later-{number}"), settings)
        publish(settings)
        seen.append(published.published_file.resolve())
    assert set(seen[0].parent.iterdir()) == set(seen[-keep:])


def test_a_reader_keeps_the_snapshot_it_holds(published):
    with duckdb.connect(str(published.published_file), read_only=True) as reader:
        for number in (1, 2):
            load(f"run {number}", run_named(f"later-{number}"), published)
            publish(published)
        assert reader.sql("SELECT flow_run_id FROM runs").fetchall() == [("sample-run",)]
        assert len(reader.table("feature_examples").fetchall()) == sample_tables()["feature_examples"].height
    assert runs_seen(published) == ["later-1", "later-2", "sample-run"]


@every_backend
def test_a_failed_audit_names_audit_and_rows_which_are_not_published(published):
    bad = sample_tables()["runs"].with_columns(flow_run_id=pl.lit("bad"), seconds=pl.lit(-1.0))
    orphan = sample_tables()["quarantine"].head(1).with_columns(activation_set_id=pl.lit("no such set"))
    load("bad", {"runs": bad, "quarantine": orphan}, published)
    publish(published)
    assert runs_seen(published) == ["sample-run"]
    [warehouse] = in_quarantine(published)
    assert 'quarantine_belongs_to_a_set: 1 offending, first [{"activation_set_id":"no such set"' in warehouse.reason
    assert 'runs.seconds: be_between: 1 offending, first [{"seconds": -1.0, "flow_run_id": "bad"}]' in warehouse.reason
    assert "\n" not in warehouse.reason


@every_backend
def test_nothing_is_published_before_the_first_load(settings):
    with pytest.raises(UserError, match="nothing has been loaded"):
        publish(settings)
    assert not settings.published_file.parent.exists()


@every_backend
def test_a_held_warehouse_is_not_published(published):
    load("later", run_named("later"), published)
    before = published.published_file.resolve()
    with holding(published.warehouse_file), pytest.raises(UserError, match="in use by another process"):
        publish(published)
    assert published.published_file.resolve() == before


@every_backend
@pytest.mark.parametrize("rename", [1, 2, 3])
def test_a_publication_that_is_killed_before_a_rename_leaves_the_last_snapshot(published, rename):
    load("later", run_named("later"), published)
    code = f"""
import os, signal
import tasks.warehouse.audit as audit
import tasks.warehouse.publish as module
from tasks.settings import Settings
audit.run_expectations = lambda connection: []
replace, calls = os.replace, []
def dying_replace(*paths):
    calls.append(paths)
    if len(calls) == {rename}:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*paths)
module.os.replace = dying_replace
module.publish(Settings())
"""
    assert run_python(code).returncode == -signal.SIGKILL
    assert runs_seen(published) == ["sample-run"]
    publish(published)
    assert runs_seen(published) == ["later", "sample-run"]
    assert not any(".tmp" in name for name in files_in(published.published_file.parent))


@pytest.fixture
def full_disk(published, tmp_path):
    """The published folder on a disk of its own, with hardly any room left."""
    folder = published.published_file.parent
    shutil.copytree(folder, tmp_path / "aside", symlinks=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a small tmpfs: {mounted.stderr.strip()}")
    try:
        shutil.copytree(tmp_path / "aside", folder, symlinks=True, dirs_exist_ok=True)
        room = os.statvfs(folder)
        with open(folder / "ballast", "wb") as ballast:
            ballast.write(bytes(room.f_bavail * room.f_frsize - (1 << 20)))
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_leaves_the_last_snapshot(published, full_disk):
    before = files_in(full_disk)
    load("later", run_named("later"), published)
    with pytest.raises(UserError, match=r"no space left to write .*: free some and run again") as failure:
        publish(published)
    assert "\n" not in str(failure.value)
    assert files_in(full_disk) == before
    assert runs_seen(published) == ["sample-run"]
    (full_disk / "ballast").unlink()
    publish(published)
    assert runs_seen(published) == ["later", "sample-run"]


def test_views_answer_over_the_snapshot(published):
    types = query("SELECT type, features FROM symmetry_types", published)
    assert types["features"].sum() == sample_tables()["feature_symmetry"].height
    assert (
        query(f"SELECT count(*) AS n FROM feature_catalogue WHERE dictionary_id = '{CROSSCODER}'", published)[
            "n"
        ].item()
        == 40
    )
