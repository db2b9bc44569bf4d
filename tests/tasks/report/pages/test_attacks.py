"""Concepts and attacks stand on the site as they stand in the tables: scores, pictures, transfer, facets, trust."""

import html
import json
import re
from itertools import chain, product

import polars as pl
import pytest

from tasks.report.labels import ATTACKS, Attack
from tasks.report.pages.attacks import verdict_change
from tasks.report.site import write_pages
from tests.sample_tables.attacks import (
    ATTACK_ANALYSIS,
    ATTACKED,
    FACET_ANALYSIS,
    PLANTED_FACETS,
    PLANTED_READINGS,
    PLANTED_STATISTICS,
)
from tests.sample_tables.concepts import CONCEPTS, PLANTED_CONCEPTS
from tests.tasks.report.conftest import snapshot_of
from tests.tasks.report.markup import data_of, text_of
from tests.tasks.report.pages.test_dimensions import section_of

EXPERIMENT = f"experiment-{ATTACK_ANALYSIS[:12]}"
TABLES = ("attack_experiments", "attacks", "attack_scores", "attack_pictures", "attack_features")
FACETS = ("facet_analyses", "facet_pictures", "facet_readings")
TRUST = ("trust_analyses", "trust_checks")


@pytest.fixture(scope="module")
def page(site):
    return site / "attacks.html"


@pytest.fixture(scope="module")
def experiment(page):
    return section_of_class(page, EXPERIMENT)


def section_of_class(page, anchor):
    return re.search(rf'<section[^>]* id="{anchor}">.*?</section>', page.read_text(), re.S)[0]


def shown_at(markup, tag, epsilon, attack=None):
    """Elements that are shown when an ε, and an attack, are chosen."""
    of = f' data-attack="{attack}"' if attack else ""
    return re.findall(rf'<{tag}[^>]* data-epsilon="{epsilon}"{of}(?: hidden)?>.*?</{tag}>', markup, re.S)


def rows_of(table):
    return [text_of(row) for row in re.findall(r"<tr[^>]*data-row.*?</tr>", table, re.S)]


def written(tables, folder):
    write_pages(snapshot_of(tables), folder, lambda done, total: None)
    return folder / "attacks.html"


def test_concepts_are_listed_with_score_and_verdict(page, tables):
    section = section_of(page, "concepts")
    [table] = re.findall(r"<table.*?</table>", section, re.S)
    classes = tables["concepts"].filter(role="class", name="zebra")
    assert text_of(table).count(f"for zebra, {classes['exemplars'].item()} images") == 1
    assert "efficientnet_lite0 blocks.5 · TCAV of dots, stripes for zebra · logistic CAVs, seed 0" in text_of(section)
    for name, (scores, *_, p_holm) in PLANTED_CONCEPTS.items():
        (row,) = [row for row in re.findall(r"<tr>.*?</tr>", section, re.S) if f"</span>{name}" in row]
        score = sum(scores) / len(scores)
        (verdict,) = re.findall(rf"{score:.2f} \d\.\d\d–\d\.\d\d, (.*)", text_of(row))
        assert verdict == ("matters" if p_holm < 0.05 else "no evidence")
        assert len(re.findall("<img", row)) == 3
        left = float(re.search(r'class="dot" style="left: ([\d.]+)%"', row)[1])
        assert left == pytest.approx(100 * score, abs=0.06)


def test_the_headline_says_what_the_best_attack_did_and_noise_did_not(experiment):
    headline = text_of(re.search(r'<p class="headline">.*?</p>', experiment)[0]).replace("\N{NO-BREAK SPACE}", " ")
    assert headline == (
        "Stripes exemplars attacked against the CAV at blocks.5, ε = 8/255: score of stripes for zebra 0.93 → 0.07, "
        "verdict changed from matters to speaks against; with noise of the same ε 0.93, verdict unchanged."
    )


@pytest.mark.parametrize(
    ("kind", "before", "after", "said"),
    [
        ("negative", "matters", "no evidence", "verdict changed from matters to no evidence"),
        ("negative", "matters", "speaks against", "verdict changed from matters to speaks against"),
        ("negative", "matters", "matters", "verdict still matters"),
        (
            "negative",
            "no evidence",
            "speaks against",
            "verdict speaks against; the clean verdict was already no evidence, so it could not flip",
        ),
        ("positive", "no evidence", "matters", "verdict changed from no evidence to matters"),
        ("positive", "no evidence", "no evidence", "verdict still no evidence"),
        ("positive", "speaks against", "no evidence", "verdict changed from speaks against to no evidence"),
        (
            "positive",
            "matters",
            "matters",
            "verdict matters; the clean verdict was already matters, so it could not flip",
        ),
    ],
)
def test_what_became_of_a_verdict(kind, before, after, said):
    assert verdict_change(kind, before, after) == said


