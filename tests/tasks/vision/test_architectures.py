"""At least 40 architectures of torchvision and timm with seeded random weights; `make test-networks` runs over 200.

Every one is analysed, or refused by name with the reason.
"""

import pytest

from tasks.errors import UserError
from tests.tasks.vision.architectures import check
from tests.tasks.vision.many_architectures import FEW, MANY, NOT_SERVED

pytest.importorskip("timm", reason="timm is not installed")


@pytest.mark.parametrize("name", FEW)
def test_units_are_those_of_hooks_and_geometry_is_that_of_gradients(name):
    network = check(name)
    assert network.layers()


@pytest.mark.networks
@pytest.mark.parametrize("name", MANY)
def test_so_it_is_for_many(name):
    check(name)


@pytest.mark.networks
@pytest.mark.parametrize("name", NOT_SERVED)
def test_what_is_not_served_is_refused_by_name_with_the_reason(name):
    with pytest.raises(UserError, match=rf"network {name.split('?')[0]}.*{NOT_SERVED[name]}"):
        check(name)


def test_enough_are_served():
    assert len(FEW) >= 40
    assert len(FEW) + len(MANY) >= 200
    assert len(NOT_SERVED) <= 0.05 * (len(FEW) + len(MANY) + len(NOT_SERVED))


LOCAL = [
    "torchvision:resnet18@random-0",
    "torchvision:mobilenet_v2@random-0",
    "torchvision:shufflenet_v2_x0_5@random-0",
]
LOCAL += ["torchvision:densenet121@random-0", "torchvision:convnext_tiny@random-0", "torchvision:inception_v3@random-0"]


@pytest.mark.parametrize("name", LOCAL)
def test_all_units_of_a_convolutional_network_have_cones_where_they_see_less_than_the_input(name):
    from tasks.vision.networks import load_network

    network = load_network(name)
    for layer in map(network.layer, network.layers()):
        small = layer.receptive_field <= network.input_size
        assert network.extraction(layer.name) == ("cone" if small else "frame"), layer
