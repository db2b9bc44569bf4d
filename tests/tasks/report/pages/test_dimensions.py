"""Dimensions stand on the site as they stand in the tables: what they follow, their curves and their pictures."""

import html
import json
import re
from typing import get_args

import polars as pl
import pytest

from tasks.dimensions.config import Method
from tasks.dimensions.identify import PARAMETERS
from tasks.report.labels import DimensionMethod, Parameter
from tasks.report.site import write_pages
from tests.sample_tables.dimensions import (
    NEURON_DIMENSIONS,
    PCA_DIMENSIONS,
    PLACES,
    PLANTED_DIMENSIONS,
    RANDOM_DIMENSIONS,
    RENDERED,
    STIMULUS_VALUES,
)
from tests.sample_tables.planted import ACTIVATION_SET, CROSSCODER, CROSSCODER_LABEL, SET_LABEL
from tests.tasks.report.conftest import snapshot_of
from tests.tasks.report.markup import data_of, text_of

NEURONS = f"patches-{ACTIVATION_SET[:12]}"
FEATURES = f"patches-{CROSSCODER[:12]}"


@pytest.fixture(scope="module")
def page(site):
    return site / "dimensions.html"


def section_of(page, anchor):
    return re.search(rf'<section id="{anchor}">.*?</section>', page.read_text(), re.S)[0]


def data_in(markup, name):
    return [json.loads(html.unescape(each)) for each in re.findall(rf'data-{name}="(.*?)"', markup)]


def strips_of(markup, analysis):
    """By dimension, in the order in which they stand."""
    found = re.findall(rf'<li class="dimension panel" id="{analysis[:12]}-(\d+)".*?</li>', markup, re.S)
    return {int(n): re.search(rf'id="{analysis[:12]}-{n}".*?</li>', markup, re.S)[0] for n in found}


def test_neurons_and_features_have_a_section_each_that_the_table_leads_to(page):
    text = page.read_text()
    assert re.findall(r'<section id="(.*?)">', text) == [NEURONS, FEATURES]
    assert text_of(section_of(page, NEURONS)).startswith(
        f"{SET_LABEL} 40 neurons, found in natural patches, each under 16 rotations and reflections"
    )
    assert text_of(section_of(page, FEATURES)).startswith(f"{CROSSCODER_LABEL} 40 features")
    table = text_of(re.search(r"<table>.*?</table>", text, re.S)[0])
    assert f"{SET_LABEL} 40 natural patches 0.94 PCA 0.91 PCA 0.35 PCA 0.60 PCA 0.50 PCA 0.40 PCA" in table
    for page_of_site in page.parent.rglob("*.html"):
        assert "dimensions.html" in page_of_site.read_text()


def test_methods_and_controls_stand_apart_with_their_best_scores(page, tables):
    matrix = re.search(r'<table class="heat">.*?</table>', section_of(page, NEURONS), re.S)[0]
    methods, controls = re.findall(r"<tbody>(.*?)</tbody>", matrix, re.S)
    assert text_of(methods).startswith("PCA")
    assert [text_of(row) for row in re.findall(r"<th.*?</th>", controls)] == ["Single units", "Random basis"]
    best = (
        tables["tuning_scores"]
        .group_by("dimension_analysis_id", "parameter")
        .agg(pl.col("r_squared").max())
        .with_columns(rank=pl.col("parameter").map_elements(lambda name: Parameter(name).rank, return_dtype=pl.Int64))
        .sort("rank")
    )
    for rows, analysis in ((methods, PCA_DIMENSIONS), (controls, NEURON_DIMENSIONS)):
        (row,) = [row for row in re.findall(r"<tr>.*?</tr>", rows, re.S) if f"#{analysis[:12]}" in row]
        said = [f"{value:.2f}" for value in best.filter(dimension_analysis_id=analysis)["r_squared"]]
        assert text_of(row).split()[-len(said) :] == said
    # orientation and frequency, and no control
    assert re.findall(r'class="identified".*?title="dimension (\d+)"', matrix) == ["0", "1"]


