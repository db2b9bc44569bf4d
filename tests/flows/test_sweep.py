"""The sweep: variants laid over what they have in common, a pass for each stream, nested runs, a failure named."""

import pytest

from flows import cli
from flows.config import read_config
from flows.steps import Summary
from flows.sweep import SweepConfig, grouped, sweep
from tasks.dictionary import train as training
from tasks.dictionary.rows import STREAM_FIELDS
from tasks.dictionary.store import describe, dictionary_config, read_metrics, read_table, trained
from tasks.errors import UserError
from tasks.settings import ROOT
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


def test_the_study_of_choices_is_understood():
    found = read_config(SweepConfig, ROOT / "flows" / "configs" / "inceptionv1-symmetry-choices.toml", [])
    streams = grouped(found.variants, lambda each: tuple(getattr(each, field) for field in STREAM_FIELDS))
    assert [len(stream) for stream in streams] == [5, 1, 2, 1]
    assert [each.harmonics for each in found.variants] == [None, 8, 5, 3, 5, None, None, 5, None]


@pytest.mark.usefixtures("prefect_api")
def test_variants_of_other_streams_have_a_pass_of_their_own_and_seeds_are_compared(settings, monkeypatch):
    passes, train_together = [], training.train_together

    def counted(activation_set, configs, *rest):
        passes.append(configs)
        return train_together(activation_set, configs, *rest)

    monkeypatch.setattr(training, "train_together", counted)
    variants = "[{}, {harmonics = 1}, {seed = 1}]"
    crosscoder = "dictionary.architecture=group-crosscoder"
    summary = sweep(read_config(SweepConfig, None, [*EXTRACTION, *COMMON, crosscoder, f"variants={variants}"]))
    assert [[each.seed for each in of_stream] for of_stream in passes] == [[0, 0], [1]]
    free, limited, _ = summary.content_keys.values()
    assert set(trained(settings)) == set(summary.content_keys.values())

    said = {name: value for name, value in summary.figures.items() if name.startswith("topk")}
    names = [f"topk-group-crosscoder{differs}" for differs in ("", ", harmonics = 1", ", seed = 1")]
    assert [*said] == [*summary.content_keys] == names
    assert [name for name, value in said.items() if "stability" in value] == ["topk-group-crosscoder"]
    channels = describe(free, settings)["channels"]
    for name, rows in zip(names, (8, 2 * (2 * 1 + 1)), strict=False):
        parameters = 24 * channels + 24 + rows * 24 * channels + rows * channels
        text = said[name]
        assert f"{parameters:,} parameters" in text
    metrics = read_metrics(limited, settings)
    worst = read_table(limited, "block_fvu", settings)["fvu"].max()
    assert (
        f"FVU {metrics['fvu']:.3f} (worst block {worst:.3f}), L0 {metrics['l0']:.1f}, {metrics['dead_fraction']:.1%} of"
        in text
    )

    from mlflow import MlflowClient

    client = MlflowClient(settings.mlflow_tracking_uri)
    [experiment] = [each for each in client.search_experiments() if each.name != "Default"]
    runs = {run.data.tags.get("dictionary"): run for run in client.search_runs([experiment.experiment_id])}
    assert {"seeds/stability", "seeds/stability_random"} <= runs[free].data.metrics.keys()
    assert "seeds/stability" not in runs[limited].data.metrics


@pytest.mark.usefixtures("prefect_api")
def test_all_but_the_diverged_are_logged_under_one_run(settings):
    summary = sweep(config('[{k = 2}, {method = "batchtopk"}, {learning_rate = 1e30}]'))
    assert [dictionary_config(key, settings).name for key in summary.content_keys.values()] == [
        "topk-sae",
        "batchtopk-sae",
    ]
    assert set(trained(settings)) == set(summary.content_keys.values())
    [failure] = summary.failures.values()
    assert "topk-sae diverged at step 10; lower learning_rate" in failure

    from mlflow import MlflowClient

    client = MlflowClient(settings.mlflow_tracking_uri)
    [experiment] = [each for each in client.search_experiments() if each.name != "Default"]
    runs = client.search_runs([experiment.experiment_id])
    [parent] = [run for run in runs if "sweep" in run.data.tags]
    nested = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert {run.data.tags["dictionary"] for run in nested} == set(summary.content_keys.values())
    assert {"splicing/loss_recovered_zero", "splicing/top1_change", "test/fvu"} <= nested[0].data.metrics.keys()
    assert [file.path for file in client.list_artifacts(parent.info.run_id, "figures")] == ["figures/pareto.png"]
    assert parent.info.status == "FINISHED"

    again = sweep(config("[{k = 2}, {method = 'batchtopk'}]"))
    assert again.content_keys == summary.content_keys
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 4  # another sweep, the same trainings
    assert again.failures == {}


def test_the_command_line_ends_with_the_failures():
    with pytest.raises(UserError, match=r"^a: b$"):
        cli._show(Summary(title="t", failures={"a": "b"}))
