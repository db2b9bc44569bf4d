"""TopK sparse autoencoder (Gao et al. 2024): f = TopK(W_enc (z − b_pre) + b_enc), ẑ = f W_dec + b_pre."""

from torch import Tensor

from tasks.dictionary.base import Dictionary
from tasks.dictionary.config import DictionaryConfig


class TopKSAE(Dictionary):
    """Rows are single activation vectors [b, d]: any member of an orbit is a row of its own."""

    def __init__(self, config: DictionaryConfig, channels: int):
        super().__init__(config, channels, blocks=1, reads_all_blocks=False)

    def rows_to_blocks(self, x: Tensor) -> Tensor:
        return x[None]

    def encoder_input(self, z_gbd: Tensor) -> Tensor:
        # b_pre learns from the decoder alone; through the encoder b_enc does the same work
        return z_gbd - self.decoder.bias.detach()[:, None]
