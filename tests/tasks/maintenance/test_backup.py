import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.activations.extract import extract
from tasks.activations.plan import ExtractionPlan
from tasks.dictionary.store import describe
from tasks.errors import UserError
from tasks.liveness import Holder, waiting_for
from tasks.maintenance.backup import back_up, restore
from tasks.maintenance.verify import verify
from tasks.settings import ROOT, Settings
from tasks.tracking.store import artifacts_folder
from tasks.warehouse.publish import publish
from tasks.warehouse.query import query
from tests.damage import flip
from tests.tasks.maintenance.conftest import EXTRACTION, contents

CHAMPION = """
import sys
opened = []
sys.addaudithook(lambda event, about: opened.append(str(about[0])) if event == "open" else None)
import mlflow
mlflow.pyfunc.load_model("models:/topk-sae@champion")
print(sum(path.startswith(sys.argv[1]) for path in opened))
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from tasks.maintenance import backup
from tasks.settings import Settings
copy, copies = backup._Copier.copy, []
def dying_copy(self, file):
    if len(copies) == {after}:
        os.kill(os.getpid(), signal.SIGKILL)
    copies.append(file)
    return copy(self, file)
backup._Copier.copy = dying_copy
settings = Settings(data_dir=Path(sys.argv[2]), tracking_uri=None)
if sys.argv[1] == "backup":
    backup.back_up(Path(sys.argv[3]), settings, activations=False, say=print)
else:
    backup.restore(Path(sys.argv[3]), settings)
"""


def backed_up(destination: Path, settings: Settings, activations: bool = False):
    return back_up(destination, settings, activations=activations, say=print)


def beside(settings: Settings) -> Settings:
    return settings.model_copy(update={"data_dir": settings.data_dir.parent / "restored" / "data"})


def wrong(settings: Settings) -> list:
    return [finding for finding in verify(settings) if finding.state in ("wrong", "stuck")]


def made_again(names) -> set[str]:
    """What no backup needs: measured centres of layers, and the record of the last publication."""
    return {name for name in names if name.startswith("activations/.centres/") or name == "published/publication.json"}


