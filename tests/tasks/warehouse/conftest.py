"""A warehouse loaded with the sample frames, and one that is published as well: copied for each test."""

import shutil

import pytest

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
