"""The map, the families and their scores stand on the site as they stand in the tables."""

import json
import re

import polars as pl
import pytest

from tasks.report.pages.families import circle_numbers, family_analyses, separations
from tasks.report.site import write_pages
from tasks.report.text import family_page, feature_page, mean_and_std
from tests.sample_tables.families import (
    CROSSCODER_FAMILIES,
    MISSING,
    PLANTED_FAMILIES,
    SAE_FAMILIES,
    SAE_PLANTED_FAMILIES,
)
from tests.sample_tables.planted import CROSSCODER, CROSSCODER_LABEL, DEAD, FEATURES, SAE
from tests.tasks.report.conftest import snapshot_of
from tests.tasks.report.markup import References, data_of, text_of

OF_FAMILY = ("family", "element", "orientation_degrees", "mirrored", "similarity")
LIVE = [feature for feature in range(FEATURES) if feature not in DEAD]


@pytest.fixture(scope="module")
def sae_page(site):
    return site / f"families-{SAE_FAMILIES[:8]}.html"


def family_file(site, family):
    return site / "families" / family_page(CROSSCODER, CROSSCODER_FAMILIES, family)


def map_of(page):
    return json.loads(re.search(r'id="map-data">(.*?)</script>', page.read_text())[1])


def test_the_analysis_under_the_largest_group_comes_first_and_leads_to_the_other(site, sae_page):
    text = (site / "families.html").read_text()
    assert "24 of 36 live features are in 5 families, compared under D₈" in text_of(text)
    options = re.findall(r'<option value="(.*?)"( selected)?>(.*?)</option>', text)
    assert [(page, bool(selected)) for page, selected, _ in options] == [
        ("families.html", True),
        (sae_page.name, False),
    ]
    assert options[0][2] == f"{CROSSCODER_LABEL} · families under D8"
    assert "13 of 36 live features are in 2 families." in text_of(sae_page.read_text())


@pytest.mark.parametrize("analysis", [CROSSCODER_FAMILIES, SAE_FAMILIES])
def test_the_map_holds_every_live_feature_at_its_place(site, sae_page, tables, analysis):
    page = sae_page if analysis == SAE_FAMILIES else site / "families.html"
    drawn = map_of(page)
    columns = drawn["columns"]
    stored = {
        row["feature"]: row
        for row in tables["feature_families"].filter(family_analysis_id=analysis).iter_rows(named=True)
    }
    assert sorted(columns["feature"]) == sorted(stored) == LIVE
    text = page.read_text()
    legends = {
        name: re.findall(r"</i>(.*?) <small>", legend)
        for name, legend in re.findall(r'data-legend="(\w+)"(.*?)</div>', text, re.S)
    }
    types = dict(tables["feature_symmetry"].select("feature", "type").iter_rows())
    for i, feature in enumerate(columns["feature"]):
        row = stored[feature]
        assert columns["x"][i] == pytest.approx(row["map_x"], abs=1e-3)
        assert columns["y"][i] == pytest.approx(row["map_y"], abs=1e-3)
        assert columns["family"][i] == row["family"]
        assert legends["stimulus"][columns["stimulus"][i]] == row["stimulus_type"]
        if analysis == CROSSCODER_FAMILIES:
            assert legends["type"][columns["type"][i]].replace("period ", "period-").rstrip("°") == types[feature]
        assert columns["pictured"][i] == 1
        assert (site / "patches" / f"{drawn['short']}-{feature}.webp").exists()
        assert (site / "features" / f"{drawn['short']}-{feature}.html").exists()
    sizes = tables["family_shapes"].filter(family_analysis_id=analysis)
    assert drawn["sizes"] == {str(family): size for family, size in sizes.select("family", "size").iter_rows()}


def test_without_blocks_there_is_no_colour_by_symmetry(sae_page):
    text = sae_page.read_text()
    assert re.findall(r'data-colour="(\w+)" aria-pressed="(\w+)"', text) == [("stimulus", "true"), ("family", "false")]


def test_families_are_listed_largest_first_with_what_they_lack(site):
    text = (site / "families.html").read_text()
    cards = re.findall(r'<a class="card (\S+)" href="(\S+)" data-family="(\d+)">(.*?)</a>', text, re.S)
    assert [int(family) for _, _, family, _ in cards] == list(range(len(PLANTED_FAMILIES)))
    assert [css for css, *_ in cards] == [f"type-{kind}" for kind, *_ in PLANTED_FAMILIES]
    assert all((site / page).exists() for _, page, _, _ in cards)
    assert "9 members, 89 % curve" in text_of(cards[0][3])
    assert "5 members, 100 % line 1 missing" in text_of(cards[1][3])
    circles = data_of(site / "families.html", "small")
    assert [circle["missing"] for circle in circles] == [MISSING.get(family, []) for family in (0, 1, 2, 4)]
    assert [circle["covered"] for circle in circles] == ["100 %", "75 %", "75 %", "100 %"]
    assert sorted(circles[1]["members"]) == [0, 0, 45, 45, 135]


