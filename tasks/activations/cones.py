"""Exact cones: compute one unit from its receptive field, each operation only at the positions that reach the unit.

Source: ours (methods §2). On InceptionV1's five early layers and their branches the result equals that of the whole
frame bit for bit. On other layers it equals it up to rounding, because a kernel's order of summation depends on the
shape of its input.
"""

import torch

from tasks.vision.network import Network

PIXELS_PER_THREAD = 2**18
"""Pixels of the patches of one forward pass, for each thread: 32 patches for mixed3b, 5,350 for conv2d0.

With fewer, starting the operations takes a large part of the time; with more, the intermediate tensors leave the cache.
"""


class ConeExtractor:
    """Map patches [b, 3, RF, RF], RGB in [0, 1], to activations [b, channels] of the unit with that receptive field."""

    method = "cone"

    def __init__(self, network: Network, layer_name: str) -> None:
        """Build the cone. Raises ValueError if the layer has none, UserError if there is no such layer."""
        layer = network.layer(layer_name)
        self.network, self.side, self.channels = network, layer.receptive_field, layer.channels
        module = network.cone(layer_name)
        if module is None:
            raise ValueError(f"{network.name}'s layer {layer_name} has no exact cone")
        self.module = module
        self.batch = max(1, round(PIXELS_PER_THREAD / self.side**2))

    def __call__(self, patches_bchw: torch.Tensor) -> torch.Tensor:
        """Return the activations. Raises ValueError if the patches don't have the receptive field's side."""
        if patches_bchw.shape[2:] != (self.side, self.side):
            raise ValueError(f"patches are {tuple(patches_bchw.shape[2:])}, not {self.side} x {self.side}")
        # of equal size: what is left over would take nearly as long as a whole batch
        batches = max(1, round(len(patches_bchw) / (self.batch * torch.get_num_threads())))
        return torch.cat([self._units(batch) for batch in patches_bchw.tensor_split(batches)])

    def _units(self, patches_bchw: torch.Tensor) -> torch.Tensor:
        # for a batch of one small image PyTorch uses another kernel, which sums in another order
        pair = patches_bchw.expand(2, -1, -1, -1) if len(patches_bchw) == 1 else patches_bchw
        return self.module(self.network.preprocess(pair))[: len(patches_bchw), :, 0, 0]
