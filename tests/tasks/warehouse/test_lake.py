"""The warehouse of several machines, each with a data folder, in a DuckLake whose catalogue is in PostgreSQL."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl
import pytest

from flows.servers import HOST, free_port
from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.maintenance.garbage import delete_garbage, find_garbage
from tasks.quarantine import in_quarantine
from tasks.settings import ROOT, Settings
from tasks.staging import stage_tables
from tasks.warehouse import publish as publication
from tasks.warehouse.database import bring_up_to_date, open_warehouse
from tasks.warehouse.lake import Overtaken, copied_version, is_newest, lake_of
from tasks.warehouse.load import load
from tasks.warehouse.migrate import migrate
from tasks.warehouse.publication import is_published
from tasks.warehouse.publish import publish
from tasks.warehouse.query import query
from tests.s3 import s3_server
from tests.sample_tables import sample_tables
from tests.tasks.warehouse.backends import contents, lake_in_postgresql, rows_of_lake


@pytest.fixture
def catalogue(postgresql_server) -> Iterator[str]:
    """The setting of an empty lake."""
    with lake_in_postgresql(postgresql_server) as lake:
        yield lake


@pytest.fixture
def machines(catalogue, tmp_path) -> tuple[Settings, Settings]:
    """Two machines with a data folder each."""
    return machine("a", catalogue, tmp_path), machine("b", catalogue, tmp_path)


def machine(name: str, catalogue: str, folder: Path) -> Settings:
    return Settings(data_dir=folder / name, warehouse=catalogue, shared_store=str(folder / "store"))


@pytest.fixture
def no_expectations(monkeypatch):
    """The Great Expectations suite is left to other tests: it takes long."""
    monkeypatch.setattr("tasks.warehouse.audit.run_expectations", lambda connection: [])


def a_run(name: str) -> dict[str, pl.DataFrame]:
    return {"runs": sample_tables()["runs"].with_columns(flow_run_id=pl.lit(name))}


def runs_published(settings: Settings) -> list[str]:
    return query("SELECT flow_run_id FROM runs ORDER BY flow_run_id", settings)["flow_run_id"].to_list()


def files_of(folder: Path) -> dict[str, str]:
    """SHA-256 of each file, without lock files."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in (".writers", ".changing"))
    return {str(path.relative_to(folder)): file_sha256(path) for path in files}


def test_what_one_machine_loads_the_other_has(machines):
    a, b = machines
    assert load("a", sample_tables(), a)
    assert load("b", a_run("b"), b)
    assert load("a", a_run("never"), b) is False
    assert contents(b)["runs"]["flow_run_id"].sort().to_list() == ["b", "sample-run"]
    assert contents(b)["feature_examples"].height == sample_tables()["feature_examples"].height
    bring_up_to_date(a)
    assert (
        contents(a)["loads"].sort("load_key", "table_name").equals(contents(b)["loads"].sort("load_key", "table_name"))
    )


def test_rows_of_another_machine_are_refused_or_left_alone_as_ones_own(machines):
    a, b = machines
    network = {"networks": sample_tables()["networks"].head(1)}
    load("a", network, a)
    other = {"networks": network["networks"].with_columns(weights_sha256=pl.lit("0" * 64))}
    with pytest.raises(UserError, match=r"networks already has another row .*weights_sha256 is .*, not 000"):
        load("contradicts", other, b)
    with pytest.raises(UserError, match="uplicate key"):
        load("twice", a_run("x") | {"runs": pl.concat([a_run("x")["runs"]] * 2)}, b)
    assert load("the same", network, b)
    assert contents(b)["networks"].height == 1
    load("run", a_run("x"), a)
    with pytest.raises(UserError, match="uplicate key"):
        load("run again", a_run("x"), b)


def test_a_shared_row_gets_what_a_later_load_measured(machines):
    a, b = machines
    tables = {table: sample_tables()[table] for table in ("networks", "layers")}
    measured = [name for name in tables["layers"].columns if name.startswith("effective_")]
    unknown = tables["layers"].with_columns(pl.lit(None, pl.Float64).alias(name) for name in measured)
    load("a", tables | {"layers": unknown}, a)
    values = tables["layers"].with_columns(pl.lit(0.25).alias(name) for name in measured)
    load("b", {"layers": values}, b)
    assert contents(b)["layers"][measured].unique().rows() == [(0.25,) * len(measured)]