def test_what_is_restored_is_what_was_backed_up_without_the_original(small, tmp_path):
    settings, champion, _ = small
    acts = describe(champion, settings)["activation_set"]
    before, rows = contents(settings.data_dir), query("FROM features", settings)
    made = backed_up(tmp_path / "backup", settings)
    assert contents(settings.data_dir).keys() == before.keys()
    copy = beside(settings)
    assert restore(tmp_path / "backup", copy) == made
    shards = ExtractionPlan.open(acts, settings).shards
    settings.data_dir.rename(tmp_path / "gone")

    after = contents(copy.data_dir)
    extracted = {name for name in before if name.startswith(f"activations/{acts}/") and "shard" in name}
    assert len(extracted) == 2 * shards  # each shard with its receipt
    assert before.keys() - after.keys() == {*extracted, f"activations/{acts}/manifest.json", *made_again(before)}
    assert after.keys() <= before.keys()
    # each is rewritten as it is copied
    databases = {"warehouse/kaleidoscope.duckdb", "mlflow/mlflow.db"}
    assert {name for name in after if after[name] != before[name]} <= databases
    assert made.files == len(after) - 1  # the link is no file

    assert [(one.state, one.where) for one in verify(copy) if one.state != "orphaned"] == [
        ("unfinished", str(copy.activations_dir / acts))
    ]
    publish(copy)
    assert query("FROM features", copy).equals(rows)
    child = subprocess.run(
        [sys.executable, "-c", CHAMPION, artifacts_folder(copy).removeprefix("file://")],
        env={name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
        | {"MLFLOW_TRACKING_URI": copy.mlflow_tracking_uri, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0, child.stderr
    assert int(child.stdout.splitlines()[-1]) > 0
    extract(EXTRACTION, copy)
    assert {name: before[name] for name in extracted} == {
        name: (copy.data_dir / name).read_bytes() for name in extracted
    }


def test_shards_are_copied_too_where_that_is_asked_for(small, tmp_path):
    settings, _, _ = small
    backed_up(tmp_path / "backup", settings, activations=True)
    copy = beside(settings)
    restore(tmp_path / "backup", copy)
    before = contents(settings.data_dir)
    assert contents(copy.data_dir).keys() == before.keys() - made_again(before)
    assert [finding.state for finding in verify(copy)] == []  # what nothing refers to is younger than a day


def test_no_file_is_shared_with_the_data_folder(small, tmp_path):
    settings, _, _ = small
    backed_up(tmp_path / "backup", settings)
    restore(tmp_path / "backup", beside(settings))
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert {file.stat().st_nlink for file in files} == {1}


def test_the_document_names_every_file(small, tmp_path):
    settings, _, _ = small
    backed_up(tmp_path / "backup", settings)
    document = json.loads((tmp_path / "backup" / "backup.json").read_text())
    assert document["files"].keys() | {"backup.json"} == contents(tmp_path / "backup").keys()
    assert document["links"].keys() == {"published/kaleidoscope.duckdb"}


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("", "is not an empty folder: choose a new or empty folder"),
        ("data/backup", "is inside the data folder: choose a folder elsewhere"),
    ],
)
def test_a_destination_must_be_new_and_elsewhere(small, inside, message):
    settings, _, _ = small
    before = contents(settings.data_dir)
    with pytest.raises(UserError, match=message):
        backed_up(settings.data_dir.parent / inside, settings)
    assert contents(settings.data_dir) == before


def test_a_data_folder_that_holds_anything_is_not_restored_over(small, tmp_path):
    settings, _, _ = small
    backed_up(tmp_path / "backup", settings)
    before = contents(settings.data_dir)
    with pytest.raises(UserError, match="is not an empty folder"):
        restore(tmp_path / "backup", settings)
    assert contents(settings.data_dir) == before


@pytest.mark.parametrize("damaged", ["backup.json", "frames", "mlflow", "missing"])
def test_a_damaged_backup_is_refused_and_nothing_is_written(small, tmp_path, damaged):
    settings, _, _ = small
    backup, copy = tmp_path / "backup", beside(settings)
    backed_up(backup, settings)
    match damaged:
        case "backup.json":
            flip(backup / damaged, 8 * 500)
        case "missing":
            next(backup.rglob("model.safetensors")).unlink()
        case folder:
            flip(next(path for path in (backup / folder).rglob("*") if path.is_file()), 8 * 20)
    with pytest.raises(UserError, match=r"is damaged|is missing"):
        restore(backup, copy)
    assert not copy.data_dir.exists()
    assert not list(copy.data_dir.parent.glob("*"))


def test_what_is_no_backup_is_refused(small, tmp_path):
    settings, _, _ = small
    with pytest.raises(UserError, match=r"backup.json is missing: give the folder of a complete backup"):
        restore(tmp_path, beside(settings))


def test_what_is_damaged_is_left_out_by_name_and_the_rest_is_saved(small, tmp_path):
    settings, _, replica = small
    flip(settings.dictionaries_dir / replica / "model.safetensors", 8 * 99)
    made = backed_up(tmp_path / "backup", settings)
    [(name, reason)] = made.left_out.items()
    assert name == f"dictionaries/{replica}"
    assert "model.safetensors is damaged" in reason
    copy = beside(settings)
    assert restore(tmp_path / "backup", copy).left_out == made.left_out
    assert not (copy.dictionaries_dir / replica).exists()
    assert wrong(copy) == []


@pytest.mark.faults
@pytest.mark.parametrize("after", [0, 9])
def test_a_backup_that_is_killed_counts_for_nothing_and_is_made_again(small, tmp_path, after):
    settings, _, _ = small
    destination = tmp_path / "there" / "backup"
    code = KILLED.format(after=after)
    arguments = [sys.executable, "-c", code, "backup", str(settings.data_dir), str(destination)]
    assert subprocess.run(arguments, cwd=ROOT).returncode == -signal.SIGKILL
    assert not destination.exists()
    backed_up(destination, settings)
    assert [path.name for path in destination.parent.iterdir()] == ["backup"]
    restore(destination, beside(settings))
    assert wrong(beside(settings)) == []


@pytest.mark.faults
def test_a_restore_that_is_killed_counts_for_nothing_and_is_made_again(small, tmp_path):
    settings, _, _ = small
    backed_up(tmp_path / "backup", settings)
    copy = beside(settings)
    code = KILLED.format(after=9)
    arguments = [sys.executable, "-c", code, "restore", str(copy.data_dir), str(tmp_path / "backup")]
    assert subprocess.run(arguments, cwd=ROOT).returncode == -signal.SIGKILL
    assert not copy.data_dir.exists()
    restore(tmp_path / "backup", copy)
    assert [path.name for path in copy.data_dir.parent.iterdir()] == ["data"]
    assert wrong(copy) == []


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 4 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a small tmpfs: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_one_line_and_nothing_half_is_left(small, small_disk, tmp_path):
    settings, _, _ = small
    with pytest.raises(UserError, match=r"[Nn]o space left") as failure:
        backed_up(small_disk / "backup", settings)
    assert "\n" not in str(failure.value)
    assert list(small_disk.iterdir()) == []

    backed_up(tmp_path / "backup", settings)
    with pytest.raises(UserError, match="no space left to write") as failure:
        restore(tmp_path / "backup", settings.model_copy(update={"data_dir": small_disk / "data"}))
    assert "\n" not in str(failure.value)
    assert list(small_disk.iterdir()) == []


def test_where_a_disk_is_mounted_nothing_can_be_renamed_to(small, small_disk):
    settings, _, _ = small
    with pytest.raises(UserError, match="is a mount point and can't be replaced: choose a folder inside it"):
        backed_up(small_disk, settings)


@pytest.mark.faults
def test_it_waits_for_whoever_writes_to_the_warehouse_and_says_so(small, tmp_path):
    settings, _, _ = small
    said = []
    with waiting_for("the warehouse", settings.warehouse_lock, Holder(name="flow run 1", does="publish"), print) as _:
        arguments = [sys.executable, "-c", KILLED.format(after=-1)]
        arguments += ["backup", str(settings.data_dir), str(tmp_path / "backup")]
        waiting = subprocess.Popen(
            arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
        )
        said.append(waiting.stdout.readline())
        assert not (tmp_path / "backup").exists()
    assert said[0].startswith("waiting for the warehouse: held by flow run 1 (publish, PID ")
    assert waiting.wait() == 0
    waiting.stdout.close()
    restore(tmp_path / "backup", beside(settings))
    assert wrong(beside(settings)) == []
