"""The fallback for single units: run the network up to the layer on a patch in which no padding reaches the unit."""

import torch
import torch.nn.functional as F

from tasks.vision.network import Network

BATCH = 16
"""Patches per forward pass."""


class PatchExtractor:
    """Map patches [b, 3, RF, RF], RGB in [0, 1], to activations [b, channels] of the unit with that receptive field.

    The network's strides restrict the pixels at which a receptive field can begin. The patch is therefore padded so
    that its first pixel is such a pixel; the padding is outside the receptive field. The result equals that of the
    whole frame to 1e-4 of the layer's largest activation. Source: ours.
    """

    method = "patch"

    def __init__(self, network: Network, layer_name: str) -> None:
        layer = network.layer(layer_name)
        self.network, self.layer_name = network, layer_name
        self.side, self.channels = layer.receptive_field, layer.channels
        self.unit = -(layer.offset // layer.stride)
        self.margin = layer.offset + layer.stride * self.unit

    def __call__(self, patches_bchw: torch.Tensor) -> torch.Tensor:
        """Return the activations. Raises ValueError if the patches don't have the receptive field's side."""
        if patches_bchw.shape[2:] != (self.side, self.side):
            raise ValueError(f"patches are {tuple(patches_bchw.shape[2:])}, not {self.side} x {self.side}")
        padded = F.pad(patches_bchw, (self.margin,) * 4)
        batches = [self.network.activations(batch, self.layer_name) for batch in padded.split(BATCH)]
        return torch.cat(batches)[:, :, self.unit, self.unit]
