import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure

from tasks import provenance
from tasks.errors import UserError
from tasks.provenance import made_in
from tasks.settings import ROOT, Settings
from tasks.tracking.runs import log_analysis, log_findings, log_training
from tasks.tracking.store import tracking
from tests.tasks.tracking.conftest import FEATURES, STEPS, write_dictionary

KEY = "d" * 64


@pytest.fixture
def dictionary(settings):
    write_dictionary(KEY, settings)
    return KEY


def runs_of(client):
    return client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])


def test_a_run_holds_what_was_asked_and_what_came_out(settings, dictionary):
    figure = Figure()
    figure.subplots().plot([1, 2])
    run_id = log_training(dictionary, settings, lambda: {"loss": figure})
    with tracking(settings) as client:
        run = client.get_run(run_id)
        experiment = client.get_experiment(run.info.experiment_id)
        steps = client.get_metric_history(run_id, "training/fvu")
        (picture,) = client.list_artifacts(run_id, "figures")
        header = Path(client.download_artifacts(run_id, picture.path)).read_bytes()[:8]

    assert run.info.status == "FINISHED"
    assert experiment.name == "efficientnet_lite0/blocks.5"
    assert run.data.params["features"] == str(FEATURES)
    assert run.data.params["encode_from"] == "identity"
    assert {metric.step: metric.value for metric in steps} == {step: 1 / step for step in range(1, STEPS + 1)}
    assert run.data.metrics["test/fvu"] == 0.25
    assert run.data.metrics["training/train_seconds"] == 12.5
    assert run.data.tags["dictionary"] == dictionary
    assert run.data.tags["mlflow.note.content"].startswith("A dictionary.")
    assert run.data.tags["mlflow.source.name"] == "kaleidoscope"
    assert {name.partition("/")[0] for name in run.data.metrics} == {"training", "test"}
    assert run.data.tags["activation_set"] == "a" * 64
    assert (picture.path, header) == ("figures/loss.png", b"\x89PNG\r\n\x1a\n")


def test_a_curve_that_stays_zero_is_no_chart(settings, dictionary, monkeypatch):
    history = pl.DataFrame({"step": [1, 2] * 3, "metric": ["fvu"] * 2 + ["auxiliary"] * 2 + ["dead_fraction"] * 2,
                            "value": [0.5, 0.25, 0.0, 0.0, 0.1, 0.0]})  # fmt: skip
    monkeypatch.setattr("tasks.tracking.runs.read_table", lambda *_: history)
    with tracking(settings) as client:
        metrics = client.get_run(log_training(dictionary, settings)).data.metrics
    assert {name for name in metrics if name.startswith("training/")} == {
        *("training/fvu", "training/dead_fraction", "training/train_seconds"),
    }


def test_metrics_are_named_in_mlflows_letters(settings):
    run_id = log_analysis(
        "concepts",
        KEY,
        "net · TCAV",
        "net/concepts",
        Settings(),
        {"score/dots/crane-(bird)/blocks.5": 0.5},
        {},
        settings,
    )
    with tracking(settings) as client:
        assert client.get_run(run_id).data.metrics == {"score/dots/crane--bird-/blocks.5": 0.5}


def name_of(run_id, settings):
    with tracking(settings) as client:
        return client.get_run(run_id).info.run_name


def test_a_run_is_named_by_the_label(settings, dictionary):
    run_id = log_training(dictionary, settings)
    assert name_of(run_id, settings) == "efficientnet_lite0 blocks.5 · TopK group crosscoder 10, D2, k 3, seed 0"
    label = """net · TCAV of a 'striped' "thing", 100 %"""
    run_id = log_analysis("concepts", KEY, label, "net/concepts", Settings(), {}, {}, settings)
    assert name_of(run_id, settings) == label


def test_runs_of_equal_labels_are_both_named_apart_by_their_keys(settings, dictionary):
    label = """net · TCAV of a 'striped' "thing", 100 %"""
    keys = ["1" * 64, "2" * 64, "3" * 64]
    runs = [log_analysis("concepts", key, label, "net/concepts", Settings(), {}, {}, settings) for key in keys]
    other = log_analysis("concepts", "4" * 64, f"{label} of 8", "net/concepts", Settings(), {}, {}, settings)
    assert [name_of(run_id, settings) for run_id in runs] == [f"{label} · {key[:8]}" for key in keys]
    assert name_of(other, settings) == f"{label} of 8"
    with tracking(settings) as client:
        client.update_run(runs[0], status="RUNNING")
    again = log_analysis("concepts", keys[0], label, "net/concepts", Settings(), {}, {}, settings)
    assert again != runs[0]
    assert name_of(again, settings) == f"{label} · {keys[0][:8]}"


