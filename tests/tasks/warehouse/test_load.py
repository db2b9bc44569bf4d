import signal
from itertools import permutations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.errors import UserError
from tasks.staging import stage_tables
from tasks.warehouse.database import open_warehouse, schema
from tasks.warehouse.load import BOOKKEEPING, _in_order_of_reference, load
from tests.sample_tables import sample_tables
from tests.tasks.warehouse.backends import FILE, LAKE_IN_FILE, LAKE_IN_POSTGRESQL, contents, every_backend
from tests.tasks.warehouse.processes import holding, run_python


def assert_same_contents(before, after):
    for table in schema():
        assert_frame_equal(before[table], after[table])


def a_network(name: str) -> dict[str, pl.DataFrame]:
    return {"networks": sample_tables()["networks"].head(1).with_columns(network=pl.lit(name))}


def test_the_sample_fills_every_table_that_can_be_loaded():
    assert set(sample_tables()) == set(schema()) - BOOKKEEPING


@every_backend
def test_what_is_loaded_is_what_is_found(loaded):
    found = contents(loaded)
    for table, rows in sample_tables().items():
        key = list(schema()[table].key)
        assert_frame_equal(found[table].sort(key), rows.sort(key), check_dtypes=False, check_column_order=False)


@every_backend
def test_every_load_is_recorded_with_its_rows(loaded):
    counts = {table: rows.height for table, rows in sample_tables().items()}
    loads = contents(loaded)["loads"]
    assert set(loads["load_key"]) == {"sample"}
    assert dict(loads.select("table_name", "rows").iter_rows()) == counts


@every_backend
def test_columns_go_by_name_and_not_by_place(settings):
    rows = sample_tables()["networks"]
    load("turned round", {"networks": rows.select(reversed(rows.columns))}, settings)
    assert_frame_equal(contents(settings)["networks"], rows, check_dtypes=False)


@every_backend
def test_the_same_key_is_loaded_once(loaded):
    before = contents(loaded)
    other = a_network("another")
    assert load("sample", other, loaded) is False
    assert_same_contents(before, contents(loaded))
    assert load("other", other, loaded) is True
    assert contents(loaded)["networks"].height == 3


@every_backend
def test_shared_rows_that_are_there_already_are_left_alone(loaded):
    sample = sample_tables()
    images = sample["images"].with_columns(name=pl.lit("the same picture under another name")).head(2)
    new = images.head(1).with_columns(image_id=pl.lit("f" * 64))
    tables = {"networks": sample["networks"], "layers": sample["layers"], "images": pl.concat([images, new])}
    assert load("again", tables, loaded) is True
    found = contents(loaded)
    assert_frame_equal(found["images"].filter(pl.col("image_id") != "f" * 64), sample["images"], check_dtypes=False)
    recorded = dict(found["loads"].filter(load_key="again").select("table_name", "rows").iter_rows())
    assert recorded == {"networks": 0, "layers": 0, "images": 1}


@every_backend
def test_scores_that_an_older_version_loaded_with_those_of_all_replicas_stay(loaded):
    scores = sample_tables()["family_scores"]
    again = scores.with_columns(pl.col("value") + 1e-9)
    new = scores.filter(seed=scores["seed"].max()).with_columns(seed=pl.lit(77, scores.schema["seed"]))
    assert load("separation of one replica", {"family_scores": pl.concat([again, new])}, loaded) is True
    assert_frame_equal(contents(loaded)["family_scores"].filter(pl.col("seed") != 77), scores, check_dtypes=False)
    assert contents(loaded)["family_scores"].height == scores.height + new.height


@every_backend
@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("networks", "weights_sha256", "0" * 64), ("layers", "receptive_field", 99), ("images", "width", 3)],
)
def test_a_shared_row_that_says_otherwise_is_refused(loaded, table, column, value):
    before = contents(loaded)
    rows = sample_tables()[table].head(1).with_columns(pl.lit(value).alias(column))
    with pytest.raises(UserError, match=f"{table} already has another row .*{column} is .*, not {value}"):
        load("contradiction", {table: rows}, loaded)
    assert_same_contents(before, contents(loaded))


def without_column(tables):
    tables["features"] = tables["features"].drop("density")
    return r"features lack columns \[density\]"


def with_column(tables):
    tables["shards"] = tables["shards"].with_columns(colour=pl.lit("red"))
    return r"unknown columns \[colour\]"


def unknown_table(tables):
    tables["x; DROP TABLE runs"] = tables["runs"]
    return "no table 'x; DROP TABLE runs' can be loaded"


