"""Heat-maps against `image_features` on the images' files, and against the examples that they are drawn for."""

from io import BytesIO

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from tasks.dictionary import heat_maps
from tasks.dictionary.analyse import analysis_key
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.heat_maps import draw_heat_maps, grey_map
from tasks.dictionary.image_features import image_features
from tasks.dictionary.train import train
from tasks.errors import UserError
from tasks.staging import read_staged
from tests.tasks.dictionary.small_analysis import FEW, small_analysis

FRAME = 64


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_analysis(tmp_path_factory.mktemp("heat-maps"))


def drawn(picture: bytes) -> np.ndarray:
    with Image.open(BytesIO(picture)) as image:
        return np.asarray(image.convert("L")).astype(float)


def tables_of(small, dictionary) -> dict[str, pl.DataFrame]:
    """The tables of one dictionary, drawn together with the other one."""
    keys = draw_heat_maps((small.sae, small.crosscoder), small.settings)
    return read_staged(keys[(small.sae, small.crosscoder).index(dictionary)], small.settings)


def maps_with_examples(small, dictionary) -> pl.DataFrame:
    maps = tables_of(small, dictionary)["feature_heat_maps"]
    examples = read_staged(analysis_key(dictionary), small.settings)["feature_examples"].drop("patch")
    shown = examples.filter(pl.col("rank") <= 3)
    joined = maps.join(shown, on=["dictionary_id", "feature", "rank"])
    assert len(joined) == len(maps) == len(shown) > 12
    return joined


@pytest.mark.parametrize("kind", ["sae", "crosscoder"])
def test_a_map_has_the_feature_at_every_position_of_the_image(small, kind, tmp_path):
    dictionary = getattr(small, kind)
    maps = maps_with_examples(small, dictionary)
    places = small.acts.plan.images.frames.places(maps["image_id"].unique())
    layer = small.acts.plan.layer
    for image, of_image in maps.group_by("image_id"):
        file = tmp_path / f"{image[0][:8]}.png"
        small.acts.plan.images.read(places[image[0]]).save(file)
        seen = image_features(dictionary, file, small.settings)
        for row in of_image.rows(named=True):
            grey_yx = drawn(row["picture"])
            assert grey_yx.shape == (row["map_rows"], row["map_columns"]) == (16, 16)
            centres_y, centres_x = (row[f"first_{axis}_px"] + row["stride_px"] * np.arange(16) for axis in "yx")
            assert row["stride_px"] == layer.stride
            rows, columns = (
                np.isin(own, found) for own, found in zip((centres_y, centres_x), seen.centres_2p, strict=True)
            )
            inside_yx = grey_yx[rows][:, columns] / 255 * row["maximum"]
            expected_yx = seen.codes_mpp[row["feature"]].numpy()
            assert inside_yx.shape == expected_yx.shape
            np.testing.assert_allclose(inside_yx, expected_yx, atol=row["maximum"] / 255 + 1e-4)


def test_an_untransformed_example_has_its_activation_in_its_map(small):
    maps = maps_with_examples(small, small.sae).filter(element=0)
    assert len(maps) > 3
    for row in maps.rows(named=True):
        y, x = (row[axis] - row[f"first_{axis}_px"] for axis in "yx")
        assert y % row["stride_px"] == x % row["stride_px"] == 0
        found = drawn(row["picture"])[y // row["stride_px"], x // row["stride_px"]] / 255 * row["maximum"]
        assert found == pytest.approx(row["activation"], abs=row["maximum"] / 255 + 1e-2)


def test_each_image_is_stored_once_as_the_network_got_it(small):
    tables = tables_of(small, small.sae)
    frames = tables["image_frames"]
    maps = maps_with_examples(small, small.sae)
    assert frames["image_id"].to_list() == sorted(set(maps["image_id"]))
    assert set(frames["activation_set_id"]) == {small.acts.key}
    for row in frames.rows(named=True):
        assert (row["side_px"], row["first_px"]) == (FRAME, 0)
        with Image.open(BytesIO(row["picture"])) as image:
            pixels_cyx = np.asarray(image).transpose(2, 0, 1).astype(float)
        difference = np.abs(pixels_cyx - small.acts.plan.frame(row["image_id"]).numpy()).mean()
        assert difference < 12  # WebP loses a little


def test_a_fine_layer_is_read_at_every_second_position(small, monkeypatch):
    full = tables_of(small, small.sae)["feature_heat_maps"]
    monkeypatch.setattr(heat_maps, "MOST_POSITIONS", 8)
    monkeypatch.setattr(heat_maps, "CODE_VERSION", -1)
    coarse = tables_of(small, small.sae)["feature_heat_maps"]
    assert set(coarse["map_rows"]) == {8}
    for fine_row, row in zip(full.rows(named=True), coarse.rows(named=True), strict=True):
        assert (row["first_y_px"], row["stride_px"]) == (fine_row["first_y_px"], 2 * fine_row["stride_px"])
        fine_yx = drawn(fine_row["picture"])[::2, ::2] / 255 * fine_row["maximum"]
        tolerance = (fine_row["maximum"] + row["maximum"]) / 255
        np.testing.assert_allclose(drawn(row["picture"]) / 255 * row["maximum"], fine_yx, atol=tolerance)


def test_a_silent_map_is_black():
    assert drawn(grey_map(torch.zeros(3, 5))).tolist() == [[0] * 5] * 3
    assert drawn(grey_map(torch.tensor([[0.0, 1e-3], [5e-4, 2.5e-4]]))).tolist() == [[0, 255], [128, 64]]


def test_a_dictionary_of_whole_orbits_has_none(small):
    orbits = train(small.acts.key, DictionaryConfig(encode_from="orbit", **FEW), small.settings)
    with pytest.raises(UserError, match="encodes whole orbits"):
        draw_heat_maps((orbits,), small.settings)


def test_dictionaries_drawn_alone_have_the_same_maps(small, monkeypatch):
    together = {key: tables_of(small, key) for key in (small.sae, small.crosscoder)}
    monkeypatch.setattr(heat_maps, "CODE_VERSION", -2)
    for dictionary, tables in together.items():
        [key] = draw_heat_maps((dictionary,), small.settings)
        for name, rows in read_staged(key, small.settings).items():
            assert rows.equals(tables[name])
