"""Concept activation vectors (CAVs) in MLflow's model registry.

There is one registered model for each classifier (`logistic-cav`, `sgd-cav`, `mean-difference-cav`), and one version
for each concept and layer of an analysis. A version consists of the script mlflow/cav_model.py and the CAVs against all
random sets, as a safetensors file whose SHA-256 is in the model's config. The alias `latest-NETWORK-LAYER-CONCEPT`
points to the newest version of a concept of that name there.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars
from safetensors.torch import save_file

from tasks.concepts.store import Vectors, load_cavs
from tasks.keys import file_sha256
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.lineage import stage_versions
from tasks.tracking.promotion import alias_of, point
from tasks.tracking.registry import file_version, log_model, model_card
from tasks.tracking.store import one_at_a_time, tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient

LATEST = "latest"
REQUIREMENTS = ("mlflow", "numpy", "safetensors")


def register_cavs(analysis: str, run_id: str, settings: Settings) -> dict[tuple[str, str], int]:
    """Register the CAVs of an analysis (a key of `analyse_concepts`) that was logged in the run `run_id`.

    Returns {(layer, concept): model version}; a CAV that is already registered keeps its version. UserError where the
    analysis, the run or the CAVs are missing, the CAVs are damaged, or MLflow can't be reached.
    """
    tables, vectors = read_staged(analysis, settings), load_cavs(analysis, settings)
    [described] = tables["concept_analyses"].iter_rows(named=True)
    names = dict(tables["concepts"].select("concept_id", "name").iter_rows())
    name, versions = f"{described['classifier']}-cav", {}
    with tracking(settings) as client, one_at_a_time(settings):
        for (layer, concept), cavs in vectors.items():
            cav_rows = tables["cavs"].filter(polars.col("concept_id") == concept, polars.col("layer") == layer)
            alias = alias_of(LATEST, described["network"], layer, names[concept])
            facts = {
                "concept_name": names[concept],
                "network": described["network"],
                "accuracy": cav_rows["accuracy"].mean(),
                "pool": described["pool"],
            }
            identity = {"analysis": analysis, "concept": concept, "layer": layer}
            versions[layer, concept] = file_version(
                client,
                name,
                identity,
                partial(_log_model, client, run_id, name, alias, cavs),
                run_id=run_id,
                card=partial(
                    model_card,
                    "cav_card.md.jinja",
                    name=name,
                    classifier=described["classifier"],
                    random_sets=len(cavs.vectors_rd),
                    d=cavs.vectors_rd.shape[1],
                    **identity,
                    **facts,
                ),
                tags={tag: str(value) for tag, value in facts.items()},
            )
            point(client, name, alias, versions[layer, concept])
        of_run = {"model_name": name, "mlflow_run_id": run_id, "result_id": analysis}
        stage_versions(
            [
                of_run | {"version": version, "concept_id": concept, "layer": layer}
                for (layer, concept), version in versions.items()
            ],
            settings,
        )
    return versions


def _log_model(client: "MlflowClient", run_id: str, name: str, alias: str, cavs: Vectors) -> str:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    example = cavs.vectors_rd[:1].numpy()
    signature = ModelSignature(
        inputs=Schema([TensorSpec(example.dtype, (-1, example.shape[1]))]),
        outputs=Schema([TensorSpec(example.dtype, (-1,))]),
    )
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "cav.safetensors"
        save_file({"vectors": cavs.vectors_rd, "intercepts": cavs.intercepts_r}, file)
        return log_model(
            client,
            run_id,
            alias.replace(LATEST, name, 1),
            name,
            "cav_model.py",
            {"cav": file},
            REQUIREMENTS,
            signature,
            example,
            model_config={"sha256": file_sha256(file)},
        )
