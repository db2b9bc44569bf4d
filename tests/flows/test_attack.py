"""The attack flow on small sets: what it leaves behind for analysts and in MLflow."""

import polars as pl
import pytest

from flows.attack import AttackFlowConfig, attack
from flows.config import read_config
from tasks.errors import UserError
from tasks.tracking.store import tracking
from tasks.warehouse.query import query
from tests.tasks.concepts.test_analyse import CLASS, write_noise


@pytest.mark.usefixtures("prefect_api")
def test_an_experiment_goes_from_exemplars_to_views_and_nested_runs(settings, tmp_path):
    images = write_noise(tmp_path / "cats", 3)
    config = read_config(
        AttackFlowConfig,
        None,
        [
            "layer=block2_expand",
            "drawn=8",
            f'of_class={{name="{CLASS}", folder="{images}", least_probability=0}}',
            'grid={objectives=["token-pushing"], epsilons=[4], fractions=[1], steps=1}',
            'transfer_targets=[{network="efficientnet_lite0", layer="block1"}]',
            "random.scenes=9",
            "random_sets=3",
            "random_size=3",
            "facets.drawn=4",
            "facets.generic_images=4",
            "facets.visualisation.steps=2",
        ],
    )
    summary = attack(config)
    assert {"clean", "noise 4/255", "random-direction 4/255", "token-pushing 4/255"} <= set(summary.figures)
    effect = query("SELECT * FROM attack_effect", settings)
    assert sorted(effect["attack"]) == ["clean", "noise", "random-direction", "token-pushing"]
    assert len(query("SELECT * FROM attack_transfer", settings)) == 8
    assert len(query("SELECT * FROM concept_trust", settings)) == 4
    assert query("SELECT DISTINCT attack FROM facet_effect ORDER BY attack", settings)["attack"].to_list() == [
        *("clean", "negative", "noise", "positive")
    ]
    with tracking(settings) as client:
        experiment = client.get_experiment_by_name("efficientnet_lite0/attacks")
        runs = client.search_runs([experiment.experiment_id])
        assert len(runs) == 4
        [pushed] = [run for run in runs if run.data.params.get("attack") == "token-pushing"]
        pictures = [file.path for file in client.list_artifacts(pushed.info.run_id, "exemplars")]
    assert len(pictures) == 8
    assert {"tcav/score", "verdict/matters", "change/psnr"} <= pushed.data.metrics.keys()
    lineage = query("SELECT kind, result_id, flow, mlflow_run_id FROM lineage WHERE kind <> 'activation set'", settings)
    trust = query("SELECT trust_analysis_id FROM trust_analyses", settings)["trust_analysis_id"]
    assert {row[:3] for row in lineage.rows()} == {
        ("attack experiment", summary.content_keys["study"], "attack"),
        ("facet analysis", summary.content_keys["facets"], "attack"),
        *(("trust analysis", key, "attack") for key in trust),
    }
    logged = set(lineage.filter(pl.col("kind") != "trust analysis")["mlflow_run_id"])
    assert pushed.data.tags["mlflow.parentRunId"] in logged
    places = " ".join(summary.places.values())
    assert len(logged) == 2
    assert all(run in places for run in logged)
    assert attack(config).content_keys == summary.content_keys


def test_an_epsilon_of_nothing_is_refused():
    with pytest.raises(UserError, match=r"grid\.epsilons\.0: 0 leaves every image as it is") as refused:
        read_config(AttackFlowConfig, None, ["grid.epsilons=[0]"])
    assert "\n" not in str(refused.value)
