"""The Gabor bank: a network whose truth is known."""

import numpy as np
import pytest
import torch

from tasks.activations.cones import ConeExtractor
from tasks.activations.extractors import unit_extractor
from tasks.errors import UserError
from tasks.tuning.responses import neuron_responses
from tasks.vision.gabor import BANDWIDTH, GaborParameters, class_names, filters, parameters_of
from tasks.vision.gratings import Gratings
from tasks.vision.networks import load_network, network_names


@pytest.fixture(scope="module")
def bank():
    return load_network("gabor-bank")


@pytest.fixture(scope="module")
def own_gratings(bank):
    """[channels, channels]: what every channel answers to every channel's own grating."""
    return neuron_responses(bank, "gabor", Gratings(33, GaborParameters().table)).numpy()


def test_it_is_a_network_like_any_other(bank):
    assert "gabor-bank" in network_names()
    assert bank.layers() == ("gabor",)
    assert bank.layer("gabor").channels == len(GaborParameters().table) == 768
    assert bank.layer("gabor").receptive_field == 33
    assert isinstance(unit_extractor(bank, "gabor"), ConeExtractor)
    assert bank.classes == len(class_names(GaborParameters())) == 48
    assert bank.logits(torch.rand(2, 3, 224, 224)).shape == (2, 48)


def test_each_channel_answers_its_own_grating_and_none_more(own_gratings):
    np.testing.assert_allclose(own_gratings.diagonal(), 1, atol=1e-4)
    assert (own_gratings.argmax(0) == np.arange(len(own_gratings))).mean() > 0.9
    assert own_gratings.max() < 1.1, "a coarser neighbour may see a little more of a grating than the channel itself"
    assert own_gratings.min() == 0, "a rectifier"


def test_nothing_answers_an_even_field():
    weight_coyx = filters(GaborParameters())
    assert weight_coyx.sum((2, 3)).abs().max() < 1e-5


def test_half_the_answer_lies_at_the_bandwidth(bank):
    place = GaborParameters().table.with_row_index().filter(orientation=0, phase=0, colour=0)[3]
    frequency, channel = place["frequency"].item(), place["index"].item()
    width = 2**BANDWIDTH
    # the two frequencies that give half, a bandwidth apart about a Gaussian's middle
    for shifted in (frequency * 2 / (1 + width), frequency * 2 * width / (1 + width)):
        seen = Gratings(33, place.drop("index").with_columns(frequency=shifted))
        assert neuron_responses(bank, "gabor", seen)[0, channel].item() == pytest.approx(0.5, abs=0.03)


def test_the_class_is_the_orientation_and_frequency_that_answer_most(bank):
    rows = GaborParameters().table.filter(phase=0, colour=0)
    pictures = torch.cat(list(Gratings(224, rows).batches(16)))
    with torch.no_grad():
        classes = torch.cat([bank.logits(part) for part in pictures.split(8)]).argmax(1)
    assert (classes == torch.arange(len(rows))).float().mean() > 0.95


def test_other_banks_are_named_by_their_numbers():
    assert parameters_of("gabor-bank-3x2x2x2") == GaborParameters(3, 2, 2, 2)
    assert parameters_of("inceptionv1-bvlc") is None
    small = load_network("gabor-bank-3x2x2x2")
    assert small.layer("gabor").channels == 24
    assert small.weights_sha256 != load_network("gabor-bank").weights_sha256


@pytest.mark.parametrize("name", ["gabor-bank-1x6x4x4", "gabor-bank-8x1x4x4"])
def test_a_bank_without_a_dimension_to_find_is_refused(name):
    with pytest.raises(UserError, match="there is no such dimension to find") as raised:
        load_network(name)
    assert "\n" not in str(raised.value)
