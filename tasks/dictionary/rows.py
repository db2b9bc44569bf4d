"""Training rows: an endless, seeded stream of batches over the shards that can start at any step."""

from collections.abc import Iterator
from itertools import count, islice, tee

import numpy as np
import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet, ShardInfo
from tasks.dictionary.config import DictionaryConfig
from tasks.symmetry.transformations import Transformations

STREAM_FIELDS = ("architecture", "orbit_reuse", "batch_size", "mixed_shards", "seed")
"""Fields of a config that determine the stream of batches."""


def _epoch_order(
    shard_orbits: list[int], config: DictionaryConfig, epoch: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the groups of `mixed_shards` shards of an epoch in their order, and the order of each group's orbits."""
    generator = np.random.default_rng([config.seed, epoch])
    shards = generator.permutation(len(shard_orbits))
    groups = [shards[first : first + config.mixed_shards] for first in range(0, len(shards), config.mixed_shards)]
    return groups, [generator.permutation(sum(shard_orbits[shard] for shard in group)) for group in groups]


def _visits(
    shard_orbits: list[int], config: DictionaryConfig, first_row: int, last_row: int | None
) -> Iterator[tuple[list[int], np.ndarray]]:
    """Yield (shards, their orbits in the order of their rows) for the rows from `first_row` to `last_row`, exclusive.

    The orbits are numbered through all shards of a group.
    """
    orbits_per_epoch = sum(shard_orbits)
    for epoch in count(first_row // orbits_per_epoch):
        start = epoch * orbits_per_epoch
        for group, orbits in zip(*_epoch_order(shard_orbits, config, epoch), strict=True):
            if last_row is not None and start >= last_row:
                return
            wanted = orbits[max(0, first_row - start) : None if last_row is None else last_row - start]
            if len(wanted):
                yield group.tolist(), wanted
            start += len(orbits)


def _block_choice(
    group_reuse: np.ndarray, config: DictionaryConfig, generator: np.random.Generator, rows: int
) -> np.ndarray:
    """Return the indices of the stored blocks that make up each row, [rows, blocks].

    group_reuse: [|G|, |G|], or [1, |G|] without orbit reuse; row g₀ lists the blocks g g₀ of the orbit in which g₀
    takes the place of the identity. An SAE's row has one block, that of g₀.
    """
    stand_ins = generator.integers(len(group_reuse), size=rows) if config.orbit_reuse else np.zeros(rows, dtype=int)
    chosen = group_reuse[stand_ins]
    return chosen if config.is_crosscoder else chosen[:, :1]


def _gather(acts_rgc: Tensor, orbits: np.ndarray, blocks: np.ndarray) -> Tensor:
    """Return the float32 batch [blocks, b, d] of the given orbits [b] and stored blocks [b, blocks]."""
    return acts_rgc[torch.from_numpy(orbits)[None], torch.from_numpy(blocks).T].float()


def batches(
    acts: ActivationSet, config: DictionaryConfig, first_step: int = 0, last_step: int | None = None
) -> Iterator[Tensor]:
    """Yield batches x_gbd [blocks, b, d] of the train split from step `first_step` on, before `last_step` or endless.

    The batch of a step doesn't depend on these steps. An epoch passes over every orbit once, `mixed_shards` shards at a
    time; memory holds these twice while they are joined, or one shard, and a batch that may span two groups of shards.
    Orbits left over at the end of an epoch, too few for a batch, are the first of the next epoch's batch. The shards
    come from `ActivationSet.read_each` in the order in which they are read, and none that isn't needed.
    """
    shards = [shard for shard in acts.shards if shard.split == "train"]
    stand_ins = range(acts.group.order if config.orbit_reuse else 1)
    group_reuse = np.stack([acts.group.reuse_permutation(g) for g in stand_ins])
    last_row = None if last_step is None else last_step * config.batch_size
    visits = _visits([shard.orbits for shard in shards], config, first_step * config.batch_size, last_row)
    visits, upcoming = tee(visits)
    stored = acts.read_each(shards[place].index for group, _ in upcoming for place in group)
    step = first_step
    waiting: list[Tensor] = []
    for group, orbits in visits:
        parts = [*islice(stored, len(group))]
        acts_rgc = torch.cat(parts) if len(parts) > 1 else parts[0]
        while len(orbits):
            missing = config.batch_size - sum(part.shape[1] for part in waiting)
            taken, orbits = orbits[:missing], orbits[missing:]
            # seeded per (step, part), so that the stream can start at any step without replaying earlier draws
            generator = np.random.default_rng([config.seed, step, len(waiting)])
            waiting.append(_gather(acts_rgc, taken, _block_choice(group_reuse, config, generator, len(taken))))
            if missing == len(taken):
                yield torch.cat(waiting, dim=1) if len(waiting) > 1 else waiting[0]
                step, waiting = step + 1, []


def every_row(
    acts: ActivationSet, config: DictionaryConfig, shard: ShardInfo, blocks: int
) -> Iterator[tuple[int, Tensor]]:
    """Yield all rows of a shard, as `rows_of_orbits` does."""
    return rows_of_orbits(acts.read(shard.index), acts.group, config, blocks)


def rows_of_orbits(
    acts_rgc: Tensor, group: Transformations, config: DictionaryConfig, blocks: int
) -> Iterator[tuple[int, Tensor]]:
    """Yield all rows of orbits as (g₀, x_gbd of the orbits), for each element g₀ in the place of the identity.

    Without orbit reuse, g₀ is the identity only. blocks: the number of blocks per row, starting with the identity's.
    """
    for stand_in in range(group.order if config.orbit_reuse else 1):
        chosen = group.reuse_permutation(stand_in)[:blocks]
        yield stand_in, acts_rgc[:, torch.from_numpy(chosen)].transpose(0, 1).float()
