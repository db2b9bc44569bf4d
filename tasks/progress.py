"""Progress reports of long work: a function that is called with the number of steps done and their total."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


def silent(done: int, total: int) -> None:
    """Ignore progress reports."""


def part_of(progress: Progress, start: int, stop: int) -> Progress:
    """Return a progress function for a stage that covers thousandths `start` to `stop` of the whole work."""
    return lambda done, total: progress(start + (stop - start) * done // max(total, 1), 1000)