def test_of_two_writers_at_once_one_starts_again(machines):
    a, b = machines
    load("before", a_run("before"), a)
    before = files_of(a.data_dir)
    overtaken = pytest.raises(Overtaken, match=r"another writer has changed ducklake:postgres:.* meanwhile: run again")
    with overtaken, open_warehouse(a) as connection:
        connection.execute("UPDATE runs SET seconds = 77")
        load("b", a_run("b"), b)
    assert files_of(a.data_dir) == before
    assert set(contents(b)["runs"]["flow_run_id"]) == {"before", "b"}
    assert 77 not in contents(b)["runs"]["seconds"].to_list()
    load("a", a_run("a"), a)
    assert set(contents(a)["runs"]["flow_run_id"]) == {"before", "a", "b"}


def test_writers_that_commit_in_the_same_moment_are_told_apart_by_the_catalogue(machines, monkeypatch):
    """The other writer commits between the check and the commit of this one."""
    from tasks.warehouse import lake

    a, b = machines
    load("before", a_run("before"), a)
    add = lake._add

    def slow_add(connection, table, key):
        if table == "runs":
            monkeypatch.setattr(lake, "_add", add)
            load("b", a_run("b"), b)
        return add(connection, table, key)

    monkeypatch.setattr(lake, "_add", slow_add)
    with pytest.raises(Overtaken):
        load("a", a_run("a"), a)
    assert set(contents(b)["runs"]["flow_run_id"]) == {"before", "b"}


def test_a_publication_that_is_overtaken_publishes_the_rows_of_both(machines, monkeypatch, no_expectations):
    a, b = machines
    audits, others = publication.run_audits, []

    def slow_audits(connection):
        if not others:
            others.append(load("b", a_run("b"), b))
        return audits(connection)

    monkeypatch.setattr(publication, "run_audits", slow_audits)
    stage_tables("a", a_run("a"), a)
    publish(a)
    assert runs_published(a) == ["a", "b"]
    assert set(contents(a)["loads"]["load_key"]) == {"a", "b"}


def test_what_another_machine_loaded_is_published_and_nothing_is_new_afterwards(machines, no_expectations):
    a, b = machines
    stage_tables("a", a_run("a"), a)
    publish(a)
    assert is_published(a)
    load("b", a_run("b"), b)
    assert not is_published(a)
    publish(a)
    assert runs_published(a) == ["a", "b"]
    publish(b)
    assert runs_published(b) == ["a", "b"]
    assert is_published(a), "a publication that loads nothing adds nothing to the lake"


PUBLISHES = """
import tasks.warehouse.audit as audit
from tasks.settings import Settings
from tasks.warehouse.publish import publish
audit.run_expectations = lambda connection: []
"""


@contextmanager
def publishing(settings: Settings, before: str = "") -> Iterator[subprocess.Popen]:
    """A process that publishes, after other code."""
    code = f"{PUBLISHES}\n{before}\npublish(Settings())"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | settings.environment(), stderr=subprocess.PIPE
    ) as process:
        yield process


def test_two_processes_publish_at_once(machines):
    a, b = machines
    for settings in machines:
        for number in range(3):
            name = f"{settings.data_dir.name}-{number}"
            stage_tables(name, a_run(name), settings.model_copy(update={"shared_store": None}))
    with publishing(a) as one, publishing(b) as other:
        said = [process.communicate()[1].decode() for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], said
    loaded = rows_of_lake(a)
    assert sorted(loaded["runs"]["flow_run_id"]) == ["a-0", "a-1", "a-2", "b-0", "b-1", "b-2"]
    assert loaded["loads"].height == loaded["loads"].unique(["load_key", "table_name"]).height


WHILE_IT_ADDS_ROWS = """
from tasks.warehouse import lake
add = lake._add
def dying_add(connection, table, key):
    changed = add(connection, table, key)
    if changed and table == "runs":
        os.kill(os.getpid(), signal.SIGKILL)
    return changed
lake._add = dying_add
"""
BEFORE_IT_RENAMES_ITS_COPY = """
replace = os.replace
def dying_replace(source, target):
    if str(target).endswith("/warehouse/kaleidoscope.duckdb"):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
os.replace = dying_replace
"""


