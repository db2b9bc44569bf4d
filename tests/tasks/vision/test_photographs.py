"""Photographs of every kind of source: the same images, by the addresses of docs/images.md."""

import re
from pathlib import Path

import fsspec
import polars
import pytest
import torch

from flows.config import read_config
from tasks.activations.plan import ExtractionConfig, plan
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.vision.images import FrameSet, ImagesConfig, open_frames
from tasks.vision.photographs import open_photographs
from tests.tasks.vision.many_sources import ADDRESSES, FILES, LABELS, pixels, png, write_all, write_tar

LOCAL = [address for address in ADDRESSES if "://" not in address]


@pytest.fixture
def settings(settings) -> Settings:
    return settings.model_copy(update={"images_dir": None})


@pytest.fixture
def sources(tmp_path, monkeypatch) -> Path:
    """A working directory with every source."""
    (tmp_path / "here").mkdir()
    write_all(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def opened(address: Path | str, settings: Settings) -> FrameSet:
    config = read_config(ExtractionConfig, None, [f"images.folder={address}"])
    return open_frames(config.images, settings)


def check_same_images(found: FrameSet, labels: tuple[str | None, ...] = LABELS) -> None:
    """Assert that a set has the images and labels of `write_all`, in any order."""
    seeds = {pixels(seed).tobytes(): seed for seed in range(len(FILES))}
    order = [seeds[found.read(index).tobytes()] for index in range(len(found))]
    assert sorted(order) == list(range(len(FILES)))
    assert [frame.label for frame in found.frames] == [labels[seed] for seed in order]
    assert found.quarantine == ()
    assert len({frame.name for frame in found.frames}) == len(found)
    assert {frame.source for frame in found.frames} == {"folder"}


def test_the_document_has_an_example_of_each_source():
    assert [address.partition("://")[0] for address in ADDRESSES[len(LOCAL) :]] == ["memory", "http", "s3"]
    assert len(LOCAL) == 7


@pytest.mark.parametrize("address", LOCAL)
def test_an_address_of_the_document(sources, settings, address):
    """A folder's labels are in the names."""
    check_same_images(opened(address, settings), LABELS if address != "photographs" else (None,) * len(FILES))


@pytest.mark.parametrize("address", ["hub", "saved", "shards", "shards/*.tar", "shards/train-{001,000}.tar"])
def test_a_folder_without_images_has_those_of_its_files(sources, settings, address):
    check_same_images(opened(address, settings))


@pytest.mark.parametrize("address", [*LOCAL, "hub", "saved", "shards"])
def test_the_same_in_memory(sources, settings, address):
    memory = fsspec.filesystem("memory")
    memory.put(str(sources), "/box", recursive=True)
    try:
        local, remote = opened(address, settings), opened(f"memory://box/{address}", settings)
        assert remote.frames == local.frames
        assert torch.equal(remote.load(2), local.load(2))
    finally:
        memory.rm("/box", recursive=True)


def test_an_address_is_looked_for_in_the_images_folder(sources, settings, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with_folder = settings.model_copy(update={"images_dir": sources})
    for address in LOCAL:
        assert len(opened(address, with_folder)) == len(FILES)
    check_same_images(opened("list.csv", settings.model_copy(update={"images_dir": sources / "photographs"})))
    memory = fsspec.filesystem("memory")
    memory.put(str(sources), "/box", recursive=True)
    assert len(opened("shards", settings.model_copy(update={"images_dir": "memory://box/"}))) == len(FILES)
    memory.rm("/box", recursive=True)


def test_an_images_folder_may_be_any_address(sources, settings, monkeypatch):
    for address in ("photographs/list.csv", "memory://box/a.csv"):
        monkeypatch.setenv("KALEIDOSCOPE_IMAGES_DIR", address)
        assert Settings().images_dir == (address if "://" in address else sources / address)
    check_same_images(open_frames(ImagesConfig(), settings.model_copy(update={"images_dir": sources / "shards"})))


def test_a_folder_with_images_is_read_as_ever_whatever_else_is_in_it(sources, settings):
    for file in (sources / "shards").iterdir():
        file.rename(sources / "photographs" / file.name)
    assert [frame.name for frame in opened("photographs", settings).frames] == sorted(FILES)


def test_names_with_braces_and_stars_are_taken_as_they_stand(sources, settings):
    write_tar(sources / "odd{0,1}*.tar", {"0.png": png(0)})
    assert len(opened("odd{0,1}*.tar", settings)) == 1
    (sources / "odd{0..1}").mkdir()
    (sources / "shards" / "train-000.tar").rename(sources / "odd{0..1}" / "a.tar")
    assert len(opened("odd{0..1}", settings)) == len(opened("odd{0..1}/*.tar", settings)) == 2


def test_missing_and_broken_images_are_set_aside_and_the_rest_goes_on(sources, settings):
    rows = ["path", *FILES, "zebra/9.png", f"{sources}/photographs/zebra/0.png", "list.csv"]
    (sources / "photographs" / "list.csv").write_text("\n".join(rows))
    found = opened("photographs/list.csv", settings)
    assert [frame.name for frame in found.frames] == list(FILES)
    assert dict(found.quarantine) == {
        "zebra/9.png": "file is gone",
        f"{sources}/photographs/zebra/0.png": "same pixels as zebra/0.png",
        "list.csv": "not a JPEG, PNG or WebP image",
    }
    write_tar(sources / "a.tar", {"0.png": png(0), "1.png": png(1)[:-2000], "2.png": b"", "3.png": png(3)})
    found = opened("a.tar", settings)
    assert [name.rpartition("/")[2] for name, _ in found.quarantine] == ["1.png", "2.png"]
    assert found.quarantine[1][1] == "empty file"
    assert len(found) == 2


def test_paths_of_a_list_may_be_urls(sources, settings):
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/box/0.png", png(0))
    (sources / "urls.csv").write_text("path,label\nmemory://box/0.png,zebra\nmemory://box/1.png,zebra\n")
    found = opened("urls.csv", settings)
    memory.rm("/box", recursive=True)
    assert [(frame.name, frame.label) for frame in found.frames] == [("memory://box/0.png", "zebra")]
    assert found.quarantine == (("memory://box/1.png", "file is gone"),)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nowhere.csv", "nowhere.csv does not exist: check the path"),
        ("shards/train-{000..002}.tar", "shards/train-002.tar does not exist"),
        ("shards/val-*.tar", "no file in shards has a name like val-*.tar: correct the address"),
        ("shards/{0..999999}.tar", "{0..999999}.tar stands for more than 100,000 files: give fewer"),
        ("photographs/zebra/0.png", "is a file, not a folder: give another folder of photographs"),
        ("blank.tar", "./blank.tar lists no image: choose one with photographs"),
        ("empty", "images folder empty contains no JPEG, PNG or WebP file: choose one with photographs"),
        ("memory://nowhere", "memory://nowhere does not exist: check the address"),
        ("memory://nowhere/a.csv", "memory://nowhere/a.csv does not exist: check the address"),
    ],
)
def test_nothing_at_an_address_is_one_line(sources, settings, address, message):
    write_tar(sources / "blank.tar", {})
    (sources / "empty").mkdir()
    with pytest.raises(UserError, match=f"{re.escape(message)}$") as refusal:
        opened(address, settings)
    assert "\n" not in str(refusal.value)


