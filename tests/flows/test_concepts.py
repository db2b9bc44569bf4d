"""The concepts flow on small sets: what it leaves behind for analysts and in MLflow."""

import pytest

from flows.concepts import concepts
from flows.config import read_config
from tasks.concepts.config import ConceptsConfig
from tasks.errors import UserError
from tasks.tracking.store import tracking
from tasks.warehouse.query import query
from tests.tasks.concepts.test_analyse import CLASS, write_noise


@pytest.mark.usefixtures("prefect_api")
def test_the_study_goes_from_exemplars_to_a_view(settings, tmp_path):
    images = write_noise(tmp_path / "cats", 3)
    config = read_config(
        ConceptsConfig,
        None,
        [
            'layers=["block2_expand"]',
            'concepts=["stripes", "checks"]',
            "drawn=4",
            f'classes=[{{name="{CLASS}", folder="{images}", least_probability=0}}]',
            "random.scenes=9",
            "random_sets=3",
            "random_size=3",
        ],
    )
    summary = concepts(config)
    assert f"stripes for {CLASS}, block2_expand" in summary.figures
    found = query("SELECT * FROM concept_importance", settings)
    assert sorted(found["concept_name"]) == ["checks", "stripes"]
    with tracking(settings) as client:
        experiment = client.get_experiment_by_name("efficientnet_lite0/concepts")
        [run] = client.search_runs([experiment.experiment_id])
        versions = client.search_model_versions("name = 'logistic-cav'")
    assert run.data.tags["concepts"] == summary.content_keys["analysis"]
    assert f"score/stripes/{CLASS}/block2_expand" in run.data.metrics
    assert {version.tags["concept_name"] for version in versions} == {"checks", "stripes"}
    assert {version.run_id for version in versions} == {run.info.run_id}
    columns = "result_id, flow, mlflow_run_id, model_name, model_versions"
    lineage = query(f"SELECT {columns} FROM lineage WHERE kind = 'concept analysis'", settings)
    assert lineage.rows() == [(summary.content_keys["analysis"], "concepts", run.info.run_id, "logistic-cav", [1, 2])]
    numbers = {int(version.version): version.tags["concept"] for version in versions}
    assert dict(query("SELECT version, concept_id FROM model_versions", settings).iter_rows()) == numbers
    assert summary.places["versions of model logistic-cav"] == "models:/logistic-cav/1, models:/logistic-cav/2"
    assert concepts(config).content_keys == summary.content_keys


def test_unknown_classifiers_are_refused():
    with pytest.raises(UserError, match=r"cav\.classifier: Input should be 'logistic', 'sgd' or 'mean-difference'"):
        read_config(ConceptsConfig, None, ["cav.classifier=forest"])
