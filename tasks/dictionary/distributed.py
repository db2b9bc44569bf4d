"""Data-parallel training under `torchrun`: each process takes its part of every batch; alone, all of this does nothing.

A loss is a mean over rows, so the mean of the processes' gradients is the gradient of the whole batch, up to the order
in which floating-point numbers are added.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, distributed

from tasks.errors import UserError


@contextmanager
def processes() -> Iterator[None]:
    """Join the processes that `torchrun` started (gloo on CPUs, NCCL on GPUs); without it, nothing to join."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def world_size() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return world_size() == 1 or distributed.get_rank() == 0


def check_divides(batch_size: int) -> None:
    """UserError where processes would get different numbers of rows, whose losses then don't average to the whole's."""
    if batch_size % world_size():
        raise UserError(f"batch_size = {batch_size} doesn't divide by {world_size()} processes: change one of them")


def local_rows(batch_gbd: Tensor) -> Tensor:
    """The rows of a batch that are this process's, [blocks, b / processes, d]."""
    return batch_gbd if world_size() == 1 else batch_gbd.chunk(world_size(), dim=1)[distributed.get_rank()]


def averaged(value: Tensor) -> Tensor:
    """Mean over the processes, in place."""
    if world_size() > 1:
        distributed.all_reduce(value)
        value /= world_size()
    return value


def in_any(flags: Tensor) -> Tensor:
    """Whether true in some process, entry by entry."""
    if world_size() == 1:
        return flags
    counts = flags.to(torch.int32)
    distributed.all_reduce(counts)
    return counts > 0


def kth_largest(values_n: Tensor, k: int) -> Tensor:
    """The (processes · k)-th largest of all processes' values: what one process with the whole batch would find."""
    wanted = k * world_size()
    if world_size() == 1:
        return torch.topk(values_n, wanted).values.min()
    mine = torch.topk(values_n, min(wanted, len(values_n))).values
    everyone = [torch.empty_like(mine) for _ in range(world_size())]
    distributed.all_gather(everyone, mine)
    return torch.topk(torch.cat(everyone), wanted).values.min()


def wait_for_all() -> None:
    if world_size() > 1:
        distributed.barrier()
