"""Exemplars: taken as they stand or fitted, counted once, refused when they won't do."""

from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch
from PIL import Image

from tasks.concepts.exemplars import (
    ExemplarSet,
    check_apart,
    class_frames,
    drawn_exemplars,
    open_folder,
    photograph_cuts,
    random_sets,
    read_exemplars,
)
from tasks.config import images_address
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.vision.images import ImagesConfig, fit_to_frame, open_frames
from tasks.vision.network import Network
from tests.tasks.vision.many_sources import write_tar

SIDE = 224


def noise(width: int = SIDE, height: int = SIDE, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, size=(height, width, 3), dtype=np.uint8))


def pixels(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "speckled").mkdir()
    return tmp_path / "speckled"


def test_an_image_of_the_frames_size_is_taken_bit_for_bit_and_another_is_fitted(folder):
    noise().save(folder / "a.png")
    noise(300, 260, seed=1).save(folder / "b.png")
    found = read_exemplars(folder, "concept", SIDE)
    assert (found.name, found.role, found.names, len(found)) == ("speckled", "concept", ("a.png", "b.png"), 2)
    assert torch.equal(found.frames_ncyx[0], pixels(noise()))
    assert torch.equal(found.frames_ncyx[1], pixels(fit_to_frame(noise(300, 260, seed=1), SIDE)))


