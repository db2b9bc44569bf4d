"""The tuning flow on a small bank: what it leaves behind, and what it refuses."""

import polars as pl
import pytest

from flows.config import read_config
from flows.tuning import TuningConfig, merged, tuning
from tasks.dimensions import paths
from tasks.errors import UserError
from tasks.tracking.store import tracking
from tasks.warehouse.query import query

SMALL = [
    'network="gabor-bank-4x3x2x2"',
    "rows=60",
    "rows_per_shard=30",
    'images.sources=["dead-leaves"]',
    "images.scenes=8",
    "images.frame_size=64",
    'methods=["pca", "nmf", "neurons"]',
    'sources=["gratings", "patches"]',
    "components=6",
    "frames=2",
    "rendered=1",
    "permutations=99",
]


def small(*more: str) -> TuningConfig:
    return read_config(TuningConfig, None, [*SMALL, *more])


@pytest.mark.usefixtures("prefect_api")
def test_the_study_goes_from_images_to_the_page(settings, monkeypatch):
    monkeypatch.setattr(paths, "CONFIG", paths.CONFIG.model_copy(update={"channel_size": 64, "steps": 2}))
    config = small()
    summary = tuning(config)
    methods = ("pca", "nmf", "neurons")
    assert set(summary.content_keys) == {
        f"gabor, {method} in {source}" for method in methods for source in config.sources
    }
    found = query("SELECT method, parameter, r_squared FROM tuning_methods WHERE source = 'gratings'", settings)
    assert set(found["method"]) == {"pca", "nmf", "neurons"}
    orientation = dict(found.filter(parameter="orientation").select("method", "r_squared").iter_rows())
    assert orientation["pca"] > 0.6 > 0.3 > orientation["neurons"]
    assert query("SELECT agreement_kept FROM tuning_completeness", settings)["agreement_kept"].count() > 0
    assert "dimensions.html" in (settings.site_dir / "index.html").read_text()
    with tracking(settings) as client:
        experiment = client.get_experiment_by_name("gabor-bank-4x3x2x2/gabor")
        runs = client.search_runs([experiment.experiment_id])
        [study] = [run for run in runs if run.data.tags.get("source") == "gratings"]
        nested = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == study.info.run_id]
        assert {run.data.params["method"] for run in nested} == {"pca", "nmf", "neurons"}
        assert all("r_squared_orientation" in run.data.metrics for run in nested)
        artifacts = {file.path for file in client.list_artifacts(study.info.run_id, "figures")}
    assert artifacts == {"figures/identification.png", "figures/completeness.png"}
    assert tuning(config).content_keys == summary.content_keys


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ('layers=["conv2d0"]', "has no layer 'conv2d0'; choose one of: gabor"),
        ('network="gabor-bank-1x3x2x2"', "has 1 orientations, but with fewer than 3 there is no such dimension"),
        ("components=200", "200 components can't be found in gratings of .* which has 48 units that vary"),
    ],
)
def test_what_can_not_be_found_is_named(settings, change, complaint):
    with pytest.raises(UserError, match=complaint):
        tuning(small(change))


def test_unknown_methods_are_refused():
    with pytest.raises(UserError, match=r"methods\.0: Input should be 'pca', 'ica', 'nmf', 'kernel-pca'"):
        small('methods=["tsne"]')


def test_tables_of_several_stages_stand_below_one_another():
    made = merged({"a": pl.DataFrame({"x": [1]})}, {"a": pl.DataFrame({"x": [2], "y": [3]}), "b": pl.DataFrame()})
    assert made["a"].rows() == [(1, None), (2, 3)]
    assert set(made) == {"a", "b"}
