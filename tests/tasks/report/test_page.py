"""The site says what the snapshot says, stands on its own, and is there whole or not at all."""

import base64
import errno
import fcntl
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser

import duckdb
import numpy as np
import polars as pl
import pytest

from tasks.errors import UserError
from tasks.report.page import Snapshot, SymmetryType, page_name, profile_code, swapped_in, write_pages, write_site
from tasks.warehouse.database import create_schema, schema
from tests.sample_frames import CROSSCODER, DEAD, FEATURES, GROUP_ORDER, N_ROTATIONS, SAE, sample_frames

LIVE = [feature for feature in range(FEATURES) if feature not in DEAD]


def snapshot_of(frames: dict[str, pl.DataFrame]) -> Snapshot:
    connection = duckdb.connect()
    create_schema(connection)
    for table, description in schema().items():
        if table in frames:
            connection.from_arrow(frames[table].select(description.columns).to_arrow()).insert_into(table)
    return Snapshot(connection)


@pytest.fixture(scope="module")
def frames():
    return sample_frames()


@pytest.fixture(scope="module")
def site(frames, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_pages(snapshot_of(frames), folder, lambda done, total: None)
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


def test_every_reference_leads_to_a_file_of_the_site(site):
    pages = list(site.rglob("*.html"))
    references = [(page, reference) for page in pages for reference in References(page.read_text()).found]
    assert len(references) > 10 * len(pages)
    broken = [(page.name, each) for page, each in references if not (page.parent / each.split("#")[0]).exists()]
    assert broken == []


def test_nothing_is_fetched_from_elsewhere(site):
    written = [path for path in site.rglob("*") if path.suffix in (".html", ".css", ".js", ".svg")]
    text = "".join(path.read_text() for path in written).replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?:|\bfetch\(|@import|XMLHttpRequest", text) == []


def test_each_distinct_patch_is_written_once(site, frames):
    blobs = set(frames["feature_examples"]["patch"])
    assert len(blobs) < frames["feature_examples"].height
    written = {path.stem: path.read_bytes() for path in (site / "patches").iterdir()}
    assert sorted(written.values()) == sorted(blobs)
    assert all(hashlib.sha256(blob).hexdigest().startswith(name) for name, blob in written.items())


def test_gallery_carries_the_numbers_of_the_tables(site, frames):
    columns = gallery_of(site)["columns"]
    gallery = gallery_of(site)
    found = {
        (gallery["dictionaries"][dictionary]["short"], feature): index
        for index, (dictionary, feature) in enumerate(zip(columns["dictionary"], columns["feature"], strict=True))
    }
    live = frames["features"].filter(~pl.col("dead"))
    joined = live.join(frames["feature_symmetry"], on=["dictionary", "feature"], how="left")
    assert len(found) == joined.height
    for row in joined.iter_rows(named=True):
        index = found[row["dictionary"][:12], row["feature"]]
        assert columns["density"][index] == pytest.approx(row["density"], rel=1e-3)
        assert columns["max"][index] == pytest.approx(row["max_activation"], rel=1e-3)
        assert gallery["types"][columns["type"][index]]["name"] == (row["type"] or "none")
        if row["type"] is None:
            assert columns["confidence"][index] is columns["profile"][index] is columns["stabiliser"][index] is None
        else:
            assert columns["confidence"][index] == pytest.approx(row["confidence"], rel=1e-3)
            assert gallery["stabilisers"][columns["stabiliser"][index]]["name"] == row["stabiliser"]


def test_feature_page_plots_the_blocks_in_the_order_of_the_group(site, frames):
    blocks = frames["transform_blocks"].filter(feature=3).sort("element")
    harmonics = frames["feature_harmonics"].filter(feature=3).sort("harmonic")
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


def test_captions_say_how_a_patch_was_turned(frames, tmp_path):
    examples = snapshot_of(frames).export_patches(tmp_path)
    names = {0: "as is", 1: "turned 45°", N_ROTATIONS: "mirrored", GROUP_ORDER - 1: "mirrored, turned 315°"}
    seen = frames["feature_examples"].filter(dictionary=CROSSCODER).sort("feature", "rank")
    named = zip(seen["element"], (each for feature in LIVE for each in examples[CROSSCODER, feature]), strict=True)
    captions = {element: example.transform for element, example in named if element in names}
    assert captions == names


def test_names_from_outside_are_escaped(frames, tmp_path):
    hostile = "<script>alert('x')</script>\"&"
    images = frames["images"].with_columns(name=pl.lit(hostile))
    quarantine = frames["quarantine"].with_columns(reason=pl.lit(hostile))
    write_pages(snapshot_of(frames | {"images": images, "quarantine": quarantine}), tmp_path, lambda done, total: None)
    pages = [path.read_text() for path in tmp_path.rglob("*.html")]
    assert any("&lt;script&gt;alert" in page for page in pages)
    assert not any("<script>alert" in page for page in pages)


def test_an_empty_warehouse_gives_an_overview_of_nothing(tmp_path):
    write_pages(snapshot_of({}), tmp_path, lambda done, total: None)
    assert "0 live features" in (tmp_path / "index.html").read_text()
    assert gallery_of(tmp_path)["columns"]["feature"] == []


def test_look_first_takes_the_surest_of_the_features_no_rarer_than_the_median(frames):
    rows = snapshot_of(frames).rows("look_first", per_type=1)
    live = frames["features"].filter(~pl.col("dead"), dictionary=CROSSCODER)
    dense = live.filter(pl.col("density") >= live["density"].median())
    surest = (
        dense.join(frames["feature_symmetry"], on=["dictionary", "feature"])
        .sort("confidence", "max_activation", descending=True)
        .group_by("type", maintain_order=True)
        .first()
    )
    expected = dict(surest.select("type", "feature").iter_rows())
    assert len(expected) > 2
    assert {row["type"]: row["feature"] for row in rows if row["type"] in expected} == expected


@pytest.mark.parametrize(("least", "floor"), [(0.4, -0.25), (-0.1, -0.25), (-0.3, -0.5), (-0.99, -1.0)])
def test_no_cosine_falls_below_the_centre_of_the_polar_plots(frames, least, floor):
    blocks = frames["transform_blocks"].with_columns(
        cosine_to_identity=pl.when(element=3)
        .then(least)
        .otherwise(pl.col("cosine_to_identity").clip(lower_bound=least))
    )
    assert snapshot_of(frames | {"transform_blocks": blocks}).floor == floor


def test_thumbnail_profile_is_within_half_a_step():
    profile = np.random.default_rng(0).uniform(-1, 1, 64)
    read = np.frombuffer(base64.b64decode(profile_code(list(profile))), dtype=np.int8) / 127
    np.testing.assert_allclose(read, profile, atol=0.5 / 127 + 1e-9)


def test_types_stand_in_the_order_of_their_symmetry():
    names = ["none", "mixed", "period-22.5", "period-72", "period-180", "invariant", "period-360"]
    ordered = sorted(map(SymmetryType, names), key=lambda symmetry: symmetry.rank)
    labels = [symmetry.label for symmetry in ordered]
    assert labels == ["invariant", "period 360°", "period 180°", "period 72°", "period 22.5°", "mixed", "no blocks"]


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


def test_a_folder_of_someone_else_is_not_touched(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/mine.txt").write_text("mine")
    with pytest.raises(UserError, match="in the way"), swapped_in(tmp_path / "site"):
        pytest.fail("nothing may be written")
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["mine.txt"]


def test_two_writers_do_not_mix(tmp_path):
    site = tmp_path / "site"
    with swapped_in(site) as folder:
        (folder / "index.html").write_text("old")
    with open(tmp_path / "site-versions/.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="being written by another process"), swapped_in(site):
            pytest.fail("nothing may be written")
    assert (site / "index.html").read_text() == "old"
