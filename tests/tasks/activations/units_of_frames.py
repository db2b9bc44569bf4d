"""Units of whole frames and the patches that they see."""

import torch
from skimage import data

from tasks.vision.network import Network


def natural_frames(count: int) -> torch.Tensor:
    """[count, 3, 224, 224] in [0, 1]: cuts of a photograph that ships in scikit-image."""
    photograph = torch.from_numpy(data.astronaut()).permute(2, 0, 1) / 255
    starts = [(41 * i % 288, 90 * i % 288) for i in range(count)]
    return torch.stack([photograph[:, top : top + 224, left : left + 224] for top, left in starts])


def units_and_patches(
    network: Network, layer_name: str, frames: torch.Tensor, count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """[count, channels] activations that the whole frames give, [count, 3, RF, RF] patches; positions are random."""
    layer = network.layer(layer_name)
    whole = network.activations(frames, layer_name)
    inside = [
        unit
        for unit in range(whole.shape[-1])
        if 0 <= layer.offset + layer.stride * unit <= frames.shape[-1] - layer.receptive_field
    ]
    generator = torch.Generator().manual_seed(7)
    units, patches = [], []
    for _ in range(count):
        frame = torch.randint(len(frames), (), generator=generator)
        y, x = (inside[torch.randint(len(inside), (), generator=generator)] for _ in range(2))
        top, left = layer.offset + layer.stride * y, layer.offset + layer.stride * x
        units.append(whole[frame, :, y, x])
        patches.append(frames[frame, :, top : top + layer.receptive_field, left : left + layer.receptive_field])
    return torch.stack(units), torch.stack(patches)