def test_charts_hold_variance_and_agreement_of_every_method(page, tables):
    variance, agreement = data_of(page, "lines")[:2]
    assert [line["class"] for line in variance] == ["method-pca", "method-neurons", "method-random"]
    stored = (
        tables["tuning_dimensions"]
        .filter(dimension_analysis_id=PCA_DIMENSIONS)
        .sort("dimension")["cumulative_variance"]
    )
    counts, values = zip(*variance[0]["points"], strict=True)
    assert counts == tuple(range(7))
    assert values == pytest.approx([0, *stored], rel=1e-3)
    assert [(line["name"], line["dashed"]) for line in agreement[:2]] == [("PCA", False), ("PCA", True)]
    rows = tables["dimension_completeness"].filter(dimension_analysis_id=PCA_DIMENSIONS).sort("dimensions")
    for line, column in zip(agreement[:2], ("agreement_kept", "agreement_removed"), strict=True):
        assert [point[:2] for point in line["points"]] == [
            list(point) for point in rows.select("dimensions", column).iter_rows()
        ]
        assert all(low <= share <= high for _, share, low, high in line["points"])
    # Wilson's interval of a half of 20 images
    assert "at 20 images it is up to 40 points wide" in text_of(page.read_text())


def test_a_strip_says_what_its_dimension_follows(page, tables):
    strips = strips_of(section_of(page, NEURONS), PCA_DIMENSIONS)
    assert list(strips) == list(range(6))
    for dimension, (parameter, closeness, _) in enumerate(PLANTED_DIMENSIONS):
        strip = strips[dimension]
        (chief,) = re.findall(r'<tr class="chief">.*?</tr>', strip, re.S)
        assert text_of(chief) == f"{parameter} ◆ {closeness:.2f} 0.001"
        assert len(re.findall("<tr data-chance>", strip)) == len(STIMULUS_VALUES) - 1
        (curve,) = data_in(strip, "along")
        stored = tables["dimension_curves"].filter(
            dimension_analysis_id=PCA_DIMENSIONS, dimension=dimension, parameter=parameter
        )
        assert (curve["parameter"], curve["period"]) == (parameter, Parameter(parameter).period)
        for name, column in (("values", "value"), ("means", "mean"), ("stds", "std")):
            assert curve[name] == pytest.approx(stored.sort("value")[column].to_list(), rel=1e-3, abs=1e-9)
    assert "40.0 % of variance, 40.0 % with the dimensions before" in text_of(strips[0])
    assert "orientation ρ 0.90, 80 % · frequency ρ 0.10, 15 %" in text_of(strips[0])
    assert "largest at 30°" not in text_of(strips[1])  # frequency has ends


def test_pictures_stand_from_low_to_high_and_say_what_is_estimated(page, site, tables):
    strips = strips_of(page.read_text(), PCA_DIMENSIONS)
    for dimension, strip in strips.items():
        rows = re.findall(r"<p><span>(\w+)</span>(.*?)</p>", strip)
        assert [kind for kind, _ in rows] == (["rendered", "natural"] if dimension in RENDERED else ["natural"])
        for kind, pictures in rows:
            stored = tables["dimension_pictures"].filter(
                dimension_analysis_id=PCA_DIMENSIONS, dimension=dimension, kind={"natural": "patch"}.get(kind, kind)
            )
            shown = re.findall(r'src="(dimensions/\w+\.webp)"', pictures)
            assert [(site / name).read_bytes() for name in shown] == stored.sort("place")["picture"].to_list()
            assert len(shown) == PLACES
    titles = re.findall(r'title="(score.*?)"', strips[0])
    assert titles[1] == "score −1.00, orientation 35°, 0.100 cycles a pixel, coherence 0.80"
    assert titles[PLACES] == "score −2.00"


def test_harmonics_are_drawn_of_orbits(page, tables):
    drawn = data_in(section_of(page, NEURONS), "irreps")
    assert len(drawn) == 3  # PCA and both controls
    names = re.search(r'data-classes="(.*?)"', page.read_text())[1].split()
    harmonics = tables["dimension_harmonics"].select("waves_per_turn", "irrep").unique()
    stored = harmonics.sort("waves_per_turn", "irrep")["irrep"]
    assert names == [f"irrep-{irrep.lower()}" for irrep in stored]
    nearest = [names[shares.index(max(shares))] for shares in drawn[0]]
    assert nearest == [f"irrep-{irrep.lower()}" for *_, irrep in PLANTED_DIMENSIONS]
    assert all(sum(shares) == pytest.approx(1, abs=1e-3) for shares in drawn[0])
    styles = (page.parent / "assets/types.css").read_text()
    assert all(f".{name} {{ --type:" in styles for name in [*names, "method-pca", "method-ica"])


