"""What no training could bring to an end, found before it starts."""

from collections.abc import Sequence

import psutil
import torch

from tasks.activations.shards import ActivationSet
from tasks.dictionary.config import DictionaryConfig
from tasks.errors import UserError

FLOAT_BYTES = 4
COPIES = 4
"""Of every weight: itself, its gradient, Adam's two moments."""


def check_varies(acts: ActivationSet, config: DictionaryConfig) -> None:
    """UserError where all rows of a split are alike, as a layer's that never fires: there is no variance to explain."""
    blocks = None if config.orbit_reuse else 1
    for split in ("train", "test"):
        first = None
        for shard in acts.shards:
            if shard.split == split:
                acts_rgc = acts.read(shard.index)[:, :blocks]
                first = acts_rgc[:1, :1] if first is None else first
                if (acts_rgc != first).any():
                    break
        else:
            raise UserError(
                f"all rows of the {split} split of {acts.config.network} {acts.config.layer} are alike "
                f"(activation set {acts.key[:8]}): there is nothing to learn; choose another layer, or more images"
            )


def check_fits(acts: ActivationSet, configs: Sequence[DictionaryConfig]) -> None:
    """UserError where dictionaries and a batch are larger than the memory that is free."""
    needed = sum(FLOAT_BYTES * _numbers(acts, config) for config in configs)
    free = torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else psutil.virtual_memory().available
    if needed > free:
        raise UserError(
            f"training needs {needed / 2**30:,.1f} GiB of memory and {free / 2**30:,.1f} are free: "
            "lower features, batch_size or the number of dictionaries"
        )


def _numbers(acts: ActivationSet, config: DictionaryConfig) -> int:
    """Of the weights with their copies, of the rows that they start from, and of a batch; at least."""
    blocks = acts.group.order if config.architecture == "group-crosscoder" else 1
    read = blocks if config.reads_all_blocks else 1
    weights = config.features * acts.channels * (blocks + read)
    return COPIES * weights + (config.features + config.batch_size) * acts.channels * blocks
