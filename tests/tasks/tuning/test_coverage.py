"""Coverage of anyone's responses: known curves give known answers, and bad files one clear line."""

import json

import numpy as np
import pytest

from tasks.errors import UserError
from tasks.tuning.coverage import coverage_report, read_responses
from tests.tasks.tuning.test_radial import von_mises

KAPPA = np.log(2) / (1 - np.cos(np.radians(30)))
"""Of a bump of 60° width at half maximum."""


def document(peaks=(0, 90, 100, 200), n=72, **changes):
    curves = {str(unit): von_mises(peak, KAPPA, n).tolist() for unit, peak in enumerate(peaks)}
    return {"layer": "mixed3b", "neurons": list(range(len(peaks))), "activations": curves} | changes


@pytest.fixture
def written(tmp_path):
    def write(content):
        file = tmp_path / "responses.json"
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return file

    return write


def test_known_curves_give_known_coverage(written):
    report = coverage_report(read_responses(written(document())))
    assert [unit["peak"] for unit in report["units"]] == pytest.approx([0, 90, 100, 200], abs=1e-6)
    assert [unit["width"] for unit in report["units"]] == pytest.approx([60] * 4, abs=0.5)
    assert [unit["echo"] for unit in report["units"]] == pytest.approx([np.exp(-2 * KAPPA)] * 4, abs=1e-6)
    # covered: -30 … 30, 60 … 130 and 170 … 230, to half a step of 5 degrees
    assert report["coverage"] == pytest.approx(190 / 360, abs=3 * 5 / 360)
    arcs = [(arc["start"], arc["end"]) for arc in report["uncovered_arcs"]]
    assert np.array(arcs) == pytest.approx(np.array([(30, 60), (130, 170), (230, 330)]), abs=5)
    assert sum(arc["width"] for arc in report["uncovered_arcs"]) == pytest.approx(360 * (1 - report["coverage"]))
    gaps = [(gap["after"], gap["before"], round(gap["width"])) for gap in report["gaps"]]
    assert gaps == [(0, 1, 90), (1, 2, 10), (2, 3, 100), (3, 0, 160)]
    assert report["largest_gap"] == pytest.approx(160)
    assert (report["angles"], report["step"], report["threshold"], report["layer"]) == (72, 5, 0.5, "mixed3b")
    json.dumps(report, allow_nan=False)