def test_every_family_has_a_page_with_all_its_members(site, tables):
    members = tables["feature_families"].drop_nulls("family")
    written = {path.name for path in (site / "families").iterdir()}
    expected = {
        family_page(CROSSCODER if analysis == CROSSCODER_FAMILIES else SAE, analysis, family)
        for analysis, family in members.select("family_analysis_id", "family").unique().iter_rows()
    }
    assert written == expected
    for family, (*_, elements) in enumerate(PLANTED_FAMILIES):
        page = family_file(site, family)
        table = re.search(r"<table>.*?</table>", page.read_text(), re.S)[0]
        linked = [each for each in References(table).found if "features/" in each]
        assert sorted(linked) == sorted(f"../features/{feature_page(CROSSCODER, feature)}" for feature in elements)
    for family, features in enumerate(SAE_PLANTED_FAMILIES):
        page = site / "families" / family_page(SAE, SAE_FAMILIES, family)
        linked = {each for each in References(page.read_text()).found if "features/" in each}
        assert linked == {f"../features/{feature_page(SAE, feature)}" for feature in features}


def test_the_circle_holds_members_at_their_orientations(site):
    (circle,) = data_of(family_file(site, 2), "members")
    placed = {each["feature"]: (each["degrees"], each["mirrored"]) for each in circle["members"]}
    assert placed == {5: (0, False), 13: (90, False), 21: (0, True), 37: (180, True)}
    assert [each["feature"] for each in circle["members"] if each["prototype"]] == [5]
    assert circle["missing"] == [270]
    text = text_of(family_file(site, 2).read_text())
    assert "The inner ring holds the members that are mirrored." in text
    assert "Dashed: orientations where a member is missing." in text
    assert "so it is drawn twice, paler where it repeats" in text_of(family_file(site, 1).read_text())
    assert "four times" in text_of(family_file(site, 4).read_text())


def test_a_family_without_orientations_is_a_plain_grid(site, tables):
    invariant = family_file(site, 3).read_text()
    for text in (invariant, (site / "families" / family_page(SAE, SAE_FAMILIES, 0)).read_text()):
        assert "data-members" not in text
        assert "neighbours members" in text
    assert "data-spread" in invariant
    text = text_of((site / "families" / family_page(SAE, SAE_FAMILIES, 0)).read_text())
    assert re.findall(r"None|Stabiliser|Evenness|Covered|Orientation|Symmetry|Fires|Mean profile", text) == []
    grid = re.search(r'<ul class="neighbours members".*?</ul>', invariant, re.S)[0]
    shown = [int(feature) for feature in re.findall(r"<b>(\d+)</b>", grid)]
    members = tables["feature_families"].filter(family_analysis_id=CROSSCODER_FAMILIES, family=3)
    assert shown == members.sort("similarity", descending=True)["feature"].to_list()


def test_family_page_says_what_the_tables_say(site, tables):
    text = text_of(family_file(site, 1).read_text())
    shape = tables["family_shapes"].filter(family_analysis_id=CROSSCODER_FAMILIES, family=1).row(0, named=True)
    for said in (
        "5 features of efficientnet_lite0, blocks.5. Repeats after half a turn. Among drawn stimuli 100 % of them "
        "respond most to lines.",
        "Stabiliser D₂ in a group of 16",
        f"Evenness {shape['evenness']:.2f}",
        "Covered 75.0 % within 22° of a member",
        "Missing 1 at 90°",
        "Stimulus types line 5",
        "Verified 87.5 % of a member’s top unseen images activate another member after the transform between the two; "
        "25.0 % after a random transform (20 pairs)",
    ):
        assert said in text
    (spread,) = data_of(family_file(site, 1), "spread")
    for name in ("profile", "profile_low", "profile_high"):
        assert spread[name] == pytest.approx(shape[name], abs=1e-4)


def test_feature_page_says_where_it_stands(site):
    for feature, said in (
        (8, "Family 0 one of its 9 members, rotated by 90° from the prototype, on the map"),
        (37, "Family 2 one of its 4 members, mirrored and rotated by 180° from the prototype, on the map"),
        (5, "Family 2 the prototype of its 4 members, on the map"),
        (11, "Family 3 one of its 4 members, on the map"),
        (1, "Family none, on the map"),
    ):
        page = site / "features" / feature_page(CROSSCODER, feature)
        assert said in text_of(page.read_text())
        assert f"../families.html#feature={feature}" in References(page.read_text()).found
    assert "it responds most to edges" in text_of((site / "features" / feature_page(CROSSCODER, 5)).read_text())


