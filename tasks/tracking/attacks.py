"""MLflow runs of an attack experiment: one run for each attack, nested under the experiment's run.

All runs of the MLflow experiment `NETWORK/attacks` have metrics of the same names, so that MLflow can compare them. A
metric's step is the percentage of perturbed images: its history is a curve over that percentage, and its last value is
that of the largest. The clean exemplars have no run; their metrics are those of the experiment's run.

| metric | |
| --- | --- |
| tcav/score, …/score_std, …/random_score, …/p_holm, …/accuracy, …/cosine | TCAV at the attacked layer |
| tcav/clean_score, …/noise_score | its score of the clean exemplars, and of noise at the same ε and percentage |
| verdict/trusted | 1 where the exemplars pass all checks of tamper detection, else 0 |
| verdict/matters | 1 where the concept matters for the class as in the views' verdicts, else 0 |
| change/psnr, …/perceptual, …/largest_change | visibility of the changes; not of runs in which nothing changed |
| transfer/NETWORK/LAYER | TCAV's score at another layer or network |
| features/DICTIONARY/STATISTIC/auc, …/flagged | evidence of the attack in a dictionary's features |
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import BaseModel

from tasks.concepts.perturbed_sets import IDENTITY, artifact_files
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.lineage import image_input
from tasks.tracking.runs import PARENT, filed, log_figures, log_inputs, log_metrics, log_params, study_run
from tasks.warehouse.labels import label_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

Attack = tuple[str, str, int]
"""(perturbed_set, attack, epsilon)."""
ATTACK = ("perturbed_set", "attack", "epsilon")
CLEAN: Attack = ("concept", "clean", 0)
SIGNIFICANT = 0.05
"""The level of p_holm of the verdicts in the views (`tcav_verdict` in sql/macros.sql)."""
MEASURES = {
    **{"score": "tcav", "score_std": "tcav", "random_score": "tcav", "p_holm": "tcav", "accuracy": "tcav"},
    **{"cosine": "tcav", "clean_score": "tcav", "noise_score": "tcav"},
    **{"trusted": "verdict", "matters": "verdict"},
    **{"psnr": "change", "perceptual": "change", "largest_change": "change"},
}
"""{measure: the group that MLflow shows it in}."""


def log_attacks(
    analysis: str,
    config: BaseModel,
    settings: Settings,
    figures: Mapping[str, "Figure"],
    sheets: Mapping[Attack, "Figure"] = MappingProxyType({}),
) -> str:
    """Log an experiment (a key of `analyse_attack`) and each of its attacks; return the id of the experiment's run.

    figures: of the experiment; sheets: a figure for an attack. An attack's run has the perturbed images as artifacts in
    `exemplars/`. Complete runs are kept, and a run whose process was killed is replaced, as in `log_training`.
    UserError where the experiment or its images are missing, an image is damaged, or MLflow can't be reached.
    """
    tables = read_staged(analysis, settings)
    [experiment] = tables["attack_experiments"].iter_rows(named=True)
    [name] = tables["concepts"].filter(concept_id=experiment["concept_id"])["name"]
    about = {"concept": name, "class": experiment["class_name"]} | {
        column: experiment[column] for column in ("kind", "network", "layer")
    }
    mlflow_experiment, metrics = f"{experiment['network']}/attacks", _metrics(tables, experiment)
    clean = metrics.pop(CLEAN)
    label = label_of("attack_experiment", analysis, tables)
    with study_run("attack_study", analysis, label, mlflow_experiment, settings, about) as study:
        if not study.client.get_run(study.run_id).data.params:
            log_metrics(study.client, study.run_id, clean)
            log_params(study.client, study.run_id, config.model_dump())  # last: params mean that all metrics exist
        log_figures(study.client, study.run_id, figures)
        for attack, attack_metrics in metrics.items():
            identity = dict(zip(ATTACK, attack, strict=True))
            [artifact_folder] = tables["attacks"].filter(**identity)["artifact_folder"].unique()
            filed(
                "attack",
                "/".join([analysis, *map(str, attack)]),
                mlflow_experiment,
                partial("{} · {} set, {} {}/255".format, label, *attack),
                {PARENT: study.run_id},
                partial(
                    _log,
                    params=identity | {"steps": experiment["steps"]} | about,
                    metrics=attack_metrics,
                    artifact_folder=artifact_folder,
                    figures={"sheet": sheets[attack]} if attack in sheets else {},
                    settings=settings,
                ),
                settings,
            )
    return study.run_id


def _log(
    client: "MlflowClient",
    run_id: str,
    params: dict[str, Any],
    metrics: list[tuple[str, float, int]],
    artifact_folder: str,
    figures: Mapping[str, "Figure"],
    settings: Settings,
) -> None:
    images = artifact_files(artifact_folder, settings)
    log_params(client, run_id, params)
    log_metrics(client, run_id, metrics)
    log_figures(client, run_id, figures)
    attacked = f"{params['concept']}, {params['attack']} {params['epsilon']}/255"
    log_inputs(
        client, run_id, [image_input(attacked, artifact_folder, f"attacks/{artifact_folder}", "attacked", len(images))]
    )
    for file in images:
        client.log_artifact(run_id, str(file), "exemplars")


def _metrics(tables: dict[str, pl.DataFrame], experiment: dict) -> dict[Attack, list[tuple[str, float, int]]]:
    """Return {attack: [(metric, value, percentage of perturbed images)]}."""
    scores = tables["attack_scores"]
    is_attacked = (pl.col("eval_network") == experiment["network"]) & (pl.col("eval_layer") == experiment["layer"])
    at_attacked, transferred = scores.filter(is_attacked), scores.filter(~is_attacked)
    noise_scores = at_attacked.filter(attack="noise").select(
        "perturbed_set", "epsilon", "fraction", noise_score="score"
    )
    checks = tables.get("trust_checks", pl.DataFrame(schema={"concept_id": pl.String, "passed": pl.Boolean}))
    joined = (
        at_attacked.join(tables["attacks"], on=IDENTITY)
        .join(noise_scores, on=["perturbed_set", "epsilon", "fraction"], how="left")
        .join(checks.group_by("concept_id").agg(trusted=pl.col("passed").all()), on="concept_id", how="left")
        .with_columns(
            clean_score=at_attacked.filter(attack="clean")["score"].item(),
            matters=(pl.col("p_holm") < SIGNIFICANT) & (pl.col("score") > pl.col("random_score")),
        )
        .with_columns(
            # where nothing changed, these are 0 and say nothing
            pl.when(pl.col("changed") > 0).then(pl.col(name)).alias(name)
            for name, group in MEASURES.items()
            if group == "change"
        )
    )
    grouped = [pl.col(name).cast(pl.Float64).alias(f"{group}/{name}") for name, group in MEASURES.items()]
    measured = [
        joined.select(*IDENTITY, *grouped).unpivot(index=IDENTITY, variable_name="metric"),
        transferred.select(
            *IDENTITY,
            pl.concat_str(pl.lit("transfer"), "eval_network", "eval_layer", separator="/").alias("metric"),
            pl.col("score").alias("value"),
        ),
    ]
    if "attack_features" in tables:
        features = tables["attack_features"].select(*IDENTITY, "dictionary_id", "statistic", "auc", "flagged")
        measured.append(
            features.unpivot(["auc", "flagged"], index=[*IDENTITY, "dictionary_id", "statistic"]).select(
                *IDENTITY,
                pl.concat_str(
                    pl.lit("features"), pl.col("dictionary_id").str.head(8), "statistic", "variable", separator="/"
                ).alias("metric"),
                "value",
            )
        )
    metrics = (
        pl.concat(measured)
        .filter(pl.col("value").is_not_nan())
        .with_columns(percent=(100 * pl.col("fraction")).round().cast(pl.Int64))
    )
    return {
        attack: list(attack_metrics.select("metric", "value", "percent").iter_rows())
        for attack, attack_metrics in metrics.group_by(ATTACK, maintain_order=True)
    }
