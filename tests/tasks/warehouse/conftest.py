"""A warehouse loaded with the sample tables, and one that is published as well: copied for each test."""

import shutil
from collections.abc import Iterator

import duckdb
import pytest

from tasks.keys import file_sha256
from tasks.settings import Settings
from tests.postgresql import postgresql
from tests.tasks.warehouse.backends import FILE, LAKE_IN_POSTGRESQL, lake_in_postgresql, put_into_lake


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a PostgreSQL server on which tests create databases."""
    with postgresql() as url:
        yield url


@pytest.fixture
def settings(request, tmp_path, monkeypatch) -> Iterator[Settings]:
    """Settings with an empty data folder and an empty warehouse, which are also those that the environment gives."""
    monkeypatch.setenv("KALEIDOSCOPE_DATA_DIR", str(tmp_path / "data"))
    backend = getattr(request, "param", FILE)
    if backend == FILE:
        yield Settings()
        return
    monkeypatch.setenv("KALEIDOSCOPE_SHARED_STORE", str(tmp_path / "shared"))
    if backend == LAKE_IN_POSTGRESQL:
        with lake_in_postgresql(request.getfixturevalue("postgresql_server")) as lake:
            monkeypatch.setenv("KALEIDOSCOPE_WAREHOUSE", lake)
            yield Settings()
        return
    monkeypatch.setenv("KALEIDOSCOPE_WAREHOUSE", f"ducklake:{tmp_path / 'lake.ducklake'}")
    yield Settings()


@pytest.fixture
def loaded(loaded_template, settings):
    shutil.copytree(loaded_template.data_dir, settings.data_dir)
    put_into_lake(settings)
    return settings


@pytest.fixture
def published(published_template, settings):
    shutil.copytree(published_template.data_dir, settings.data_dir, symlinks=True)
    put_into_lake(settings)
    return settings


@pytest.fixture(scope="session")
def published_nothing(tmp_path_factory) -> Settings:
    """A published snapshot without tables, for statements that need none: don't write into it."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("empty"))
    folder = settings.published_file.parent
    folder.mkdir()
    duckdb.connect(str(folder / "empty")).close()
    snapshot = (folder / "empty").rename(folder / f"{file_sha256(folder / 'empty')}.duckdb")
    settings.published_file.symlink_to(snapshot)
    return settings
