"""What killed writers leave is cleared, and nothing of a writer that lives."""

import fcntl
import subprocess
import sys

from tasks.settings import ROOT
from tasks.storage import remove_all_leftovers

WRITES = """
import sys, time
from pathlib import Path
from tasks.storage import atomic_file, writing
with writing(Path(sys.argv[1])), atomic_file(Path(sys.argv[1]) / "file") as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(600)
"""


def test_leftovers_of_the_dead_go_and_a_living_writers_stay(tmp_path):
    dead, living = tmp_path / "published", tmp_path / "frames" / "key"
    for folder in (dead, living):
        (folder / ".tmp-site" / "pages").mkdir(parents=True)
        (folder / ".tmp-1-snapshot.duckdb").touch()
        (folder / "whole").touch()
    (dead / ".tmp-link").symlink_to("whole")
    with subprocess.Popen([sys.executable, "-c", WRITES, str(living)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()
        remove_all_leftovers(tmp_path, {})
        assert {path.name for path in dead.iterdir()} == {"whole", ".writers"}
        assert len(list(living.glob(".tmp-*-file"))) == 1
        process.kill()
        process.wait()
    assert len(list(living.glob(".tmp-*-file"))) == 1
    remove_all_leftovers(tmp_path, {})
    assert {path.name for path in living.iterdir()} == {"whole", ".writers"}


def test_a_folder_whose_writers_hold_another_lock_is_cleared_under_that(tmp_path):
    leftover, lock = tmp_path / "published" / ".tmp-1.duckdb", tmp_path / "writer"
    leftover.parent.mkdir()
    leftover.touch()
    with open(lock, "ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        remove_all_leftovers(tmp_path, {leftover.parent: lock})
        assert leftover.exists()
    remove_all_leftovers(tmp_path, {leftover.parent: lock})
    assert list(leftover.parent.iterdir()) == []
