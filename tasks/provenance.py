"""Provenance: which flow run made a result, from which commit of the code, and when.

A flow states its run with `made_in`. Whoever commits a result stores `made_now()` beside the checksums, and the load
copies it into the table `provenance`. Content keys and the bytes of results don't depend on it.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TypedDict

from tasks.settings import INSTALLED, ROOT


class Made(TypedDict):
    """How a result was made.

    flow_run_id: Prefect's id of the run, None outside a flow; git_revision: as `git_revision`; made_at: time of the
    commit (ISO 8601, UTC).
    """

    flow_run_id: str | None
    git_revision: str | None
    made_at: str


@dataclass
class FlowRun:
    """The flow run that goes on.

    places: {name: where it is} of what was noted during the run, such as its MLflow runs.
    """

    flow_run_id: str
    git_revision: str | None
    places: dict[str, str] = field(default_factory=dict)


_current: ContextVar[FlowRun | None] = ContextVar("current_run", default=None)


@contextmanager
def made_in(flow_run_id: str) -> Iterator[FlowRun]:
    """State that a flow run makes what is made in the block. Threads need a copy of the context, as Prefect's have."""
    run = FlowRun(flow_run_id, _revision())
    token = _current.set(run)
    try:
        yield run
    finally:
        _current.reset(token)


def current_run() -> FlowRun | None:
    """Return the flow run that goes on; None outside of `made_in`."""
    return _current.get()


def made_now() -> Made:
    """Return how a result is made that is committed now."""
    run = current_run()
    return {
        "flow_run_id": run.flow_run_id if run else None,
        "git_revision": run.git_revision if run else _revision(),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def note(name: str, place: str) -> None:
    """Note for the summary of the flow run where something of it is; outside a flow nothing is noted.

    Several places of the same name are listed.
    """
    if run := current_run():
        known = run.places[name].split(", ") if name in run.places else []
        run.places[name] = ", ".join(dict.fromkeys([*known, place]))


def git_revision() -> str | None:
    """Return the commit of the code, with `-dirty` if files differ from it; None outside our repository."""
    if INSTALLED:  # site-packages may be inside another repository
        return None
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    with suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    return None


@cache
def _revision() -> str | None:
    """Return the commit of the code when this process first asked: about that of the code that it has imported."""
    return git_revision()
