"""How long work tells where it stands, without knowing who listens."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


def silent(done: int, total: int) -> None:
    """Listen to nothing."""


def part_of(progress: Progress, start: int, stop: int) -> Progress:
    """Progress through a stage that goes from one thousandth of the whole to another."""
    return lambda done, total: progress(start + (stop - start) * done // max(total, 1), 1000)
