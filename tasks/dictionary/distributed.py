"""Data-parallel training under `torchrun`: each process trains on its part of every batch.

The loss is a mean over rows, so the mean of the processes' gradients is the gradient of the whole batch, up to the
order in which floating-point numbers are added. Without `torchrun` these functions treat the one process as the whole.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, distributed

from tasks.errors import UserError


@contextmanager
def processes() -> Iterator[None]:
    """Join the process group that `torchrun` started (gloo on CPUs, NCCL on GPUs); do nothing without `torchrun`."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield
        return
    # The first optimizer imports this module, whose functions have the process group as a default argument. Imported
    # only then, it would keep the group's threads alive until the interpreter ends, which can abort the process.
    import torch.distributed.nn.functional

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
    """Whether this process is the only one that writes files."""
    return world_size() == 1 or distributed.get_rank() == 0


def check_divides(batch_size: int) -> None:
    """Raise UserError if the batch can't be split into equal parts.

    Only with equal parts is the mean of the processes' losses the loss of the whole batch.
    """
    if batch_size % world_size():
        raise UserError(f"batch_size = {batch_size} can't be split over {world_size()} processes: change one of them")


def local_rows(batch_gbd: Tensor) -> Tensor:
    """Return this process's rows of a batch, [blocks, b / processes, d]."""
    return batch_gbd if world_size() == 1 else batch_gbd.chunk(world_size(), dim=1)[distributed.get_rank()]


def averaged(value: Tensor) -> Tensor:
    """Replace the value by its mean over the processes, in place, and return it."""
    if world_size() > 1:
        distributed.all_reduce(value)
        value /= world_size()
    return value


def in_any(flags: Tensor) -> Tensor:
    """Return, entry by entry, whether the flag is true in at least one process."""
    if world_size() == 1:
        return flags
    counts = flags.to(torch.int32)
    distributed.all_reduce(counts)
    return counts > 0


def kth_largest(values_n: Tensor, k: int) -> Tensor:
    """Return the (processes · k)-th largest of all processes' values, as one process with the whole batch would."""
    wanted = k * world_size()
    if world_size() == 1:
        return torch.topk(values_n, wanted).values.min()
    local_values = torch.topk(values_n, min(wanted, len(values_n))).values
    all_values = [torch.empty_like(local_values) for _ in range(world_size())]
    distributed.all_gather(all_values, local_values)
    return torch.topk(torch.cat(all_values), wanted).values.min()


def wait_for_all() -> None:
    if world_size() > 1:
        distributed.barrier()
