"""One MLflow run per training or analysis: its parameters, its progress and its results."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from tasks.dictionary.store import describe, read_metrics, read_table
from tasks.errors import UserError
from tasks.liveness import Holder, alive, is_held
from tasks.provenance import made_now
from tasks.settings import Settings
from tasks.tracking.lineage import FOLDERS, inputs_of, stage_run
from tasks.tracking.store import MLFLOW_LOCK, artifact_location, one_at_a_time, tracking
from tasks.warehouse.labels import dictionary_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

METRICS_PER_CALL = 1000  # MLflow's limit for log_batch
PARENT = "mlflow.parentRunId"  # tag with the id of the run under which MLflow's UI nests a run
DESCRIPTIONS = {
    "dictionary": "A dictionary. `training/` was measured at training steps (curves that stay 0 are left out), "
    "`test/` on the test split. The other groups are of later analyses. The registered model has a card.",
    "sweep": "Several dictionaries, trained in one pass over the rows: one nested run each.",
    "concepts": "TCAV: which concepts matter for which classes, against random sets.",
    "attack_study": "Attacks on a concept's exemplars, one nested run each. The metrics are of the clean exemplars.",
    "attack": "One attack on a concept's exemplars. The step of a metric is the percentage of perturbed images.",
    "facets": "Faceted visualisation of a unit, clean and attacked.",
    "trust": "Tamper checks of sets of exemplars.",
    "tuning": "Tuning dimensions of a layer's units: one nested run a method.",
    "dimensions": "Tuning dimensions by one method.",
    "benchmark": "Scores of one dictionary by ViSAEBench's metrics. They compare within one benchmark.",
}
"""{kind of run: the description that its page in MLflow shows}."""


def log_training(
    dictionary: str, settings: Settings, figures: Callable[[], Mapping[str, "Figure"]] = dict, parent: str | None = None
) -> str:
    """Record a trained dictionary (a key) as a finished MLflow run, nested under `parent`; return the run's id.

    The experiment is `network/layer`: MLflow compares runs within an experiment, and FVU is comparable within a layer.
    Parameters are the config's fields. Metrics `training/…` are those logged at training steps, `test/…` those of the
    test split. The run's name is the dictionary's label. `figures` draws those to store as `figures/NAME.png`. A
    dictionary with a finished run keeps that run; figures are drawn only if it has none, as that of a dictionary that
    was not analysed. A run that a killed process left is closed and replaced. Raises UserError when there is no such
    dictionary, or when MLflow can't be reached.
    """
    description = describe(dictionary, settings)

    def log(client: "MlflowClient", run_id: str) -> None:
        _log(client, run_id, dictionary, description, settings)
        log_figures(client, run_id, figures())

    run = filed(
        "dictionary",
        dictionary,
        f"{description['network']}/{description['layer']}",
        lambda: dictionary_label(dictionary, settings),
        _tags(description) | ({PARENT: parent} if parent else {}),
        log,
        settings,
    )
    with tracking(settings) as client:
        if not client.list_artifacts(run, "figures"):
            log_figures(client, run, figures())
    return run


def log_analysis(
    kind: str,
    key: str,
    label: str,
    experiment: str,
    config: BaseModel,
    metrics: Mapping[str, float],
    figures: Mapping[str, "Figure"],
    settings: Settings,
    parent: str | None = None,
) -> str:
    """Record an analysis as a finished run with the tag `kind` = its key; return the run's id.

    label: the run's name; experiment: `network/layer`. The run is kept, nested and replaced as in `log_training`.
    Raises UserError when MLflow can't be reached.
    """

    def log(client: "MlflowClient", run_id: str) -> None:
        log_params(client, run_id, config.model_dump())
        log_metrics(client, run_id, [(name, value, 0) for name, value in metrics.items()])
        log_figures(client, run_id, figures)

    tags = {PARENT: parent} if parent else {}
    return filed(kind, key, experiment, lambda: label, tags, log, settings)


def filed(
    kind: str,
    key: str,
    experiment_name: str,
    label: Callable[[], str],
    tags: Mapping[str, str],
    log: Callable[["MlflowClient", str], None],
    settings: Settings,
) -> str:
    """Return the id of the finished run with the tag `kind` = key; if there is none, create it and let `log` fill it.

    A new run is named as `label` returns and gets `tags`, its source and its description. A run that a killed process
    left is closed and replaced.
    """
    with tracking(settings) as client, one_at_a_time(settings):
        experiment = _experiment(client, experiment_name, settings)
        for run in client.search_runs([experiment], f"tags.`{kind}` = '{key}'"):
            if run.info.status == "FINISHED":
                if PARENT in tags:
                    client.set_tag(run.info.run_id, PARENT, tags[PARENT])
                stage_run(run, kind, key, experiment_name, settings)
                return run.info.run_id
            if run.info.status == "RUNNING" and not is_held(_lock_of(run.info.run_id, settings)):
                client.set_terminated(run.info.run_id, "KILLED")
        name = _unique_name(client, experiment, kind, key, label())
        run = client.create_run(experiment, run_name=name, tags={**_about(kind, key), **tags})
        with _until_it_ends(client, run.info.run_id, kind, settings):
            log_inputs(client, run.info.run_id, inputs_of(kind, key, tags, settings))
            log(client, run.info.run_id)
        stage_run(run, kind, key, experiment_name, settings)
    return run.info.run_id


def log_findings(
    dictionary: str,
    group: str,
    metrics: Mapping[str, float],
    settings: Settings,
    figures: Callable[[], Mapping[str, "Figure"]] = dict,
) -> None:
    """Add the results of a later analysis to a dictionary's finished run, as metrics GROUP/NAME.

    A run that has these metrics already, with these values, stays as it is, and no figures are drawn.
    Raises UserError when there is no finished run, or when MLflow can't be reached.
    """
    description = describe(dictionary, settings)
    with tracking(settings) as client:
        experiment = _experiment(client, f"{description['network']}/{description['layer']}", settings)
        runs = client.search_runs([experiment], f"tags.dictionary = '{dictionary}' and attributes.status = 'FINISHED'")
        if not runs:
            raise UserError(f"MLflow has no finished run of dictionary {dictionary}; run the `train` flow first")
        run_id, logged = runs[0].info.run_id, runs[0].data.metrics
        grouped = {f"{group}/{name}": value for name, value in metrics.items()}
        if grouped and all(logged.get(metric_name(name)) == value for name, value in grouped.items()):
            return
        # the metrics come last: where they are logged, the figures are
        log_figures(client, run_id, figures())
        log_metrics(client, run_id, [(name, value, 0) for name, value in grouped.items()])


@contextmanager
def study_run(
    kind: str,
    key: str,
    label: str,
    experiment_name: str,
    settings: Settings,
    tags: Mapping[str, str] = MappingProxyType({}),
) -> Iterator["StudyRun"]:
    """Yield the MLflow run under which a study's runs are nested; there is one per kind and key.

    It is FINISHED when the block succeeds. label: its name; experiment_name: `network/layer`. Raises UserError when
    MLflow can't be reached.
    """
    with tracking(settings) as client:
        experiment = _experiment(client, experiment_name, settings)
        with one_at_a_time(settings):
            runs = client.search_runs([experiment], f"tags.`{kind}` = '{key}'")
            if runs:
                run = runs[0]
            else:
                name = _unique_name(client, experiment, kind, key, label)
                run = client.create_run(experiment, run_name=name, tags=_about(kind, key) | dict(tags))
        with _until_it_ends(client, run.info.run_id, kind, settings):
            if not runs:
                log_inputs(client, run.info.run_id, inputs_of(kind, key, tags, settings))
            yield StudyRun(client, run.info.run_id)
        stage_run(run, kind, key, experiment_name, settings)


def _unique_name(client: "MlflowClient", experiment: str, kind: str, key: str, label: str) -> str:
    """Return a new run's name: its label, and the key's first digits if another key's run has the same label.

    That other run is renamed in the same way, as sql/labels.sql does in the views.
    """
    pattern = re.sub(r"""['"%\\]""", "_", label)  # in a pattern, _ is any character
    named = client.search_runs([experiment], f"attributes.run_name LIKE '{pattern}%' AND tags.`{kind}` != '{key}'")
    others = [(run, name_with_digits(label, run.data.tags[kind])) for run in named]
    equal = [(run, name) for run, name in others if run.info.run_name in (label, name)]
    for run, name in equal:
        client.update_run(run.info.run_id, name=name)
    return name_with_digits(label, key) if equal else label


def name_with_digits(label: str, key: str) -> str:
    return f"{label} · {key[:8]}"


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


def log_inputs(client: "MlflowClient", run_id: str, inputs: Sequence["DatasetInput"]) -> None:
    if inputs:
        client.log_inputs(run_id, list(inputs))


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


def _about(kind: str, key: str) -> dict[str, str]:
    """Return a new run's tags: its key, and what MLflow shows as description, source and version of the code."""
    tags = {
        kind: key,
        "mlflow.note.content": DESCRIPTIONS[kind],
        "mlflow.source.name": "kaleidoscope",
        "mlflow.source.type": "LOCAL",
    }
    made = made_now()
    if revision := made["git_revision"]:
        tags |= {"git_revision": revision, "mlflow.source.git.commit": revision.removesuffix("-dirty")}
    if made["flow_run_id"]:
        tags["flow_run_id"] = made["flow_run_id"]
    if kind in FOLDERS:
        tags["data_folder"] = f"{FOLDERS[kind]}/{key}"
    return tags


def _tags(description: dict) -> dict[str, str]:
    tags = {name: str(description[name]) for name in ("activation_set", "network", "layer", "group_order")}
    if kind := description.get("transformations"):  # a champion is the best of its kind
        tags["group_order"] += f"-{kind}"
    return tags | {"code_version": str(description["version"])}


def _log(client: "MlflowClient", run_id: str, dictionary: str, description: dict, settings: Settings) -> None:
    config = description["config"] | {name: description[name] for name in ("channels", "group_order")}
    log_params(client, run_id, config)

    history = read_table(dictionary, "history", settings).select("step", "metric", "value")
    zero = {metric for (metric,), curve in history.group_by("metric") if (curve["value"] == 0).all()}
    metrics = [(f"training/{metric}", value, step) for step, metric, value in history.iter_rows() if metric not in zero]
    measured = read_metrics(dictionary, settings)
    # at step 0, MLflow draws a single value as a bar; an imported dictionary was not trained here
    if seconds := measured.pop("train_seconds"):
        metrics.append(("training/train_seconds", seconds, 0))
    metrics += [(f"test/{name}", value, 0) for name, value in measured.items()]
    log_metrics(client, run_id, metrics)
