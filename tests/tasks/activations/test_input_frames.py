"""Orbits of units that depend on the whole input, against the network on inputs that are cut out and turned by hand."""

import polars
import pytest
import torch

from tasks.activations.extract import ExtractionConfig, extract
from tasks.activations.shards import ActivationSet, activation_tables
from tasks.activations.whole_frames import frame_batches, held_out_frames
from tasks.errors import UserError
from tasks.vision.images import ImagesConfig
from tasks.vision.networks import load_network

SIDE = 32
GATED = f"module:tests.tasks.vision.own_module.gated@random-0?input_size={SIDE}"
CONFIG = ExtractionConfig(
    network=GATED,
    layer="2",
    centre="receptive field",
    images=ImagesConfig(sources=("dead-leaves",), scenes=4, frame_size=64),
    n_rotations=4,
    orbits=20,
    orbits_per_shard=16,
    test_share=0.3,
)


def opened(config, settings) -> ActivationSet:
    return ActivationSet.open(extract(config, settings), settings)


def by_hand(acts: ActivationSet, turns: int) -> torch.Tensor:
    """[rows, channels]: the unit of the input in which it is at the row's place, turned about it by quarter turns."""
    network = load_network(GATED, None)
    units = []
    for image, y, x in acts.plan.rows.select("image", "y", "x").iter_rows():
        # with a stride of 2, unit 8 is at pixel 16 of 32; the square about it has 33 pixels
        square = acts.plan.frame(image)[:, y - 16 : y + 17, x - 16 : x + 17]
        turned = torch.rot90(square, turns, dims=(1, 2))[None, :, :SIDE, :SIDE].float() / 255
        units.append(network.activations(turned, "2")[0, :, 8, 8])
    return torch.stack(units)


def test_orbits_are_those_of_inputs_turned_about_the_unit(settings):
    acts = opened(CONFIG, settings)
    assert (acts.patch_side, acts.plan.patch.side) == (47, 33)
    rows_rgc = torch.cat([acts.read(info.index) for info in acts.shards])
    for turns in range(4):
        element = [acts.group.quarter_turns(g) for g in range(4)].index(turns)
        torch.testing.assert_close(rows_rgc[:, element].float(), by_hand(acts, turns), rtol=1e-3, atol=1e-3)
    layers = activation_tables(acts)["layers"]
    assert layers.select("layer", "receptive_field", "stride", "offset_px").rows() == [("2", 33, 2, -16)]


def test_without_transforms_it_is_the_same_unit(settings):
    acts = opened(CONFIG.model_copy(update={"n_rotations": 1, "reflections": False}), settings)
    rows_rgc = torch.cat([acts.read(info.index) for info in acts.shards])
    torch.testing.assert_close(rows_rgc[:, 0].float(), by_hand(acts, 0), rtol=1e-3, atol=1e-3)
    assert acts.plan.rows.select(polars.col("y", "x").n_unique()).row(0) != (1, 1)


def test_whole_frames_are_cut_to_the_networks_input(settings):
    acts = opened(CONFIG, settings)
    network = load_network(GATED, None)
    [(count, images_bcyx)] = frame_batches(acts, held_out_frames(acts, 1), network)
    assert (count, images_bcyx.shape) == (1, (1, 3, SIDE, SIDE))
    frame = acts.plan.images.load(held_out_frames(acts, 1)[0])
    assert torch.equal(images_bcyx[0], frame[:, 16:48, 16:48].float() / 255)


def test_frames_that_are_too_small_say_how_large_they_must_be(settings):
    small = CONFIG.images.model_copy(update={"frame_size": 40})
    with pytest.raises(UserError, match=r"of 2 has 33 pixels, and rotating it needs 47: .* at least 48"):
        extract(CONFIG.model_copy(update={"images": small}), settings)
