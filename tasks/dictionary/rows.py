"""Training rows: an endless, seeded stream of batches over the shards that can start at any step."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet, ShardInfo
from tasks.dictionary.config import DictionaryConfig

STREAM_FIELDS = ("architecture", "orbit_reuse", "batch_size", "seed")
"""Fields of a config that determine the stream of batches."""


def _epoch_order(shard_orbits: list[int], seed: int, epoch: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the order of the shards in an epoch and, for each shard in that order, the order of its orbits."""
    generator = np.random.default_rng([seed, epoch])
    shards = generator.permutation(len(shard_orbits))
    return shards, [generator.permutation(shard_orbits[shard]) for shard in shards]


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


def batches(acts: ActivationSet, config: DictionaryConfig, first_step: int = 0) -> Iterator[Tensor]:
    """Yield batches x_gbd [blocks, b, d] of the train split from step `first_step` on, without end.

    The batch of a step doesn't depend on `first_step`. An epoch passes over every orbit once, shard by shard; memory
    holds one shard and a batch that may span two. Orbits left over at the end of an epoch, too few for a batch, are the
    first of the next epoch's batch.
    """
    shards = [shard for shard in acts.shards if shard.split == "train"]
    orbits_per_epoch = sum(shard.orbits for shard in shards)
    stand_ins = range(acts.group.order if config.orbit_reuse else 1)
    group_reuse = np.stack([acts.group.reuse_permutation(g) for g in stand_ins])
    first_row = first_step * config.batch_size
    epoch, skip = divmod(first_row, orbits_per_epoch)
    step = first_step
    waiting: list[Tensor] = []
    while True:
        order, orbits_in_shard = _epoch_order([shard.orbits for shard in shards], config.seed, epoch)
        for position, orbits in zip(order, orbits_in_shard, strict=True):
            if skip >= len(orbits):
                skip -= len(orbits)
                continue
            acts_rgc = acts.read(shards[position].index)
            orbits, skip = orbits[skip:], 0
            while len(orbits):
                missing = config.batch_size - sum(part.shape[1] for part in waiting)
                taken, orbits = orbits[:missing], orbits[missing:]
                # seeded per (step, part), so that the stream can start at any step without replaying earlier draws
                generator = np.random.default_rng([config.seed, step, len(waiting)])
                waiting.append(_gather(acts_rgc, taken, _block_choice(group_reuse, config, generator, len(taken))))
                if missing == len(taken):
                    yield torch.cat(waiting, dim=1) if len(waiting) > 1 else waiting[0]
                    step, waiting = step + 1, []
        epoch += 1


def every_row(
    acts: ActivationSet, config: DictionaryConfig, shard: ShardInfo, blocks: int
) -> Iterator[tuple[int, Tensor]]:
    """Yield all rows of a shard as (g₀, x_gbd of its orbits), for each element g₀ in the place of the identity.

    Without orbit reuse, g₀ is the identity only. blocks: the number of blocks per row, starting with the identity's.
    """
    acts_rgc = acts.read(shard.index)
    for stand_in in range(acts.group.order if config.orbit_reuse else 1):
        chosen = acts.group.reuse_permutation(stand_in)[:blocks]
        yield stand_in, acts_rgc[:, torch.from_numpy(chosen)].transpose(0, 1).float()
