"""Random sparse autoencoders of every method, and the other libraries."""

import pytest
import torch

from tasks.dictionary.base import Dictionary
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.store import create
from tasks.symmetry.group import DihedralGroup

CHANNELS, FEATURES, K = 16, 40, 5


def random_sae(method: str) -> Dictionary:
    """A dictionary of random weights, scale and thresholds; some features are active and some are not."""
    torch.manual_seed(0)
    config = DictionaryConfig(architecture="sae", method=method, features=FEATURES, k=K)
    dictionary = create(config, CHANNELS, DihedralGroup(1, reflections=False))
    for parameter in dictionary.parameters():
        torch.nn.init.normal_(parameter)
    dictionary.scale.fill_(0.37)
    if method in ("batchtopk", "matryoshka"):
        dictionary.threshold.fill_(1.3)
    if method == "jumprelu":
        torch.nn.init.normal_(dictionary.log_threshold, std=0.1)
    return dictionary.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def rows():
    return 3 * torch.randn(200, CHANNELS, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session", autouse=True)
def _overcomplete_imports():
    """overcomplete 0.3 asks for a function that matplotlib 3.9 took away."""
    import matplotlib.cm

    matplotlib.cm.get_cmap = matplotlib.colormaps.__getitem__


def assert_equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal to 1e-5 of the largest value: the stated tolerance of an exchange."""
    assert expected.abs().max() > 0
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