def test_a_draw_of_photographs_is_the_folders(sources, settings):
    """By place in the listing, which a list may sort as it likes."""
    polars.DataFrame({"path": sorted(FILES)}).write_csv(sources / "photographs" / "list.csv")
    drawn = [
        open_frames(ImagesConfig(folder=Path(address), photographs=3, seed=4), settings)
        for address in ("photographs", "photographs/list.csv")
    ]
    assert drawn[0].frames == drawn[1].frames


def test_labels_are_part_of_a_plan_and_of_its_key(sources, settings):
    def planned(address: str):
        images = ImagesConfig(folder=Path(address), frame_size=64)
        config = ExtractionConfig(layer="block1_depthwise", images=images, n_rotations=1, orbits=8, test_share=0.5)
        return plan(config, settings)

    made = planned("photographs/list.csv")
    assert [frame.label for frame in made.images.frames] == list(LABELS)
    assert planned("photographs/list.csv").key == made.key
    text = (sources / "photographs" / "list.csv").read_text()
    (sources / "photographs" / "list.csv").write_text(text.replace("horse", "n02391049"))
    assert planned("photographs/list.csv").key != made.key
    assert "label" not in planned("photographs").images.frames.table.columns


def test_a_list_without_labels_has_none(sources):
    entries = open_photographs(sources / "photographs", None).listing().entries()
    assert {label for _, label in entries} == {None}


def test_images_of_one_sample_have_one_origin(tmp_path, settings):
    members = {"a/0.left.png": png(1), "a/0.right.png": png(2), "b/0.png": png(3), "1.png": png(4)}
    write_tar(tmp_path / "train.TAR", members)
    frames = opened(tmp_path / "train.TAR", settings).frames
    assert [frame.origin for frame in frames] == [f"train.TAR@{sample}" for sample in ("a/0", "a/0", "b/0", "1")]
