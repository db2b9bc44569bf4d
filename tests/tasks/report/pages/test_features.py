"""The gallery and the feature pages show the numbers of the tables."""

import json
import re

import numpy as np
import polars as pl
import pytest

from tasks.report.site import write_pages
from tasks.report.text import feature_page
from tests.sample_tables.families import PLANTED_FAMILIES
from tests.sample_tables.planted import CROSSCODER, CROSSCODER_LABEL, DEAD, FEATURES, GROUP_ORDER, SAE
from tests.tasks.report.conftest import snapshot_of
from tests.tasks.report.markup import gallery_of, text_of

LIVE = [feature for feature in range(FEATURES) if feature not in DEAD]


def numbers_of(site, feature):
    text = (site / "features" / feature_page(CROSSCODER, feature)).read_text()
    return json.loads(re.search(r'id="feature-data">(.*?)</script>', text)[1])


def test_every_live_feature_has_a_page_and_no_dead_one(site):
    expected = {feature_page(dictionary, feature) for dictionary in (SAE, CROSSCODER) for feature in LIVE}
    assert {path.name for path in (site / "features").iterdir()} == expected


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
    assert set(columns["patches"]) == {4}
    assert [dictionary["label"] for dictionary in gallery["dictionaries"]] == [
        CROSSCODER_LABEL,
        "efficientnet_lite0 blocks.5 · TopK SAE 40, k 8, norm sampling, seed 0",
    ]
    assert gallery["dictionaries"][0]["name"] == CROSSCODER_LABEL.removeprefix("efficientnet_lite0 ")


def test_gallery_knows_the_families_of_a_feature(site):
    columns, dictionaries = gallery_of(site)["columns"], gallery_of(site)["dictionaries"]
    crosscoder = [dictionary["short"] for dictionary in dictionaries].index(CROSSCODER[:12])
    of_crosscoder = {
        feature: families
        for dictionary, feature, families in zip(
            columns["dictionary_id"], columns["feature"], columns["families"], strict=True
        )
        if dictionary == crosscoder
    }
    expected = {feature: [] for feature in LIVE}
    for family, (*_, elements) in enumerate(PLANTED_FAMILIES):
        expected |= {feature: [family] for feature in elements}
    assert of_crosscoder == expected


def test_feature_page_plots_the_blocks_in_the_order_of_the_group(site, tables):
    blocks = tables["transform_blocks"].filter(feature=3).sort("element")
    harmonics = tables["feature_harmonics"].filter(feature=3).sort("harmonic")
    numbers = numbers_of(site, 3)
    assert len(numbers["profile"]) == GROUP_ORDER
    np.testing.assert_allclose(numbers["profile"], blocks["cosine_to_identity"], atol=1e-4)
    np.testing.assert_allclose(numbers["norms"], blocks["norm"], rtol=1e-3)
    np.testing.assert_allclose(numbers["harmonics"], harmonics["energy"], rtol=1e-3, atol=1e-12)


def test_feature_of_a_sparse_autoencoder_has_patches_and_neighbours_but_no_plots(site):
    text = (site / "features" / feature_page(SAE, 3)).read_text()
    assert 'class="examples"' in text
    assert 'class="neighbours"' in text
    assert 'id="polar"' not in text
    assert "feature-data" not in text


def test_pages_lead_to_the_live_features_before_and_after(site):
    after_a_dead_one = DEAD[0] + 1
    text = (site / "features" / feature_page(CROSSCODER, after_a_dead_one)).read_text()
    assert f'rel="prev" href="{feature_page(CROSSCODER, DEAD[0] - 1)}"' in text
    assert f'rel="next" href="{feature_page(CROSSCODER, after_a_dead_one + 1)}"' in text
    assert 'rel="prev"' not in (site / "features" / feature_page(CROSSCODER, LIVE[0])).read_text()


def test_a_group_without_reflections_is_drawn_as_rotations_alone(tables, tmp_path):
    sets = tables["activation_sets"].with_columns(n_rotations=GROUP_ORDER, reflections=False)
    symmetry = tables["feature_symmetry"].with_columns(
        mirror=pl.lit(None, pl.Float64), mirror_element=pl.lit(None, pl.Int64)
    )
    unmirrored = {"activation_sets": sets, "feature_symmetry": symmetry}
    write_pages(snapshot_of(tables | unmirrored), tmp_path, lambda done, total: None)
    assert numbers_of(tmp_path, 3)["rotations"] == GROUP_ORDER
    assert "mirror" not in text_of((tmp_path / "features" / feature_page(CROSSCODER, 3)).read_text())
    assert "C₁₆ 16 rotations, no reflections, |G| = 16" in text_of((tmp_path / "index.html").read_text())


def test_optimised_images_stand_on_the_pages_of_their_features(site, tables):
    for feature, captions in ((4, ["along", "against"]), (5, ["along"]), (6, [])):
        text = (site / "features" / feature_page(SAE, feature)).read_text()
        shown = re.findall(r'src="../optimised/(.*?)" alt="Image optimised (\w+) its direction"', text)
        assert [caption for _, caption in shown] == captions
        pictures = [(site / "optimised" / name).read_bytes() for name, _ in shown]
        stored = tables["feature_visualisations"].filter(feature=feature).sort("direction", descending=True)
        assert pictures == stored["picture"].to_list()
