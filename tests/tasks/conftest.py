"""Networks for the tests of vision and activations: the embedded one, the real InceptionV1, and random ones."""

import os

import pytest
import torch

from tasks.settings import Settings
from tasks.vision import inception_v1
from tasks.vision.network import IMAGENET, Network, Normalisation
from tasks.vision.networks import load_network


@pytest.fixture(scope="session")
def lite0() -> Network:
    return load_network("efficientnet_lite0")


@pytest.fixture(scope="session")
def bvlc() -> Network:
    if "KALEIDOSCOPE_WEIGHTS_DIR" not in os.environ:
        pytest.skip("InceptionV1's weights are not here: KALEIDOSCOPE_WEIGHTS_DIR is unset")
    return load_network("inceptionv1-bvlc", Settings().weights_dir)


@pytest.fixture(scope="session")
def random_bvlc() -> Network:
    """The architecture of inceptionv1-bvlc with random weights: for what does not depend on the training."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        module = inception_v1.bvlc()
    normalisation = Normalisation(mean=(104.0, 117.0, 123.0), bgr=True)
    return Network("random", "0" * 64, module, inception_v1.layer_modules(), normalisation, labels=IMAGENET)


@pytest.fixture
def two_threads():
    """At most two threads in PyTorch, and as many as before afterwards: a test may set fewer."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(2, before))
    yield
    torch.set_num_threads(before)
