"""One MLflow run per training or analysis: its parameters, its progress and its results."""

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
PARENT = "mlflow.parentRunId"  # tag with the id of the run under which MLflow's UI nests a run


def log_training(
    dictionary: str, settings: Settings, figures: Callable[[], Mapping[str, "Figure"]] = dict, parent: str | None = None
) -> str:
    """Record a trained dictionary (a key) as a finished MLflow run, nested under `parent`; return the run's id.

    The experiment is `network/layer`: MLflow compares runs within an experiment, and FVU is comparable within a layer.
    Parameters are the config's fields. Metrics `training/…` are those logged at training steps, all others are those of
    the test split. `figures` draws those to store as `figures/NAME.png`. A dictionary with a finished run keeps that
    run, and nothing is drawn; a run that a killed process left is closed and replaced. Raises UserError when there is
    no such dictionary, or when MLflow can't be reached.
    """
    description = describe(dictionary, settings)

    def log(client: "MlflowClient", run_id: str) -> None:
        _log(client, run_id, dictionary, description, settings)
        log_figures(client, run_id, figures())

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
    """Record an analysis as a finished run with the tag `kind` = its key; return the run's id.

    experiment: `network/layer`. The run is kept, nested and replaced as in `log_training`. Raises UserError when MLflow
    can't be reached.
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
    """Return the id of the finished run with the tag `kind` = key; if there is none, create it and let `log` fill it.

    A new run gets `tags` and the code's git revision. A run that a killed process left is closed and replaced.
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
    figures: Callable[[], Mapping[str, "Figure"]] = dict,
) -> None:
    """Add the results of a later analysis to a dictionary's finished run.

    A run that has these metrics already, with these values, stays as it is, and no figures are drawn.
    Raises UserError when there is no finished run, or when MLflow can't be reached.
    """
    description = describe(dictionary, settings)
    last_step = dictionary_config(dictionary, settings).steps
    with tracking(settings) as client:
        experiment = _experiment(client, f"{description['network']}/{description['layer']}", settings)
        runs = client.search_runs([experiment], f"tags.dictionary = '{dictionary}' and attributes.status = 'FINISHED'")
        if not runs:
            raise UserError(f"MLflow has no finished run of dictionary {dictionary}; run the `train` flow first")
        run_id, logged = runs[0].info.run_id, runs[0].data.metrics
        if metrics and all(logged.get(metric_name(name)) == value for name, value in metrics.items()):
            return
        # the metrics come last: where they are logged, the figures are
        log_figures(client, run_id, figures())
        log_metrics(client, run_id, [(name, value, last_step) for name, value in metrics.items()])


@contextmanager
def study_run(
    kind: str, key: str, experiment_name: str, settings: Settings, tags: Mapping[str, str] = MappingProxyType({})
) -> Iterator["StudyRun"]:
    """Yield the MLflow run under which a study's runs are nested; there is one per kind and key.

    It is FINISHED when the block succeeds. experiment_name: `network/layer`. Raises UserError when MLflow can't be
    reached.
    """
    with tracking(settings) as client:
        experiment = _experiment(client, experiment_name, settings)
        with one_at_a_time(settings):
            runs = client.search_runs([experiment], f"tags.`{kind}` = '{key}'")
            run = (
                runs[0]
                if runs
                else client.create_run(experiment, run_name=f"{kind} {key[:8]}", tags={kind: key} | dict(tags))
            )
        with _until_it_ends(client, run.info.run_id, kind, settings):
            yield StudyRun(client, run.info.run_id)


@contextmanager
def _until_it_ends(client: "MlflowClient", run_id: str, kind: str, settings: Settings) -> Iterator[None]:
    """Set a run to FINISHED when the block succeeds and to FAILED when it doesn't; hold the run's lock meanwhile."""
    with alive(_lock_of(run_id, settings), Holder(name=f"MLflow run {run_id}", does=kind)):
        try:
            yield
            client.set_terminated(run_id, "FINISHED")
        except BaseException:
            with suppress(Exception):  # an error here must not hide the one that stopped the work
                client.set_terminated(run_id, "FAILED")
            raise


def _lock_of(run_id: str, settings: Settings) -> Path:
    return settings.running_dir / f"{MLFLOW_LOCK}{run_id}.lock"


@dataclass(frozen=True)
class StudyRun:
    """An open run of a study."""

    client: "MlflowClient"
    run_id: str

    def log(self, figures: Mapping[str, "Figure"], failures: Mapping[str, str]) -> None:
        log_figures(self.client, self.run_id, figures)
        self.client.log_dict(self.run_id, dict(failures), "failures.json")


def log_params(client: "MlflowClient", run_id: str, params: Mapping[str, Any]) -> None:
    from mlflow.entities import Param

    client.log_batch(run_id, params=[Param(name, str(value)) for name, value in params.items()])


def log_metrics(client: "MlflowClient", run_id: str, metrics: Iterable[tuple[str, float, int]]) -> None:
    """Log (name, value, step); characters that MLflow doesn't allow in a name become dashes."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    entries = [Metric(metric_name(name), value, now, step) for name, value, step in metrics]
    for start in range(0, len(entries), METRICS_PER_CALL):
        client.log_batch(run_id, metrics=entries[start : start + METRICS_PER_CALL])


def metric_name(name: str) -> str:
    """Return the name of a metric without the characters that MLflow refuses."""
    return re.sub(r"[^\w./: -]", "-", name)


def log_figures(client: "MlflowClient", run_id: str, figures: Mapping[str, "Figure"]) -> None:
    for name, figure in figures.items():
        client.log_figure(run_id, figure, f"figures/{name}.png")


def _experiment(client: "MlflowClient", name: str, settings: Settings) -> str:
    from mlflow.exceptions import MlflowException

    if experiment := client.get_experiment_by_name(name):
        return experiment.experiment_id
    try:
        return client.create_experiment(name, artifact_location(settings))
    except MlflowException as error:
        # another process has created it meanwhile
        if error.error_code == "RESOURCE_ALREADY_EXISTS" and (experiment := client.get_experiment_by_name(name)):
            return experiment.experiment_id
        raise


def _tags(description: dict) -> dict[str, str]:
    tags = {name: str(description[name]) for name in ("activation_set", "network", "layer", "group_order")}
    return tags | {"code_version": str(description["version"])}


def git_revision() -> str | None:
    """Return the commit of the code, with `-dirty` if files differ from it; None outside our repository."""
    if INSTALLED:  # site-packages may be inside another repository
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
    last_step = dictionary_config(dictionary, settings).steps
    metrics += [(name, value, last_step) for name, value in read_metrics(dictionary, settings).items()]
    log_metrics(client, run_id, metrics)
