"""Activation sets under hue and scale: keys, blocks, and images that can't bear a transformation."""

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from tasks.activations.extract import ExtractionConfig, extract, plan
from tasks.activations.shards import ActivationSet, activation_tables
from tasks.errors import UserError
from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.scales import ScaleRange
from tasks.vision.images import ImagesConfig
from tasks.vision.networks import load_network
from tests.tasks.activations.small_set import SMALL

HUE = SMALL.model_copy(update={"transformations": "hue", "n_rotations": 4, "reflections": False})
SCALE = SMALL.model_copy(update={"transformations": "scale", "octaves": 1.0, "scales_per_octave": 2})


def test_rotations_are_stored_as_they_were_before_there_was_anything_else(small_config):
    assert small_config.group == DihedralGroup(3)
    assert not {"transformations", "octaves", "scales_per_octave"} & small_config.model_dump().keys()
    assert "transformations" not in small_config.model_dump_json()


@pytest.mark.parametrize(
    ("config", "group", "unused"),
    [
        (HUE, DihedralGroup(4, False, "hue"), {"octaves", "scales_per_octave"}),
        (SCALE, ScaleRange(1, 2), {"n_rotations", "reflections"}),
    ],
    ids=["hue", "scale"],
)
def test_a_config_stores_what_it_uses_and_is_read_again(config, group, unused):
    assert config.group == group
    written = config.model_dump(mode="json")
    assert not unused & written.keys()
    assert ExtractionConfig.model_validate(written).group == group


@pytest.mark.parametrize("change", [{"transformations": "hue"}, {"transformations": "scale"}])
def test_other_transformations_are_another_set(small_config, small_template, settings, change):
    assert plan(small_config.model_copy(update=change), settings).key != small_template[0]


def test_what_scale_does_not_use_makes_no_other_set(settings):
    assert plan(SCALE, settings).key == plan(SCALE.model_copy(update={"n_rotations": 7}), settings).key


def assert_blocks_are(acts, transformed):
    """Compare every block with the whole frame's unit, `transformed` (patch, element) standing in the patch's place."""
    network, patch = load_network(acts.config.network), acts.plan.patch
    side, largest_difference, largest, between = patch.side, 0.0, 0.0, 0.0
    for shard in acts.shards:
        acts_rgc = acts.read(shard.index).float()
        for k, (row, image, y, x) in enumerate(acts.rows(shard.index).iter_rows()):
            top, left = y - side // 2, x - side // 2
            source_cyx = acts.patch(row).float() / 255
            whole = (acts.plan.frame(image).float() / 255).repeat(acts.group.order, 1, 1, 1)
            for g in acts.group.elements:
                whole[g, :, top : top + side, left : left + side] = transformed(source_cyx, g)
            unit_y, unit_x = patch.units(np.array([y, x]))
            expected_gc = network.activations(whole, acts.plan.layer.name)[:, :, unit_y, unit_x]
            largest_difference = max(largest_difference, (acts_rgc[k] - expected_gc).abs().max().item())
            largest = max(largest, expected_gc.abs().max().item())
            between = max(between, (expected_gc - expected_gc[0]).abs().max().item())
    assert between > largest / 10
    assert largest_difference < largest / 1000  # half precision keeps 11 bits


def test_every_block_of_hue_is_the_units_on_the_recoloured_patch(settings):
    acts = ActivationSet.open(extract(HUE, settings), settings)
    assert acts.patch_side == acts.plan.patch.side
    quarter = np.array([[1, 1 - 3**0.5, 1 + 3**0.5], [1 + 3**0.5, 1, 1 - 3**0.5], [1 - 3**0.5, 1 + 3**0.5, 1]]) / 3
    turns = [torch.from_numpy(np.linalg.matrix_power(quarter, g)).float() for g in acts.group.elements]
    assert_blocks_are(acts, lambda source_cyx, g: torch.einsum("ij,jyx->iyx", turns[g], source_cyx))


def test_every_block_of_scale_is_the_units_on_the_resized_patch(settings):
    acts = ActivationSet.open(extract(SCALE, settings), settings)
    side = acts.plan.patch.side
    assert acts.patch_side > 2 * side

    def resized(source_cyx, g):
        middle, half = source_cyx.shape[-1] / 2, side / (1, 2**0.5, 2, 0.5, 0.5**0.5)[g] / 2
        box = (middle - half, middle - half, middle + half, middle + half)
        planes = (Image.fromarray(plane.numpy()) for plane in source_cyx)
        resized = [np.asarray(plane.resize((side, side), Image.Resampling.BILINEAR, box=box)) for plane in planes]
        return torch.from_numpy(np.stack(resized))

    assert_blocks_are(acts, resized)


def test_the_table_says_under_what_a_set_was_extracted(settings):
    columns = ("transformations", "n_rotations", "reflections", "octaves", "scales_per_octave", "group_order")
    rows = {
        config.transformations: activation_tables(ActivationSet.open(extract(config, settings), settings))[
            "activation_sets"
        ]
        .select(columns)
        .row(0)
        for config in (SMALL, HUE, SCALE)
    }
    assert rows == {
        "rotations": ("rotations", 3, True, None, None, 6),
        "hue": ("hue", 4, False, None, None, 4),
        "scale": ("scale", 1, False, 1.0, 2, 5),
    }


def test_a_scale_beyond_the_photographs_is_refused_in_one_line_before_any_image_is_read(settings, monkeypatch):
    monkeypatch.setattr("tasks.activations.plan.open_frames", lambda *_: pytest.fail("images were read"))
    config = ExtractionConfig(transformations="scale", octaves=2, images=ImagesConfig(sources=("dead-leaves",)))
    message = (
        r"^the receptive field of block5_expand has 67 pixels, and images shrunk to 0\.25 need 271: frames of 224 "
        r"pixels are too small, raise images.frame_size to at least \d+ or lower octaves$"
    )
    with pytest.raises(UserError, match=message):
        plan(config, settings)
    assert not list(settings.activations_dir.glob("[0-9a-f]*"))


def test_hue_needs_no_more_than_the_unit_sees(settings):
    images = ImagesConfig(sources=("dead-leaves",), scenes=4, frame_size=80)
    config = ExtractionConfig(layer="block5_expand", images=images, orbits=4, test_share=0.5)
    with pytest.raises(UserError, match=r"has 67 pixels, and rotating it needs 95: frames of 80"):
        plan(config.model_copy(update={"centre": "receptive field"}), settings)
    hue = config.model_copy(update={"centre": "receptive field", "transformations": "hue"})
    assert len(plan(hue, settings).rows) == 4


def test_octaves_between_the_scales_are_refused():
    with pytest.raises(ValidationError, match=r"octaves = 0\.3 is no whole number of steps of 1/4 octave"):
        ExtractionConfig(transformations="scale", octaves=0.3)
