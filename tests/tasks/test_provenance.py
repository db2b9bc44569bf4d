"""Who made a result: the run that goes on, in its threads as well, and the commit of the code."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from datetime import UTC, datetime, timedelta

import pytest

from tasks import provenance
from tasks.provenance import current_run, git_revision, made_in, made_now, note
from tasks.settings import ROOT


def test_what_is_made_in_a_run_names_it_and_what_is_made_outside_names_none():
    assert made_now()["flow_run_id"] is None
    with made_in("outer"):
        assert made_now()["flow_run_id"] == "outer"
        with suppress(ZeroDivisionError), made_in("inner"):
            assert made_now()["flow_run_id"] == "inner"
            raise ZeroDivisionError
        assert made_now()["flow_run_id"] == "outer"
    assert current_run() is None


def test_a_thread_with_the_context_of_a_run_names_the_run():
    with ThreadPoolExecutor(1) as threads, made_in("run"):
        assert threads.submit(copy_context().run, made_now).result()["flow_run_id"] == "run"


def test_the_time_is_now_in_utc():
    made_at = datetime.fromisoformat(made_now()["made_at"])
    assert made_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - made_at) < timedelta(minutes=1)


def test_a_run_lists_what_was_noted_once_each():
    note("nowhere", "outside a run")
    with made_in("run") as run:
        for place in ("models:/a/1", "models:/a/2", "models:/a/1"):
            note("versions of model a", place)
        note("run", "r")
    assert run.places == {"versions of model a": "models:/a/1, models:/a/2", "run": "r"}


def test_the_git_revision_is_the_commit():
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    if head.returncode:
        pytest.skip("the code stands in no git commit here")
    revision = git_revision()
    assert revision is not None
    assert revision.removesuffix("-dirty") == head.stdout.strip()


def test_an_installed_copy_has_no_git_revision(monkeypatch):
    monkeypatch.setattr(provenance, "INSTALLED", True)
    assert git_revision() is None