def test_noise_that_does_the_same_is_told(tables, tmp_path):
    likewise = pl.col("attack").eq("noise") & pl.col("epsilon").eq(8)
    scores = tables["attack_scores"].with_columns(
        score=pl.when(likewise).then(0.5).otherwise("score"), p_holm=pl.when(likewise).then(1.0).otherwise("p_holm")
    )
    page = written(tables | {"attack_scores": scores}, tmp_path)
    headline = text_of(re.search(r'<p class="headline">.*?</p>', page.read_text())[0])
    assert headline.endswith("speaks against; but noise of the same ε gives 0.50 and the verdict no evidence.")


def test_a_sheet_an_attack_and_epsilon_holds_its_pictures(site, experiment, tables):
    made = [
        (perturbed_set, *each)
        for perturbed_set, (epsilons, _, names) in ATTACKED.items()
        for each in product(names, epsilons)
    ]
    for perturbed_set, name, epsilon in made:
        (sheet,) = shown_at(experiment, "div", epsilon, f"{perturbed_set}-{name}")
        stored = (
            tables["attack_pictures"].filter(perturbed_set=perturbed_set, attack=name, epsilon=epsilon).sort("place")
        )
        files = re.findall(r'src="(attacks/\w+\.webp)"', sheet)
        columns = [stored[column].to_list() for column in ("clean", "attacked", "difference")]
        assert [(site / name).read_bytes() for name in files] == [*chain(*columns)]
        label = Attack(perturbed_set, name).label
        assert f'alt="{"exemplar" if perturbed_set == "concept" else "random image"} 0, {label}, ε {epsilon}"' in sheet
    assert len(re.findall('class="exemplar-rows"', experiment)) == len(made)
    # without JavaScript there is one, of the attack in the headline
    assert re.findall(r'<div class="exemplar-rows" (data-epsilon="8" data-attack="concept-cav")>', experiment)
    assert len(re.findall(r'class="exemplar-rows"[^>]*(?<!hidden)>', experiment)) == 1


def test_scores_before_and_after_stand_beside_the_controls(experiment):
    (table,) = shown_at(experiment, "table", 8)
    rows = rows_of(table)
    assert rows == [
        "clean 0.93 matters",
        "noise 0.93 matters",
        "random direction 0.93 matters",
        "token pushing 0.33 no evidence",
        "CAV 0.07 speaks against",
        "noise 0.93 matters",
        "random direction 0.93 matters",
        "through the random set 0.53 no evidence",
    ]
    assert "random images perturbed instead" in text_of(table)
    assert re.findall(r'data-row="([\w-]+)" aria-current="true"', table) == ["concept-cav"]
    assert re.findall(r'class="track score (\w+)"', table).count("nothing") == 2
    (earlier,) = shown_at(experiment, "table", 2)
    assert len(rows_of(earlier)) == 5  # the random sets were changed at ε 8 alone


def test_facts_say_how_far_the_pictures_went_and_whether_they_are_trusted(experiment):
    (facts,) = shown_at(experiment, "dl", 8, "concept-token-pushing")
    text = text_of(facts)
    assert "4 of 4 exemplars, each channel by at most 8/255" in text
    assert "31.1 dB" in text
    assert "not trusted : CAV shift after JPEG 0.3 > 0.052; colour grain 1.4 > 0.34" in text
    assert "cosine 0.10" in text
    (facts,) = shown_at(experiment, "dl", 8, "random-random-set")
    assert "12 of 12 random images" in text_of(facts)
    assert "trusted the checks examine the exemplars, which are clean here" in text_of(facts)


def test_charts_hold_scores_with_their_intervals(page):
    by_epsilon, *by_fraction = data_of(page, "effect")
    lines = {line["class"]: line for line in by_epsilon["lines"] if "random set" not in line["name"]}
    for name, line in lines.items():
        attack = name.removeprefix("attack-")
        assert line["dashed"] == (attack in ("noise", "random-direction"))
        scores = [PLANTED_READINGS[here()][1].get((attack, epsilon), 14 / 15) for epsilon in (2, 8)]
        assert [point[0] for point in line["points"]] == [2, 8]
        assert [point[1] for point in line["points"]] == pytest.approx(scores, abs=1e-3)
        assert all(low <= score <= high for _, score, low, high, _ in line["points"])
    assert [point[4] for point in lines["attack-token-pushing"]["points"]] == [1, 0]
    assert by_epsilon["clean"] == pytest.approx(14 / 15, abs=1e-3)
    assert by_epsilon["random"][0] < 7 / 15 < by_epsilon["random"][1]
    assert len(by_fraction) == 2
    (pushed,) = [line for line in by_fraction[1]["lines"] if line["name"] == "token pushing"]
    assert [point[0] for point in pushed["points"]] == [0, 0.5, 1]
    assert [point[4] for point in pushed["points"]] == [1, 1, 0]


