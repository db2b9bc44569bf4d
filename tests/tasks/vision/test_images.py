import dataclasses
import io
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tasks.errors import UserError
from tasks.settings import Settings
from tasks.vision import images
from tasks.vision.decoding import decode
from tasks.vision.images import DeadLeaves, Frame, Frames, ImagesConfig, ScikitImage, fit_to_frame, open_frames
from tasks.vision.photographs import open_photographs

RNG_SEED = 5


def noise(width: int, height: int, seed: int = RNG_SEED) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, size=(height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def settings(settings) -> Settings:
    return settings.model_copy(update={"images_dir": None})


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "photographs").mkdir()
    return tmp_path / "photographs"


def png_with_size(width: int, height: int) -> bytes:
    """A PNG whose header promises width × height grey pixels and that holds none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def saved(image: Image.Image, file_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def test_a_folder_is_read_recursively_and_what_cant_be_read_is_set_aside_with_its_reason(folder, settings):
    (folder / "deep" / "er").mkdir(parents=True)
    noise(300, 260).save(folder / "deep" / "er" / "a.PNG")
    noise(100, 90, seed=1).save(folder / "b.webp", lossless=True)
    whole = saved(noise(300, 300, seed=2), "JPEG")
    (folder / "c.jpeg").write_bytes(whole)
    (folder / "copy.png").write_bytes((folder / "deep" / "er" / "a.PNG").read_bytes())
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "letter.jpg").write_text("not a picture")
    (folder / "tiff.png").write_bytes(saved(noise(100, 100), "TIFF"))
    (folder / "bomb.png").write_bytes(png_with_size(60_000, 60_000))
    (folder / "large.png").write_bytes(png_with_size(10_000, 10_000))
    (folder / "tiny.png").write_bytes(saved(noise(200, 20), "PNG"))
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "README.md").write_text("no image, and not meant as one")
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")

    frames = open_frames(ImagesConfig(folder=folder), settings)

    # Of equal images the first by name is taken.
    assert [frame.name for frame in frames.frames] == ["b.webp", "c.jpeg", "copy.png"]
    assert [(frame.width, frame.height) for frame in frames.frames] == [(100, 90), (300, 300), (300, 260)]
    assert frames.load(0).shape == (3, 224, 224)
    reasons = dict(frames.quarantine)
    assert len(reasons) == len(frames.quarantine)
    expected = {
        "deep/er/a.PNG": "same pixels as copy.png",
        "truncated.jpg": "truncated",
        "empty.jpg": "empty file",
        "letter.jpg": "not a JPEG, PNG or WebP image",
        "tiff.png": "not a JPEG, PNG or WebP image",
        "bomb.png": "more pixels than Pillow's limit",
        "large.png": "more pixels than Pillow's limit",
        "tiny.png": "shorter side of 20 pixels is below 64",
        "gone.png": "a broken link to",
        "pipe.png": "not a regular file",
    }
    assert reasons.keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in reasons[name]
        assert "\n" not in reasons[name]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_set_aside(folder, settings):
    noise(80, 80).save(folder / "a.png")
    noise(80, 80, seed=1).save(folder / "b.png")
    (folder / "b.png").chmod(0)
    assert open_frames(ImagesConfig(folder=folder), settings).quarantine == (("b.png", "no permission to read"),)


def test_a_name_that_is_no_utf8_is_set_aside(folder, settings):
    noise(80, 80).save(folder / "a.png")
    (folder / os.fsdecode(b"\xff.png")).write_bytes((folder / "a.png").read_bytes())
    frames = open_frames(ImagesConfig(folder=folder), settings)
    assert frames.quarantine == ((r"\udcff.png", "its name is not UTF-8: rename it"),)


def test_damaged_bytes_anywhere_never_end_the_run(folder, settings):
    rng = np.random.default_rng(0)
    noise(70, 70, seed=9).save(folder / "good.png")
    for file_format in ("JPEG", "PNG", "WEBP"):
        whole = saved(noise(80, 80), file_format)
        for k in range(12):
            damaged = bytearray(whole)
            for place in rng.integers(0, len(whole), size=1 + 8 * k):
                damaged[place] = rng.integers(256)
            (folder / f"{k}-{file_format}.png").write_bytes(damaged)
    frames = open_frames(ImagesConfig(folder=folder), settings)
    assert "good.png" in {frame.name for frame in frames.frames}
    assert len(frames) + len(frames.quarantine) == 37
    for index in range(len(frames)):
        assert frames.load(index).shape == (3, 224, 224)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ({}, "contains no JPEG, PNG or WebP file"),
        ({"notes.txt": b"x"}, "contains no JPEG, PNG or WebP file"),
        ({"a.png": b"x", "b.jpg": b""}, "none of 2 images can be used (first a.png: not a JPEG, PNG or WebP image)"),
    ],
)
def test_a_run_without_images_fails_with_one_clear_line(folder, settings, content, message):
    path = folder if content is not None else folder / "missing"
    for name, data in (content or {}).items():
        (folder / name).write_bytes(data)
    with pytest.raises(UserError, match=re.escape(message)) as refusal:
        open_frames(ImagesConfig(folder=path), settings)
    assert "\n" not in str(refusal.value)


def test_a_folder_that_nobody_named_is_asked_for(settings):
    with pytest.raises(UserError, match="no images folder is configured"):
        open_frames(ImagesConfig(sources=("folder",)), settings)


def test_sources_default_to_the_folder_where_there_is_one(folder, settings):
    assert ImagesConfig().resolved(settings).sources == ("scikit-image", "dead-leaves")
    assert ImagesConfig(folder=folder).resolved(settings).sources == ("folder",)
    assert ImagesConfig().resolved(settings.model_copy(update={"images_dir": folder})).sources == ("folder",)
    assert ImagesConfig(sources=("dead-leaves",), folder=folder).resolved(settings).sources == ("dead-leaves",)


def test_a_folder_is_looked_for_in_the_images_folder_too(folder, settings):
    (folder / "striped").mkdir()
    noise(64, 64).save(folder / "striped" / "a.png")
    config = ImagesConfig(folder=Path("striped"), frame_size=64)
    found = open_frames(config, settings.model_copy(update={"images_dir": folder}))
    assert [frame.name for frame in found.frames] == ["a.png"]
    with pytest.raises(UserError, match="images folder striped does not exist"):
        open_frames(config, settings)


def test_every_mode_becomes_rgb(folder):
    grey = Image.fromarray(np.arange(64 * 64, dtype=np.uint32).reshape(64, 64).astype(np.uint8))
    colour = noise(64, 64)

    def decoded(image: Image.Image, file_format: str = "PNG", **options) -> np.ndarray:
        path = folder / f"x.{file_format.lower()}"
        path.write_bytes(saved(image, file_format, **options))
        result = decode(path)
        assert result.mode == "RGB"
        return np.asarray(result)

    np.testing.assert_array_equal(decoded(grey), np.asarray(grey.convert("RGB")))
    np.testing.assert_array_equal(decoded(colour), np.asarray(colour))
    np.testing.assert_array_equal(decoded(colour, "WEBP", lossless=True), np.asarray(colour))
    palette = colour.quantize(16)
    np.testing.assert_array_equal(decoded(palette), np.asarray(palette.convert("RGB")))
    np.testing.assert_array_equal(decoded(grey.convert("1")), np.asarray(grey.convert("1").convert("RGB")))

    # 16 bits: the upper half of the range stays apart, and white is white.
    deep = Image.fromarray((np.arange(64 * 64, dtype=np.uint16) * 16).reshape(64, 64))
    expected = np.round((np.arange(64 * 64) * 16) / 257).reshape(64, 64)
    assert np.abs(decoded(deep)[..., 0] - expected).max() <= 1

    # Transparent is mid grey, half transparent is half way.
    for opacity, expected_level in ((255, 200), (0, 128), (128, 164)):
        layer = Image.new("RGBA", (64, 64), (200, 200, 200, opacity))
        assert np.abs(decoded(layer).astype(int) - expected_level).max() <= 1
    keyed = Image.new("P", (64, 64), 0)
    keyed.putpalette([250, 0, 0] + [0, 0, 0] * 255)
    assert (decoded(keyed, transparency=0) == 128).all()

    ink = decoded(Image.new("CMYK", (64, 64), (255, 0, 0, 0)), "JPEG")
    assert ink[..., 0].max() < 60
    assert ink[..., 1:].min() > 120


def test_exif_orientation_is_applied(folder):
    image = Image.new("RGB", (80, 64), "black")
    image.paste((255, 255, 255), (0, 0, 40, 64))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / "a.jpg", exif=exif, quality=95)
    upright = decode(folder / "a.jpg")
    assert upright.size == (64, 80)
    # Orientation 6: the left half of what is stored is the top of what is shown.
    assert np.asarray(upright)[:35].mean() > 250
    assert np.asarray(upright)[45:].mean() < 5


@given(st.integers(64, 400), st.integers(64, 400), st.sampled_from([64, 224]))
def test_fitting_any_size_gives_the_middle_of_the_image(width, height, frame_size):
    # A ramp along the longer side: where it stands in the frame tells what was cut.
    ramp = np.linspace(0, 250, max(width, height))
    pixels = np.broadcast_to(ramp if width >= height else ramp[:, None], (height, width))
    fitted = np.asarray(fit_to_frame(Image.fromarray(pixels.astype(np.uint8)).convert("RGB"), frame_size))
    assert fitted.shape == (frame_size, frame_size, 3)
    profile = fitted[..., 0].mean(axis=0 if width >= height else 1)
    seen = min(width, height) * 224 / 256 / max(width, height)
    assert profile[0] == pytest.approx(125 - 125 * seen, abs=4)
    assert profile[-1] == pytest.approx(125 + 125 * seen, abs=4)


def test_an_image_of_the_right_size_is_cropped_and_not_resampled():
    image = noise(301, 256)
    np.testing.assert_array_equal(fit_to_frame(image, 224), np.asarray(image)[16:240, 38:262])


def test_a_very_long_image_costs_no_more_than_its_frame():
    assert fit_to_frame(Image.new("RGB", (64, 60_000)), 224).size == (224, 224)


def test_the_key_is_of_pixels_and_shape_and_not_of_the_file(folder, settings):
    image = noise(80, 70)
    image.save(folder / "a.png")
    image.save(folder / "b.webp", lossless=True)
    Image.frombytes("RGB", (70, 80), image.tobytes()).save(folder / "c.png")
    frames = open_frames(ImagesConfig(folder=folder), settings)
    assert [frame.name for frame in frames.frames] == ["a.png", "c.png"]
    assert frames.quarantine == (("b.webp", "same pixels as a.png"),)
    assert all(re.fullmatch("[0-9a-f]{64}", frame.image) for frame in frames.frames)


def test_an_image_that_changed_or_went_is_refused_when_loaded(folder, settings):
    noise(80, 80).save(folder / "a.png")
    frames = open_frames(ImagesConfig(folder=folder), settings)
    noise(80, 80, seed=1).save(folder / "a.png")
    with pytest.raises(UserError, match=r"a\.png .* has changed"):
        frames.load(0)
    (folder / "a.png").unlink()
    with pytest.raises(UserError, match=r"a\.png .* can't be read any more"):
        frames.load(0)


def test_a_limit_draws_photographs_by_seed_and_unreadable_ones_do_not_count(folder, settings):
    for k in range(12):
        noise(64, 64, seed=k).save(folder / f"{k:02}.png")
    (folder / "00.png").write_bytes(b"")

    def drawn(seed: int) -> list[str]:
        frames = open_frames(ImagesConfig(folder=folder, photographs=11, seed=seed), settings)
        return [frame.name for frame in frames.frames]

    assert len(set(drawn(0))) == 11
    assert drawn(0) == drawn(0) != drawn(1)


def test_the_photographs_of_scikit_image_are_cut_at_several_scales():
    source = ScikitImage()
    names = list(source.names())
    assert len(names) == len(set(names))
    assert {source.origin(name) for name in names} == set(ScikitImage.PHOTOGRAPHS)
    with Image.open(source.folder / "astronaut.png") as photograph:
        whole = np.asarray(photograph)
    cuts = [name for name in names if source.origin(name) == "astronaut.png"]
    assert len(cuts) == 1 + 4 + 9
    np.testing.assert_array_equal(source.read("astronaut.png@512+0+0"), whole)
    np.testing.assert_array_equal(source.read("astronaut.png@256+256+0"), whole[:256, 256:])


def test_scenes_and_photographs_load_together_and_the_same_each_time(settings):
    config = ImagesConfig(sources=("dead-leaves",), scenes=3, frame_size=64, seed=2)
    frames = open_frames(config, settings)
    listed = [name for name, _ in DeadLeaves(config).listing().entries()]
    assert [frame.name for frame in frames.frames] == listed == ["2-0", "2-1", "2-2"]
    assert torch.equal(frames.load(1), open_frames(config, settings).load(1))
    assert not torch.equal(frames.load(1), frames.load(0))


def test_progress_tells_of_every_candidate(folder, settings):
    noise(64, 64).save(folder / "a.png")
    (folder / "b.png").write_bytes(b"")
    told = []
    open_frames(ImagesConfig(folder=folder), settings, lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_the_order_of_names_does_not_follow_the_file_system(folder, settings):
    for name in ("b.png", "a.png", "c/a.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"")
    entries = open_photographs(folder, None).listing().entries()
    assert list(entries) == [("a.png", None), ("b.png", None), ("c/a.png", None)]


@pytest.mark.parametrize("at_once", [2, 100])
def test_frames_of_a_table(monkeypatch, at_once):
    monkeypatch.setattr(images, "FRAMES_AT_ONCE", at_once)
    made = [Frame(f"{place:064}", "folder", f"{place}.png", f"{place}.png", 70, 80 + place) for place in range(5)]
    cut = dataclasses.replace(made[4], origin="whole.png", label="zebra")
    assert list(Frames.of(made)) == made
    assert "label" not in Frames.of(made).table.columns
    frames = Frames.of([*made[:4], cut])
    assert [*frames] == [*made[:4], cut]
    assert (frames[4], frames[0], len(frames)) == (cut, made[0], 5)
    assert frames == Frames.of([*made[:4], cut]) != Frames.of(made)
    assert frames.places([made[3].image, made[1].image, "0"]) == {made[3].image: 3, made[1].image: 1}
