"""BatchTopK (Bussmann et al. 2024): k active features per row on average, so that complex rows may use more.

In training, the k · b largest contributions (topk.py) of a batch of b rows are kept. At inference each row is encoded
on its own: contributions above a threshold are kept. The threshold is a running mean of the smallest kept contribution.
"""

import torch
from torch import Tensor

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.distributed import in_any, kth_largest
from tasks.dictionary.sparse import from_dense, top_k
from tasks.dictionary.topk import TopK
from tasks.symmetry.transformations import Transformations

THRESHOLD_MOMENTUM = 0.99


class BatchTopK(TopK):
    """BatchTopK dictionary. threshold: [], the running mean; negative before the first training step."""

    threshold: Tensor
    cuts_gradients = True

    def __init__(self, config: DictionaryConfig, channels: int, group: Transformations):
        super().__init__(config, channels, group)
        self.register_buffer("threshold", -torch.ones(()))

    def encode_active(self, z_gbd: Tensor) -> tuple[Tensor, Tensor]:
        if self.threshold < 0:
            return super().encode_active(z_gbd)
        with torch.no_grad():
            pre_bm = self.pre_activations(self.encoder_input(z_gbd))
            return from_dense(torch.where(pre_bm > self.threshold, pre_bm, 0.0))

    def choose(self, contribution_bm: Tensor) -> tuple[Tensor, Tensor]:
        width = min(4 * self.config.k, contribution_bm.shape[1])
        while True:
            values_bk, indices_bk = top_k(contribution_bm, width)
            smallest = kth_largest(values_bk.flatten(), self.config.k * len(contribution_bm))
            kept_bk = values_bk >= smallest
            # if a row keeps all of its `width` candidates, more of its contributions may exceed `smallest`
            if width == contribution_bm.shape[1] or not in_any(kept_bk.all(1).any()):
                break
            width = min(2 * width, contribution_bm.shape[1])
        if self.training:
            momentum = THRESHOLD_MOMENTUM if self.threshold >= 0 else 0.0
            self.threshold.mul_(momentum).add_((1 - momentum) * smallest.clamp_min(0))
        return kept_bk.to(values_bk.dtype), indices_bk
