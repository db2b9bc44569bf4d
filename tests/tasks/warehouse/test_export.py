"""Exported tables hold every published row, and the schema file says what each column means."""

import json

import duckdb
import polars
import pytest

from tasks.errors import UserError
from tasks.warehouse.database import schema
from tasks.warehouse.export import export_tables


def test_every_row_of_every_table_is_there(published, tmp_path):
    export_tables(tmp_path / "it's", published)
    described = json.loads((tmp_path / "it's" / "schema.json").read_bytes())
    assert set(described) == set(schema())
    assert {path.stem for path in (tmp_path / "it's").glob("*.parquet")} == set(schema())
    digest = "SELECT count(*), md5(string_agg(t::VARCHAR, '' ORDER BY t::VARCHAR)) FROM {} AS t"
    snapshot = duckdb.connect(str(published.published_file.resolve()), read_only=True)
    for table, about in described.items():
        file = str(tmp_path / "it's" / f"{table}.parquet").replace("'", "''")
        rows, expected = snapshot.execute(digest.format(table)).fetchone()
        assert duckdb.sql(digest.format(f"'{file}'")).fetchone() == (rows, expected), table
        assert about["rows"] == rows
        assert tuple(column["name"] for column in about["columns"]) == schema()[table].columns
        assert tuple(column["type"] for column in about["columns"]) == schema()[table].types
        assert tuple(about["primary_key"]) == schema()[table].key
        assert about["comment"].startswith("one row per")
        assert all(column["comment"] for column in about["columns"])
    assert described["features"]["foreign_keys"] == [
        {"columns": ["dictionary_id"], "table": "dictionaries", "references": ["dictionary_id"]}
    ]


def test_polars_reads_pictures_and_json(published, tmp_path):
    export_tables(tmp_path / "tables", published)
    examples = polars.read_parquet(tmp_path / "tables" / "feature_examples.parquet")
    assert examples["patch"][0].startswith(b"RIFF")
    assert json.loads(polars.read_parquet(tmp_path / "tables" / "dictionaries.parquet")["config"][0]) is not None


def test_what_can_not_be_exported_is_one_line(published, settings, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("")
    with pytest.raises(UserError, match="is not an empty folder: choose a new or empty folder"):
        export_tables(tmp_path / "full", published)
    published.published_file.unlink()
    with pytest.raises(UserError, match="nothing is published at"):
        export_tables(tmp_path / "tables", published)
    assert not (tmp_path / "tables").exists()
