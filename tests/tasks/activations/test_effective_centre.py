import numpy as np
import pytest
import torch
from torch import nn

from tasks.activations import effective_centre as module
from tasks.activations.effective_centre import EffectiveCentre, effective_centre, measure
from tasks.activations.extractors import unit_extractor
from tasks.activations.unit_patches import UnitPatch
from tasks.quarantine import in_quarantine
from tasks.vision.network import Network, Normalisation


def planted(*weights: tuple[int, int, float]) -> Network:
    """A network whose one convolution, 9 × 9, has these weights (y, x, weight) and is 0 elsewhere."""
    convolution = nn.Conv2d(3, 2, 9, stride=2, padding=4, bias=False)
    convolution.weight.data.zero_()
    for y, x, weight in weights:
        convolution.weight.data[:, :, y, x] = weight
    classifier = nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3))
    return Network("planted", "0" * 64, classifier, {"layer": ("0", 0)}, Normalisation((0.0,) * 3), input_size=64)


def test_the_centroid_is_that_of_the_squared_gradient():
    # energy 4 at (-2, -4) and 1 at (3, 1)
    measured = measure(planted((2, 0, 2.0), (7, 5, 1.0)), "layer")
    assert (measured.y, measured.x) == pytest.approx(((4 * -2 + 3) / 5, (4 * -4 + 1) / 5), abs=1e-3)
    assert (measured.y_std_error, measured.x_std_error) == pytest.approx((0, 0), abs=1e-3)
    # variances of two points with the weights 4 and 1, 5 and 5 pixels apart
    assert (measured.y_std, measured.x_std) == pytest.approx((2, 2), abs=1e-3)
    assert measured.pixel == (-1, -3)


def test_a_layer_that_never_responds_has_no_direction():
    assert measure(planted(), "layer").pixel == (0, 0)


def test_chance_and_small_distances_are_no_centre():
    assert EffectiveCentre(-2.4, 1.9, 0.5, 1.0, 4.0, 4.0, 192).pixel == (-2, 0)
    assert EffectiveCentre(-2.4, 1.9, 0.1, 0.1, 13.0, 9.0, 192).pixel == (0, 2)


def test_an_extractor_about_the_centre_sees_what_the_one_about_the_receptive_field_sees():
    network = planted((2, 0, 2.0), (7, 5, 1.0))
    patch = UnitPatch(network.layer("layer"), (-1, 3))
    picture = torch.rand(2, 3, patch.side, patch.side, generator=torch.Generator().manual_seed(0))
    about, plain = unit_extractor(network, "layer", patch.centre), unit_extractor(network, "layer")
    assert (about.side, about.method, about.channels) == (15, plain.method, plain.channels)
    # the receptive field begins a pixel below and three pixels left of where it would lie in the middle
    torch.testing.assert_close(about(picture), plain(picture[:, :, 4:13, 0:9]), rtol=0, atol=0)
    with pytest.raises(ValueError, match="not 15 x 15"):
        about(picture[:, :, 1:, 1:])


def test_it_is_measured_once_and_measured_again_if_the_file_is_damaged(settings, monkeypatch):
    network, measurements = planted((2, 0, 2.0)), []
    monkeypatch.setattr(module, "measure", lambda *given: measurements.append(given) or measure(*given))
    first = effective_centre(network, "layer", settings)
    assert effective_centre(network, "layer", settings) == first
    assert len(measurements) == 1
    [file] = (settings.activations_dir / ".centres").iterdir()
    file.write_text(file.read_text().replace("-2.0", "-1.0"))
    assert effective_centre(network, "layer", settings) == first
    assert len(measurements) == 2
    assert [damaged.came_from.name for damaged in in_quarantine(settings)] == [file.name]


def test_inceptions_layers_look_at_their_receptive_fields_centre(bvlc):
    for layer in ("conv2d2", "mixed3b", "mixed3b_5x5"):
        assert measure(bvlc, layer).pixel == (0, 0)


def test_the_embedded_networks_layer_looks_up_and_left(lite0):
    measured = measure(lite0, "block5_expand")
    assert np.sign(measured.pixel).tolist() == [-1, -1]
