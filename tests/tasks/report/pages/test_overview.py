"""The overview counts what the snapshot holds."""

import re

import numpy as np
import polars as pl

from tasks.report.site import write_pages
from tests.sample_tables import PLAIN_LAYER, PLAIN_SAE, both_loads, early_vision_tables, sample_tables
from tests.sample_tables.planted import CROSSCODER, DEAD, FEATURES
from tests.tasks.report.conftest import snapshot_of
from tests.tasks.report.markup import data_of, gallery_of, text_of

LIVE = [feature for feature in range(FEATURES) if feature not in DEAD]


def test_names_from_outside_are_escaped(tables, tmp_path):
    hostile = "<script>alert('x')</script>\"&"
    images = tables["images"].with_columns(name=pl.lit(hostile))
    quarantine = tables["quarantine"].with_columns(reason=pl.lit(hostile))
    write_pages(snapshot_of(tables | {"images": images, "quarantine": quarantine}), tmp_path, lambda done, total: None)
    pages = [path.read_text() for path in tmp_path.rglob("*.html")]
    assert any("&lt;script&gt;alert" in page for page in pages)
    assert not any("<script>alert" in page for page in pages)


def test_an_empty_warehouse_gives_an_overview_of_nothing(tmp_path):
    write_pages(snapshot_of({}), tmp_path, lambda done, total: None)
    assert "0 live features" in (tmp_path / "index.html").read_text()
    assert gallery_of(tmp_path)["columns"]["feature"] == []


def test_notable_features_are_the_surest_of_the_features_no_rarer_than_the_median(tables):
    rows = snapshot_of(tables).rows("notable_features", per_strip=1)
    live = tables["features"].filter(~pl.col("dead"), dictionary_id=CROSSCODER)
    dense = live.filter(pl.col("density") >= live["density"].median())
    surest = (
        dense.join(tables["feature_symmetry"], on=["dictionary_id", "feature"])
        .sort("confidence", "max_activation", descending=True)
        .group_by("type", maintain_order=True)
        .first()
    )
    expected = dict(surest.select("type", "feature").iter_rows())
    assert len(expected) > 2
    assert {row["strip"]: row["feature"] for row in rows if row["strip"] in expected} == expected


def test_early_vision_says_what_was_measured_and_shows_features(early):
    section = re.search(r'<section id="early-vision">.*?</section>', (early / "index.html").read_text(), re.S)[0]
    (row,) = re.findall(r"<tbody>\s*(<tr>.*?</tr>)", section, re.S)
    # the neurons' own L0 is the sum of their densities: 39 of them at 0.2
    assert text_of(row) == (
        "efficientnet_lite0 blocks.2 · ReLU SAE 40, seed 0 sampled uniformly "
        "40 10.0 % on 320 0.210 7.2 7.8 96.0 % 91.0 % 7 % 0.61 0.10"
    )
    assert f"{PLAIN_LAYER} 40 channels, receptive field 19 px" in text_of(section)
    strip = re.findall(rf'href="features/{PLAIN_SAE[:12]}-(\d+).html"', section)
    assert len(set(strip)) == 4
    (bins,) = data_of(early / "index.html", "densities")
    density = early_vision_tables()["features"].filter(~pl.col("dead"))["density"].to_numpy()
    halves, counts = np.unique(np.floor(2 * np.log10(density)) / 2, return_counts=True)
    assert bins == [{"log10": half, "features": count} for half, count in zip(halves, counts, strict=True)]


def test_layers_stand_in_the_order_of_the_network(tables):
    sees = {"conv2d0": 7, "mixed3a": 59, "mixed3b": 91, "mixed3b_1x1": 59}
    layer = tables["layers"].filter(layer=tables["activation_sets"]["layer"].item())
    layers = [layer.with_columns(layer=pl.lit(name), receptive_field=size) for name, size in sees.items()]
    sets = [
        tables["activation_sets"].with_columns(activation_set_id=pl.lit(str(number)), layer=pl.lit(name))
        for number, name in enumerate(reversed(sees))
    ]
    kept = {"networks": tables["networks"], "layers": pl.concat(layers), "activation_sets": pl.concat(sets)}
    assert [each["layer"] for each in snapshot_of(kept).sets] == list(sees)


def test_rows_that_were_not_transformed_are_not_called_turned(tmp_path):
    tables = early_vision_tables() | {table: sample_tables()[table] for table in ("networks", "images")}
    write_pages(snapshot_of(tables), tmp_path, lambda done, total: None)
    text = "".join(path.read_text() for path in tmp_path.rglob("*.html"))
    assert re.findall(r"as is|rotations|mirrored|orbits|notable|C_1|D_1|None", text) == []
    assert 'id="early-vision"' in text


def test_the_overview_says_where_a_layer_looks(tables, tmp_path):
    write_pages(snapshot_of(tables), tmp_path, lambda done, total: None)
    assert (
        "Effective centre (−2.5 ± 0.3, −2.9 ± 0.4) px from the receptive field’s centre (down, right); "
        "images are transformed about (-2, -3)"
    ) in text_of((tmp_path / "index.html").read_text())


def test_cuts_are_counted_as_cuts_of_their_photographs(tables, tmp_path):
    cuts = ["a.png@512+0+0", "a.png@256+0+0", "a.png@256+256+0", "b.png@512+0+0"]
    images = pl.DataFrame(
        {"image_id": cuts, "source": "scikit-image", "name": cuts, "width": 256, "height": 256, "label": None}
    )
    changed = {"images": pl.concat([tables["images"], images], how="vertical_relaxed")}
    write_pages(snapshot_of(tables | changed), tmp_path, lambda done, total: None)
    text = text_of((tmp_path / "index.html").read_text())
    whole = tables["images"].filter(source="scikit-image").height
    assert f"Photographs {2 + whole} cut into {4 + whole} images" in text
    assert f"{4 + whole} scikit-image, cut from {2 + whole} photographs" in text


def test_a_share_of_images_has_its_number_and_interval(tmp_path):
    tables = both_loads()
    frames = (
        tables["dictionary_metrics"]
        .filter(metric="top1_change")
        .with_columns(metric=pl.lit("spliced_frames"), value=pl.lit(19.0))
    )
    changed = {"dictionary_metrics": pl.concat([tables["dictionary_metrics"], frames])}
    write_pages(snapshot_of(tables | changed), tmp_path, lambda done, total: None)
    assert "7 % 2–27 %, 19 images" in text_of((tmp_path / "index.html").read_text())


def test_floors_stand_beside_a_crosscoders_fvu(site):
    page = (site / "index.html").read_text()
    cells = [text_of(cell) for cell in re.findall(r'<td data-name="FVU">.*?</td>', page, re.S)]
    # the lesser of the linear and the nonlinear prediction; an SAE has none of them
    [of_crosscoder] = [cell for cell in cells if "predicted" in cell]
    assert re.search(r"predicted 0\.\d{3} ?components 0\.450 ?pursued 0\.150$", of_crosscoder), of_crosscoder
    assert len(cells) > 1