def test_frames_saved_as_png_are_the_same_exemplars_whatever_they_are_called(folder):
    drawn = drawn_exemplars("dots", 3, SIDE)
    for index, frame_cyx in enumerate(drawn.frames_ncyx):
        Image.fromarray(frame_cyx.permute(1, 2, 0).numpy()).save(folder / f"{index}.png")
    again = read_exemplars(folder, "concept", SIDE)
    assert torch.equal(again.frames_ncyx, drawn.frames_ncyx)
    assert again.images == drawn.images
    assert again.key == drawn.key != drawn_exemplars("dots", 3, SIDE, seed=1).key


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("v1.5/", "v1.5"),
        ("v1.5/striped.csv", "striped"),
        ("memory://v1.5/", "v1.5"),
        ("memory://v1.5/striped-{0..1}.tar", "striped-{0..1}"),
    ],
)
def test_a_set_is_named_by_the_end_of_its_address(address, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v1.5").mkdir()
    (tmp_path / "v1.5" / "striped.csv").write_text("path\n0.png\n1.png\n")
    for place in range(2):
        noise(seed=place).save(tmp_path / "v1.5" / f"{place}.png")
        image = (tmp_path / "v1.5" / f"{place}.png").read_bytes()
        write_tar(tmp_path / "v1.5" / f"striped-{place}.tar", {"0.png": image})
    memory = fsspec.filesystem("memory")
    for file in (tmp_path / "v1.5").iterdir():
        memory.pipe_file(f"/v1.5/{file.name}", file.read_bytes())
    exemplars = read_exemplars(images_address(address), "concept", SIDE)
    memory.rm("/v1.5", recursive=True)
    assert (exemplars.name, len(exemplars)) == (name, 2)


def test_equal_images_count_once_and_what_cant_be_read_is_set_aside(folder):
    for name, seed in (("a.png", 0), ("b.png", 1), ("copy.png", 0)):
        noise(seed=seed).save(folder / name)
    (folder / "empty.png").write_bytes(b"")
    found = read_exemplars(folder, "random", SIDE)
    assert found.names == ("a.png", "b.png")
    assert found.quarantine == (("copy.png", "same pixels as a.png"), ("empty.png", "empty file"))


def test_images_smaller_than_the_input_are_refused_with_the_first_and_their_number(folder):
    noise().save(folder / "a.png")
    noise(300, 223, seed=1).save(folder / "b.png")
    noise(40, 40, seed=2).save(folder / "c.png")
    with pytest.raises(UserError, match=r"2 of 3 images .* input of 224 pixels, b\.png is 300 × 223"):
        read_exemplars(folder, "concept", SIDE)


def test_one_image_alone_is_refused_and_so_is_none(folder):
    with pytest.raises(UserError, match="contains no JPEG, PNG or WebP file"):
        read_exemplars(folder, "concept", SIDE)
    for name in ("a.png", "copy.png"):
        noise().save(folder / name)
    with pytest.raises(UserError, match=r"holds only one distinct image that can be read, a\.png"):
        read_exemplars(folder, "concept", SIDE)


def test_sets_that_share_an_image_are_refused_by_their_names(folder):
    one, other = drawn_exemplars("dots", 3, SIDE), drawn_exemplars("checks", 2, SIDE)
    check_apart([one, other])
    mixed = ExemplarSet("mixed", "random", torch.cat([other.frames_ncyx, one.frames_ncyx[2:]]), ("x", "y", "z"))
    with pytest.raises(UserError, match=r"sets dots and mixed share an image .dots-0-2 and z have the same pixels"):
        check_apart([one, mixed])


def test_drawn_exemplars_stay_when_more_are_asked_for():
    few, many = drawn_exemplars("zigzags", 2, 64, seed=3), drawn_exemplars("zigzags", 4, 64, seed=3)
    assert torch.equal(few.frames_ncyx, many.frames_ncyx[:2])
    assert many.names == ("zigzags-3-0", "zigzags-3-1", "zigzags-3-2", "zigzags-3-3")


def test_random_sets_share_no_image_with_each_other_or_the_concept(folder, settings):
    for index in range(12):
        noise(230, 226, seed=index).save(folder / f"{index:02}.png")
    noise(100, 100).save(folder / "small.png")
    pool = open_frames(ImagesConfig(sources=("folder",), folder=folder), settings)
    concept = ExemplarSet("concept", "concept", pool.load(3)[None], ("03.png",))
    sets = random_sets(pool, 3, 3, seed=1, apart_from=[concept])
    check_apart([concept, *sets])
    assert [(one.name, one.role, len(one)) for one in sets] == [(f"random_{i}", "random", 3) for i in range(3)]
    assert "small.png" not in {name for one in sets for name in one.names}
    assert sets[0].names == random_sets(pool, 3, 3, seed=1, apart_from=[concept])[0].names
    assert sets[0].names != random_sets(pool, 3, 3, seed=2, apart_from=[concept])[0].names
    with pytest.raises(UserError, match="3 random sets of 4 need 12 images, and the pool has 11"):
        random_sets(pool, 3, 4, apart_from=[concept])


def test_scenes_of_a_series_will_do_as_a_pool():
    pool = open_frames(ImagesConfig(sources=("dead-leaves",), scenes=4), Settings())
    sets = random_sets(pool, 2, 2)
    assert sorted(name for one in sets for name in one.names) == ["0-0", "0-1", "0-2", "0-3"]
    assert {one.origin for one in sets} == {"drawn"}


def test_photographs_of_a_class_are_those_the_network_is_sure_of(folder, lite0: Network):
    for index in range(3):
        noise(seed=index).save(folder / f"{index}.png")
    noise(300, 100).save(folder / "small.png")
    everything = class_frames(open_folder(folder, 224), "sevens", lite0, 7)
    assert (everything.role, everything.names) == ("class", ("0.png", "1.png", "2.png"))
    assert everything.quarantine == (("small.png", "shorter side of 100 pixels is below 224"),)

    sure_n = lite0.logits(everything.frames_ncyx.float() / 255).softmax(1)[:, 7]
    middle = sure_n.sort().values[1].item()
    surest = class_frames(open_folder(folder, 224), "sevens", lite0, 7, least_probability=middle)
    assert surest.names == (f"{sure_n.argmax()}.png",)
    assert torch.equal(surest.frames_ncyx[0], everything.frames_ncyx[sure_n.argmax()])
    assert len(surest.quarantine) == 3
    with pytest.raises(UserError, match=r"no image in .* shows class 7 .first small\.png"):
        class_frames(open_folder(folder, 224), "sevens", lite0, 7, least_probability=0.999)


def test_cuts_of_photographs_are_of_the_frames_size_and_taken_as_they_stand():
    cuts = photograph_cuts(SIDE)
    assert {(frame.width, frame.height) for frame in cuts.frames} == {(SIDE, SIDE)}
    assert len({frame.image for frame in cuts.frames}) == len(cuts)
    of_cat = [index for index, frame in enumerate(cuts.frames) if frame.origin == "chelsea.png"]
    assert len(of_cat) == 10
    # the second lies a quarter of a side to the right of the first
    first, second = (pixels(cuts.read(index)) for index in of_cat[:2])
    assert torch.equal(first[:, :, SIDE // 4 :], second[:, :, : -SIDE // 4])
