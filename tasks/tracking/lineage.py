"""What connects MLflow with the tables: rows about runs and model versions, their addresses, their dataset inputs.

The tables `mlflow_runs` and `mlflow_models` get their rows from here, staged where a run is logged or a version is
registered; so a publication needs no MLflow. A dataset of MLflow stands for an activation set or for sets of images.
Its digest is the first digits of the content key, as MLflow allows 36, its profile has the whole key, and its source is
the folder below the data folder.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars

from tasks.activations.plan import ExtractionPlan
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.provenance import note
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, stage_tables
from tasks.warehouse.labels import activation_set_tables, label_of

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Run

VERSION = 1
DIGEST_LENGTH = 36  # MLflow's limit
FOLDERS = {"dictionary": "dictionaries"} | dict.fromkeys(
    ("concepts", "attack_study", "facets", "trust", "dimensions", "benchmark"), "frames"
)
"""{kind of MLflow run that records a result of the tables: folder of the data folder that holds the result}."""
MODEL_COLUMNS = {
    "model_name": polars.String,
    "version": polars.Int32,
    "mlflow_run_id": polars.String,
    "result_id": polars.String,
    "concept_id": polars.String,
    "layer": polars.String,
}


def stage_run(run: "Run", kind: str, key: str, experiment: str, settings: Settings) -> None:
    """Stage the row of `mlflow_runs` for the run of a result, and note the run for the summary of the flow run.

    Does nothing for kinds of runs that record no result of the tables.
    """
    if kind not in FOLDERS:
        return
    run_id = run.info.run_id
    note(f"MLflow run {run.info.run_name}", address_of(run, experiment, settings))
    staged = content_key("mlflow_run", VERSION, run=run_id)
    if not is_staged(staged, settings):
        started_at = datetime.fromtimestamp(run.info.start_time / 1000, UTC).replace(tzinfo=None)
        row = {"mlflow_run_id": run_id, "kind": kind, "result_id": key, "experiment": experiment}
        stage_tables(staged, {"mlflow_runs": polars.DataFrame([row | {"started_at": started_at}])}, settings)


def address_of(run: "Run", experiment: str, settings: Settings) -> str:
    """Return the address of a run's page where the store is a server; else its experiment and its id."""
    if settings.mlflow_tracking_uri.startswith("http"):
        server = settings.mlflow_tracking_uri.rstrip("/")
        return f"{server}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    return f"experiment {experiment} run {run.info.run_id}"


def stage_versions(versions: Sequence[Mapping[str, Any]], settings: Settings) -> None:
    """Stage rows of `mlflow_models`, and note the versions for the summary of the flow run.

    versions: rows; columns that a row lacks are null.
    """
    for version in versions:
        note(f"versions of model {version['model_name']}", f"models:/{version['model_name']}/{version['version']}")
    staged = content_key("mlflow_models", VERSION, versions=[dict(version) for version in versions])
    if versions and not is_staged(staged, settings):
        rows = [{column: version.get(column) for column in MODEL_COLUMNS} for version in versions]
        stage_tables(staged, {"mlflow_models": polars.DataFrame(rows, schema=MODEL_COLUMNS)}, settings)


def inputs_of(kind: str, key: str, tags: Mapping[str, str], settings: Settings) -> list["DatasetInput"]:
    """Return the dataset inputs of a run.

    They are the activation set that its tags name, or else what the staged tables of its key were made from: an
    activation set, or concepts, classes and random sets. Empty where neither is there.
    """
    if "activation_set" in tags:
        place = " ".join(tags[name] for name in ("network", "layer") if name in tags)
        return [_activation_set(tags["activation_set"], place, settings)]
    if kind not in FOLDERS or not is_staged(key, settings):
        return []
    tables = read_staged(key, settings)
    if "dimension_analyses" in tables:
        return [_activation_set(tables["dimension_analyses"]["activation_set_id"].item(), "", settings)]
    return _image_sets(tables["concepts"], f"frames/{key}") if "concepts" in tables else []


def image_input(name: str, key: str, folder: str, context: str, images: int) -> "DatasetInput":
    """Return the dataset input of a set of images. context: what the run uses it for."""
    return _dataset(name, key, folder, context, {"images": images})


def _activation_set(key: str, place: str, settings: Settings) -> "DatasetInput":
    """place: name of a set that was deleted, whose label is not known any more."""
    try:
        plan, tables = ExtractionPlan.open(key, settings), activation_set_tables(key, settings)
        name, profile = label_of("activation_set", key, tables), _profile(plan)
    except UserError:
        name, profile = place or "activation set", {}
    return _dataset(name, key, f"activations/{key}", "activations", profile)


def _profile(plan: ExtractionPlan) -> dict[str, int]:
    return {"orbits": len(plan.rows), "group_order": plan.group.order, "images": plan.rows["image"].n_unique()}


def _image_sets(concepts: polars.DataFrame, folder: str) -> list["DatasetInput"]:
    """Return an input for each clean set of images; all random sets together are one."""
    clean = concepts.filter(polars.col("origin") != "attacked")
    inputs = [
        image_input(row["name"], row["concept_id"], folder, row["role"], row["exemplars"])
        for row in clean.filter(polars.col("role") != "random").iter_rows(named=True)
    ]
    random = clean.filter(role="random").sort("concept_id")
    if len(random):
        key = content_key("random_sets", VERSION, sets=random["concept_id"].to_list())
        inputs.append(image_input(f"{len(random)} random sets", key, folder, "random", int(random["exemplars"].sum())))
    return inputs


def _dataset(name: str, key: str, folder: str, context: str, profile: Mapping[str, int]) -> "DatasetInput":
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    source, about = json.dumps({"uri": folder}), json.dumps({"content_key": key, **profile})
    dataset = Dataset(name, key[:DIGEST_LENGTH], "local", source, profile=about)
    return DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, context)])
