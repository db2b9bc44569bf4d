"""Compute batches in threads, each of which PyTorch computes in on one core.

PyTorch's own threads share each operation and wait for one another at its end. A cone has some fifty short operations,
so that on a busy machine they mostly wait. Threads that share none don't, and what they compute doesn't depend on their
number, while the last bit of a convolution can depend on the number of PyTorch's threads.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Batch = TypeVar("Batch")
Result = TypeVar("Result")


def computed(function: Callable[[Batch], Result], batches: Iterable[Batch]) -> Generator[Result]:
    """Yield function(batch) for each batch, in order, computed by as many threads as PyTorch has in the caller's.

    The caller's thread makes the batches, at most two for each thread ahead of the result that it waits for. Raises
    what `function` or the iteration raises; batches that no thread has begun by then are left out. Source: ours.
    """
    threads = torch.get_num_threads()
    results: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, initializer=_use_one_core)
    try:
        for batch in batches:
            results.append(pool.submit(function, batch))
            if len(results) > 2 * threads:
                yield results.popleft().result()
        while results:
            yield results.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        # PyTorch gives threads that start from now on the number that was set last in any thread
        torch.set_num_threads(threads)


def _use_one_core() -> None:
    torch.get_num_threads()  # the first use of PyTorch in a thread would set the number that was set last in any thread
    torch.set_num_threads(1)
