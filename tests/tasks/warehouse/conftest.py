"""A warehouse loaded with the sample tables, and one that is published as well: copied for each test."""

import shutil

import duckdb
import pytest

from tasks.keys import file_sha256
from tasks.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def loaded(loaded_template, settings):
    shutil.copytree(loaded_template.data_dir, settings.data_dir)
    return settings


@pytest.fixture
def published(published_template, settings):
    shutil.copytree(published_template.data_dir, settings.data_dir, symlinks=True)
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
