"""A small activation set, extracted once; who writes into it works on a copy."""

import shutil

import pytest

from tasks.activations.extract import ExtractionConfig, extract
from tasks.settings import Settings
from tests.tasks.activations.small_set import SMALL


@pytest.fixture(scope="session")
def small_template(tmp_path_factory) -> tuple[str, Settings]:
    """Key of the small set and the settings under which it was extracted; for reading only."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("small"))
    return extract(SMALL, settings), settings


@pytest.fixture
def small_key(small_template, settings) -> str:
    """Key of the small set, copied under `settings`."""
    key, template = small_template
    shutil.copytree(template.data_dir, settings.data_dir)
    return key


@pytest.fixture(scope="session")
def small_config() -> ExtractionConfig:
    return SMALL