@pytest.mark.parametrize(("dies", "is_loaded"), [(WHILE_IT_ADDS_ROWS, False), (BEFORE_IT_RENAMES_ITS_COPY, True)])
def test_a_killed_writer_leaves_nothing_half_loaded_and_the_other_goes_on(machines, no_expectations, dies, is_loaded):
    a, b = machines
    load("before", a_run("before"), b)
    bring_up_to_date(a)
    several = {"runs": pl.concat([a_run(f"a-{number}")["runs"] for number in range(50)])}
    networks = sample_tables()["networks"]
    stage_tables("a", several | {"networks": networks}, a.model_copy(update={"shared_store": None}))
    with publishing(a, f"import os, signal\n{dies}") as process:
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    in_lake = rows_of_lake(b)
    assert in_lake["runs"].height == 1 + 50 * is_loaded
    assert in_lake["networks"].height == networks.height * is_loaded
    load("b", a_run("b"), b)
    assert contents(b)["runs"].height == in_lake["runs"].height + 1
    publish(a)
    assert contents(a)["runs"].height == 52
    assert in_quarantine(a) == []
    assert not list(a.warehouse_file.parent.glob(".tmp-*"))


def test_a_file_that_is_no_copy_of_the_lake_is_set_aside_and_its_staged_loads_are_repeated(machines, no_expectations):
    a, b = machines
    load("b", a_run("b"), b)
    alone = Settings(data_dir=a.data_dir)
    stage_tables("staged", a_run("staged"), alone)
    publish(alone)
    load("not staged", a_run("not staged"), alone)
    publish(a)
    assert runs_published(a) == ["b", "staged"]
    [aside] = in_quarantine(a)
    assert "has loads that the lake lacks: not staged, staged; it was replaced by a copy of the lake" in aside.reason


def test_the_first_machine_brings_its_warehouse_into_the_lake(machines):
    a, b = machines
    load("long ago", sample_tables(), Settings(data_dir=a.data_dir))
    load("a", a_run("a"), a)
    assert in_quarantine(a) == []
    bring_up_to_date(b)
    assert set(contents(b)["loads"]["load_key"]) == {"long ago", "a"}


@pytest.mark.parametrize("damage", [b"", b"no database", None])
def test_a_damaged_copy_is_copied_again(machines, damage):
    a, _ = machines
    load("a", a_run("a"), a)
    if damage is None:
        a.warehouse_file.unlink()
    else:
        a.warehouse_file.write_bytes(damage)
    load("later", a_run("later"), a)
    assert set(contents(a)["runs"]["flow_run_id"]) == {"a", "later"}


def test_a_discarded_change_and_a_refused_load_leave_the_lake_as_it_was(machines):
    a, _ = machines
    load("a", a_run("a"), a)
    lake = lake_of(a)
    assert lake is not None
    before = lake.newest()
    with pytest.raises(UserError, match="uplicate key"):
        load("again", a_run("a"), a)
    with pytest.raises(RuntimeError, match="bug"), open_warehouse(a) as connection:  # noqa: PT012
        connection.execute("DELETE FROM runs")
        raise RuntimeError("bug")
    assert lake.newest() == before == copied_version(a.warehouse_file)


def test_a_lake_of_newer_code_is_refused_in_one_line(machines):
    a, b = machines
    with open_warehouse(a) as connection:
        connection.execute("INSERT INTO schema_versions VALUES (99, now()::TIMESTAMP)")
    for refused in (lambda: load("b", a_run("b"), b), lambda: [*migrate(b, True, print)]):
        with pytest.raises(
            UserError, match=r"^the warehouse ducklake:postgres:\S+ was made by a newer Kaleidoscope"
        ) as error:
            refused()
        assert "\n" not in str(error.value)
    assert not b.warehouse_file.exists()


def test_a_lake_in_an_object_store(tmp_path, monkeypatch):
    with s3_server(monkeypatch):
        a, b = (
            Settings(
                data_dir=tmp_path / name,
                warehouse=f"ducklake:{tmp_path / 'lake.ducklake'}",
                shared_store="s3://bucket/of machines",
            )
            for name in "ab"
        )
        load("a", sample_tables(), a)
        load("b", a_run("b"), b)
        assert set(contents(b)["runs"]["flow_run_id"]) == {"b", "sample-run"}


