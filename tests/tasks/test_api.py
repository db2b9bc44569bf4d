"""The Python interface: the blocks of docs/python.md run one after another, and look_at equals a plain forward pass."""

import json
import re

import pytest
import torch
from PIL import Image
from skimage import data

from tasks import api
from tasks.dictionary.encode import encoder_of
from tasks.errors import UserError
from tasks.settings import ROOT
from tasks.vision.images import fit_to_frame, rgb_tensor
from tasks.vision.networks import load_network

BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/python.md").read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("python")
    Image.fromarray(data.chelsea()).save(folder / "photograph.png")
    return folder


@pytest.fixture(scope="module")
def names(folder):
    """What the blocks define, run in order in a folder with a photograph."""
    defined: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("KALEIDOSCOPE_DATA_DIR", str(folder / "data"))
        for number, block in enumerate(BLOCKS):
            exec(compile(block, f"python.md, block {number}", "exec"), defined)
        yield defined


def test_the_blocks_of_the_document_run(names, folder):
    assert names["orbits"].shape[1:] == (8, names["acts"].channels)
    assert names["features"].shape == (8, 64)
    assert 1 <= len(names["seen"].strongest(3)) <= 3
    assert names["symmetry"].height == names["members"].height > 0
    assert names["tests"]["concept_name"].to_list() == ["stripes"]
    assert (folder / "features.png").stat().st_size > 10_000


def test_an_image_is_encoded_at_every_position_inside_the_frame(names, folder):
    seen, crosscoder = names["seen"], names["crosscoder"]
    config = crosscoder.activations.config
    network = load_network(config.network)
    layer = network.layer(config.layer)
    frame_cyx = rgb_tensor(fit_to_frame(Image.open(folder / "photograph.png"), config.images.frame_size))
    acts_cyx = network.activations(frame_cyx[None].float() / 255, layer.name)[0]
    encode = encoder_of(crosscoder.module)
    first = -(layer.offset // layer.stride)  # the first unit whose receptive field begins inside the frame
    for row, column in ((0, 0), (3, 7), (-1, -1)):
        y, x = (first + (place if place >= 0 else seen.codes_mpp.shape[1] + place) for place in (row, column))
        expected_m = encode(acts_cyx[None, :, y, x])[0]
        torch.testing.assert_close(seen.codes_mpp[:, row, column], expected_m, rtol=1e-4, atol=1e-4)
    patch = crosscoder.activations.plan.patch
    for centres_p, shift in zip(seen.centres_2p, patch.centre, strict=True):
        assert centres_p[0] - shift >= layer.receptive_field // 2
        assert centres_p[-1] - shift + layer.receptive_field // 2 < config.images.frame_size + 1


def test_the_strongest_features_come_first_with_their_place(names):
    seen = names["seen"]
    rows = seen.strongest(5).rows(named=True)
    assert [row["activation"] for row in rows] == sorted((row["activation"] for row in rows), reverse=True)
    for row in rows:
        place = tuple(
            centres_p.tolist().index(row[axis]) for axis, centres_p in zip("yx", seen.centres_2p, strict=True)
        )
        assert seen.codes_mpp[row["feature"]][place] == pytest.approx(row["activation"])
        assert row["share"] == pytest.approx((seen.codes_mpp[row["feature"]] > 0).float().mean().item())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("missing.png", None, "No such file"), ("text.png", b"not an image", "cannot identify image")],
)
def test_an_image_that_cannot_be_read_is_named(names, folder, name, content, message):
    if content:
        (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=f"image .*{name} can't be read: .*{message}"):
        names["crosscoder"].look_at(folder / name)


def test_a_dictionary_that_does_not_exist_is_one_line(names):
    with pytest.raises(UserError, match="no trained dictionary 0000"):
        api.load("0000")


def test_results_are_found_again(names, folder, monkeypatch):
    monkeypatch.setenv("KALEIDOSCOPE_DATA_DIR", str(folder / "data"))
    again = api.train(names["acts"], architecture="group-crosscoder", features=64, k=4, steps=60, batch_size=64)
    assert again.key == names["crosscoder"].key
    assert api.dictionaries() == (again.key,)
    replica = api.train(
        names["acts"], architecture="group-crosscoder", features=64, k=4, steps=60, batch_size=64, seed=1
    )
    assert api.dictionaries() == (again.key,)  # the replica is trained, and not analysed
    assert api.load(replica.key).metrics == replica.metrics
    assert api.open_activations(names["acts"].key).config == names["acts"].config


def test_the_console_command_prints_and_draws_the_same(names, folder, monkeypatch, kaleidoscope):
    monkeypatch.setenv("KALEIDOSCOPE_DATA_DIR", str(folder / "data"))
    monkeypatch.chdir(folder)
    code, printed, _ = kaleidoscope("look", "photograph.png", "--count", "3", "--format", "json")
    report = json.loads(printed)
    assert (code, report["dictionary"]) == (0, names["crosscoder"].key)
    assert report["features"] == names["seen"].strongest(3).to_dicts()
    with Image.open(folder / report["picture"]) as picture:
        assert (report["picture"], picture.format) == ("photograph-features.png", "PNG")
    short = names["crosscoder"].key[:8]
    code, printed, _ = kaleidoscope("look", "photograph.png", "--dictionary", short, "--picture", "other.png")
    assert code == 0
    assert f"dictionary {names['crosscoder'].key[:12]} at block1_depthwise" in printed
    assert (folder / "other.png").exists()


def test_looking_without_a_dictionary_is_one_line(folder, settings, kaleidoscope):
    code, _, error = kaleidoscope("look", str(folder / "photograph.png"))
    assert code == 2
    assert error.endswith("train or import one first\n")
    assert len(error.splitlines()) == 1
