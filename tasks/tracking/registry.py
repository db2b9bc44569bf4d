"""Trained dictionaries in MLflow's model registry, and the aliases of the best ones.

There is one registered model per method and architecture (`topk-sae`, `topk-group-crosscoder`, …). A version uses
MLflow's models-from-code: the script mlflow/dictionary_model.py, the modules of `tasks` that it needs, and the
dictionary's files with their checksums; nothing is pickled. `file_version` and `point` serve other kinds of models too.

Aliases: `candidate` is the newest version. `champion-NETWORK-LAYER-gORDER` is the best version for one network, layer
and group order, because FVU and L0 can't be compared across layers or groups. `champion` is what
`models:/METHOD@champion` loads: the first version that passes the audits gets it, and later it moves only to a better
version of the same network, layer and group order. To point it to another layer is a choice and not a measurement: do
that by hand in MLflow.
"""

import glob
import math
import re
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

from tasks.checksums import Damaged, read_document, write_document
from tasks.code import code_sha256
from tasks.dictionary.methods import METHODS
from tasks.dictionary.store import copy_files, describe, dictionary_config, folder_of, load_dictionary, read_metrics
from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.settings import ROOT, Settings
from tasks.tracking.lineage import stage_versions
from tasks.tracking.store import MLFLOW_FILES, one_at_a_time, tracking
from tasks.warehouse.labels import dictionary_label

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

CANDIDATE, CHAMPION = "candidate", "champion"
PROMOTED = "promoted.json"
"""Document in the folder of MLflow that says which state of the store was promoted last."""
CONSIDERED = "considered"
"""Tag of the versions that `promote` has seen."""
REQUIREMENTS = ("mlflow", "numpy", "pydantic", "pydantic-settings", "safetensors", "torch")
MODEL_FILES = ("config.json", "metrics.json", "model.safetensors")
MODEL_CODE = (  # of tasks/
    *("__init__.py", "checksums.py", "config.py", "errors.py", "keys.py", "provenance.py", "quarantine.py"),
    *("settings.py", "storage.py", "tensors.py", "dictionary", "symmetry"),
)
KIND = ("network", "layer", "group_order")
EXAMPLE_ROWS = 2
ALIAS_LENGTH = 255  # MLflow's limit


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


def promote(name: str, audits_hold: bool, settings: Settings) -> bool:
    """Consider each version of a registered model once as a champion, the oldest first; return if `champion` moved.

    An alias moves if `audits_hold` and either there is no champion, or the version has the champion's network, layer
    and |G|, a lower FVU and an L0 that is not higher (each on the test split of its own activation set). A version that
    was considered before only replaces a champion that is gone, so that an alias that was set by hand stays.
    Raises UserError when MLflow can't be reached.
    """
    if not audits_hold:
        return False
    moved = False
    with tracking(settings) as client:
        versions = {int(version.version): version for version in client.search_model_versions(f"name = '{name}'")}
        aliases = {alias: int(number) for alias, number in _aliases(client, name).items()}
        champions = {alias: versions[number] for alias, number in aliases.items() if number in versions}
        for _, version in sorted(versions.items()):
            for alias in (champion_of(*(version.tags[tag] for tag in KIND)), CHAMPION):
                champion, new = champions.get(alias), CONSIDERED not in version.tags
                if champion is None or (new and is_better(version.tags, champion.tags)):
                    client.set_registered_model_alias(name, alias, version.version)
                    champions[alias] = version
                    moved |= alias == CHAMPION
            if CONSIDERED not in version.tags:
                client.set_model_version_tag(name, version.version, CONSIDERED, "yes")
    return moved


def promote_all(names: Sequence[str], settings: Settings) -> list[str]:
    """Promote as `promote` after all audits have passed; return the names of the models whose `champion` moved.

    In a store of ours, an SQLite file, nothing is considered again until the file or the code has changed.
    Raises as `promote`.
    """
    if names and _promoted(names, settings) == _last_promoted(settings):
        return []
    with one_at_a_time(settings):  # a version that was registered before the state is recorded would count as seen
        moved = [name for name in names if promote(name, True, settings)]
        if names and settings.mlflow_database:
            write_document(settings.mlflow_dir / PROMOTED, _promoted(names, settings))
    return moved


def _promoted(names: Sequence[str], settings: Settings) -> dict[str, Any]:
    """Return what a promotion depends on; empty, which no record is, where the store is a server or doesn't exist."""
    database = settings.mlflow_database
    if database is None or not database.exists():
        return {}
    logs = sorted(database.parent.glob(f"{glob.escape(database.name)}-*"))  # SQLite's, of what isn't in the file yet
    return {
        "names": list(names),
        "store": settings.mlflow_tracking_uri,
        "files": [file_sha256(file) for file in (database, *logs)],
        "code": code_sha256(),
    }


def _last_promoted(settings: Settings) -> dict[str, Any] | None:
    try:
        return read_document(settings.mlflow_dir / PROMOTED, "run `kaleidoscope run publish`")
    except Damaged:
        return None


def champion_of(network: str, layer: str, group_order: int | str) -> str:
    """Return the alias of the best version for one network, layer and |G|."""
    return alias_of(CHAMPION, network, layer, f"g{group_order}")


def is_better(candidate: dict[str, str], champion: dict[str, str]) -> bool:
    """Whether a version has a lower FVU than the champion and no higher L0, for the same network, layer and |G|.

    candidate, champion: the versions' tags.
    """
    return (
        all(candidate[tag] == champion[tag] for tag in KIND)
        and float(candidate["fvu"]) < float(champion["fvu"])
        and float(candidate["l0"]) <= float(champion["l0"])
    )


def _aliases(client: "MlflowClient", name: str) -> dict[str, str]:
    """Return {alias: version} of a registered model; empty if there is no such model."""
    return {
        alias: version
        for model in client.search_registered_models(f"name = '{name}'")
        for alias, version in model.aliases.items()
    }


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


def point(client: "MlflowClient", name: str, alias: str, version: int) -> None:
    """Set an alias to this version, unless it names a newer one."""
    if int(_aliases(client, name).get(alias, 0)) < version:
        client.set_registered_model_alias(name, alias, str(version))


def alias_of(*parts: str) -> str:
    """Return an alias made of `parts`, with the characters and the length that MLflow allows."""
    return re.sub(r"[^\w-]", "-", "-".join(parts))[:ALIAS_LENGTH]


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
    rows_bgd = trained.decode(torch.eye(trained.config.features)[:EXAMPLE_ROWS]).numpy()
    return rows_bgd if trained.is_crosscoder else rows_bgd[:, 0]
