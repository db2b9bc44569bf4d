"""`kaleidoscope run publish`, killed while it has the warehouse."""

import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest

from flows.servers import STARTED_BY, environment_of
from tasks.settings import ROOT, Settings
from tasks.staging import stage_tables
from tests.processes import environment_for
from tests.sample_tables import sample_tables

pytestmark = pytest.mark.faults

KALEIDOSCOPE = [sys.executable, "-c", "from flows.cli import main; main()"]

STAYS_WHILE_LOADING = """
import sys, time
from flows import cli, config

flow_named = config.flow_named

def publish_snapshot(settings, progress):
    print("loading", flush=True)
    time.sleep(600)

def that_stays(name):
    flow = flow_named(name)
    sys.modules["flows.publish"].publish_snapshot = publish_snapshot
    return flow

config.flow_named = that_stays
cli.main()
"""


@contextmanager
def started(command: list[str], settings: Settings):
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment_for(settings), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_for_word(process: subprocess.Popen, word: str) -> str:
    said = []
    for line in process.stdout:
        said.append(line)
        if word in line:
            return line
    raise AssertionError("".join(said))


def states(settings: Settings) -> list[str]:
    """Of flow runs and task runs."""
    with sqlite3.connect(settings.data_dir / "prefect" / "prefect.db") as database:
        rows = database.execute("SELECT state_type FROM flow_run UNION ALL SELECT state_type FROM task_run").fetchall()
    return [state for (state,) in rows]


def ours(settings: Settings) -> list[int]:
    """Processes that were started for a data folder."""
    marks = {process.pid: environment_of(process).get(STARTED_BY, "") for process in psutil.process_iter()}
    return [pid for pid, mark in marks.items() if mark.startswith(str(settings.data_dir))]


def test_who_waits_for_the_warehouse_says_so_and_goes_on_once_its_holder_is_killed(settings):
    stage_tables("sample", sample_tables(), settings)
    publish = ["run", "publish", "--set", "page=false"]
    with started([sys.executable, "-c", STAYS_WHILE_LOADING, *publish], settings) as holder:
        wait_for_word(holder, "loading")
        with started([*KALEIDOSCOPE, *publish], settings) as waiting:
            said = wait_for_word(waiting, "waiting for the warehouse")
            assert f"(publish, PID {holder.pid} on " in said
            holder.kill()
            said = waiting.communicate()[0]
            assert waiting.returncode == 0, said
            assert f"published: {settings.published_file}" in said
    assert "RUNNING" in states(settings)

    again = subprocess.run(
        [*KALEIDOSCOPE, *publish],
        cwd=ROOT,
        env=environment_for(settings),
        capture_output=True,
        text=True,
    )
    assert again.returncode == 0, again.stderr
    assert f"its process (PID {holder.pid} on " in again.stderr
    assert " died without reporting an end" in again.stderr
    assert set(states(settings)) == {"COMPLETED", "CRASHED"}
    assert list(settings.running_dir.glob("*.lock")) == []
    deadline = time.monotonic() + 30
    while ours(settings):
        assert time.monotonic() < deadline
        time.sleep(0.2)
