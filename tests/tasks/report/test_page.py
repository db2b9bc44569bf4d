"""The site says what the snapshot says, stands on its own, and is there whole or not at all."""

import base64
import errno
import fcntl
import hashlib
import html
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from tasks.errors import UserError
from tasks.report.labels import SymmetryType
from tasks.report.page import page_name, profile_code, swapped_in, write_pages, write_site
from tests.sample_tables import PLAIN_LAYER, PLAIN_SAE, PLAIN_SET, both_loads, early_vision_tables, sample_tables
from tests.sample_tables.planted import CROSSCODER, DEAD, FEATURES, GROUP_ORDER, N_ROTATIONS, SAE
from tests.sample_tables.polysemantic import planted_mixture
from tests.sample_tables.tuning import planted_detectors, planted_peak
from tests.tasks.report.conftest import snapshot_of

LIVE = [feature for feature in range(FEATURES) if feature not in DEAD]


@pytest.fixture(scope="module")
def early(tmp_path_factory):
    """A site with rows that were not transformed, beside the orbits."""
    folder = tmp_path_factory.mktemp("early")
    write_pages(snapshot_of(both_loads()), folder, lambda done, total: None)
    return folder


class References(HTMLParser):
    """The addresses a page refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("href", "src")]


def gallery_of(site):
    text = (site / "assets/features.js").read_text()
    return json.loads(text.removeprefix("const GALLERY = ").removesuffix(";\n"))


def numbers_of(site, feature):
    text = (site / "features" / page_name(CROSSCODER, feature)).read_text()
    return json.loads(re.search(r'id="feature-data">(.*?)</script>', text)[1])


def test_every_live_feature_has_a_page_and_no_dead_one(site):
    expected = {page_name(dictionary, feature) for dictionary in (SAE, CROSSCODER) for feature in LIVE}
    assert {path.name for path in (site / "features").iterdir()} == expected


@pytest.mark.parametrize("name", ["site", "early"])
def test_every_reference_leads_to_a_file_of_the_site(name, request):
    pages = list(request.getfixturevalue(name).rglob("*.html"))
    references = [(page, reference) for page in pages for reference in References(page.read_text()).found]
    assert len(references) > 10 * len(pages)
    broken = [(page.name, each) for page, each in references if not (page.parent / each.split("#")[0]).exists()]
    assert broken == []


def test_nothing_is_fetched_from_elsewhere(site):
    written = [path for path in site.rglob("*") if path.suffix in (".html", ".css", ".js", ".svg")]
    text = "".join(path.read_text() for path in written).replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?:|\bfetch\(|@import|XMLHttpRequest", text) == []


def test_each_distinct_patch_is_written_once(site, tables):
    blobs = set(tables["feature_examples"]["patch"])
    assert len(blobs) < tables["feature_examples"].height
    written = {path.stem: path.read_bytes() for path in (site / "patches").iterdir()}
    assert sorted(written.values()) == sorted(blobs)
    assert all(hashlib.sha256(blob).hexdigest().startswith(name) for name, blob in written.items())


def test_gallery_carries_the_numbers_of_the_tables(site, tables):
    columns = gallery_of(site)["columns"]
    gallery = gallery_of(site)
    found = {
        (gallery["dictionaries"][dictionary]["short"], feature): index
        for index, (dictionary, feature) in enumerate(zip(columns["dictionary_id"], columns["feature"], strict=True))
    }
    live = tables["features"].filter(~pl.col("dead"))
    joined = live.join(tables["feature_symmetry"], on=["dictionary_id", "feature"], how="left")
    assert len(found) == joined.height
    for row in joined.iter_rows(named=True):
        index = found[row["dictionary_id"][:12], row["feature"]]
        assert columns["density"][index] == pytest.approx(row["density"], rel=1e-3)
        assert columns["max"][index] == pytest.approx(row["max_activation"], rel=1e-3)
        assert gallery["types"][columns["type"][index]]["name"] == (row["type"] or "none")
        if row["type"] is None:
            assert columns["confidence"][index] is columns["profile"][index] is columns["stabiliser"][index] is None
        else:
            assert columns["confidence"][index] == pytest.approx(row["confidence"], rel=1e-3)
            assert gallery["stabilisers"][columns["stabiliser"][index]]["name"] == row["stabiliser"]


def test_feature_page_plots_the_blocks_in_the_order_of_the_group(site, tables):
    blocks = tables["transform_blocks"].filter(feature=3).sort("element")
    harmonics = tables["feature_harmonics"].filter(feature=3).sort("harmonic")
    numbers = numbers_of(site, 3)
    assert len(numbers["profile"]) == GROUP_ORDER
    np.testing.assert_allclose(numbers["profile"], blocks["cosine_to_identity"], atol=1e-4)
    np.testing.assert_allclose(numbers["norms"], blocks["norm"], rtol=1e-3)
    np.testing.assert_allclose(numbers["harmonics"], harmonics["energy"], rtol=1e-3, atol=1e-12)


def test_feature_of_a_sparse_autoencoder_has_patches_and_neighbours_but_no_plots(site):
    text = (site / "features" / page_name(SAE, 3)).read_text()
    assert 'class="examples"' in text
    assert 'class="neighbours"' in text
    assert 'id="polar"' not in text
    assert "feature-data" not in text


def test_pages_lead_to_the_live_features_before_and_after(site):
    after_a_dead_one = DEAD[0] + 1
    text = (site / "features" / page_name(CROSSCODER, after_a_dead_one)).read_text()
    assert f'rel="prev" href="{page_name(CROSSCODER, DEAD[0] - 1)}"' in text
    assert f'rel="next" href="{page_name(CROSSCODER, after_a_dead_one + 1)}"' in text
    assert 'rel="prev"' not in (site / "features" / page_name(CROSSCODER, LIVE[0])).read_text()


def test_captions_say_how_a_patch_was_turned(tables, tmp_path):
    examples = snapshot_of(tables).export_patches(tmp_path)
    names = {0: "as is", 1: "rotated 45°", N_ROTATIONS: "mirrored", GROUP_ORDER - 1: "mirrored, rotated 315°"}
    seen = tables["feature_examples"].filter(dictionary_id=CROSSCODER).sort("feature", "rank")
    named = zip(seen["element"], (each for feature in LIVE for each in examples[CROSSCODER, feature]), strict=True)
    captions = {element: example.transform for element, example in named if element in names}
    assert captions == names


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


def test_look_first_takes_the_surest_of_the_features_no_rarer_than_the_median(tables):
    rows = snapshot_of(tables).rows("look_first", per_strip=1)
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


@pytest.mark.parametrize(("least", "floor"), [(0.4, -0.25), (-0.1, -0.25), (-0.3, -0.5), (-0.99, -1.0)])
def test_no_cosine_falls_below_the_centre_of_the_polar_plots(tables, least, floor):
    blocks = tables["transform_blocks"].with_columns(
        cosine_to_identity=pl.when(element=3)
        .then(least)
        .otherwise(pl.col("cosine_to_identity").clip(lower_bound=least))
    )
    assert snapshot_of(tables | {"transform_blocks": blocks}).floor == floor


def test_thumbnail_profile_is_within_half_a_step():
    profile = np.random.default_rng(0).uniform(-1, 1, 64)
    read = np.frombuffer(base64.b64decode(profile_code(list(profile))), dtype=np.int8) / 127
    np.testing.assert_allclose(read, profile, atol=0.5 / 127 + 1e-9)


def test_types_stand_in_the_order_of_their_symmetry():
    names = ["none", "mixed", "period-22.5", "period-72", "period-180", "invariant", "period-360"]
    ordered = sorted(map(SymmetryType, names), key=lambda symmetry: symmetry.rank)
    labels = [symmetry.label for symmetry in ordered]
    assert labels == ["invariant", "period 360°", "period 180°", "period 72°", "period 22.5°", "mixed", "no blocks"]


def data_of(page, name):
    """The JSON that a page's plots named so are drawn from."""
    return [json.loads(html.unescape(each)) for each in re.findall(rf'data-{name}="(.*?)"', page.read_text())]


