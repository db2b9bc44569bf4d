"""One MLflow run per training or analysis: what was asked for, how it went, what came out."""

import re
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from tasks.dictionary.store import describe, dictionary_config, read_metrics, read_table
from tasks.errors import UserError
from tasks.liveness import Holder, alive, is_held
from tasks.settings import INSTALLED, ROOT, Settings
from tasks.tracking.store import MLFLOW_LOCK, artifact_location, one_at_a_time, tracking

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

METRICS_PER_CALL = 1000  # MLflow's limit for log_batch
PARENT = "mlflow.parentRunId"  # under which MLflow's UI nests a run


def log_training(
    dictionary: str, settings: Settings, figures: Mapping[str, "Figure"] | None = None, parent: str | None = None
) -> str:
    """Record a trained dictionary (a key) as a finished MLflow run, nested under `parent`; returns the run's id.

    The experiment is `network/layer`: MLflow compares runs within an experiment, and FVU compares within a layer.
    Parameters are the config's fields, `training/…` metrics the logged steps, the others those of the test split;
    `figures` become `figures/NAME.png`. A dictionary that has a finished run keeps it; a run that a killed process
    left behind is closed and replaced. UserError: no such dictionary, or MLflow can't be reached.
    """
    description = describe(dictionary, settings)

    def log(client: "MlflowClient", run_id: str) -> None:
        _log(client, run_id, dictionary, description, settings)
        log_figures(client, run_id, figures or {})

    return filed(
        "dictionary",
        dictionary,
        f"{description['network']}/{description['layer']}",
        f"{dictionary_config(dictionary, settings).name} {dictionary[:8]}",
        _tags(description) | ({PARENT: parent} if parent else {}),
        log,
        settings,
    )


def log_analysis(
    kind: str,
    key: str,
    experiment: str,
    config: BaseModel,
    metrics: Mapping[str, float],
    figures: Mapping[str, "Figure"],
    settings: Settings,
    parent: str | None = None,
) -> str:
    """Record an analysis that is no training as a finished run, tagged `kind` = its key; returns the run's id.

    experiment: `network/layer`. Kept, nested and replaced as in `log_training`. UserError: MLflow can't be reached.
    """

    def log(client: "MlflowClient", run_id: str) -> None:
        log_params(client, run_id, config.model_dump())
        log_metrics(client, run_id, [(name, value, 0) for name, value in metrics.items()])
        log_figures(client, run_id, figures)

    tags = {PARENT: parent} if parent else {}
    return filed(kind, key, experiment, f"{kind} {key[:8]}", tags, log, settings)


def filed(
    kind: str,
    key: str,
    experiment_name: str,
    run_name: str,
    tags: Mapping[str, str],
    log: Callable[["MlflowClient", str], None],
    settings: Settings,
) -> str:
    """The finished run tagged `kind` = key; made, with `tags` and the code's revision, by `log` where there is none.

    Returns its id. A run that a killed process left behind is closed and replaced.
    """
    with tracking(settings) as client, one_at_a_time(settings):
        experiment = _experiment(client, experiment_name, settings)
        for run in client.search_runs([experiment], f"tags.`{kind}` = '{key}'"):
            if run.info.status == "FINISHED":
                if PARENT in tags:
                    client.set_tag(run.info.run_id, PARENT, tags[PARENT])
                return run.info.run_id
            if run.info.status == "RUNNING" and not is_held(_lock_of(run.info.run_id, settings)):
                client.set_terminated(run.info.run_id, "KILLED")
        revision = git_revision()
        tags = {kind: key, **tags} | ({"git_revision": revision} if revision else {})
        run_id = client.create_run(experiment, run_name=run_name, tags=tags).info.run_id
        with _until_it_ends(client, run_id, kind, settings):
            log(client, run_id)
    return run_id


def log_findings(
    dictionary: str,
    metrics: Mapping[str, float],
    settings: Settings,
    figures: Mapping[str, "Figure"] | None = None,
) -> None:
    """Add what was found later to a dictionary's finished run. UserError: none, or MLflow can't be reached."""
    description = describe(dictionary, settings)
    last_step = description["config"]["steps"]
    with tracking(settings) as client:
        experiment = _experiment(client, f"{description['network']}/{description['layer']}", settings)
        runs = client.search_runs([experiment], f"tags.dictionary = '{dictionary}' and attributes.status = 'FINISHED'")
        if not runs:
            raise UserError(f"MLflow has no finished run of dictionary {dictionary}; run the `train` flow first")
        run_id = runs[0].info.run_id
        log_metrics(client, run_id, [(name, value, last_step) for name, value in metrics.items()])
        log_figures(client, run_id, figures or {})


