"""A publication that is killed at a named point; afterwards one, two or two at once leave what an undisturbed one does.

Here without flows and servers, down to each rename; `test_killed_publication` kills whole runs.
"""

import signal
import subprocess
import sys
import tarfile

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.settings import ROOT, Settings
from tasks.staging import stage_tables
from tasks.warehouse.database import schema
from tests.sample_tables import sample_tables

pytestmark = pytest.mark.faults

MADE_BY_EACH_PUBLICATION = {"audit_results", "schema_versions", "set_aside", "loads"}
PUBLISH = """
import os, re, signal, sys
from pathlib import Path
from tasks.liveness import Holder, waiting_for
from tasks.settings import Settings
from tasks.warehouse import audit, load
from tasks.warehouse.publish import publish

audit.run_expectations = lambda connection: []
settings = Settings(data_dir=Path(sys.argv[1]))
doing, pattern, when = sys.argv[2:] or ("nothing", "nowhere", "never")

def dying(do):
    def does(*arguments, **options):
        hit = doing == do.__name__ and re.search(pattern, " ".join(map(str, arguments)))
        if hit and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        done = do(*arguments, **options)
        if hit and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return does

os.replace, os.link, load._insert = dying(os.replace), dying(os.link), dying(load._insert)
with waiting_for("the warehouse", settings.warehouse_lock, Holder(name="test", does="publish"), print):
    publish(settings)
"""
WAREHOUSE, SNAPSHOT, LINK, RECORD = (
    r"/warehouse/kaleidoscope\.duckdb$", r"/published/snapshots/\w+\.duckdb$", r"/published/kaleidoscope\.duckdb$",
    r"/published/publication\.json$",
)  # fmt: skip
POINTS = [
    *(("_insert", "features ", when) for when in ("before", "after")),
    *(("replace", target, when) for target in (WAREHOUSE, SNAPSHOT, LINK, RECORD) for when in ("before", "after")),
]
MIGRATION = [("link", "before-v", "before"), ("link", "before-v", "after"), ("replace", WAREHOUSE, "before")]


def start(settings: Settings, *point: str) -> subprocess.Popen:
    command = [sys.executable, "-c", PUBLISH, str(settings.data_dir), *point]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end(process: subprocess.Popen) -> int:
    said, _ = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), said
    return process.returncode


def tables(settings: Settings) -> dict[str, pl.DataFrame]:
    with duckdb.connect(str(settings.published_file), read_only=True) as connection:
        names = schema().keys() - MADE_BY_EACH_PUBLICATION
        found = {table: connection.table(table).order("ALL").pl() for table in names}
        loads = connection.sql("SELECT load_key, table_name, rows FROM loads ORDER BY ALL").pl()
        made = connection.sql("SELECT * EXCLUDE made_at FROM provenance ORDER BY ALL").pl()  # each test stages anew
    return found | {"loads": loads, "provenance": made}


@pytest.fixture(scope="module")
def old_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(ROOT / "tests" / "data" / "e2a2564.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "data"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, old_folder) -> dict[str, dict[str, pl.DataFrame]]:
    """Tables after an undisturbed publication, by what was there before."""
    found = {}
    for before in ("nothing", "an old data folder"):
        settings = Settings(data_dir=tmp_path_factory.mktemp("undisturbed") / "data")
        prepare(settings, before, old_folder)
        assert end(start(settings)) == 0
        found[before] = tables(settings)
    return found


def prepare(settings: Settings, before: str, old_folder) -> None:
    if before == "an old data folder":
        subprocess.run(["cp", "-r", old_folder, settings.data_dir], check=True)
    sample = sample_tables()
    tuning = ("unit_sets", "unit_tuning", "tuning_curves", "curve_detectors")
    runs = sample["runs"].with_columns(flow_run_id=pl.lit("another"))
    if before == "nothing":
        stage_tables("a" * 64, {table: rows for table, rows in sample.items() if table not in tuning}, settings)
        stage_tables("b" * 64, {table: sample[table] for table in tuning}, settings)
    stage_tables("c" * 64, {"runs": runs}, settings)


@pytest.mark.parametrize("afterwards", ["once", "twice", "two at once"])
@pytest.mark.parametrize(
    ("before", "point"),
    [*(("nothing", point) for point in POINTS), *(("an old data folder", point) for point in MIGRATION)],
)
def test_what_is_left_is_that_of_an_undisturbed_publication(
    settings, before, point, afterwards, undisturbed, old_folder
):
    prepare(settings, before, old_folder)
    assert end(start(settings, *point)) == -signal.SIGKILL
    match afterwards:
        case "once":
            assert end(start(settings)) == 0
        case "twice":
            assert [end(start(settings)), end(start(settings))] == [0, 0]
        case "two at once":
            both = [start(settings), start(settings)]
            assert [end(process) for process in both] == [0, 0]
    for table, rows in tables(settings).items():
        assert_frame_equal(rows, undisturbed[before][table])
    assert [*settings.data_dir.rglob(".tmp-*")] == []
    assert not settings.quarantine_dir.exists()