def here():
    return next(iter(PLANTED_READINGS))


def test_transfer_is_read_in_every_place(experiment, tables):
    (figure,) = shown_at(experiment, "figure", 8)[1:2]
    head = re.search(r"<thead>.*?</thead>", figure, re.S)[0]
    assert re.findall(r'scope="colgroup" colspan="(\d)">([\w-]+)', head)[0] == ("2", "efficientnet_lite0")
    assert text_of(head).count("attacked here") == 1
    body = {text_of(row).split("0.")[0].strip(): row for row in re.findall(r'<tr class="attack.*?</tr>', figure, re.S)}
    assert text_of(body["clean"]) == "clean 0.93 matters 0.93 matters 0.93 matters"
    assert text_of(body["token pushing"]) == "token pushing 0.47 no evidence 0.33 no evidence 0.87"
    assert re.findall(r'<td class="(\w+ ?\w*)" style="--share: (\d+)%"', body["token pushing"]) == [
        ("down flipped", "47"),
        ("down flipped", "60"),
        ("down", "7"),
    ]


def test_dictionaries_say_what_stands_out(experiment):
    (figure,) = shown_at(experiment, "figure", 8)[2:]
    text = text_of(figure)
    assert "efficientnet_lite0 blocks.5 · TopK SAE 40, k 8, norm sampling, seed 0" in text
    rows = re.findall(r"<tr><th.*?</tr>", re.search(r"</thead>(.*)", figure, re.S)[1], re.S)
    assert len(rows) == len(PLANTED_STATISTICS)
    for row in rows:
        assert [text_of(cell) for cell in re.findall(r"<td>.*?</td>", row)] == [
            "0 % 0–49 %",
            *["100.0 % 51–100 % AUC 0.90"] * 4,
        ]
    assert "Clean exemplars are flagged too" not in text


def test_facets_stand_in_a_grid(page, site, tables):
    section = section_of_class(page, f"facets-{FACET_ANALYSIS[:12]}")
    stored = tables["facet_pictures"].sort("place")
    pictures = re.findall(r'<img src="(attacks/\w+\.webp)" alt="(.*?)"', section)
    assert len(pictures) == len(stored)
    plain = stored.filter(attack="plain")["picture"].item()
    assert ((site / pictures[0][0]).read_bytes(), pictures[0][1]) == (plain, "blocks.5 3, plain")
    rows = re.split(r'<tr><th scope="row" class="text">(?=\w+</th>\n)', section)[1:]
    assert [row.split("<")[0] for row in rows] == ["stripes", "dots"]
    for name, row in zip(("stripes", "dots"), rows, strict=True):
        shown = [(site / file).read_bytes() for file in re.findall(r'src="(attacks/\w+\.webp)"', row)]
        order = {attack: place for place, attack in enumerate(PLANTED_FACETS)}
        of_facet = sorted(
            stored.filter(facet_id=CONCEPTS[name]).iter_rows(named=True), key=lambda each: order[each["attack"]]
        )
        assert shown[-len(order) :] == [each["picture"] for each in of_facet]
    _, own, others = PLANTED_FACETS["positive"]
    said = f"dots {others} stripes {own} towards dots; probe accuracy 100.0 %, cosine -0.50".replace("-", "−")
    assert said in text_of(section)


def test_trust_tells_false_alarms_and_detections(page, tables):
    section = section_of(page, "trust")
    text = text_of(section)
    assert "Clean, drawn: 1 of 2 (95 % interval 9–91 %). 2 clean sets are too few to know the false alarms." in text
    checks = tables["trust_checks"]
    assert f"All {checks['concept_id'].n_unique()} sets" in text
    (row,) = [text_of(row) for row in re.findall(r"<tr>.*?</tr>", section, re.S) if 'text">token pushing<' in row]
    assert row == "token pushing" + " 1 of 1 21–100 %" * 4
    assert "split-half disagreement 0.31 > 0.3" in text


def test_checks_that_flag_clean_sets_are_no_sign_of_an_attack(tables, tmp_path):
    all_fail = tables["trust_checks"].with_columns(passed=False)
    text = text_of(section_of(written(tables | {"trust_checks": all_fail}, tmp_path), "trust"))
    assert "The checks flag 2 of 2 clean sets: at this layer a flag is no sign of an attack." in text
    assert "Sets with mere noise are flagged too" in text


