"""Perturbed sets that several test files read: made once for all of them."""

import pytest
from skimage import data

from tasks.concepts.config import AttackGrid
from tasks.concepts.perturbed_sets import attacked_sets, class_at
from tasks.settings import Settings
from tests.tasks.concepts.small_sets import LAYER, PLAIN, TABBY, crops


@pytest.fixture(scope="session")
def cat():
    return crops("cat", "class", data.chelsea())


@pytest.fixture(scope="session")
def fur():
    """A concept that the cat's photographs share."""
    return crops("fur", "concept", data.chelsea()[:, ::-1].copy())


@pytest.fixture(scope="session")
def cup():
    return crops("cup", "concept", data.coffee())


@pytest.fixture(scope="session")
def random():
    photographs = data.rocket(), data.astronaut(), data.hubble_deep_field()
    return [crops(f"random_{place}", "random", photograph, 4) for place, photograph in enumerate(photographs)]


@pytest.fixture(scope="session")
def at(lite0, cat):
    return class_at(lite0, LAYER, TABBY, cat)


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    return Settings(data_dir=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def negative(at, fur, random, kept):
    config = AttackGrid(
        kind="negative",
        objectives=("token-pushing", "cav", "class-gradient", "random-set"),
        epsilons=(2, 8),
        fractions=(0.4, 1.0),
        steps=4,
    )
    return config, list(attacked_sets(config, at, fur, random, kept, PLAIN))


@pytest.fixture(scope="session")
def positive(at, cup, random, kept):
    config = AttackGrid(
        kind="positive",
        objectives=("token-pushing", "cav", "class-gradient", "random-set"),
        epsilons=(8,),
        fractions=(1.0,),
        steps=4,
    )
    return config, list(attacked_sets(config, at, cup, random, kept, PLAIN))
