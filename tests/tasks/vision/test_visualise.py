"""Feature visualisation: what its images do to the network, and its parametrisation against theory."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data
from torch import nn

from tasks.activations.extractors import unit_extractor
from tasks.errors import UserError
from tasks.vision import visualise as module
from tasks.vision.graph import prefix, trace
from tasks.vision.visualise import COLOURS, VisualisationConfig, _leaking, _Painting, canvas_side, spectrum, visualise

LINEAR, RECTIFIED = "block3", "block3_expand"
SHORT = VisualisationConfig(steps=6)
STILL = VisualisationConfig(jitter=0, scale=0, rotate=0)


def noise(count, side):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(7))


def one_hot(network, layer, channels):
    return torch.eye(network.layer(layer).channels)[channels]


def responses(network, layer, images, channels):
    """What each image does to its own channel, [n]."""
    with torch.no_grad():
        return unit_extractor(network, layer)(images)[range(len(channels)), channels]


def test_images_raise_and_negative_ones_lower_the_unit(lite0):
    channels = [0, 18, 36]
    extractor = unit_extractor(lite0, LINEAR)
    with torch.no_grad():
        of_noise_nc = extractor(noise(128, extractor.side))[:, channels]
    spread = of_noise_nc.max(0).values - of_noise_nc.min(0).values
    directions = one_hot(lite0, LINEAR, channels)
    images = visualise(lite0, LINEAR, torch.cat([directions, -directions]), VisualisationConfig(steps=64))
    assert images.shape == (6, 3, 35, 35)
    assert images.min() >= 0
    assert images.max() <= 1
    assert (responses(lite0, LINEAR, images[:3], channels) > of_noise_nc.max(0).values + spread).all()
    assert (responses(lite0, LINEAR, images[3:], channels) < of_noise_nc.min(0).values - spread).all()


def test_a_unit_that_is_silent_at_first_is_woken(lite0):
    side, everyone = lite0.layer(RECTIFIED).receptive_field, list(range(144))
    grey = torch.full((1, 3, side, side), 0.5)
    silent = [c for c in everyone if unit_extractor(lite0, RECTIFIED)(grey)[0, c] == 0][:8]
    assert len(silent) == 8
    images = visualise(lite0, RECTIFIED, one_hot(lite0, RECTIFIED, silent), VisualisationConfig(steps=48))
    assert (responses(lite0, RECTIFIED, images, silent) > 1).all()


def test_a_channels_image_raises_the_mean(lite0):
    config = VisualisationConfig(objective="channel", channel_size=48, steps=48)
    [image] = visualise(lite0, LINEAR, one_hot(lite0, LINEAR, [9]), config)
    assert image.shape == (3, 48, 48)
    with torch.no_grad():
        means_nc = lite0.activations(torch.cat([image[None], noise(64, 48)]), LINEAR).mean((2, 3))
    assert means_nc[0, 9] > 3 * means_nc[1:, 9].abs().max()


def test_a_power_of_the_cosine_inverts_a_patchs_activations(lite0):
    extractor = unit_extractor(lite0, RECTIFIED)
    cat_cyx = torch.from_numpy(data.chelsea()).permute(2, 0, 1) / 255
    places, side = ((100, 100), (60, 200), (150, 150), (200, 300)), extractor.side
    points_nc = extractor(torch.stack([cat_cyx[:, y : y + side, x : x + side] for y, x in places]))
    cosines = []
    for power in (0, 4):
        images = visualise(lite0, RECTIFIED, points_nc, VisualisationConfig(steps=48, cosine_power=power))
        with torch.no_grad():
            cosines.append(F.cosine_similarity(extractor(images)[:, None], points_nc[None], dim=2))
    without_nn, with_nn = cosines
    assert (with_nn.diagonal() > without_nn.diagonal() + 0.04).all()
    assert with_nn.diagonal().min() > 0.93
    assert with_nn.argmax(1).tolist() == [0, 1, 2, 3]


def test_only_the_direction_counts_not_its_length(lite0):
    direction = torch.linspace(-1, 1, lite0.layer(LINEAR).channels)[None]
    images = [visualise(lite0, LINEAR, direction * length, SHORT) for length in (1, 64)]
    torch.testing.assert_close(*images, rtol=0, atol=1e-4)


def test_equal_seeds_give_equal_bits(lite0):
    directions = one_hot(lite0, RECTIFIED, [3, 5])
    first, again = (visualise(lite0, RECTIFIED, directions, SHORT) for _ in range(2))
    assert torch.equal(first, again)
    other = visualise(lite0, RECTIFIED, directions, SHORT.model_copy(update={"seed": 1}))
    assert not torch.allclose(first, other, atol=0.02)


@pytest.mark.parametrize("layer", ["conv2d2", "mixed3a_5x5"])
def test_an_image_does_not_hang_on_its_neighbours(random_bvlc, layer, monkeypatch):
    directions = one_hot(random_bvlc, layer, [1, 2, 3, 4, 5])
    together = visualise(random_bvlc, layer, directions, SHORT)
    alone = visualise(random_bvlc, layer, directions[2:3], SHORT)
    torch.testing.assert_close(together[2:3], alone, rtol=0, atol=1e-3)
    monkeypatch.setattr(module, "IMAGES_AT_ONCE", 2)
    torch.testing.assert_close(visualise(random_bvlc, layer, directions, SHORT), together, rtol=0, atol=1e-3)
    assert not torch.allclose(together[1], together[2], atol=0.02)


def test_a_unit_that_sees_more_than_the_input_is_shown_in_the_whole_input(lite0):
    assert lite0.layer("block9_depthwise").receptive_field > lite0.input_size
    images = visualise(lite0, "block9_depthwise", one_hot(lite0, "block9_depthwise", [0]), SHORT)
    assert images.shape[2:] == (lite0.input_size, lite0.input_size)


def test_progress_rises_to_the_end(lite0, monkeypatch):
    monkeypatch.setattr(module, "IMAGES_AT_ONCE", 2)
    seen = []
    visualise(lite0, "stem", torch.eye(32)[:3], SHORT, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (18, 18)
    assert [done for done, _ in seen] == [*range(2, 13, 2), *range(13, 19)]


@pytest.mark.parametrize(
    ("directions", "message"),
    [
        (torch.ones(2, 95), r"\[2, 95\] don't fit efficientnet_lite0 block3: give \[directions, 40\]"),
        (torch.ones(40), r"\[40\] don't fit"),
        (torch.tensor([[1.0], [0.0]]).expand(2, 40), "direction 1 of efficientnet_lite0 block3 is zero or not finite"),
        (torch.full((1, 40), torch.nan), "direction 0 .* is zero or not finite"),
    ],
)
def test_wrong_directions_are_refused_in_one_line(lite0, directions, message):
    with pytest.raises(UserError, match=message) as objective_of_images:
        visualise(lite0, LINEAR, directions)
    assert "\n" not in str(objective_of_images.value)


def test_no_direction_no_image(lite0):
    assert visualise(lite0, LINEAR, torch.ones(0, 40), SHORT).shape == (0, 3, 35, 35)


def test_an_unknown_layer_names_the_candidates(lite0):
    with pytest.raises(UserError, match="no layer 'mixed3b'"):
        visualise(lite0, "mixed3b", torch.ones(1, 480))


def a_painting(coefficients=1.0, side=64, images=40, config=STILL):
    """One whose coefficients are independent and of one size."""
    painting = _Painting(images, side, config)
    generator = torch.Generator().manual_seed(3)
    painting.coefficients = coefficients * torch.randn(painting.coefficients.shape, generator=generator)
    return painting


def test_equal_coefficients_make_the_spectrum_of_natural_images():
    painting = a_painting(0.1)
    planes_bcyx = torch.einsum("cr,bryx->bcyx", painting.colours.inverse(), painting.whole().logit())
    power_yx = torch.fft.rfft2(planes_bcyx, norm="ortho").abs().square().mean((0, 1))[1:32, 1:32]
    frequency_yx = torch.hypot(*torch.meshgrid(torch.arange(1, 32.0), torch.arange(1, 32.0), indexing="ij"))
    x, y = frequency_yx.log().flatten(), power_yx.log().flatten()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    assert slope == pytest.approx(-2, abs=0.05)


def test_spectrum_is_one_over_cycles_per_pixel():
    assert spectrum(8).shape == (8, 5)
    assert spectrum(8)[0].tolist() == pytest.approx([8, 8, 4, 8 / 3, 2])
    assert spectrum(8)[3, 4] == pytest.approx(1 / math.hypot(3 / 8, 1 / 2))
    assert spectrum(9).shape == (9, 5)


def test_equal_coefficients_make_the_colours_of_natural_images():
    logits_rp = a_painting(0.1).whole().logit().movedim(1, 0).flatten(1)
    expected = torch.tensor(COLOURS) @ torch.tensor(COLOURS).T
    seen = torch.corrcoef(logits_rp)
    scale = expected.diag().rsqrt()
    torch.testing.assert_close(seen, expected * scale[:, None] * scale, rtol=0, atol=0.03)


@settings(max_examples=30)
@given(
    side=st.integers(3, 40),
    jitter=st.floats(0, 0.25),
    scale=st.floats(0, 0.5),
    rotate=st.floats(0, 45),
    seed=st.integers(0, 100),
)
def test_no_transform_shows_what_is_not_painted(side, jitter, scale, rotate, seed):
    config = VisualisationConfig(jitter=jitter, scale=scale, rotate=rotate, seed=seed)
    assert (canvas_side(side, config) - side) % 2 == 0
    painting = a_painting(0, side, 1, config)
    for _ in range(5):
        torch.testing.assert_close(painting.transformed(), torch.full((1, 3, side, side), 0.5), rtol=0, atol=1e-5)


def test_without_transforms_the_network_sees_the_picture():
    painting = a_painting(0.1, side=21)
    torch.testing.assert_close(painting.transformed(), painting.middle(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("limit", "expected"), [({"jitter": 0.25}, "shift"), ({"scale": 0.5}, "zoom"), ({"rotate": 45}, "turn")]
)
def test_each_transform_does_what_it_says(limit, expected):
    """On a ramp whose brightness is its place: what is seen in the middle and at the edge tells the transform."""
    config = STILL.model_copy(update=limit)
    painting = _Painting(1, 41, config)
    places = torch.arange(painting.canvas) - (painting.canvas - 1) / 2
    painting.whole = lambda: torch.stack(torch.meshgrid(places, places, indexing="ij"))[None]
    for _ in range(4):
        down, right = painting.transformed()[0]
        matrix = torch.stack(
            [torch.stack([right[20, 40] - right[20, 20], right[40, 20] - right[20, 20]]),
             torch.stack([down[20, 40] - down[20, 20], down[40, 20] - down[20, 20]])]
        ) / 20  # fmt: skip
        offset = torch.stack([right[20, 20], down[20, 20]])
        zoom = matrix.det().abs().rsqrt()
        angle = math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))
        torch.testing.assert_close(matrix.T @ matrix * zoom**2, torch.eye(2), rtol=0, atol=1e-4)
        found = {"shift": float(offset.abs().max()), "zoom": abs(float(zoom) - 1), "turn": abs(angle)}
        bounds = {"shift": 0.25 * 41, "zoom": 0.5, "turn": 45}
        assert 1e-3 < found.pop(expected) <= bounds[expected]
        assert all(value == pytest.approx(0, abs=1e-3) for value in found.values())


@pytest.mark.parametrize("layer", ["conv2d0", "mixed3a_pool", "mixed3b"])
def test_leaking_changes_no_activation(random_bvlc, layer):
    images = noise(2, 64)
    leaking = _leaking(prefix(random_bvlc.module, random_bvlc.node(layer)))
    assert torch.equal(leaking(random_bvlc.preprocess(images)), random_bvlc.activations(images, layer))


class Functional(nn.Module):
    """Rectifies without a module, as torchvision's GoogLeNet does."""

    def forward(self, x):
        return F.relu(2 * x, inplace=True)


@pytest.mark.parametrize(
    ("network", "active"),
    [(nn.ReLU(inplace=True), 1.0), (nn.ReLU6(inplace=True), 1.0), (Functional(), 2.0)],
    ids=["module", "relu6", "function"],
)
def test_leaking_lets_a_gradient_through_where_the_unit_is_silent(network, active):
    graph_module, _, _ = trace(nn.Sequential(nn.Identity(), network))
    x = torch.tensor([-1.0, 1.0], requires_grad=True)
    node = list(graph_module.graph.nodes)[-1].args[0]
    _leaking(prefix(graph_module, node.name))(x).sum().backward()
    assert x.grad.tolist() == pytest.approx([active * 0.1, active * 1.1])