def test_a_statistic_that_flags_clean_exemplars_says_so(tables, tmp_path):
    flagged = pl.when(attack="clean", statistic="rare").then(0.75).otherwise("flagged")
    page = written(tables | {"attack_features": tables["attack_features"].with_columns(flagged=flagged)}, tmp_path)
    assert "Clean exemplars are flagged too: by “rare features” up to 75.0 %." in text_of(page.read_text())


def test_two_scores_of_one_concept_class_and_layer_say_why_they_differ(page, tables, tmp_path):
    assert "for the same concept, class and layer" not in text_of(page.read_text())
    stripes = pl.col("concept_id") == CONCEPTS["stripes"]
    lower = tables["tcav_tests"].with_columns(score=pl.when(stripes).then(0.7).otherwise("score"))
    text = text_of(written(tables | {"tcav_tests": lower}, tmp_path).read_text())
    tests = tables["attack_experiments"]["tests"].item()
    assert (
        "“efficientnet_lite0 blocks.5 · TCAV of dots, stripes for zebra · logistic CAVs, seed 0” gives 0.70, matters, "
        "for the same concept, class and layer; the clean score here is 0.93, matters. Each has random sets of its "
        f"own. They also differ in the number of tests that Holm’s correction covers (2 there, {tests} here)."
    ) in text


def test_axes_have_a_scale_and_captions_their_numbers(page, experiment):
    [table] = re.findall(r'<table class="importance">.*?</table>', page.read_text(), re.S)
    assert text_of(re.search(r"<thead>.*?</thead>", table, re.S)[0]) == "Concept blocks.5 0 score 1"
    assert "95 % intervals over 3 random sets and 5 photographs of the class" in text_of(experiment)
    assert "At ε 8, of 4 exemplars" in text_of(experiment)


def test_cuts_of_one_photograph_are_no_class(tables, tmp_path):
    """The interval is as wide as one image makes it, and a sentence says why."""
    cuts = tables["concept_exemplars"].with_columns(
        name=pl.format("chelsea.png@224+{}+0", 56 * pl.int_range(pl.len()).over("concept_id"))
    )
    text = text_of(section_of(written(tables | {"concept_exemplars": cuts}, tmp_path), "concepts"))
    assert "images cut from 1 photograph. One photograph is too few to speak of the class" in text


def test_what_was_not_made_is_not_shown(tables, tmp_path):
    """One fraction, one place, no dictionary, facets and trust: the effect is there all the same."""
    one = pl.col("fraction") != 0.5
    kept = {
        "attacks": tables["attacks"].filter(one),
        "attack_scores": tables["attack_scores"].filter(one, eval_layer=here()[1], eval_network=here()[0]),
    }
    left = {name: rows for name, rows in tables.items() if name not in ("attack_features", *FACETS, *TRUST)}
    page = written(left | kept, tmp_path)
    assert len(data_of(page, "effect")) == 1
    text = text_of(page.read_text())
    missing = "None|share of perturbed images|Transfer to other layers|dictionary’s features|Facets of|Tamper detection"
    assert re.findall(missing, text) == []


def test_facets_alone_and_concepts_alone_have_a_page(tables, tmp_path):
    everything = (*TABLES, *FACETS, *TRUST)
    without = {name: rows for name, rows in tables.items() if name not in everything}
    bare = {name: rows for name, rows in without.items() if name not in ("tcav_tests", "tcav_scores")}
    for name, left in {"facets": bare | {name: tables[name] for name in FACETS}, "concepts": without}.items():
        (tmp_path / name).mkdir()
        text = written(left, tmp_path / name).read_text()
        assert len(re.findall("<section", text)) == 1
    (tmp_path / "nothing").mkdir()
    assert not written(bare, tmp_path / "nothing").exists()
    assert "attacks.html" not in (tmp_path / "nothing/index.html").read_text()
    for page in (tmp_path / "concepts").rglob("*.html"):
        assert "attacks.html" in page.read_text()


def test_controls_are_marked():
    assert [name for name in ATTACKS if Attack("concept", name).is_control] == ["clean", "noise", "random-direction"]


def test_every_attack_has_colours_of_its_own(site, experiment):
    styles = (site / "assets/types.css").read_text()
    used = set(re.findall(r'class="(?:chip )?(attack-[\w-]+)"', experiment))
    assert len(used) == 6
    assert all(f".{name} {{ --type:" in styles for name in used)
    assert all(json.loads(html.unescape(each)) for each in re.findall(r'data-effect="(.*?)"', experiment))
