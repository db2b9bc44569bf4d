"""Progress bars in the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tasks.progress import Progress as Listener


@contextmanager
def progress_bar(label: str, transient: bool = False) -> Iterator[Listener]:
    """Show a progress bar in the terminal; yields the function to call with (done, total).

    transient: the bar disappears at the end, so that an error stands alone.
    """
    columns = (
        TextColumn("{task.description:<32}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # where nothing can be erased, a bar that is to disappear is not shown
    disable = transient and not console.is_terminal
    with Progress(*columns, console=console, transient=transient, disable=disable) as bars:
        bar = bars.add_task(label, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)
        # work that was done before isn't reported as progress: fill the bar
        total = bars.tasks[bar].total or 1
        bars.update(bar, completed=total, total=total)