def test_files_of_versions_that_are_given_up_are_deleted_later(machines):
    a, b = machines
    load("a", sample_tables(), a)
    lake = lake_of(a)
    with duckdb.connect() as connection:
        lake.attach(connection, "lake")
        connection.execute("CREATE TABLE lake.mistake AS SELECT range AS number FROM range(100000)")
        connection.execute("DROP TABLE lake.mistake")
    newest = lake.newest()
    assert lake.old_files(3600, delete=True) == {}
    assert lake.old_files(0) == {}
    assert lake.old_files(0, delete=True) == {}, "given up now, and deleted by the next call"
    [(file, size)] = lake.old_files(0).items()
    assert "/mistake/" in file
    assert Path(file).stat().st_size == size
    assert lake.old_files(3600, delete=True) == {}
    assert Path(file).exists()
    assert lake.old_files(0, delete=True) == {file: size}
    assert not Path(file).exists()
    assert lake.newest() == newest
    assert load("b", a_run("b"), b)
    assert set(contents(b)["runs"]["flow_run_id"]) == {"b", "sample-run"}
    assert contents(b)["feature_examples"].height == sample_tables()["feature_examples"].height


def test_gc_deletes_what_a_killed_writer_left_in_the_lake(machines, tmp_path):
    a, _ = machines
    load("a", sample_tables(), a)
    folder = next((tmp_path / "store/lake").rglob("*.parquet")).parent
    left, being_written = folder / "left.parquet", folder / "being-written.parquet"
    for file in (left, being_written):
        file.write_bytes(b"PAR1")
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(left, (two_days_ago, two_days_ago))
    listed = [(str(left), 4, "belongs to no version of the lake")]
    assert find_garbage(a) == listed
    assert left.exists()
    assert delete_garbage(a) == listed
    assert not left.exists()
    assert being_written.exists()
    assert find_garbage(a) == []
    assert contents(a)["feature_examples"].height == sample_tables()["feature_examples"].height


def test_a_server_that_is_down_is_one_line_and_nothing_is_changed(tmp_path, kaleidoscope, monkeypatch):
    down = f"ducklake:postgres:postgresql://me:secret@{HOST}:{free_port()}/warehouse"
    monkeypatch.setenv("KALEIDOSCOPE_WAREHOUSE", down)
    monkeypatch.setenv("KALEIDOSCOPE_SHARED_STORE", str(tmp_path / "store"))
    settings = Settings()
    load("before", a_run("before"), Settings(warehouse=None, shared_store=None))
    before = files_of(settings.data_dir)
    code, _, said = kaleidoscope("migrate")
    assert code == 2
    assert said.startswith(f"kaleidoscope: the warehouse ducklake:postgres:postgresql://{HOST}:")
    assert said.endswith("check KALEIDOSCOPE_WAREHOUSE\n")
    assert said.count("\n") == 1
    assert "secret" not in said
    with pytest.raises(UserError, match="Connection refused"):
        publish(settings)
    assert {name: sha256 for name, sha256 in files_of(settings.data_dir).items() if ".writer" not in name} == before
    assert not (tmp_path / "store").exists()


def test_a_password_is_not_shown(tmp_path):
    catalogue = f"ducklake:postgres:host={HOST} port={free_port()} password='my secret' user=me"
    with pytest.raises(UserError, match="password=…") as error:
        is_newest(machine("a", catalogue, tmp_path))
    assert "secret" not in str(error.value)


def test_a_catalogue_with_files_elsewhere_is_one_line(machines, tmp_path):
    a, b = machines
    load("a", a_run("a"), a)
    with pytest.raises(UserError, match=r"DATA_PATH .* does not match existing data path"):
        load("b", a_run("b"), b.model_copy(update={"shared_store": str(tmp_path / "another store")}))


@pytest.mark.parametrize("catalogue", ["postgresql://localhost/warehouse", "ducklake:"])
def test_a_setting_that_names_no_lake_is_refused(catalogue):
    with pytest.raises(UserError, match="KALEIDOSCOPE_WAREHOUSE: must begin with ducklake:"):
        Settings(warehouse=catalogue)


def test_a_lake_needs_a_shared_store():
    with pytest.raises(UserError, match="KALEIDOSCOPE_WAREHOUSE needs KALEIDOSCOPE_SHARED_STORE"):
        lake_of(Settings(warehouse="ducklake:x"))


def test_a_lake_that_another_process_makes_in_the_same_moment_is_used(machines):
    code = "from tasks.settings import Settings; from tasks.warehouse.lake import lake_of; lake_of(Settings()).newest()"
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen(command, cwd=ROOT, env=os.environ | each.environment()) for each in machines]
    assert [process.wait() for process in processes] == [0, 0]
    with duckdb.connect() as connection:
        lake_of(machines[0]).attach(connection, "lake")
        assert connection.execute("FROM lake.current_snapshot()").fetchall() == [(0,)]
