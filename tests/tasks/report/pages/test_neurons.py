"""Mixed neurons have pages that show their features."""

import re

import polars as pl
import pytest

from tests.sample_tables import PLAIN_LAYER, PLAIN_SAE, PLAIN_SET
from tests.sample_tables.planted import DEAD, FEATURES, SAE
from tests.sample_tables.polysemantic import planted_mixture
from tests.sample_tables.tuning import planted_detectors
from tests.tasks.report.conftest import snapshot_of
from tests.tasks.report.markup import data_of

LIVE = [feature for feature in range(FEATURES) if feature not in DEAD]


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
