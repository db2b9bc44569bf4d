"""Import large libraries faster."""

import gc
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
