"""Folders of photographs with symbolic links in them: followed, each once; what leads nowhere is counted."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows import doctor
from tasks.concepts.exemplars import read_exemplars
from tasks.vision.images import ImagesConfig, open_frames
from tasks.vision.photographs import open_photographs


def photograph(file: Path, seed: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, size=(240, 240, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)


@pytest.fixture
def store(tmp_path) -> Path:
    """Six photographs of two classes, outside of the folder that is read."""
    for place in range(6):
        photograph(tmp_path / "store" / f"class-{place % 2}" / f"{place}.png", place)
    return tmp_path / "store"


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "photographs").mkdir()
    return tmp_path / "photographs"


def names(root: Path) -> list[str]:
    return [name for name, _ in open_photographs(root, None).listing().entries()]


def test_class_folders_that_are_links(root, store, settings):
    for folder in store.iterdir():
        (root / folder.name).symlink_to(folder)
    found = open_frames(ImagesConfig(folder=root), settings)
    assert [frame.name for frame in found.frames] == [f"class-{n % 2}/{n}.png" for n in (0, 2, 4, 1, 3, 5)]
    assert found.quarantine == ()
    assert doctor._images(settings.model_copy(update={"images_dir": root})).detail.startswith("6 files")


def test_files_and_the_folder_itself_may_be_links(root, store, settings, tmp_path):
    (root / "zebra.png").symlink_to(store / "class-0" / "0.png")
    (root / "notes.txt").symlink_to(store / "class-0" / "2.png")
    (tmp_path / "link").symlink_to(root)
    assert names(tmp_path / "link") == ["zebra.png"]


def test_each_is_found_once_and_by_its_own_path(root, store, settings):
    photograph(root / "own" / "a.png", 7)
    (root / "again").symlink_to(root / "own")
    (root / "again.png").symlink_to(root / "own" / "a.png")
    (root / "b").symlink_to(store)
    (root / "c").symlink_to(store / "class-0")
    through_links = [f"b/class-{n % 2}/{n}.png" for n in (0, 2, 4, 1, 3, 5)]
    assert names(root) == [*through_links, "own/a.png"]


def test_loops_end(root, settings):
    photograph(root / "deep" / "a.png", 1)
    (root / "deep" / "up").symlink_to(root)
    (root / "deep" / "self").symlink_to(root / "deep")
    (root / "outside").symlink_to(root.parent)
    found = names(root)
    assert found == ["deep/a.png"]


def test_links_that_lead_nowhere_are_counted(root, settings):
    photograph(root / "a.png", 1)
    (root / "gone.png").symlink_to("nowhere.png")
    (root / "zebra").symlink_to("/no/such/folder")
    (root / "round.png").symlink_to("round.png")
    found = open_frames(ImagesConfig(folder=root), settings)
    assert [frame.name for frame in found.frames] == ["a.png"]
    assert dict(found.quarantine) == {
        "gone.png": "a broken link to nowhere.png",
        "round.png": "a broken link to round.png",
        "zebra": "a broken link to /no/such/folder",
    }


def test_a_concept_of_links(root, store, settings):
    for place, file in enumerate(sorted(store.rglob("*.png"))):
        (root / f"{place}.png").symlink_to(file)
    concept = read_exemplars(root, "concept", 224)
    assert (concept.name, len(concept)) == ("photographs", 6)
