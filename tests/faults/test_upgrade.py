"""`kaleidoscope up` and `run` on a data folder that an older version made."""

import subprocess
import tarfile

import duckdb
import pytest

from tasks.settings import ROOT
from tasks.staging import schema_version, staged_keys
from tasks.warehouse.database import version_of
from tests.faults.runs import command
from tests.faults.services import running_up
from tests.processes import environment_for

pytestmark = pytest.mark.faults


@pytest.fixture
def old(settings):
    with tarfile.open(ROOT / "tests" / "data" / "e2a2564.tar.xz") as archive:
        archive.extractall(settings.data_dir.parent, filter="data")
    return settings


def version(settings) -> int:
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as warehouse:
        return version_of(warehouse)


def test_up_migrates_before_anything_runs(old):
    assert version(old) == 1
    with running_up(old):
        assert version(old) == schema_version()


def test_a_run_migrates_and_says_so(old):
    """Also a run that publishes nothing."""
    before = staged_keys(old)
    assignments = ("orbits=8", "n_rotations=1", 'images.sources=["dead-leaves"]', "images.scenes=2")
    extract = command("run", "extract", *(f"--set={assignment}" for assignment in assignments))
    run = subprocess.run(extract, cwd=ROOT, env=environment_for(old), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert f"kaleidoscope: warehouse: migrated from schema version 1 to {schema_version()}" in run.stderr
    assert all(f"kaleidoscope: frames/{key}: gets checksums" in run.stderr for key in before[:3])
    assert version(old) == schema_version()
