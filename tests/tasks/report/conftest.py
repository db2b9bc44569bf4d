"""The sample tables as a snapshot, and the site that is written from it."""

import duckdb
import polars as pl
import pytest

from tasks.report.site import write_pages
from tasks.report.snapshot import Snapshot
from tasks.warehouse.database import create_schema, create_views, schema
from tests.sample_tables import both_loads, sample_tables


def snapshot_of(tables: dict[str, pl.DataFrame]) -> Snapshot:
    connection = duckdb.connect()
    create_schema(connection)
    create_views(connection)
    for table, description in schema().items():
        if table in tables:
            connection.from_arrow(tables[table].select(description.columns).to_arrow()).insert_into(table)
    return Snapshot(connection)


@pytest.fixture(scope="session")
def tables():
    return sample_tables()


@pytest.fixture(scope="session")
def site(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_pages(snapshot_of(tables), folder, lambda done, total: None)
    return folder


@pytest.fixture(scope="session")
def early(tmp_path_factory):
    """A site with rows that were not transformed, beside the orbits."""
    folder = tmp_path_factory.mktemp("early")
    write_pages(snapshot_of(both_loads()), folder, lambda done, total: None)
    return folder
