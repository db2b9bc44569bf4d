"""TopK group crosscoder (paper "symmetry" §3): one code explains the whole orbit of an input.

From the identity block f = TopK(W_enc z_e + b_enc), or from the orbit f = TopK(Σ_g W_enc^g z_g + b_enc);
ẑ_g = f W_dec^g + b_dec^g. Loss: the mean over blocks of the squared error, i.e. Σ_g ‖·‖² up to a constant.
"""

from torch import Tensor

from tasks.dictionary.base import Dictionary
from tasks.dictionary.config import DictionaryConfig


class GroupCrosscoder(Dictionary):
    """Rows are orbits [b, |G|, d]; element e of the group comes first."""

    def __init__(self, config: DictionaryConfig, channels: int, group_order: int):
        super().__init__(config, channels, blocks=group_order, reads_all_blocks=config.encode_from == "orbit")

    def rows_to_blocks(self, x: Tensor) -> Tensor:
        return x.transpose(0, 1)

    def encoder_input(self, z_gbd: Tensor) -> Tensor:
        return z_gbd if self.reads_all_blocks else z_gbd[:1]
