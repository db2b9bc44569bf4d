"""Import large libraries faster."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import modules in the block without looking for garbage, then or later: what modules hold lives as long as they.

    Python's collector would go through their objects again and again, and once more at exit: a quarter of the
    processor time of `import flows.publish`, by `python -m tests.benchmarks.bench_waiting`.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        atexit.register(gc.freeze)  # what is made later
        gc.enable()