def test_a_run_names_the_flow_run_the_code_and_the_folder(settings, dictionary, monkeypatch):
    monkeypatch.setattr(provenance, "_revision", lambda: "abc-dirty")
    with made_in("the-flow-run"):
        run_id = log_training(dictionary, settings)
    other = log_analysis("trust", "e" * 64, "net · trust", "net/trust", Settings(), {}, {}, settings)
    with tracking(settings) as client:
        tags, outside = client.get_run(run_id).data.tags, client.get_run(other).data.tags
    assert tags["flow_run_id"] == "the-flow-run"
    assert (tags["git_revision"], tags["mlflow.source.git.commit"]) == ("abc-dirty", "abc")
    assert tags["data_folder"] == f"dictionaries/{dictionary}"
    assert outside["data_folder"] == f"frames/{'e' * 64}"
    assert "flow_run_id" not in outside


def test_the_same_dictionary_keeps_its_run(settings, dictionary):
    run_id = log_training(dictionary, settings)
    assert log_training(dictionary, settings) == run_id
    write_dictionary("e" * 64, settings)
    assert log_training("e" * 64, settings) != run_id
    with tracking(settings) as client:
        assert len(runs_of(client)) == 2


def test_findings_that_are_logged_are_not_drawn_and_logged_again(settings, dictionary):
    run_id, drawn = log_training(dictionary, settings), []

    def figures():
        drawn.append(Figure())
        return {"families": drawn[-1]}

    for metrics in ({"families": 4.0}, {"families": 4.0}, {"families": 5.0}, {"families": 5.0, "more (%)": 1.0}):
        log_findings(dictionary, "found", metrics, settings, figures)
    log_findings(dictionary, "found", {"families": 5.0, "more (%)": 1.0}, settings, lambda: pytest.fail("drawn again"))
    assert len(drawn) == 3
    with tracking(settings) as client:
        assert [metric.value for metric in client.get_metric_history(run_id, "found/families")] == [4.0, 5.0, 5.0]
        assert [file.path for file in client.list_artifacts(run_id, "figures")] == ["figures/families.png"]


def test_findings_whose_figures_failed_are_logged_by_the_next(settings, dictionary):
    run_id = log_training(dictionary, settings)
    with pytest.raises(ZeroDivisionError):
        log_findings(dictionary, "found", {"families": 4.0}, settings, lambda: {"families": 1 / 0})
    log_findings(dictionary, "found", {"families": 4.0}, settings, lambda: {"families": Figure()})
    with tracking(settings) as client:
        assert client.get_run(run_id).data.metrics["found/families"] == 4.0
        assert [file.path for file in client.list_artifacts(run_id, "figures")] == ["figures/families.png"]


def test_the_figures_of_a_finished_run_are_drawn_once(settings, dictionary):
    run_id = log_training(dictionary, settings)
    assert log_training(dictionary, settings, lambda: {"loss": Figure()}) == run_id, "it had none"
    assert log_training(dictionary, settings, lambda: pytest.fail("drawn again")) == run_id
    with tracking(settings) as client:
        assert [file.path for file in client.list_artifacts(run_id, "figures")] == ["figures/loss.png"]
        assert client.get_run(run_id).info.status == "FINISHED"


def test_a_run_left_by_a_killed_process_is_closed_and_replaced(settings, dictionary):
    finished = log_training(dictionary, settings)
    with tracking(settings) as client:
        client.update_run(finished, status="RUNNING")
    run_id = log_training(dictionary, settings)
    assert run_id != finished
    with tracking(settings) as client:
        assert {run.info.run_id: run.info.status for run in runs_of(client)} == {finished: "KILLED", run_id: "FINISHED"}


STUDIES = """
import time
from tasks.settings import Settings
from tasks.tracking.runs import study_run
with study_run("sweep", "e" * 64, "net layer · sweep", "net/layer", Settings()):
    print("studies", flush=True)
    time.sleep(600)
"""


def test_a_run_is_killed_with_its_process_and_by_nobody_else(settings):
    environment = os.environ | {"KALEIDOSCOPE_DATA_DIR": str(settings.data_dir)}
    command = [sys.executable, "-c", STUDIES]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline()
            with tracking(settings) as client:
                [run] = runs_of(client)
                assert run.info.status == "RUNNING"
        finally:
            process.kill()
        process.wait()
        with tracking(settings) as client:
            assert client.get_run(run.info.run_id).info.status == "KILLED"
    assert list(settings.running_dir.glob("*.lock")) == []


def test_logging_that_fails_leaves_a_failed_run_and_the_next_one_is_whole(settings, dictionary):
    class Unsaveable(Figure):
        def savefig(self, *args, **kwargs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log_training(dictionary, settings, lambda: {"loss": Unsaveable()})
    with tracking(settings) as client:
        assert [run.info.status for run in runs_of(client)] == ["FAILED"]
    run_id = log_training(dictionary, settings)
    with tracking(settings) as client:
        assert client.get_run(run_id).info.status == "FINISHED"


def test_a_dictionary_that_is_not_there_makes_no_run(settings):
    with pytest.raises(UserError, match="no trained dictionary"):
        log_training("0" * 64, settings)
    with tracking(settings) as client:
        assert runs_of(client) == []
