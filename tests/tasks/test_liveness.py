"""Locks of processes that are really killed."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tasks import liveness
from tasks.liveness import Holder, alive, holder_of, is_held, left_by_the_dead, waiting_for
from tasks.settings import ROOT

LIVING = """
import sys, time
from pathlib import Path
from tasks.liveness import Holder, alive
with alive(Path(sys.argv[1]), Holder(name="flow run 1", does="publish")):
    print("alive", flush=True)
    time.sleep(600)
"""

HOLDING = """
import sys, time
from pathlib import Path
from tasks.liveness import Holder, waiting_for
with waiting_for("the warehouse", Path(sys.argv[1]), Holder(name="flow run 1", does="publish"), print):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def running(script: str, path: Path):
    """A process that has said its first word; it is killed at the end."""
    with subprocess.Popen([sys.executable, "-c", script, str(path)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()


def kill(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()


def test_a_lock_lives_as_long_as_its_process(tmp_path):
    path = tmp_path / "running" / "1.lock"
    with running(LIVING, path) as process:
        assert is_held(path)
        assert left_by_the_dead(path.parent) == []
        kill(process)
        assert not is_held(path)
        assert left_by_the_dead(path.parent) == [path]
        holder = holder_of(path)
        assert (holder.name, holder.does, holder.pid) == ("flow run 1", "publish", process.pid)


def test_a_lock_file_of_an_ended_block_is_gone(tmp_path):
    path = tmp_path / "1.lock"
    with alive(path, Holder(name="a", does="b")):
        assert is_held(path)
        assert holder_of(path).pid == os.getpid()
    assert not path.exists()
    assert not is_held(path)
    with pytest.raises(ValueError, match="bug"), alive(path, Holder(name="a", does="b")):
        raise ValueError("bug")
    assert not path.exists()


def test_what_is_in_a_lock_file_of_nobody_or_that_is_no_holder_is_nobody(tmp_path):
    assert holder_of(tmp_path / "none") is None
    (tmp_path / "empty").touch()
    assert holder_of(tmp_path / "empty") is None


def test_who_waits_says_for_what_and_goes_on_once_the_holder_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(liveness, "SECONDS_BETWEEN_REMINDERS", 0.3)
    path, said, third = tmp_path / "warehouse" / ".writer", [], threading.Event()

    def say(message: str) -> None:
        said.append(message)
        if len(said) == 3:
            third.set()

    def kill_later(process: subprocess.Popen) -> None:
        third.wait()
        process.kill()

    with running(HOLDING, path) as process:
        threading.Thread(target=kill_later, args=[process]).start()
        with waiting_for("the warehouse", path, Holder(name="flow run 2", does="atlas"), say):
            assert process.wait() == -9
            assert holder_of(path).name == "flow run 2"
            assert is_held(path)
    assert not is_held(path)
    assert said[0].startswith(f"waiting for the warehouse: held by flow run 1 (publish, PID {process.pid} on ")
    assert said[0].endswith(" UTC")
    assert set(said) == {said[0]}


def test_a_free_lock_is_had_without_a_word(tmp_path):
    said = []
    for name in ("first", "second"):
        with waiting_for("the warehouse", tmp_path / ".writer", Holder(name=name, does="publish"), said.append):
            assert holder_of(tmp_path / ".writer").name == name
    assert said == []


POOL = """
import multiprocessing, time
from concurrent.futures import ProcessPoolExecutor
from tasks.liveness import worker_dies_with_parent

def begin():
    time.sleep(1)
    worker_dies_with_parent()

if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=begin)
    pool.submit(abs, 1)
    print(*pool._processes, flush=True)
    time.sleep(600)
"""


def test_a_worker_ends_whose_parent_was_killed_before_it_began(tmp_path):
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE) as parent:
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    _, left = psutil.wait_procs([worker], timeout=60)
    assert [process for process in left if process.status() != psutil.STATUS_ZOMBIE] == []
