"""Import large libraries faster, and end the process sooner that has imported them."""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import modules in the block without looking for garbage meanwhile: what modules hold lives as long as they."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def end_quickly() -> None:
    """Let this process end without looking through all objects for garbage: 1.5 s with all our libraries (measured)."""
    atexit.register(_leave_garbage)


def _leave_garbage() -> None:
    if "triton" not in sys.modules:  # it would print a list of what was not collected
        gc.freeze()
