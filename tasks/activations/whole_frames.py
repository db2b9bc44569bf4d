"""Whole frames for runs of the network in which a layer's activations are replaced, position by position."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.errors import UserError
from tasks.vision.network import Network

FRAMES_AT_ONCE = 8
POSITIONS_AT_ONCE = 2048
"""Positions replaced at a time; bounds the memory for intermediate results [positions, features]."""


def held_out_frames(acts: ActivationSet, count: int) -> list[int]:
    """Return the indices of up to `count` frames of the test split, in the set's seeded order."""
    test = acts.plan.rows.filter(split="test")["image"].unique(maintain_order=True).head(count)
    index = acts.plan.images.frames.places(test)
    return [index[image] for image in test]


def frame_crop(acts: ActivationSet, network: Network) -> slice:
    """Return the rows, which are also the columns, of a frame that the network gets.

    Where the layer's units depend on the size of the image, or the network runs on images of its own size only, they
    are the frame's central ones of that size. Raises UserError if the frames are smaller.
    """
    frame_size = acts.config.images.frame_size
    side = frame_size if network.covers(acts.config.layer, frame_size) and network.runs_on(frame_size) else None
    margin = 0 if side else (frame_size - network.input_size) // 2
    if margin < 0:
        raise UserError(
            f"{network.name} runs on images of {network.input_size} pixels only, but the frames of {acts.key} have "
            f"{frame_size}: raise images.frame_size to {network.input_size} at least"
        )
    return slice(margin, margin + (side or network.input_size))


def frame_batches(acts: ActivationSet, frames: list[int], network: Network) -> Iterator[tuple[int, Tensor]]:
    """Yield (number of frames so far including this batch, batch [b, 3, side, side], RGB in [0, 1]).

    The batches are the parts of the frames that `frame_crop` returns. Raises UserError as it does.
    """
    crop = frame_crop(acts, network)
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        batch = frames[start : start + FRAMES_AT_ONCE]
        images_bcyx = torch.stack([acts.plan.images.load(frame)[:, crop, crop] for frame in batch])
        yield start + len(batch), images_bcyx.float() / 255


def at_every_position(acts_bcyx: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply a function of rows [positions, channels] to every position; returns [b, channels of the result, h, w]."""
    rows_pc = acts_bcyx.movedim(1, -1).flatten(0, 2)
    result_pc = torch.cat([function(x_pc) for x_pc in rows_pc.split(POSITIONS_AT_ONCE)])
    return result_pc.unflatten(0, acts_bcyx[:, 0].shape).movedim(-1, 1)