def test_scores_stand_beside_their_controls_on_one_scale(site, sae_page):
    for page in (site / "families.html", sae_page):
        table = re.search(r'<table class="scores">.*?</table>', page.read_text(), re.S)[0]
        rows = re.findall(r'<tr class="(\S+)"><th.*?</tr>', table, re.S)
        assert rows == ["group-crosscoder", "control", "control", "sae", "control"]
        first = re.search(r'<tr class="group-crosscoder">.*?</tr>', table, re.S)[0]
        assert text_of(first) == (
            f"{CROSSCODER_LABEL} 36 features, 3 seeds 0.600 ± 0.020 0.900 ± 0.020 0.500 ± 0.020 0.800 ± 0.020"
        )
        assert first.count('class="seed"') == 4 * 3
        # adjusted Rand index on −0.1 … 1
        places = [float(each) for each in re.findall(r'class="seed" style="left: ([\d.]+)%"', first)][:3]
        assert places == pytest.approx([100 * (value + 0.1) / 1.1 for value in (0.58, 0.6, 0.62)], abs=0.1)


def test_scores_are_grouped_by_layer(tables):
    scores = tables["family_scores"].filter(pl.col("family_analysis_id") == SAE_FAMILIES)
    snapshot = snapshot_of(tables | {"family_scores": scores})
    (layer,) = separations(snapshot, family_analyses(snapshot))
    assert [(analysis.key, subject) for analysis, subject, _ in layer.rows] == [
        (SAE_FAMILIES, "features"),
        (SAE_FAMILIES, "random dictionary"),
    ]
    assert layer.scales["adjusted_rand"].place(0.3) == pytest.approx(100 * 0.4 / 1.1)


@pytest.mark.parametrize(
    ("index", "control", "said"),
    [
        (0.6, 0.0, []),
        (0.05, 0.0, ["TopK sparse autoencoder: the adjusted Rand index, 0.05, is close to chance."]),
        (
            0.05,
            0.06,
            [
                "TopK sparse autoencoder: the adjusted Rand index is not above every control’s: "
                "families do not follow stimulus types here."
            ],
        ),
    ],
)
def test_scores_like_chance_are_said_to_be(tables, index, control, said):
    of_features = pl.col("condition") == "features"
    scores = tables["family_scores"].filter(family_analysis_id=SAE_FAMILIES, metric="adjusted_rand")
    scores = scores.with_columns(value=pl.when(of_features).then(index).otherwise(control))
    snapshot = snapshot_of(tables | {"family_scores": scores})
    (layer,) = separations(snapshot, family_analyses(snapshot))
    assert layer.cautions == said


def test_features_without_ground_truth_are_on_the_map_all_the_same(tables, tmp_path):
    nothing = {"stimulus_type": pl.lit(None, pl.String), "stimulus_confidence": pl.lit(None, pl.Float64)}
    members = tables["feature_families"].with_columns(**nothing)
    scores = tables["family_scores"].filter(pl.col("metric").is_in(["families", "features"]))
    changed = tables | {"feature_families": members, "family_scores": scores}
    write_pages(snapshot_of(changed), tmp_path, lambda done, total: None)
    assert set(map_of(tmp_path / "families.html")["columns"]["stimulus"]) == {None}
    pages = [tmp_path / "families.html", *(tmp_path / "families").iterdir()]
    text = " ".join(text_of(re.sub(r"<script.*?</script>", "", page.read_text(), flags=re.S)) for page in pages)
    assert re.findall(r"None|[Ss]timul[iu]|Do families agree", text) == []
    colours = re.findall(r'data-colour="(\w+)"', (tmp_path / f"families-{SAE_FAMILIES[:8]}.html").read_text())
    assert colours == ["family"]


def test_a_dictionary_without_families_says_so(tables, tmp_path):
    members = tables["feature_families"].with_columns(
        **{name: pl.lit(None, dtype) for name, dtype in tables["feature_families"].schema.items() if name in OF_FAMILY}
    )
    empty = {table: tables[table].clear() for table in ("family_shapes", "family_pairs", "family_scores")}
    write_pages(snapshot_of(tables | empty | {"feature_families": members}), tmp_path, lambda done, total: None)
    assert list((tmp_path / "families").iterdir()) == []
    assert "No features of this dictionary are copies of each other." in (tmp_path / "families.html").read_text()
    assert "Family none" in text_of((tmp_path / "features" / feature_page(CROSSCODER, 0)).read_text())


def test_circle_of_features_without_examples(tables):
    snapshot = snapshot_of(tables)
    family = family_analyses(snapshot)[0].families[0]
    nothing = {(CROSSCODER, feature): [] for feature in LIVE}
    assert {each["pictured"] for each in circle_numbers(family, nothing)["members"]} == {False}


@pytest.mark.parametrize(
    ("values", "said"), [([0.5], "0.500"), ([-0.1, -0.3], "−0.200 ± 0.141"), ([0.4, 0.5, 0.6], "0.500 ± 0.100")]
)
def test_mean_and_spread(values, said):
    assert mean_and_std(values) == said
