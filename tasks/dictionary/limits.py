"""Checks before a training: refuse one that can't learn anything or doesn't fit into memory."""

from collections.abc import Sequence

import psutil
import torch

from tasks.activations.shards import ActivationSet
from tasks.dictionary.config import DictionaryConfig
from tasks.errors import UserError
from tasks.symmetry.fourier import fourier_basis
from tasks.symmetry.scales import ScaleRange
from tasks.symmetry.transformations import Transformations

FLOAT_BYTES, HALF_BYTES = 4, 2
COPIES = 4
"""Memory per weight, in floats: the weight, its gradient and Adam's two moments."""


def check_group(group: Transformations, config: DictionaryConfig) -> None:
    """Raise UserError if a config needs a group, more rotations or other features than the transformations allow."""
    if config.harmonics is not None:
        fourier_basis(group, config.harmonics)
    if config.is_steerable:
        config.prototypes(group)
    if config.orbit_reuse and isinstance(group, ScaleRange):
        group.reuse_permutation(1)


def check_splits(acts: ActivationSet) -> None:
    """Raise UserError if a set has no train split or no test split."""
    if {shard.split for shard in acts.shards} != {"train", "test"}:
        raise UserError(
            f"activation set {acts.key} has no train or no test split; set extraction.test_share between 0 and 1"
        )


def check_varies(acts: ActivationSet, config: DictionaryConfig) -> None:
    """Raise UserError if all rows of a split are equal, as in a layer that never fires: no variance to learn."""
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
                f"all rows of the {split} split of {acts.config.network} {acts.config.layer} are equal "
                f"(activation set {acts.key[:8]}): there is nothing to learn; choose another layer, or more images"
            )


def check_fits(acts: ActivationSet, configs: Sequence[DictionaryConfig]) -> None:
    """Raise UserError if the dictionaries and a batch need more than the free memory (the GPU's, if there is one).

    Also if the shards that are mixed need more than the machine's free memory.
    """
    mixed = _mixed_bytes(acts, configs[0])  # they train on one stream of batches
    free = psutil.virtual_memory().available
    if mixed > free:
        raise UserError(
            f"mixed_shards = {configs[0].mixed_shards} needs {mixed / 2**30:,.1f} GiB of memory for shards and "
            f"{free / 2**30:,.1f} are free: lower it"
        )
    needed = sum(FLOAT_BYTES * _numbers(acts, config) for config in configs)
    free = torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else psutil.virtual_memory().available
    if needed > free:
        raise UserError(
            f"training needs {needed / 2**30:,.1f} GiB of memory and {free / 2**30:,.1f} are free: "
            "lower features, batch_size or the number of dictionaries"
        )


def _numbers(acts: ActivationSet, config: DictionaryConfig) -> int:
    """Return a lower bound of the floats needed: weights with copies, the initial features' rows, and one batch."""
    blocks = acts.group.order if config.is_crosscoder else 1
    read = blocks if config.reads_all_blocks else 1
    written = config.features // blocks if config.is_steerable else config.atoms
    weights = written * acts.channels * (blocks + read)
    return COPIES * weights + (written + config.batch_size) * acts.channels * blocks


def _mixed_bytes(acts: ActivationSet, config: DictionaryConfig) -> int:
    """Return the memory of the shards that are mixed, as they are read and joined; 0 if they are read one by one."""
    if config.mixed_shards == 1:
        return 0
    orbits = sorted(shard.orbits for shard in acts.shards if shard.split == "train")[-config.mixed_shards :]
    return 2 * HALF_BYTES * sum(orbits) * acts.group.order * acts.channels
