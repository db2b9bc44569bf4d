"""The details on feature pages are those of the tables."""

import base64
import json
import re

import polars as pl
import pytest

from tasks.report.pages.feature_details import FeatureDetails
from tasks.report.site import write_pages
from tasks.report.text import feature_page
from tests.sample_tables.feature_details import REPLICA
from tests.sample_tables.planted import CROSSCODER, CROSSCODER_LABEL, LIVE, SAE
from tests.tasks.report.conftest import snapshot_of
from tests.tasks.report.markup import text_of

PICTURE = re.compile(r"data:image/(?:webp|png);base64,([\w+/=]+)")


def page_of(site, dictionary, feature) -> str:
    return (site / "features" / feature_page(dictionary, feature)).read_text()


def numbers_of(site, dictionary, feature) -> dict:
    return json.loads(re.search(r'id="details-data">(.*?)</script>', page_of(site, dictionary, feature))[1])


def of_feature(tables, table, dictionary, feature) -> pl.DataFrame:
    return tables[table].filter(dictionary_id=dictionary, feature=feature)


@pytest.mark.parametrize("dictionary", [SAE, CROSSCODER])
@pytest.mark.parametrize("feature", [LIVE[0], LIVE[-1]])
def test_the_numbers_of_a_page_are_those_of_the_tables(site, tables, dictionary, feature):
    numbers = numbers_of(site, dictionary, feature)
    assert (numbers["dictionary_id"], numbers["feature"]) == (dictionary, feature)
    histogram = of_feature(tables, "activation_histograms", dictionary, feature).sort("bin")
    assert numbers["histogram"] == histogram.select("lower", "upper", "rows").to_dicts()
    neurons = of_feature(tables, "feature_neurons", dictionary, feature).sort("rank")
    assert numbers["neurons"] == neurons.select("neuron", "weight", "share").to_dicts()
    examples = of_feature(tables, "feature_examples", dictionary, feature).sort("rank")
    assert [example["activation"] for example in numbers["top_examples"]] == examples["activation"].to_list()
    quantiles = of_feature(tables, "quantile_examples", dictionary, feature).sort("quantile")
    found = [(example["quantile"], example["activation"]) for example in numbers["examples_by_quantile"]]
    assert found == quantiles.select("quantile", "activation").rows()
    effects = of_feature(tables, "feature_logit_effects", dictionary, feature).sort("change")
    assert [effect["change"] for effect in numbers["logit_effects"]] == effects["change"].to_list()


def test_matches_lead_to_pages_where_there_are_some(site, tables):
    sae, replica = sorted(numbers_of(site, CROSSCODER, 3)["matches"], key=lambda match: match["differs_in_seed_alone"])
    found = of_feature(tables, "feature_matches", CROSSCODER, 3).filter(other_dictionary_id=SAE).row(0, named=True)
    assert (sae["dictionary_id"], sae["feature"]) == (SAE, found["other_feature"])
    assert sae["cosine"] == found["cosine"]
    assert (site / "features" / sae["page"]).is_file()
    assert (replica["dictionary_id"], replica["mutual"]) == (REPLICA, None)
    assert "page" not in replica


def test_pictures_of_quantiles_and_maps_are_part_of_the_page(site, tables):
    quantiles = of_feature(tables, "quantile_examples", SAE, 3).sort("quantile")["patch"].to_list()
    maps = of_feature(tables, "feature_heat_maps", SAE, 3).sort("rank")["picture"].to_list()
    shown = [base64.b64decode(picture) for picture in PICTURE.findall(page_of(site, SAE, 3))]
    assert shown == maps + quantiles


def test_heat_maps_lie_over_their_images(site, tables):
    text = page_of(site, SAE, 3)
    names = re.findall(r'src="../frames/(\w+)\.webp"', text)
    examples = of_feature(tables, "feature_examples", SAE, 3).filter(pl.col("rank") <= 3).sort("rank")
    frames = dict(tables["image_frames"].select("image_id", "picture").iter_rows())
    written = [(site / "frames" / f"{name}.webp").read_bytes() for name in names]
    assert written == [frames[image] for image in examples["image_id"]]
    # 28 entries of 8 pixels, the first centred on pixel 4, cover the 224 pixels
    assert text.count("left: 0.000%; top: 0.000%; width: 100.000%; height: 100.000%") == 3
    ring = re.findall(r'class="ring" aria-hidden="true" style="left: ([\d.]+)%; top: ([\d.]+)%"', text)
    expected = [(100 * x / 224, 100 * y / 224) for y, x in examples.select("y", "x").rows()]
    assert [tuple(map(float, place)) for place in ring] == [pytest.approx(place, abs=0.01) for place in expected]


def test_every_page_names_its_dictionary_and_its_key(site):
    text = page_of(site, CROSSCODER, 3)
    assert f"Feature 3 of {CROSSCODER_LABEL} {CROSSCODER}" in text_of(text)


def test_what_was_not_measured_is_not_shown(tables, tmp_path):
    without = (
        "activation_histograms",
        "quantile_examples",
        "feature_neurons",
        "matched_dictionaries",
        "feature_matches",
    )
    without += ("image_frames", "feature_heat_maps", "feature_logit_effects")
    old = {table: rows for table, rows in tables.items() if table not in without}
    orbit = old["dictionaries"].with_columns(
        encode_from=pl.when(pl.col("encode_from").is_not_null()).then(pl.lit("orbit"))
    )
    write_pages(snapshot_of(old | {"dictionaries": orbit}), tmp_path, lambda done, total: None)
    headings = ("Where it fires", "From weak to strong", "Activations", "Neurons", "In other dictionaries", "Ablated")
    shown = text_of(page_of(tmp_path, SAE, 3))
    assert [heading for heading in headings if heading in shown] == []
    assert "it has no heat-maps" in text_of(page_of(tmp_path, CROSSCODER, 3))


def test_features_between_which_there_are_no_rows_are_passed_over(tables, tmp_path):
    shown = {
        table: rows.filter(pl.col("feature") == 5) if table == "activation_histograms" else rows
        for table, rows in tables.items()
    }
    snapshot = snapshot_of(shown)
    details = FeatureDetails(snapshot, tmp_path / "frames")
    for feature in snapshot.features:
        numbers = details.of(feature, []).numbers
        assert bool(numbers["histogram"]) == (feature["feature"] == 5)
        assert numbers["neurons"]
