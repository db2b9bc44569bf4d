"""The overview opens with sentences whose numbers are those of the tables."""

import re

import polars as pl
import pytest

from tasks.report.site import write_pages
from tests.sample_tables import PLAIN_LAYER, both_loads
from tests.sample_tables.planted import CROSSCODER_LABEL, LIVE, planted_type
from tests.sample_tables.polysemantic import planted_mixture
from tests.tasks.report.conftest import snapshot_of
from tests.tasks.report.markup import text_of

NOTHING = ("curve", "tun", "unit_sets", "neuron", "famil", "dimension", "concept", "cav", "attack", "facet", "trust")


def findings_of(site):
    """[(title, sentence, page)] in the order of the overview."""
    section = re.search(r'<section id="findings">.*?</section>', (site / "index.html").read_text(), re.S)
    if section is None:
        return []
    entries = re.findall(r'<li><a href="(.*?)">(.*?)</a> <span>(.*?)</span></li>', section[0], re.S)
    return [(title, text_of(sentence), page) for page, title, sentence in entries]


def sentences(site, title):
    return [sentence for found, sentence, _ in findings_of(site) if found == title]


def test_symmetry_types_are_counted(early):
    counts = {kind: sum(planted_type(feature) == kind for feature in LIVE) for kind in map(planted_type, LIVE)}
    (sentence,) = sentences(early, "Symmetry types")
    assert sentence.startswith(f"Of {len(LIVE)} live features of {CROSSCODER_LABEL}, ")
    assert f"{counts['period-360']} have period 360° ({100 * counts['period-360'] / len(LIVE):.1f} %)" in sentence
    assert f"{counts['invariant']} are invariant" in sentence


def test_detectors_that_neurons_lack_are_named_with_their_peaks(early):
    first, *_ = sentences(early, "Curve detectors")
    assert first == (
        f"In {PLAIN_LAYER}, 10 of 40 neurons detect curves and cover 84.4 % of orientations; "
        f"{PLAIN_LAYER} · ReLU SAE 40, seed 0 has 2 detectors that are missing among the neurons, at 288°, 324°."
    )


def test_mixed_neurons_are_counted_for_each_dictionary(early):
    mixed = sum(len(planted_mixture(neuron)) == 2 for neuron in range(40))
    (sentence,) = sentences(early, "Mixed neurons")
    assert sentence.count(f"{mixed} according to ") == 2


def test_families_and_their_agreement_over_seeds(early):
    crosscoder, sae = sentences(early, "Families")
    assert crosscoder == (
        f"24 of 36 live features of {CROSSCODER_LABEL} are in 5 families; their agreement with stimulus types is an "
        "adjusted Rand index of 0.600 ± 0.020 over 3 seeds, above the controls’ largest, 0.120."
    )
    assert sae.startswith("13 of 36 live features of ")


def test_dimensions_name_the_parameters_that_they_follow(early):
    sentence, *_ = sentences(early, "Tuning dimensions")
    assert "follow orientation with R² 0.9" in sentence


def test_an_attack_that_flipped_a_verdict_has_its_intervals(early):
    (sentence,) = sentences(early, "Attack that flipped a verdict")
    assert "score of stripes for zebra 0.93 → 0.07, verdict changed from matters to speaks against" in sentence
    assert re.search(
        r"95 % intervals: 0\.\d\d–1\.00 and 0\.00–0\.\d\d, over 3 random sets and 5 photographs of", sentence
    )
    (trust,) = sentences(early, "Tamper detection")
    assert trust == (
        "At blocks.5, tamper detection does not trust 8 of 8 attacked sets of exemplars and 1 of 2 clean ones."
    )


def test_an_attack_that_flipped_nothing_is_not_said_to(tables, tmp_path):
    scores = tables["attack_scores"].with_columns(score=pl.lit(0.9), p_holm=pl.lit(0.001))
    write_pages(snapshot_of(tables | {"attack_scores": scores}), tmp_path, lambda done, total: None)
    assert sentences(tmp_path, "Attack that flipped a verdict") == []
    assert len(sentences(tmp_path, "Attack")) == 1


def test_every_finding_leads_to_its_page(early):
    found = findings_of(early)
    assert len(found) >= 8
    for _, _, page in found:
        file, _, anchor = page.partition("#")
        text = (early / file).read_text()
        assert not anchor or "=" in anchor or f'id="{anchor}"' in text


@pytest.mark.parametrize("left", [["networks"], ["networks", "layers", "images", "activation_sets", "runs"]])
def test_without_studies_there_is_nothing_found(tables, tmp_path, left):
    write_pages(snapshot_of({name: tables[name] for name in left}), tmp_path, lambda done, total: None)
    assert findings_of(tmp_path) == []


def test_symmetry_alone_is_a_finding(tables, tmp_path):
    kept = {name: rows for name, rows in tables.items() if not any(part in name for part in NOTHING)}
    write_pages(snapshot_of(kept), tmp_path, lambda done, total: None)
    assert [title for title, *_ in findings_of(tmp_path)] == ["Symmetry types"]


def test_time_and_memory_stand_with_the_runs_and_do_not_break(early):
    text = (early / "index.html").read_text()
    tiles = re.search(r'<section class="tiles".*?</section>', text, re.S)[0]
    assert "memory" not in tiles
    assert text.index('id="findings"') < text.index('class="tiles"') < text.index("What was run")
    runs = both_loads()["runs"]
    assert runs.height
    assert re.search(r"\d\N{NO-BREAK SPACE}(s|MiB|GiB)", text[text.index("What was run") :])
