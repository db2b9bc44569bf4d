"""Batches computed by threads against a plain loop."""

import threading
from contextlib import closing

import pytest
import torch

from tasks.activations.threads import computed


def test_results_are_those_of_a_loop_and_in_its_order(two_threads):
    matrices = torch.randn(40, 30, 30)
    assert torch.equal(
        torch.stack(list(computed(torch.linalg.inv, matrices))), torch.stack([*map(torch.linalg.inv, matrices)])
    )


def test_as_many_threads_compute_as_pytorch_has_here_each_on_one_core(two_threads):
    before, both = torch.get_num_threads(), threading.Barrier(2, timeout=60)

    def threads_of(batch: int) -> tuple[int, str]:
        both.wait()  # a single thread would wait for ever
        return torch.get_num_threads(), threading.current_thread().name

    torch.set_num_threads(2)
    found = list(computed(threads_of, range(8)))
    assert {threads for threads, _ in found} == {1}
    assert len({name for _, name in found}) == 2
    assert torch.get_num_threads() == 2
    started_later = []
    later = threading.Thread(target=lambda: started_later.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert started_later == [2]
    torch.set_num_threads(before)


def test_the_number_of_threads_does_not_change_a_bit(lite0, two_threads):
    """The number of PyTorch's own threads does, for this layer on some processors."""
    frames = torch.rand(6, 3, 96, 96)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(torch.cat(list(computed(lambda some: lite0.activations(some, "block5"), frames.split(2)))))
    assert torch.equal(*found)


def test_batches_are_made_at_most_two_a_thread_ahead(two_threads):
    torch.set_num_threads(1)
    made = []

    def batches():
        for batch in range(50):
            made.append(batch)
            yield batch

    for taken, result in enumerate(computed(lambda batch: batch, batches())):
        assert result == taken
        assert len(made) <= taken + 3


def test_after_an_error_batches_that_wait_are_left_out(two_threads):
    torch.set_num_threads(1)
    begun = []

    def fail(batch: int) -> None:
        begun.append(batch)
        raise ValueError(f"batch {batch}")

    with pytest.raises(ValueError, match="batch 0"), closing(computed(fail, range(50))) as results:
        next(results)
    assert len(begun) <= 4
    assert torch.get_num_threads() == 1


def test_an_error_of_the_batches_is_raised(two_threads):
    def batches():
        yield 1
        raise OSError("no image")

    with pytest.raises(OSError, match="no image"):
        list(computed(lambda batch: batch, batches()))
