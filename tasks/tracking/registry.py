"""Trained dictionaries in MLflow's model registry, and the aliases of the best ones.

There is one registered model per method and architecture (`topk-sae`, `topk-group-crosscoder`, …). A version uses
MLflow's models-from-code: the script mlflow/dictionary_model.py, the modules of `tasks` that it needs, and the
dictionary's files with their checksums; nothing is pickled. `file_version` and `point` serve other kinds of models too.
"""

import math
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from packaging.version import Version

from tasks.dictionary.methods import METHODS
from tasks.dictionary.store import copy_files, describe, dictionary_config, folder_of, load_dictionary, read_metrics
from tasks.errors import UserError
from tasks.settings import ROOT, Settings
from tasks.tracking.lineage import stage_versions
from tasks.tracking.promotion import CANDIDATE, KIND, point
from tasks.tracking.store import MLFLOW_FILES, one_at_a_time, tracking
from tasks.warehouse.labels import dictionary_label

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

REQUIREMENTS = ("mlflow", "numpy", "pydantic", "pydantic-settings", "safetensors", "torch")
MODEL_FILES = ("config.json", "metrics.json", "model.safetensors")
MODEL_CODE = (  # of tasks/
    *("__init__.py", "checksums.py", "config.py", "errors.py", "keys.py", "provenance.py", "quarantine.py"),
    *("settings.py", "storage.py", "tensors.py", "dictionary", "symmetry"),
)
EXAMPLE_ROWS = 2


def register(dictionary: str, run_id: str, settings: Settings) -> int:
    """Register a trained dictionary (a key) logged in `run_id`, with alias `candidate`; return the model version.

    A dictionary that is registered already keeps its version. Raises UserError when there is no such dictionary or run,
    when the dictionary's FVU is not a finite number, or when MLflow can't be reached.
    """
    description, metrics = describe(dictionary, settings), read_metrics(dictionary, settings)
    if not math.isfinite(metrics["fvu"]):
        raise UserError(f"the FVU of dictionary {dictionary} is {metrics['fvu']}; train it with a lower learning_rate")
    name = dictionary_config(dictionary, settings).name
    with tracking(settings) as client, one_at_a_time(settings):
        version = file_version(
            client,
            name,
            {"dictionary": dictionary},
            lambda: _log_model(client, dictionary, run_id, settings),
            run_id=run_id,
            card=partial(
                model_card,
                "model_card.md.jinja",
                name=name,
                dictionary=dictionary,
                method=METHODS[description["config"]["method"]],
                label=dictionary_label(dictionary, settings),
                metrics=metrics,
                **description,
            ),
            tags={"activation_set": description["activation_set"]}
            | {tag: str(description[tag]) for tag in KIND}
            | {tag: repr(metrics[tag]) for tag in ("fvu", "l0")},
        )
        point(client, name, CANDIDATE, version)
        stage_versions(
            [{"model_name": name, "version": version, "mlflow_run_id": run_id, "result_id": dictionary}], settings
        )
    return version


def file_version(
    client: "MlflowClient",
    name: str,
    identity: Mapping[str, str],
    log_model: Callable[[], str],
    run_id: str,
    card: Callable[..., str],
    tags: Mapping[str, str],
) -> int:
    """Return the version of a registered model that has the tags `identity`; if there is none, create it.

    log_model: stores the model of a new version and returns MLflow's id of it; card: returns the version's description,
    given its number as `model_version`; tags: further tags of a new version.
    """
    has_tags = " and ".join(f"tags.{tag} = '{value}'" for tag, value in identity.items())
    versions = client.search_model_versions(f"name = '{name}' and {has_tags}")
    if versions:
        filed = versions[0]
    else:
        model_id = log_model()
        _create_registered_model(client, name)
        filed = client.create_model_version(
            name, f"models:/{model_id}", run_id, model_id=model_id, tags={**identity, **tags}
        )
    number = int(filed.version)
    if filed.description != (description := card(model_version=number)):
        client.update_model_version(name, str(number), description)
    return number


def log_model(
    client: "MlflowClient",
    run_id: str,
    name: str,
    model_type: str,
    script: str,
    artifacts: Mapping[str, Path],
    requirements: Sequence[str],
    signature: "ModelSignature",
    example: np.ndarray,
    **code: Any,
) -> str:
    """Store a model from code and link it to its run, which stays finished; return MLflow's id of the model.

    script: file in mlflow/; requirements: packages, pinned to the installed versions; code: arguments of `save_model`
    about our own code.
    """
    import mlflow
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    run = client.get_run(run_id)
    model_id = client.create_logged_model(
        run.info.experiment_id, name=name, source_run_id=run_id, params=run.data.params, model_type=model_type
    ).model_id
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary) / "model"
        mlflow.pyfunc.save_model(
            model,
            mlflow_model=Model(run_id=run_id, model_id=model_id, model_uuid=model_id),
            python_model=str(MLFLOW_FILES / script),
            artifacts={artifact: str(path) for artifact, path in artifacts.items()},
            pip_requirements=[f"{package}=={Version(installed_version(package)).public}" for package in requirements],
            signature=signature,
            input_example=example,
            **code,
        )
        client.log_model_artifacts(model_id, str(model))
    client.finalize_logged_model(model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])
    return model_id


def model_card(template: str, **facts: Any) -> str:
    """Return the filled-in template of a file in mlflow/."""
    environment = Environment(
        loader=FileSystemLoader(MLFLOW_FILES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(template).render(facts)


def _create_registered_model(client: "MlflowClient", name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _log_model(client: "MlflowClient", dictionary: str, run_id: str, settings: Settings) -> str:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    example = _example_rows(dictionary, settings)
    config = dictionary_config(dictionary, settings)
    signature = ModelSignature(
        inputs=Schema([TensorSpec(example.dtype, (-1, *example.shape[1:]))]),
        outputs=Schema([TensorSpec(example.dtype, (-1, config.features))]),
    )
    with tempfile.TemporaryDirectory() as temporary:
        # laid out as a data folder, so that the code that loads any dictionary can load the model
        inside = Settings(data_dir=Path(temporary) / "data")
        folder = folder_of(dictionary, inside)
        folder.mkdir(parents=True)
        copy_files(dictionary, MODEL_FILES, settings, folder)
        code = Path(temporary) / "tasks"
        code.mkdir()
        for name in MODEL_CODE:
            copy = shutil.copytree if (ROOT / "tasks" / name).is_dir() else shutil.copyfile
            copy(ROOT / "tasks" / name, code / name)
        return log_model(
            client,
            run_id,
            f"{config.name}-{dictionary[:8]}",
            config.name,
            "dictionary_model.py",
            {"data": inside.data_dir},
            REQUIREMENTS,
            signature,
            example,
            model_config={"dictionary": dictionary},
            code_paths=[str(code)],
        )


def _example_rows(dictionary: str, settings: Settings) -> np.ndarray:
    """Return two reconstructed rows, each of one active feature, float32, in the layout of the dictionary's input."""
    trained = load_dictionary(dictionary, settings)
    rows_bgd = trained.decode(torch.eye(trained.config.atoms)[:EXAMPLE_ROWS]).numpy()
    return rows_bgd if trained.is_crosscoder else rows_bgd[:, 0]
