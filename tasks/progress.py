"""How long work tells where it stands, without knowing who listens."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


def silent(done: int, total: int) -> None:
    """Listen to nothing."""
