"""From a data folder that commit e2a2564 made: everything is there afterwards, and nothing is made again or asked.

`tests/data/e2a2564.tar.xz` is the data folder after `run atlas`, `concepts` and `trust` with few features, without the
Prefect database and the page.
"""

import shutil
import tarfile

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.activations.effective_centre import CENTRE_COLUMNS
from tasks.errors import UserError
from tasks.liveness import Holder, waiting_for
from tasks.quarantine import in_quarantine
from tasks.report.site import write_site
from tasks.settings import ROOT
from tasks.staging import BEFORE_CHECKSUMS, read_unmigrated, schema_version, staged_keys
from tasks.warehouse.database import schema
from tasks.warehouse.load import load
from tasks.warehouse.migrate import migrate, migrate_at_start
from tasks.warehouse.publish import publish
from tasks.warehouse.query import query
from tests.tasks.warehouse.processes import holding

MADE_BY_EACH_PUBLICATION = {"audit_results", "schema_versions", "set_aside"}


@pytest.fixture(autouse=True)
def upgraded(settings, monkeypatch):
    """The old data folder; the Great Expectations suite is left to other tests, it takes long."""
    monkeypatch.setattr("tasks.warehouse.audit.run_expectations", lambda connection: [])
    with tarfile.open(ROOT / "tests" / "data" / "e2a2564.tar.xz") as archive:
        archive.extractall(settings.data_dir.parent, filter="data")
    return settings


def tables(settings) -> dict[str, pl.DataFrame]:
    """Rows of the published snapshot, without when they were loaded."""
    with duckdb.connect(str(settings.published_file), read_only=True) as connection:
        names = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        found = {table: connection.table(table).order("ALL").pl() for table in names}
    return found | {"loads": found["loads"].drop("loaded_at").sort(pl.all())}


RENAMED_TABLES = {"tuning_subjects": "unit_sets", "attack_analyses": "attack_experiments"}
RENAMED_CHECKS = {
    "turned by JPEG": "CAV shift after JPEG",
    "divided": "split-half disagreement",
    "grain of colour": "colour grain",
}


ADDED_COLUMNS = {
    "layers": dict.fromkeys(CENTRE_COLUMNS, pl.lit(None, pl.Float64)),
    "activation_sets": {
        **dict.fromkeys(("centre_y_px", "centre_x_px"), pl.lit(0, pl.Int32)),
        "transformations": pl.lit("rotations"),
        "octaves": pl.lit(None, pl.Float64),
        "scales_per_octave": pl.lit(None, pl.Int32),
    },
    "family_analyses": {"least_similarity": pl.lit(None, pl.Float64)},
    "images": {"label": pl.lit(None, pl.String)},
    "feature_symmetry": {
        "mirror_axes_degrees": pl.lit(None, pl.List(pl.Float64)),
        "preferred_octaves": pl.lit(None, pl.Float64),
    },
    "transform_blocks": {"octaves": pl.lit(None, pl.Float64)},
    "trust_analyses": {"calibration_sets": pl.lit(0, pl.Int32)},
}


