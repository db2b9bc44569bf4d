"""The page of curve detectors shows the detectors of the views."""

import base64
import re

import numpy as np
import pytest

from tasks.report.text import feature_page
from tests.sample_tables import PLAIN_LAYER, PLAIN_SAE, early_vision_tables
from tests.sample_tables.planted import DEAD, FEATURES
from tests.sample_tables.tuning import planted_detectors, planted_peak
from tests.tasks.report.markup import data_of, text_of

LIVE = [feature for feature in range(FEATURES) if feature not in DEAD]


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
    assert rows[1] == "Neurons 10 25.0 % 14–40 %, n 40 84.4 % 117° 10 –"
    assert rows[2] == f"efficientnet_lite0 {PLAIN_LAYER} · ReLU SAE 40, seed 0 19 47.5 % 33–63 %, n 40 100.0 % 36° 1 2"
    missing = re.search(r'<ul class="cards missing">.*?</ul>', text, re.S)[0]
    assert re.findall(r'href="features/(.*?)"', missing) == [feature_page(PLAIN_SAE, feature) for feature in (32, 36)]
    assert "32 peak 288° neuron 27 is 45° away natural r 0.90" in text_of(missing)
    families = re.search(r'<details class="families">.*?</details>', text, re.S)[0]
    assert "20 px, any 10 100.0 % 36° 60°" in text_of(families)


def test_a_detector_has_its_curves_on_its_page(early):
    (sheet,) = data_of(early / "features" / feature_page(PLAIN_SAE, 4), "tuning")
    curves = early_vision_tables()["tuning_curves"].filter(unit=4)
    feature = early_vision_tables()["unit_sets"].filter(kind="features")["unit_set_id"].item()
    expected = curves.filter(unit_set_id=feature).sort("angle_degrees").partition_by("stimulus", as_dict=True)
    assert sheet["curves"].keys() == {stimulus for (stimulus,) in expected}
    for (stimulus,), rows in expected.items():
        np.testing.assert_allclose(sheet["curves"][stimulus], rows["response"], rtol=1e-3)
    undetected = early / "features" / feature_page(PLAIN_SAE, 5)
    assert data_of(undetected, "tuning") == []
    assert "it responds most to gratings" in text_of(undetected.read_text())
