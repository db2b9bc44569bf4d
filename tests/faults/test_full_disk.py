"""The disk is full from a named point of a run on: one line says so, and once there is space the next run goes on."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.settings import Settings
from tasks.tracking.promotion import PROMOTED
from tasks.warehouse.publication import RECORD
from tests.faults.disturbed import PUBLICATION, TRAINING
from tests.faults.runs import (
    PUBLISH,
    TRAIN,
    assert_clean,
    assert_equal_to,
    disturbed,
    published,
    run,
    start,
    trained,
)

pytestmark = pytest.mark.faults


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a small tmpfs: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="module")
def undisturbed(prefect_api, tmp_path_factory) -> Settings:
    settings = Settings(data_dir=tmp_path_factory.mktemp("undisturbed") / "data")
    run(TRAIN, settings, prefect_api)
    run(PUBLISH, settings, prefect_api)
    return settings


def assert_fails_for_space(point: str, arguments: list[str], settings: Settings, prefect_api: str) -> None:
    process = start(disturbed("fill", point, *arguments), settings, prefect_api)
    said, _ = process.communicate()
    ballast = settings.data_dir.parent / "ballast"
    assert ballast.exists(), said
    assert ballast.stat().st_size > 0, said
    assert "Traceback" not in said
    if point == "before the snapshot is published" and process.returncode == 0:
        # deleting a snapshot that an earlier run left may have freed all the space that the rest needs
        assert f"published: {settings.published_file}" in said
    else:
        assert process.returncode == 2, said
        assert "space left" in said.splitlines()[-1]
    ballast.unlink()


def forget_publication(settings: Settings) -> None:
    """Let the next publication do everything again: one that succeeded after all leaves it nothing to do."""
    for record in (settings.published_file.with_name(RECORD), settings.mlflow_dir / PROMOTED, settings.site_dir):
        record.unlink(missing_ok=True)


def test_each_stage_on_a_full_disk(undisturbed, small_disk, prefect_api):
    """One data folder through all stages: what one full disk leaves, the next meets as well."""
    settings = Settings(data_dir=small_disk / "data")
    for point in TRAINING:
        assert_fails_for_space(point, TRAIN, settings, prefect_api)
    run(TRAIN, settings, prefect_api)
    assert_equal_to(trained(undisturbed), settings, trained)
    assert_clean(settings, prefect_api)
    for point in PUBLICATION:
        forget_publication(settings)
        assert_fails_for_space(point, PUBLISH, settings, prefect_api)
    run(PUBLISH, settings, prefect_api)
    assert_equal_to(published(undisturbed), settings, published)
    assert_clean(settings, prefect_api)