def test_assigned_dimensions_come_first_and_the_rest_is_folded_away(tables, tmp_path):
    """20 more dimensions of PCA, of which the last alone is assigned beside those planted."""
    more = [
        {
            "dimension_analysis_id": PCA_DIMENSIONS,
            "dimension": n,
            "explained_variance": 0.001,
            "cumulative_variance": 0.9 + n / 1000,
        }
        | {"low": -2.0, "high": 2.0, "direction": [0.0]}
        for n in range(6, 26)
    ]
    score = {
        "dimension_analysis_id": PCA_DIMENSIONS,
        "dimension": 25,
        "parameter": "phase",
        "r_squared": 0.8,
        "p_value": 0.001,
    }
    score |= {"null_r_squared": 0.06, "preferred": 10.0, "assigned": True}
    scores = tables["tuning_scores"].with_columns(assigned=pl.col("assigned") & (pl.col("parameter") != "phase"))
    changed = tables | {
        "tuning_dimensions": pl.concat([tables["tuning_dimensions"], pl.DataFrame(more)], how="diagonal_relaxed"),
        "tuning_scores": pl.concat([scores, pl.DataFrame([score])], how="diagonal_relaxed"),
    }
    write_pages(snapshot_of(changed), tmp_path, lambda done, total: None)
    section = section_of(tmp_path / "dimensions.html", NEURONS)
    assert list(strips_of(section, PCA_DIMENSIONS)) == [0, 1, 2, 4, 5, 25, 3, *range(6, 25)]
    opened, folded = section.split("<details><summary>14 more</summary>")
    assert list(strips_of(opened, PCA_DIMENSIONS)) == [0, 1, 2, 4, 5, 25, 3, 6, 7, 8, 9, 10]
    # a dimension without scores has neither a table nor a curve
    assert "follows" not in strips_of(folded, PCA_DIMENSIONS)[20]
    assert "None" not in text_of(section)


def test_a_method_that_was_run_again_is_told_apart(tables, tmp_path):
    analyses = tables["dimension_analyses"].with_columns(
        method=pl.when(dimension_analysis_id=RANDOM_DIMENSIONS).then(pl.lit("pca")).otherwise("method"),
        seed=pl.when(dimension_analysis_id=RANDOM_DIMENSIONS).then(7).otherwise("seed"),
    )
    write_pages(snapshot_of(tables | {"dimension_analyses": analyses}), tmp_path, lambda done, total: None)
    buttons = re.findall(r"<button.*?data-method.*?</button>", section_of(tmp_path / "dimensions.html", NEURONS))
    assert [text_of(button) for button in buttons] == [
        "PCA, 6 dimensions, seed 0",
        "PCA, 6 dimensions, seed 7",
        "Single units",
    ]


def test_what_was_not_measured_is_not_shown(tables, tmp_path):
    """Without drawn stimuli, whole images, pictures and a group there is variance all the same."""
    kept = {"dimension_analyses", "tuning_dimensions"}
    left = {name: rows for name, rows in tables.items() if "dimension" not in name or name in kept}
    del left["tuning_scores"]
    write_pages(snapshot_of(left), tmp_path, lambda done, total: None)
    page = tmp_path / "dimensions.html"
    assert len(data_of(page, "lines")) == 2
    for name in ("along", "irreps"):
        assert data_of(page, name) == []
    text = text_of(page.read_text())
    assert re.findall(r"None|Best R² by method|Agreement with the network|rendered|Harmonics", text) == []


def test_parameters_and_methods_are_those_of_the_analysis():
    known = sorted(PARAMETERS, key=lambda parameter: Parameter(parameter.name).rank)
    assert [(Parameter(each.name).period, each.name) for each in known] == [(each.period, each.name) for each in known]
    assert sorted(get_args(Method), key=lambda method: DimensionMethod(method).rank) == list(get_args(Method))
