"""A sheet holds a feature's patches in their order, and is made again only when a patch or the code changes."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from tasks.checksums import commit_folder
from tasks.report.previous import SHEETS, Previous
from tasks.report.sheets import GAP, LARGEST_SIDE, SheetWriter, first_patch, made_from, sheet
from tests.damage import flip
from tests.sample_tables.pictures import PATCH_SIDE, patch, wave_pixels, webp


def pixels(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB")).astype(float)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.mean((one - other) ** 2))


@pytest.mark.parametrize("count", [1, 2, 7])
def test_patches_lie_side_by_side_in_their_order(count):
    patches = [patch(feature, 1) for feature in range(count)]
    strip = pixels(sheet(patches))
    assert strip.shape == (PATCH_SIDE, count * PATCH_SIDE + (count - 1) * GAP, 3)
    for place, stored in enumerate(patches):
        left = place * (PATCH_SIDE + GAP)
        assert psnr(strip[:, left : left + PATCH_SIDE], pixels(stored)) > 30
    assert psnr(np.asarray(Image.open(io.BytesIO(sheet(patches[:1]))), dtype=float), pixels(patches[0])) > 30


def test_a_natural_patch_looks_the_same_in_a_sheet():
    waves = [webp(wave_pixels(number)) for number in range(4)]
    strip = pixels(sheet(waves))
    side = len(strip)
    for place, stored in enumerate(waves):
        left = place * (side + GAP)
        assert psnr(strip[:, left : left + side], pixels(stored)) > 38


def test_patches_of_several_sizes_are_as_large_as_the_largest_and_fit_a_webp_file():
    small, large = (webp(np.full((side, side, 3), 200, dtype=np.uint8)) for side in (9, 30))
    assert pixels(sheet([small, large])).shape == (30, 60 + GAP, 3)
    many = pixels(sheet([large] * 1000))
    assert many.shape[1] <= LARGEST_SIDE
    assert many.shape[0] == (LARGEST_SIDE + GAP) // 1000 - GAP


@pytest.fixture
def written(tmp_path):
    """A site with two sheets, and their patches."""
    folder = tmp_path / "written"
    (folder / "patches").mkdir(parents=True)
    patches = {"a-0": [patch(0, 1), patch(0, 2)], "a-1": [patch(1, 1)]}
    write(folder, patches)
    return folder, patches


def write(folder, patches, previous=None):
    with SheetWriter(folder, previous or Previous()) as sheets:
        for name, of_feature in patches.items():
            assert sheets.add(name, of_feature) == name
    (folder / SHEETS).write_text(json.dumps(sheets.made_from))
    commit_folder(folder, [str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()])


def again(tmp_path, patches, folder):
    fresh = tmp_path / "again"
    (fresh / "patches").mkdir(parents=True)
    write(fresh, patches, Previous(folder))
    return {
        name: (fresh / f"patches/{name}.webp").samefile(folder / f"patches/{name}.webp")
        for name in patches
        if (folder / f"patches/{name}.webp").exists()
    }, fresh


def test_sheets_of_the_same_patches_are_linked(tmp_path, written):
    folder, patches = written
    linked, fresh = again(tmp_path, patches, folder)
    assert linked == {"a-0": True, "a-1": True}
    assert (fresh / SHEETS).read_bytes() == (folder / SHEETS).read_bytes()


def test_a_sheet_of_other_patches_is_made_again(tmp_path, written):
    folder, patches = written
    changed = patches | {"a-0": patches["a-0"][::-1], "a-2": [patch(2, 1)]}
    linked, fresh = again(tmp_path, changed, folder)
    assert linked == {"a-0": False, "a-1": True}
    assert (fresh / "patches/a-0.webp").read_bytes() == sheet(changed["a-0"])
    assert (fresh / "patches/a-2.webp").read_bytes() == sheet(changed["a-2"])


def test_a_damaged_sheet_is_made_again(tmp_path, written):
    folder, patches = written
    whole = (folder / "patches/a-0.webp").read_bytes()
    flip(folder / "patches/a-0.webp", 20)
    linked, fresh = again(tmp_path, patches, folder)
    assert linked == {"a-0": False, "a-1": True}
    assert (fresh / "patches/a-0.webp").read_bytes() == whole


def test_other_code_makes_all_sheets_again(tmp_path, written, monkeypatch):
    folder, patches = written
    monkeypatch.setattr("tasks.report.sheets._made_by", lambda: b"another version")
    assert again(tmp_path, patches, folder)[0] == {"a-0": False, "a-1": False}


@pytest.mark.parametrize("missing", ["checksums.json", SHEETS])
def test_without_its_record_a_site_gives_nothing(tmp_path, written, missing):
    folder, patches = written
    (folder / missing).unlink()
    assert again(tmp_path, patches, folder)[0] == {"a-0": False, "a-1": False}


def test_where_files_cannot_be_linked_they_are_written(tmp_path, written, monkeypatch):
    def refuse(*paths):
        raise PermissionError

    folder, patches = written
    monkeypatch.setattr("os.link", refuse)
    linked, fresh = again(tmp_path, patches, folder)
    assert linked == {"a-0": False, "a-1": False}
    assert (fresh / "patches/a-1.webp").read_bytes() == (folder / "patches/a-1.webp").read_bytes()


def test_a_patch_that_is_no_picture_is_told(tmp_path):
    (tmp_path / "patches").mkdir()
    with pytest.raises(OSError, match="cannot identify image"), SheetWriter(tmp_path, Previous()) as sheets:
        sheets.add("a-0", [b"no picture"])


def test_more_sheets_than_wait_at_once_are_all_written(tmp_path, monkeypatch):
    monkeypatch.setattr("tasks.report.sheets.SHEETS_AT_ONCE", 2)
    monkeypatch.setattr("tasks.report.sheets.UNWRITTEN", 1)
    (tmp_path / "patches").mkdir()
    patches = {f"a-{number}": [patch(number, 1)] for number in range(9)}
    write(tmp_path, patches)
    for name, of_feature in patches.items():
        assert (tmp_path / f"patches/{name}.webp").read_bytes() == sheet(of_feature)


def test_the_division_into_patches_is_part_of_what_a_sheet_is_made_from():
    assert made_from([b"ab", b"c"]) != made_from([b"a", b"bc"])
    assert made_from([b"ab", b"c"]) == made_from([b"ab", b"c"])


def test_the_first_patch_is_cut_out(tmp_path):
    file = tmp_path / "sheet.webp"
    file.write_bytes(sheet([patch(0, 1), patch(1, 1), patch(2, 1)]))
    assert psnr(np.asarray(first_patch(file), dtype=float), pixels(patch(0, 1))) > 30
