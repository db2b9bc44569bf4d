"""Exact cones: one unit computed from its receptive field alone, each operation only on the extent the unit needs.

Source: ours (methods: exact cone). On InceptionV1's five early layers and their branches the result equals the whole
frame's bit for bit; elsewhere to rounding, where the shape decides the order in which a kernel sums.
"""

import torch

from tasks.vision.graph import cone
from tasks.vision.networks import Network

BATCH_PER_THREAD = 16
"""Patches a forward pass and thread: so many leave the intermediate tensors in the cache (measured on mixed3b)."""


class ConeExtractor:
    """patches [b, 3, RF, RF], RGB in [0, 1] -> activations [b, channels] of the unit that sees just that patch."""

    method = "cone"

    def __init__(self, network: Network, layer_name: str) -> None:
        layer = network.layer(layer_name)
        self.network, self.side, self.channels = network, layer.receptive_field, layer.channels
        self.module = cone(network.module, network.node(layer_name))

    def __call__(self, patches_bchw: torch.Tensor) -> torch.Tensor:
        """ValueError for patches of another side."""
        if patches_bchw.shape[2:] != (self.side, self.side):
            raise ValueError(f"patches are {tuple(patches_bchw.shape[2:])}, not {self.side} x {self.side}")
        batches = patches_bchw.split(BATCH_PER_THREAD * torch.get_num_threads())
        return torch.cat([self._units(batch) for batch in batches])

    def _units(self, patches_bchw: torch.Tensor) -> torch.Tensor:
        # PyTorch takes another kernel, with another order of sums, for a batch of one small image.
        pair = patches_bchw.expand(2, -1, -1, -1) if len(patches_bchw) == 1 else patches_bchw
        return self.module(self.network.preprocess(pair))[: len(patches_bchw), :, 0, 0]
