"""Frames of the test split, and replacing a layer position by position, against plain loops."""

import pytest
import torch

from tasks.activations import whole_frames
from tasks.activations.shards import ActivationSet
from tasks.activations.whole_frames import at_every_position, frame_batches, held_out_frames


@pytest.fixture
def acts(small_template) -> ActivationSet:
    return ActivationSet.open(*small_template)


def test_frames_are_those_of_the_test_split_each_once(acts):
    chosen = held_out_frames(acts, 100)
    images = [acts.plan.images.frames[frame].image for frame in chosen]
    assert 1 < len(images) == len(set(images)) < len(acts.plan.images)
    assert set(images) == set(acts.plan.rows.filter(split="test")["image"])
    assert held_out_frames(acts, 1) == chosen[:1]
    assert held_out_frames(acts, 0) == []


@pytest.mark.parametrize("at_once", [1, 8])
def test_batches_hold_every_frame_in_order(acts, lite0, monkeypatch, at_once):
    monkeypatch.setattr(whole_frames, "FRAMES_AT_ONCE", at_once)
    chosen = held_out_frames(acts, 100)
    batches = list(frame_batches(acts, chosen, lite0))
    assert batches[-1][0] == len(chosen)
    expected = torch.stack([acts.plan.images.load(frame) for frame in chosen])
    assert torch.equal((torch.cat([images for _, images in batches]) * 255).round().byte(), expected)
    assert all(len(images) <= at_once for _, images in batches)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_a_function_of_rows_is_applied_at_every_position(monkeypatch, memory):
    monkeypatch.setattr(whole_frames, "POSITIONS_AT_ONCE", 7)
    acts_bcyx = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).to(memory_format=memory)
    found = at_every_position(acts_bcyx, lambda rows_pc: torch.stack([rows_pc[:, 0], rows_pc.prod(1)], dim=1))
    assert torch.equal(found, torch.stack([acts_bcyx[:, 0], acts_bcyx.prod(1)], dim=1))
