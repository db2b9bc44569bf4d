import polars
import pytest
from polars.testing import assert_frame_equal

from tasks.checksums import COMMIT, Damaged
from tasks.errors import UserError
from tasks.provenance import made_in, made_now
from tasks.quarantine import in_quarantine
from tasks.staging import (
    BEFORE_CHECKSUMS,
    is_staged,
    read_staged,
    read_unmigrated,
    schema_version,
    stage_tables,
    staged_keys,
    staged_provenance,
    staged_tables,
)
from tests.damage import flip

KEY = "a" * 64
TABLES = {"networks": polars.DataFrame({"network": ["n"]}), "layers": polars.DataFrame({"layer": ["l", "m"]})}


def as_before_checksums(settings) -> None:
    """What e2a2564 left: Parquet files and the list of their tables."""
    folder = settings.staging_dir / KEY
    folder.mkdir(parents=True)
    for table, rows in TABLES.items():
        rows.write_parquet(folder / f"{table}.parquet")
    (folder / BEFORE_CHECKSUMS).write_text("\n".join(TABLES))


def assert_read(settings, version: int) -> None:
    tables, found_version = read_unmigrated(KEY, settings)
    assert found_version == version
    assert set(tables) == set(TABLES)
    for table, rows in TABLES.items():
        assert_frame_equal(tables[table], rows)


def test_what_is_staged_is_read_again(settings):
    assert not is_staged(KEY, settings)
    with pytest.raises(UserError, match="run the stage that makes them first"):
        read_staged(KEY, settings)
    stage_tables(KEY, TABLES, settings)
    assert is_staged(KEY, settings)
    assert staged_keys(settings) == [KEY]
    assert staged_tables(KEY, settings) == list(TABLES)
    assert_read(settings, schema_version())


@pytest.mark.parametrize("file", ["networks.parquet", "layers.parquet", COMMIT])
@pytest.mark.parametrize("bit", [5, 1_003, 7_777])
def test_a_flipped_bit_is_read_by_nobody_and_made_again(file, bit, settings):
    stage_tables(KEY, TABLES, settings)
    assert_read(settings, schema_version())
    flip(settings.staging_dir / KEY / file, bit)
    with pytest.raises(Damaged, match=file):
        read_staged(KEY, settings)
    assert not is_staged(KEY, settings)
    [aside] = in_quarantine(settings)
    assert str(aside.came_from) == f"frames/{KEY}"
    assert file in aside.reason
    stage_tables(KEY, TABLES, settings)
    assert_read(settings, schema_version())


def test_a_folder_under_another_key_is_refused(settings):
    stage_tables(KEY, TABLES, settings)
    (settings.staging_dir / KEY).rename(settings.staging_dir / ("b" * 64))
    with pytest.raises(Damaged, match=f"{COMMIT} belongs to {KEY}"):
        read_staged("b" * 64, settings)


def test_a_commit_says_who_made_the_tables(settings):
    with made_in("first run"):
        stage_tables(KEY, TABLES, settings)
    made = staged_provenance(KEY, settings)
    assert made.keys() == TABLES.keys()
    assert {each["flow_run_id"] for each in made.values()} == {"first run"}
    with made_in("second run"):
        stage_tables(KEY, TABLES, settings)
    assert staged_provenance(KEY, settings) == made, "they were made before, and are the same"


def test_tables_about_what_was_made_before_say_who_made_that(settings):
    before = made_now() | {"flow_run_id": "training"}
    with made_in("analysis"):
        stage_tables(KEY, TABLES, settings, {"layers": before, "networks": None})
        stage_tables("b" * 64, TABLES, settings, {"layers": before})
    assert staged_provenance(KEY, settings) == {"layers": before, "networks": None}
    made = staged_provenance("b" * 64, settings)
    assert (made["layers"], made["networks"]["flow_run_id"]) == (before, "analysis")


def test_tables_that_are_set_aside_are_made_anew_by_who_makes_them(settings):
    with made_in("first run"):
        stage_tables(KEY, TABLES, settings)
    flip(settings.staging_dir / KEY / "layers.parquet", 1_003)
    assert not is_staged(KEY, settings)
    with made_in("second run"):
        stage_tables(KEY, TABLES, settings)
    assert {each["flow_run_id"] for each in staged_provenance(KEY, settings).values()} == {"second run"}


def test_what_was_staged_before_checksums_gets_them(settings):
    as_before_checksums(settings)
    assert staged_keys(settings) == [KEY]
    assert is_staged(KEY, settings)
    assert_read(settings, 1)
    assert not (settings.staging_dir / KEY / BEFORE_CHECKSUMS).exists()
    assert staged_provenance(KEY, settings) == dict.fromkeys(TABLES), "nobody knows who made it"


@pytest.mark.parametrize("spoil", [lambda file: file.unlink(), lambda file: file.write_bytes(file.read_bytes()[:-9])])
def test_what_was_staged_before_checksums_and_is_no_parquet_is_damaged(spoil, settings):
    as_before_checksums(settings)
    spoil(settings.staging_dir / KEY / "layers.parquet")
    with pytest.raises(Damaged, match=r"layers\.parquet can't be read"):
        read_staged(KEY, settings)
    assert not is_staged(KEY, settings)
    assert len(in_quarantine(settings)) == 1