def text_of(markup):
    """What a reader sees, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def test_early_vision_says_what_was_measured_and_shows_features(early):
    section = re.search(r'<section id="early-vision">.*?</section>', (early / "index.html").read_text(), re.S)[0]
    (row,) = re.findall(r"<tbody>\s*(<tr>.*?</tr>)", section, re.S)
    # the neurons' own L0 is the sum of their densities: 39 of them at 0.2
    assert text_of(row) == (f"ReLU {PLAIN_SAE[:6]} sampled uniformly 40 10.0 % 0.210 7.2 7.8 96.0 % 91.0 % 7 % 0.62")
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
    assert re.findall(r"as is|rotations|mirrored|orbits|look-first|C_1|D_1|None", text) == []
    assert 'id="early-vision"' in text


def test_a_group_without_reflections_is_drawn_as_rotations_alone(tables, tmp_path):
    sets = tables["activation_sets"].with_columns(n_rotations=GROUP_ORDER, reflections=False)
    symmetry = tables["feature_symmetry"].with_columns(
        mirror=pl.lit(None, pl.Float64), mirror_element=pl.lit(None, pl.Int64)
    )
    unmirrored = {"activation_sets": sets, "feature_symmetry": symmetry}
    write_pages(snapshot_of(tables | unmirrored), tmp_path, lambda done, total: None)
    assert numbers_of(tmp_path, 3)["rotations"] == GROUP_ORDER
    assert "mirror" not in text_of((tmp_path / "features" / page_name(CROSSCODER, 3)).read_text())
    assert "C₁₆ 16 rotations, no reflections, |G| = 16" in text_of((tmp_path / "index.html").read_text())


def test_circles_hold_the_detectors_and_mark_what_neurons_leave_out(early):
    circles = data_of(early / "curves.html", "circle")
    assert len(circles) == 4  # neurons and features of two sets
    neurons, features = circles[:2]
    assert [each["unit"] for each in neurons["detectors"]] == planted_detectors("neurons")
    assert [each["unit"] for each in features["detectors"]] == planted_detectors("features")
    for each in neurons["detectors"] + features["detectors"]:
        assert each["peak"] == planted_peak(each["unit"])
        assert (early / each["href"]).exists()
    assert {each["unit"] for each in features["detectors"] if each["missing"]} == {32, 36}
    assert neurons["gaps"] == features["gaps"] == [[27.0 * k, 27.0] for k in range(9)] + [[243.0, 117.0]]
    (arc,) = features["uncovered"]
    assert arc == [pytest.approx(243 + 30, abs=4), pytest.approx(57, abs=4)]
    curves = early_vision_tables()["tuning_curves"].filter(stimulus="arc", unit=3).sort("angle_degrees")
    drawn = np.frombuffer(base64.b64decode(neurons["detectors"][1]["curve"]), dtype=np.uint8) / 255
    np.testing.assert_allclose(drawn, curves["response"] / curves["response"].max(), atol=0.5 / 255 + 1e-9)


def test_curves_page_says_what_the_view_says_and_lists_the_missing(early):
    text = (early / "curves.html").read_text()
    table = re.search(r"<table>.*?</table>", text, re.S)[0]
    rows = [text_of(row) for row in re.findall(r"<tr>.*?</tr>", table, re.S)]
    assert rows[1] == "Neurons 10 25.0 % 84.4 % 117° 10 –"
    assert rows[2] == f"ReLU sparse autoencoder · {PLAIN_LAYER} 19 47.5 % 100.0 % 36° 1 2"
    missing = re.search(r'<ul class="cards missing">.*?</ul>', text, re.S)[0]
    assert re.findall(r'href="features/(.*?)"', missing) == [page_name(PLAIN_SAE, feature) for feature in (32, 36)]
    assert "32 peak 288° neuron 27 is 45° away natural r 0.90" in text_of(missing)
    families = re.search(r'<details class="families">.*?</details>', text, re.S)[0]
    assert "20 px, any 10 100.0 % 36° 60°" in text_of(families)


def test_a_detector_has_its_curves_on_its_page(early):
    (sheet,) = data_of(early / "features" / page_name(PLAIN_SAE, 4), "tuning")
    curves = early_vision_tables()["tuning_curves"].filter(unit=4)
    feature = early_vision_tables()["unit_sets"].filter(kind="features")["unit_set_id"].item()
    expected = curves.filter(unit_set_id=feature).sort("angle_degrees").partition_by("stimulus", as_dict=True)
    assert sheet["curves"].keys() == {stimulus for (stimulus,) in expected}
    for (stimulus,), rows in expected.items():
        np.testing.assert_allclose(sheet["curves"][stimulus], rows["response"], rtol=1e-3)
    undetected = early / "features" / page_name(PLAIN_SAE, 5)
    assert data_of(undetected, "tuning") == []
    assert "it responds most to gratings" in text_of(undetected.read_text())


def test_optimised_images_stand_on_the_pages_of_their_features(site, tables):
    for feature, captions in ((4, ["along", "against"]), (5, ["along"]), (6, [])):
        text = (site / "features" / page_name(SAE, feature)).read_text()
        shown = re.findall(r'src="../optimised/(.*?)" alt="Image optimised (\w+) its direction"', text)
        assert [caption for _, caption in shown] == captions
        pictures = [(site / "optimised" / name).read_bytes() for name, _ in shown]
        stored = tables["feature_visualisations"].filter(feature=feature).sort("direction", descending=True)
        assert pictures == stored["picture"].to_list()


def test_mixed_neurons_are_split_by_feature(early):
    text = (early / "neurons.html").read_text()
    shown = re.findall(r'<li class="panel" data-layer="(.*?)">(.*?)</ul>', text, re.S)
    mixed = [neuron for neuron in range(FEATURES) if len(planted_mixture(neuron)) == 2]
    assert len(shown) == 2 * len(mixed)
    for layer, dictionary in ((PLAIN_LAYER, PLAIN_SAE), ("blocks.5", SAE)):
        neurons = {}
        for _, entry in (each for each in shown if each[0] == layer):
            neuron = int(re.search(r"neurons/\w+-(\d+).html", entry)[1])
            links = re.findall(r"features/(\w+)-(\d+).html", entry)
            assert {short for short, _ in links} == {dictionary[:12]}
            shares = [float(each) / 100 for each in re.findall(r"</span></span>([\d.]+) %", entry)]
            neurons[neuron] = dict(zip((int(feature) for _, feature in links), shares, strict=True))
            assert len(re.findall(r"<img ", entry)) == 8
        assert neurons == {neuron: pytest.approx(planted_mixture(neuron)) for neuron in mixed}


def test_the_most_mixed_neurons_come_first_and_no_more_than_asked(tables):
    spread = pl.when(pl.col("neuron") == 12).then(pl.lit(0.3)).otherwise(pl.col("share"))
    features = tables["neuron_features"].with_columns(share=spread)
    found = snapshot_of(tables | {"neuron_features": features}).rows("mixed_neurons", per_dictionary=3)
    assert [row["neuron"] for row in found] == [12, 0, 2]
    assert {row["found"] for row in found} == {sum(len(planted_mixture(neuron)) == 2 for neuron in range(FEATURES))}


def test_neurons_that_detect_or_are_mixed_have_a_page(early):
    mixed = {neuron for neuron in range(FEATURES) if len(planted_mixture(neuron)) == 2}
    expected = mixed | set(planted_detectors("neurons"))
    assert {path.name for path in early.glob(f"neurons/{PLAIN_SET[:12]}-*")} == {
        f"{PLAIN_SET[:12]}-{neuron}.html" for neuron in expected
    }
    assert len(data_of(early / f"neurons/{PLAIN_SET[:12]}-3.html", "tuning")) == 1
    assert data_of(early / f"neurons/{PLAIN_SET[:12]}-2.html", "tuning") == []


def test_without_tuning_families_dimensions_and_attacks_there_are_no_pages_of_them(tables, tmp_path):
    other = ("tun", "unit_sets", "neuron", "famil", "dimension", "concept", "cav", "attack", "facet", "trust")
    kept = {table: rows for table, rows in tables.items() if not any(part in table for part in other)}
    del kept["curve_detectors"]
    write_pages(snapshot_of(kept), tmp_path, lambda done, total: None)
    assert {path.name for path in tmp_path.glob("*.html")} == {"index.html", "features.html"}
    text = "".join(path.read_text() for path in tmp_path.rglob("*.html"))
    assert "curves.html" not in text
    assert "neurons.html" not in text
    assert "families" not in text
    assert "dimensions.html" not in text
    assert "attacks.html" not in text


def test_without_a_published_snapshot_the_command_to_run_is_named(settings):
    with pytest.raises(UserError, match=r"nothing is published.*kaleidoscope run atlas"):
        write_site(settings)
    assert not settings.site_dir.exists()


def test_site_is_written_from_the_published_snapshot_and_again(published_template, settings):
    shutil.copytree(published_template.data_dir, settings.data_dir, symlinks=True)
    told = []
    for _ in range(2):
        index = write_site(settings, lambda done, total: told.append((done, total)))
        assert index == settings.site_dir / "index.html"
        assert "audits passed" in index.read_text()
    assert told[-1] == (2 * len(LIVE), 2 * len(LIVE))


def test_a_failed_write_leaves_the_old_site_and_nothing_else(tmp_path):
    site = tmp_path / "site"
    with swapped_in(site) as folder:
        (folder / "index.html").write_text("old")

    def fail_half_way():
        with swapped_in(site) as folder:
            (folder / "index.html").write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert (site / "index.html").read_text() == "old"
    assert len(list(tmp_path.glob("site-versions/[!.]*"))) == 1
    with swapped_in(site) as folder:
        (folder / "index.html").write_text("new")
        assert (site / "index.html").read_text() == "old"
    assert (site / "index.html").read_text() == "new"


def test_a_full_disk_is_told_in_one_line(tmp_path):
    def fill_the_disk():
        with swapped_in(tmp_path / "site"):
            raise OSError(errno.ENOSPC, "no space left on device")

    with pytest.raises(UserError, match="no space left to write"):
        fill_the_disk()
    assert not (tmp_path / "site").exists()


def test_what_killed_writers_left_is_cleared(tmp_path):
    (tmp_path / "site-versions" / "half").mkdir(parents=True)
    with swapped_in(tmp_path / "site") as folder:
        pass
    assert list(tmp_path.glob("site-versions/[!.]*")) == [folder]


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_as_many_sites_stay_as_are_to_be_kept(tmp_path, keep):
    written = []
    for number in range(5):
        with swapped_in(tmp_path / "site", keep) as folder:
            (folder / "index.html").write_text(str(number))
        written.append(folder)
    assert (tmp_path / "site/index.html").read_text() == "4"
    assert set(tmp_path.glob("site-versions/[!.]*")) == set(written[-keep:])


def test_a_folder_of_someone_else_is_not_touched(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/mine.txt").write_text("mine")
    with pytest.raises(UserError, match="was not written by"), swapped_in(tmp_path / "site"):
        pytest.fail("nothing may be written")
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["mine.txt"]


def test_two_writers_do_not_mix(tmp_path):
    site = tmp_path / "site"
    with swapped_in(site) as folder:
        (folder / "index.html").write_text("old")
    with open(tmp_path / "site-versions/.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another process is writing"), swapped_in(site):
            pytest.fail("nothing may be written")
    assert (site / "index.html").read_text() == "old"