def test_the_threshold_widens_and_narrows_what_is_covered(written):
    responses = read_responses(written(document()))
    shares = [coverage_report(responses, threshold)["coverage"] for threshold in (0.1, 0.5, 0.9, 1.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(4 / 72)


@pytest.mark.parametrize("turn", [1, 17, 50])
def test_turned_responses_turn_the_report(written, turn):
    before = coverage_report(read_responses(written(document())))
    turned = {unit: np.roll(curve, turn).tolist() for unit, curve in document()["activations"].items()}
    after = coverage_report(read_responses(written(document(activations=turned))))
    assert after["coverage"] == before["coverage"]
    assert after["largest_gap"] == pytest.approx(before["largest_gap"])
    widths = [sorted(arc["width"] for arc in report["uncovered_arcs"]) for report in (before, after)]
    assert widths[0] == widths[1]
    for one, other in zip(after["units"], before["units"], strict=True):
        assert one["peak"] == pytest.approx((other["peak"] + 5 * turn) % 360)


def test_ids_may_be_numbers_or_text_and_come_back_as_they_were_listed(written):
    curves = {name: von_mises(50, 3, 36).tolist() for name in ("4", "unit 7", "-1")}
    report = coverage_report(read_responses(written(document(neurons=[4, "unit 7", -1], activations=curves))))
    assert [unit["unit"] for unit in report["units"]] == [4, "unit 7", -1]


def test_units_that_are_not_listed_are_named_and_count_for_nothing(written):
    curves = document()["activations"] | {"200": [float(k == 50) for k in range(72)], "broken": [1, 2]}
    report = coverage_report(read_responses(written(document(activations=curves, comment="no matter"))))
    assert report.pop("unlisted") == ["200", "broken"]
    assert report == {k: v for k, v in coverage_report(read_responses(written(document()))).items() if k != "unlisted"}


def test_silent_and_inhibited_units_have_no_peak_and_cover_nothing(written):
    curves = {"0": [0] * 36, "1": [-1 - k % 3 for k in range(36)], "2": (von_mises(180, 3, 36) - 0.3).tolist()}
    report = coverage_report(read_responses(written(document(neurons=[0, 1, 2], activations=curves))))
    assert [unit["responds"] for unit in report["units"]] == [False, False, True]
    assert [unit["peak"] for unit in report["units"]] == [None, None, pytest.approx(180)]
    assert [gap["width"] for gap in report["gaps"]] == [360]
    silent = coverage_report(read_responses(written(document(neurons=[0, 1], activations=curves))))
    assert (silent["coverage"], silent["gaps"], silent["largest_gap"]) == (0, [], None)
    assert silent["uncovered_arcs"] == [{"start": 0, "end": 0, "width": 360}]


def changed(unit, values):
    return document(activations=document()["activations"] | {unit: values})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not json", "Invalid JSON"),
        (b"", "Invalid JSON"),
        (b"\xff\xfe\x00", "Invalid JSON"),
        (b"[1, 2]", "not a JSON object"),
        (b"{}", "lacks layer"),
        ({"layer": "l", "neurons": [1]}, "lacks activations"),
        (document(layer=3), "layer: "),
        (document(neurons="1"), "neurons: "),
        (document(neurons=[]), "neurons is empty"),
        (document(neurons=[0, 1.5]), "neurons contains 1.5: ids must be whole numbers or text"),
        (document(neurons=[0, True]), "neurons contains True"),
        (document(neurons=[0, 1, "0"]), "neurons lists unit 0 2 times"),
        (document(neurons=[0, 9, 11]), "neurons lists 9, 11, but activations has no such unit"),
        (document(activations=[[1] * 36]), "activations: "),
        (changed("2", "abc"), "responses of unit 2 are not a list of numbers"),
        (changed("2", [[0.5]] * 72), "response 0 of unit 2 is not a finite number, but [0.5]"),
        (changed("2", [0.1] * 9 + [float("nan")] + [0.1] * 62), "response 9 of unit 2 is not a finite number, but nan"),
        (changed("2", [0.1] * 71 + [float("-inf")]), "response 71 of unit 2 is not a finite number, but -inf"),
        (changed("2", [0.1] * 71 + [None]), "response 71 of unit 2 is not a finite number, but None"),
        (changed("2", [0.1] * 71 + ["1"]), "response 71 of unit 2 is not a finite number, but '1'"),
        (changed("2", [0.1] * 71 + [True]), "response 71 of unit 2 is not a finite number, but True"),
        (changed("2", [0.1] * 71), "unit 2 has 71 responses and unit 0 has 72"),
        (changed("2", []), "unit 2 has 0 responses"),
        (document(n=35), "35 responses per unit are too few: at least 36"),
    ],
)
def test_a_bad_file_is_one_clear_line(written, content, message):
    with pytest.raises(UserError) as raised:
        read_responses(written(content))
    assert message in str(raised.value)
    assert str(raised.value).startswith("responses ")
    assert "\n" not in str(raised.value)


def test_what_is_no_file_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match=r"can't read responses .*nowhere.json: No such file"):
        read_responses(tmp_path / "nowhere.json")
    with pytest.raises(UserError, match="can't read responses"):
        read_responses(tmp_path)


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01, float("nan"), float("inf")])
def test_a_threshold_that_is_no_share_is_refused(written, threshold):
    responses = read_responses(written(document()))
    with pytest.raises(UserError, match=r"threshold .* is not in \(0, 1\]"):
        coverage_report(responses, threshold)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"layer": ' * 10_000,
        b'{"layer": "a", "neurons": [1], "activations": {"1": [' + b"9" * 10_000 + b"]}}",
        b'{"layer": "a", "neurons": [1], "activations": {"1": [1e999]}}',
        b'{"layer": "a", "neurons": [1], "activations": {"1": [NaN]}}',
        b'{"layer": "a\\nb", "neurons": ["\\u0000\\n"], "activations": {"1": ["' + b"a" * 10_000 + b'"]}}',
        b'{"layer": "a", "neurons": [1], "neurons": [], "activations": {}}',
        b'{"layer": "a", "neurons": ["\\u0000\\n' + b"a" * 10_000 + b'"], "activations": {}}',
    ],
)
def test_a_hostile_file_is_one_line(tmp_path, text):
    file = tmp_path / "responses.json"
    file.write_bytes(text)
    with pytest.raises(UserError) as refused:
        read_responses(file)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1000
