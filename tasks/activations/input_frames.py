"""Units that depend on the whole input: run the network on a whole input, with the unit near its centre."""

import torch

from tasks.vision.network import Network

BATCH = 16
"""Inputs per forward pass."""


class FrameExtractor:
    """Map patches [b, 3, side, side], RGB in [0, 1], to activations [b, channels] of the unit at the patch's centre.

    The patch is the square about the unit that holds the network's whole input: the input is cut out of it so that the
    unit nearest the input's centre is at the patch's centre. A patch that is rotated about its centre is therefore an
    input rotated about the unit. The result equals that of the network on these inputs (ours): bit for bit in equal
    batches, and to 1e-4 of the layer's largest activation otherwise, because kernels depend on the size of the batch.
    """

    method = "frame"

    def __init__(self, network: Network, layer_name: str) -> None:
        layer = network.layer(layer_name).around(network.input_size)
        self.network, self.layer_name = network, layer_name
        self.side, self.channels = layer.receptive_field, layer.channels
        self.unit = layer.unit_near_centre(network.input_size)
        start = -(layer.offset + layer.stride * self.unit)
        self.input = slice(start, start + network.input_size)

    def __call__(self, patches_bchw: torch.Tensor) -> torch.Tensor:
        """Return the activations. Raises ValueError if the patches don't have the extractor's side."""
        if patches_bchw.shape[2:] != (self.side, self.side):
            raise ValueError(f"patches are {tuple(patches_bchw.shape[2:])}, not {self.side} x {self.side}")
        inputs = patches_bchw[:, :, self.input, self.input]
        batches = [self.network.activations(batch, self.layer_name) for batch in inputs.split(BATCH)]
        return torch.cat([acts_bchw[:, :, self.unit, self.unit] for acts_bchw in batches])
