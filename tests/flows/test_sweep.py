"""The sweep: variants laid over what they have in common, one pass, nested runs, a failure that is named."""

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.config import read_config
from flows.sweep import SweepConfig, sweep
from tasks.dictionary.store import config_of, trained
from tasks.errors import UserError
from tests.flows.test_flows import SMALL

EXTRACTION = [assignment for assignment in SMALL if assignment.startswith("extraction.")]
COMMON = [f"dictionary.{field}" for field in ("features=24", "k=4", "steps=10", "batch_size=32", "architecture=sae")]


def config(variants: str) -> SweepConfig:
    return read_config(SweepConfig, None, [*EXTRACTION, *COMMON, f"variants={variants}"])


def test_variants_differ_only_in_what_they_name():
    found = config('[{k = 2}, {method = "relu", sparsity = 0.5}]')
    assert [(each.method, each.k, each.features) for each in found.variants] == [("topk", 2, 24), ("relu", 4, 24)]
    assert SweepConfig.model_validate(found.model_dump()) == found
    assert [each.k for each in SweepConfig().variants] == [4, 8, 16, 32]
    with pytest.raises(UserError, match="k = 99 is more than the 24 features"):
        config("[{k = 99}]")
    with pytest.raises(UserError, match=r"unknown field variants\.0\.kk"):
        config("[{kk = 3}]")


@pytest.mark.usefixtures("prefect_api")
def test_all_but_the_diverged_are_logged_under_one_run(settings):
    summary = sweep(config('[{k = 2}, {method = "batchtopk"}, {learning_rate = 1e30}]'))
    assert [config_of(key, settings).name for key in summary.made.values()] == ["topk-sae", "batchtopk-sae"]
    assert set(trained(settings)) == set(summary.made.values())
    [failure] = summary.failures.values()
    assert "topk-sae diverged at step 10; lower learning_rate" in failure

    from mlflow import MlflowClient

    client = MlflowClient(settings.mlflow_tracking_uri)
    [experiment] = [each for each in client.search_experiments() if each.name != "Default"]
    runs = client.search_runs([experiment.experiment_id])
    [parent] = [run for run in runs if "sweep" in run.data.tags]
    nested = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert {run.data.tags["dictionary"] for run in nested} == set(summary.made.values())
    assert {"loss_recovered_zero", "top1_change", "fvu"} <= nested[0].data.metrics.keys()
    assert [file.path for file in client.list_artifacts(parent.info.run_id, "figures")] == ["figures/pareto.png"]
    assert parent.info.status == "FINISHED"

    again = sweep(config("[{k = 2}, {method = 'batchtopk'}]"))
    assert again.made == summary.made
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 4  # another sweep, the same trainings
    assert again.failures == {}


def test_the_command_line_names_failures_and_exits_with_2(monkeypatch):
    from flows import cli
    from flows.steps import Summary

    summary = Summary(title="t", failures={"a": "b"})
    monkeypatch.setattr(cli, "_run", lambda flow, config, assignments: cli._show(summary))
    result = CliRunner().invoke(app, ["sweep"])
    assert isinstance(result.exception, UserError)
    assert str(result.exception) == "a: b"