def bookkeeping(tables):
    tables["loads"] = pl.DataFrame({"load_key": ["x"], "table_name": ["x"], "rows": [1], "loaded_at": [None]})
    return "no table 'loads' can be loaded"


def row_twice(tables):
    tables["features"] = pl.concat([tables["features"], tables["features"].head(1)])
    return "features refused rows: .*uplicate key"


def shared_row_twice(tables):
    tables["images"] = pl.concat([tables["images"], tables["images"].head(1)])
    return "images refused rows: .*uplicate key"


def dangling_reference(tables):
    tables["feature_examples"] = tables["feature_examples"].with_columns(image_id=pl.lit("no such image"))
    return "feature_examples refused rows: .*foreign key.*no such image"


def null(tables):
    tables["runs"] = tables["runs"].with_columns(flow=pl.lit(None, dtype=pl.String))
    return "runs refused rows: .*NOT NULL"


def no_json(tables):
    tables["runs"] = tables["runs"].with_columns(config=pl.lit("{not json"))
    return "runs refused rows: .*JSON"


def no_tables(tables):
    tables.clear()
    return "no tables"


SPOILED = (
    without_column,
    with_column,
    unknown_table,
    bookkeeping,
    row_twice,
    shared_row_twice,
    dangling_reference,
    null,
    no_json,
    no_tables,
)


@pytest.mark.parametrize(
    ("settings", "spoil"),
    # in a lake it is the machine's own file that refuses them
    [
        *((FILE, spoil) for spoil in SPOILED),
        (LAKE_IN_FILE, row_twice),
        (LAKE_IN_POSTGRESQL, dangling_reference),
    ],
    indirect=["settings"],
)
def test_bad_tables_are_refused_in_one_line_and_nothing_is_written(settings, spoil):
    load("before", a_network("there before"), settings)
    before = contents(settings)
    tables = sample_tables()
    message = spoil(tables)
    with pytest.raises(UserError, match=message) as refusal:
        load("bad", tables, settings)
    assert "\n" not in str(refusal.value)
    assert_same_contents(before, contents(settings))
    assert load("bad", sample_tables(), settings) is True


@every_backend
def test_a_warehouse_that_another_process_holds_is_named_with_its_holder(loaded):
    before = contents(loaded)
    with (
        holding(loaded.warehouse_file) as process,
        pytest.raises(
            UserError, match=f"{loaded.warehouse_file} is in use by another process .PID {process}."
        ) as refusal,
    ):
        load("locked out", {"runs": sample_tables()["runs"]}, loaded)
    assert "\n" not in str(refusal.value)
    assert_same_contents(before, contents(loaded))


@every_backend
@pytest.mark.parametrize("dies_at", ["networks", "feature_examples", "runs"])
def test_a_load_that_is_killed_leaves_the_warehouse_as_it_was(settings, dies_at):
    load("before", a_network("there before"), settings)
    before = contents(settings)
    code = f"""
import os, signal
import tasks.warehouse.load as module
from tasks.settings import Settings
from tests.sample_tables import sample_tables
insert = module._insert
def dying_insert(connection, load_key, table, rows):
    inserted = insert(connection, load_key, table, rows)
    if table == {dies_at!r}:
        os.kill(os.getpid(), signal.SIGKILL)
    return inserted
module._insert = dying_insert
module.load("killed", sample_tables(), Settings())
"""
    assert run_python(code).returncode == -signal.SIGKILL
    assert_same_contents(before, contents(settings))
    assert load("killed", sample_tables(), settings) is True
    assert contents(settings)["feature_examples"].height == sample_tables()["feature_examples"].height


@every_backend
def test_every_table_states_its_grain(loaded):
    with open_warehouse(loaded) as connection:
        comments = connection.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall()
    assert {name for name, comment in comments if (comment or "").startswith("one row per ")} == set(schema())


# tables of keys, each after those that its rows refer to
TABLES = {
    "extraction": ["networks", "layers", "images", "activation_sets", "shards"],
    "dictionary": ["dictionaries", "features"],
    "visualisation": ["feature_visualisations"],
    # brings networks of its own, and asks a dictionary
    "attack": ["networks", "layers", "concepts", "attack_experiments", "attacks", "attack_features"],
}


@every_backend
def test_a_key_is_placed_by_the_tables_that_are_its_own(settings):
    for key, tables in TABLES.items():
        stage_tables(key, {table: sample_tables()[table] for table in tables}, settings)
    for order in permutations(TABLES):
        assert _in_order_of_reference(order, settings) == [*TABLES]
