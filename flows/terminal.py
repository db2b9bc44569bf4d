"""Progress bars in the terminal, and lines above them."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tasks.progress import Progress as Listener

_lock = Lock()
_shown: Progress | None = None
"""The bars of all threads, while there are any: a terminal has room for one live display."""


@contextmanager
def progress_bar(label: str, transient: bool = False) -> Iterator[Listener]:
    """Show a progress bar in the terminal; yields the function to call with (done, total).

    Bars of several threads stand below each other. One that ends becomes a line above them.
    transient: the bar disappears at the end, so that an error stands alone.
    """
    global _shown
    with _lock:
        if _shown is None:
            _shown = _no_bars()
            _shown.start()
        bars = _shown
        bar = bars.add_task(label, total=None)
    try:
        yield lambda done, total: bars.update(bar, completed=done, total=total)
        # work that was done before isn't reported as progress: fill the bar
        total = _task(bars, bar).total or 1
        bars.update(bar, completed=total, total=total)
    finally:
        with _lock:
            ended = _task(bars, bar)
            bars.remove_task(bar)
            if not transient:
                bars.console.print(bars.make_tasks_table([ended]))
            if not bars.tasks:
                bars.stop()
                _shown = None


def print_line(message: str) -> None:
    """Print a line to the terminal (stderr), above the bars."""
    with _lock:
        console = _shown.console if _shown else Console(stderr=True)
        console.print(message, markup=False, highlight=False, soft_wrap=True)


def _no_bars() -> Progress:
    columns = (
        TextColumn("{task.description:<32}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # where nothing can be erased, only the lines of the bars that have ended are shown
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _task(bars: Progress, bar: TaskID) -> Task:
    return next(task for task in bars.tasks if task.id == bar)
