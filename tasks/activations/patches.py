"""The plain way to one unit: run the network, up to the layer, on a patch in which no padding reaches the unit."""

import torch
import torch.nn.functional as F

from tasks.vision.networks import Network

BATCH = 16
"""Patches a forward pass."""


class PatchExtractor:
    """patches [b, 3, RF, RF], RGB in [0, 1] -> activations [b, channels] of the unit that sees just that patch.

    The network's strides fix which pixels a unit may begin at, so the patch is set into a margin that brings its first
    pixel to such a place. Nothing in the margin reaches the unit. Equals the whole frame to 1e-4 of the layer's largest
    activation. Source: ours.
    """

    method = "patch"

    def __init__(self, network: Network, layer_name: str) -> None:
        layer = network.layer(layer_name)
        self.network, self.layer_name = network, layer_name
        self.side, self.channels = layer.receptive_field, layer.channels
        self.unit = -(layer.offset // layer.stride)
        self.margin = layer.offset + layer.stride * self.unit

    def __call__(self, patches_bchw: torch.Tensor) -> torch.Tensor:
        """ValueError for patches of another side."""
        if patches_bchw.shape[2:] != (self.side, self.side):
            raise ValueError(f"patches are {tuple(patches_bchw.shape[2:])}, not {self.side} x {self.side}")
        framed = F.pad(patches_bchw, (self.margin,) * 4)
        batches = [self.network.activations(batch, self.layer_name) for batch in framed.split(BATCH)]
        return torch.cat(batches)[:, :, self.unit, self.unit]