def migrated(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Rows of version 1 under today's names, in the order of their columns, with the columns that were added since."""
    tables = {RENAMED_TABLES.get(name, name): rows for name, rows in tables.items()}
    tables["loads"] = tables["loads"].with_columns(pl.col("table_name").replace(RENAMED_TABLES)).sort(pl.all())
    tables["trust_checks"] = tables["trust_checks"].with_columns(pl.col("check_name").replace(RENAMED_CHECKS))
    renamed = {}
    for name, rows in tables.items():
        new = ADDED_COLUMNS.get(name, {})
        columns = [column for column in schema()[name].columns if column != "loaded_at" and column not in new]
        rows = rows.rename(dict(zip(rows.columns, columns, strict=True))).with_columns(**new)
        order = [column for column in schema()[name].columns if column in rows.columns]
        renamed[name] = rows.select(order).sort(pl.all())
    return renamed


def made(settings) -> dict:
    """When each file was written that takes a run to make."""
    folders = (settings.staging_dir, settings.activations_dir, settings.dictionaries_dir, settings.cavs_dir)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    names = (BEFORE_CHECKSUMS, "checksums.json", ".writers")
    return {path: path.stat().st_mtime_ns for path in files if path.name not in names}


def folder_of(settings, name):
    return {"warehouse": settings.warehouse_file, "published": settings.published_file}[name].parent


@pytest.mark.parametrize("lost", [(), ("warehouse",), ("warehouse", "published"), ("frames",)], ids="+".join)
def test_every_row_is_published_again(upgraded, lost):
    before, files = migrated(tables(upgraded)), made(upgraded)
    for name in lost:
        shutil.rmtree(upgraded.staging_dir if name == "frames" else folder_of(upgraded, name))
    publish(upgraded)
    after = tables(upgraded)
    assert sum(rows.height for rows in before.values()) == 1_944
    for table in before.keys() - MADE_BY_EACH_PUBLICATION:
        assert_frame_equal(after[table].sort(pl.all()), before[table])
    assert after["schema_versions"]["version"].max() == schema_version()
    if "frames" not in lost:
        assert made(upgraded) == files
    assert in_quarantine(upgraded) == []
    assert after["set_aside"].is_empty()


def test_the_old_snapshot_is_read_as_it_is(upgraded):
    before = upgraded.published_file.read_bytes()
    assert query("SELECT flow FROM runs ORDER BY flow", upgraded)["flow"].to_list() == ["atlas", "concepts", "trust"]
    assert upgraded.published_file.read_bytes() == before


def test_the_page_needs_a_publication_after_an_upgrade(upgraded):
    with pytest.raises(UserError, match=r"has tables of schema version 1, .* run `kaleidoscope run publish`"):
        write_site(upgraded)
    assert not upgraded.site_dir.exists()


def test_migrate_does_by_hand_what_it_says(upgraded):
    files = {path: path.read_bytes() for path in upgraded.data_dir.rglob("*") if path.is_file()}
    announced = [*migrate(upgraded, dry_run=True, say=print)]
    assert {path: path.read_bytes() for path in upgraded.data_dir.rglob("*") if path.is_file()} == files

    keys = staged_keys(upgraded)
    assert announced == [
        f"warehouse: migrated from schema version 1 to {schema_version()}",
        *(
            f"frames/{key}: gets checksums, stays as it was staged, migrated from schema version 1 when it is read"
            for key in keys
        ),
    ]
    assert [*migrate(upgraded, dry_run=False, say=print)] == announced
    assert [*migrate(upgraded, dry_run=False, say=print)] == [
        "warehouse: stays as it is",
        *(f"frames/{key}: stays as it was staged, migrated from schema version 1 when it is read" for key in keys),
    ]
    assert {read_unmigrated(key, upgraded)[1] for key in keys} == {1}
    assert not load(keys[0], {}, upgraded), "what was loaded before the upgrade is loaded"


def test_a_start_migrates_once_and_sets_nothing_aside(upgraded):
    keys = staged_keys(upgraded)
    said = [*migrate_at_start(upgraded)]
    assert said[0] == f"warehouse: migrated from schema version 1 to {schema_version()}"
    assert [line.split(":")[0] for line in said[1:]] == [f"frames/{key}" for key in keys]
    files = made(upgraded)
    assert [*migrate_at_start(upgraded)] == []
    assert made(upgraded) == files
    assert in_quarantine(upgraded) == []


def test_a_start_leaves_a_warehouse_that_another_process_has(upgraded):
    lock = waiting_for("the warehouse", upgraded.warehouse_lock, Holder(name="a test", does="hold"), print)
    for held in (lock, holding(upgraded.warehouse_file)):
        with held:
            assert [*migrate_at_start(upgraded)] == []
    assert [*migrate_at_start(upgraded)] != []


def test_a_start_refuses_a_warehouse_of_a_newer_version(upgraded):
    [*migrate_at_start(upgraded)]
    with duckdb.connect(str(upgraded.warehouse_file)) as warehouse:
        warehouse.execute("INSERT INTO schema_versions VALUES (999, now()::TIMESTAMP)")
    with pytest.raises(UserError, match="was made by a newer Kaleidoscope"):
        [*migrate_at_start(upgraded)]


def test_migrate_sets_aside_what_can_not_be_read(upgraded):
    [*migrate(upgraded, dry_run=False, say=print)]
    key = staged_keys(upgraded)[0]
    next((upgraded.staging_dir / key).glob("*.parquet")).write_bytes(b"no Parquet")
    [line] = [line for line in migrate(upgraded, dry_run=False, say=print) if "set aside" in line]
    assert line.startswith(f"frames/{key}: set aside: ")
    assert [str(one.came_from) for one in in_quarantine(upgraded)] == [f"frames/{key}"]