@contextmanager
def study_run(
    kind: str, key: str, experiment_name: str, settings: Settings, tags: Mapping[str, str] = MappingProxyType({})
) -> Iterator["StudyRun"]:
    """The MLflow run that a study's runs are nested under, FINISHED when the block ends well; one a kind and key.

    experiment_name: `network/layer`. UserError: MLflow can't be reached.
    """
    with tracking(settings) as client:
        experiment = _experiment(client, experiment_name, settings)
        with one_at_a_time(settings):
            found = client.search_runs([experiment], f"tags.`{kind}` = '{key}'")
            run = (
                found[0]
                if found
                else client.create_run(experiment, run_name=f"{kind} {key[:8]}", tags={kind: key} | dict(tags))
            )
        with _until_it_ends(client, run.info.run_id, kind, settings):
            yield StudyRun(client, run.info.run_id)


@contextmanager
def _until_it_ends(client: "MlflowClient", run_id: str, kind: str, settings: Settings) -> Iterator[None]:
    """Let a run be FINISHED when the block ends well and FAILED when not; meanwhile a lock says that we live."""
    with alive(_lock_of(run_id, settings), Holder(name=f"MLflow run {run_id}", does=kind)):
        try:
            yield
            client.set_terminated(run_id, "FINISHED")
        except BaseException:
            with suppress(Exception):  # what stopped the work is the news, not that this failed too
                client.set_terminated(run_id, "FAILED")
            raise


def _lock_of(run_id: str, settings: Settings) -> Path:
    return settings.running_dir / f"{MLFLOW_LOCK}{run_id}.lock"


@dataclass(frozen=True)
class StudyRun:
    """A study's run while it is open."""

    client: "MlflowClient"
    run_id: str

    def log(self, figures: Mapping[str, "Figure"], failures: Mapping[str, str]) -> None:
        log_figures(self.client, self.run_id, figures)
        self.client.log_dict(self.run_id, dict(failures), "failures.json")


def log_params(client: "MlflowClient", run_id: str, params: Mapping[str, Any]) -> None:
    from mlflow.entities import Param

    client.log_batch(run_id, params=[Param(name, str(value)) for name, value in params.items()])


def log_metrics(client: "MlflowClient", run_id: str, metrics: Iterable[tuple[str, float, int]]) -> None:
    """Log (name, value, step); what MLflow allows in no name becomes a dash."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    entries = [Metric(re.sub(r"[^\w./: -]", "-", name), value, now, step) for name, value, step in metrics]
    for start in range(0, len(entries), METRICS_PER_CALL):
        client.log_batch(run_id, metrics=entries[start : start + METRICS_PER_CALL])


def log_figures(client: "MlflowClient", run_id: str, figures: Mapping[str, "Figure"]) -> None:
    for name, figure in figures.items():
        client.log_figure(run_id, figure, f"figures/{name}.png")


def _experiment(client: "MlflowClient", name: str, settings: Settings) -> str:
    from mlflow.exceptions import MlflowException

    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    try:
        return client.create_experiment(name, artifact_location(settings))
    except MlflowException as error:
        # another process was quicker
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return client.get_experiment_by_name(name).experiment_id


def _tags(description: dict) -> dict[str, str]:
    told = {name: str(description[name]) for name in ("activation_set", "network", "layer", "group_order")}
    return told | {"code_version": str(description["version"])}


def git_revision() -> str | None:
    """Commit of the code, `-dirty` where files differ from it; None outside our repository."""
    if INSTALLED:  # site-packages may lie in another repository
        return None
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    with suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    return None


def _log(client: "MlflowClient", run_id: str, dictionary: str, description: dict, settings: Settings) -> None:
    config = description["config"] | {name: description[name] for name in ("channels", "group_order")}
    log_params(client, run_id, config)

    history = read_table(dictionary, "history", settings)
    metrics = [
        (f"training/{metric}", value, step)
        for step, metric, value in history.select("step", "metric", "value").iter_rows()
    ]
    last_step = config["steps"]
    metrics += [(name, value, last_step) for name, value in read_metrics(dictionary, settings).items()]
    log_metrics(client, run_id, metrics)
