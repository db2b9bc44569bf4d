"""The kernel kills a run that needs more memory than there is; with enough of it the next run finishes the work."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.settings import Settings
from tests.faults.runs import PUBLISH, TRAIN, assert_clean, assert_equal_to, command, published, run, start, trained

pytestmark = pytest.mark.faults

TOO_LITTLE = 250 << 20
"""Bytes. Importing PyTorch alone takes more."""


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """A control group of Linux whose processes together get `TOO_LITTLE` memory."""
    root = Path("/sys/fs/cgroup")
    second_version = (root / "cgroup.controllers").exists()
    group = (root if second_version else root / "memory") / "kaleidoscope-test"
    try:
        group.mkdir()
        (group / ("memory.max" if second_version else "memory.limit_in_bytes")).write_text(str(TOO_LITTLE))
    except OSError as error:
        pytest.skip(f"needs the right to limit memory by a control group: {error}")
    yield group
    group.rmdir()


def assert_killed_for_memory(arguments: list[str], group: Path, settings: Settings, prefect_api: str) -> None:
    inside = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *command(*arguments)]
    process = start(inside, settings, prefect_api)
    said, _ = process.communicate()
    assert process.returncode == -9, said


def test_a_run_killed_for_memory_is_finished_by_the_next(little_memory, prefect_api, tmp_path):
    undisturbed, settings = Settings(data_dir=tmp_path / "undisturbed"), Settings(data_dir=tmp_path / "data")
    for arguments, contents in ((TRAIN, trained), (PUBLISH, published)):
        run(arguments, undisturbed, prefect_api)
        assert_killed_for_memory(arguments, little_memory, settings, prefect_api)
        run(arguments, settings, prefect_api)
        assert_equal_to(contents(undisturbed), settings, contents)
    assert_clean(settings, prefect_api)
