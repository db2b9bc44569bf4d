"""Activations that are computed while they are read, and not stored.

A `StreamedSet` stands where an activation set stands. Workers, threads or processes of this machine, compute its
shards in the order in which they are read; the reader waits for the next one in that order, however fast the others
were. What is read therefore depends only on the plan and on that order, and equals a stored set bit for bit where
workers and reader compute with the same number of threads.

Memory holds at most `ahead` shards that are computed or being computed, and those that the reader holds, one or two.
A shard that is read again, as in another epoch, is computed again. Nothing is written, so a killed process leaves
nothing to repair: the next one computes the shards that it still needs.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context

import safetensors.torch
import torch

from tasks.activations.extract import compute_shard
from tasks.activations.number_formats import decode
from tasks.activations.plan import ExtractionPlan
from tasks.activations.shards import ActivationSet, ShardInfo, shard_bytes
from tasks.errors import UserError
from tasks.liveness import worker_dies_with_parent
from tasks.settings import Settings

AHEAD_PER_WORKER = 2
"""Shards in the buffer for each worker: one that it computes, and one that is ready."""


def make_shard(key: str, shard: int, settings: Settings) -> bytes:
    """Compute a shard and return the content that its file would have. Raises UserError as `compute_shard`."""
    plan = ExtractionPlan.open(key, settings)
    return shard_bytes(plan, compute_shard(plan, shard, settings))


@dataclass(frozen=True)
class StreamedSet(ActivationSet):
    """A planned activation set whose shards are computed when they are read.

    workers: compute the shards; ahead: how many shards they have in hand at most.
    """

    workers: Executor
    ahead: int

    def read(self, shard: int) -> torch.Tensor:
        """Compute a shard, as `ActivationSet.read` returns it. Raises UserError as `compute_shard`."""
        return next(self.read_each([shard]))

    def read_each(self, shards: Iterable[int]) -> Iterator[torch.Tensor]:
        """Yield the shards, as `ActivationSet.read` returns them; up to `ahead` more are computed meanwhile."""
        upcoming = iter(shards)
        in_hand: deque[Future[bytes]] = deque()
        try:
            in_hand.extend(self._started(shard) for shard in islice(upcoming, self.ahead))
            while in_hand:
                tensors = safetensors.torch.load(in_hand.popleft().result())
                in_hand.extend(self._started(shard) for shard in islice(upcoming, 1))
                yield decode(tensors, self.config.storage, self.group)
        except BrokenExecutor as error:
            raise UserError(
                "a process that extracts shards was killed, perhaps for want of memory: run again, which resumes at "
                "the last checkpoint"
            ) from error
        finally:
            for unread in in_hand:
                unread.cancel()

    def _started(self, shard: int) -> Future[bytes]:
        return self.workers.submit(make_shard, self.key, shard, self.plan.settings)


@contextmanager
def streamed(key: str, settings: Settings) -> Iterator[StreamedSet]:
    """Start the workers of the settings and yield the set of a plan; stop the workers at the end.

    Raises UserError if there is no such plan, and if KALEIDOSCOPE_TASK_RUNNER names Dask.
    """
    plan = ExtractionPlan.open(key, settings)
    orbits = plan.rows["shard"].value_counts(sort=False).sort("shard")["count"].to_list()
    shards = [ShardInfo(index, plan.splits[index], count, 0, "") for index, count in enumerate(orbits)]
    workers = _workers(settings)
    try:
        yield StreamedSet(plan, tuple(shards), workers, AHEAD_PER_WORKER * settings.workers)
    finally:
        workers.shutdown(cancel_futures=True)


def _workers(settings: Settings) -> Executor:
    threads = torch.get_num_threads()
    match settings.task_runner:
        case "threads":
            return ThreadPoolExecutor(settings.workers, initializer=torch.set_num_threads, initargs=(threads,))
        case "processes":
            spawned = get_context("spawn")
            return ProcessPoolExecutor(settings.workers, spawned, initializer=_begin_process, initargs=(threads,))
        case other:
            raise UserError(
                f"stream=true extracts on this machine, not with KALEIDOSCOPE_TASK_RUNNER={other}: set threads or "
                "processes, or stream=false"
            )


def _begin_process(threads: int) -> None:
    """Compute with as many threads as the reader, since the last bit of a convolution can depend on their number."""
    worker_dies_with_parent()
    torch.set_num_threads(threads)
