"""One MLflow run per attack, nested under the run of its study.

Every run of the experiment `NETWORK/attacks` has metrics of the same names, so that MLflow compares them. A metric's
step is the percentage of poisoned images: its history is the curve over that, its last value that of the most. The
clean exemplars, which are no attack, are the study's own metrics.

| metric | |
| --- | --- |
| score, spread, random_score, p_holm, accuracy, cosine | TCAV where the exemplars were attacked |
| clean_score, noise_score | its score of the clean exemplars, and under noise of the same ε and percentage |
| psnr, perceptual, largest_change | what an eye could see |
| transfer/NETWORK/LAYER | TCAV's score there |
| trusted | 1 where the exemplars pass every trust check, 0 where they fail one |
| features/DICTIONARY/STATISTIC/auc, …/flagged | whether a dictionary's features give the attack away |
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
from tasks.tracking.runs import PARENT, filed, log_figures, log_metrics, log_params, study_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

Attack = tuple[str, str, int]
"""touched, attack, epsilon."""
ATTACK = ("perturbed_set", "attack", "epsilon")
CLEAN: Attack = ("concept", "clean", 0)
MEASURES = ("score", "score_std", "random_score", "p_holm", "accuracy", "cosine", "clean_score", "noise_score")
MEASURES += ("psnr", "perceptual", "largest_change", "trusted")


def log_attacks(
    analysis: str,
    config: BaseModel,
    settings: Settings,
    figures: Mapping[str, "Figure"],
    sheets: Mapping[Attack, "Figure"] = MappingProxyType({}),
) -> str:
    """Record a study (a key of `analyse_attack`) with its figures, and each of its attacks; returns the study's run.

    An attack's run holds the changed images as `exemplars/`, and its own one of `sheets`. Kept, and replaced where a
    process was killed, as in `log_training`. UserError: no such study, its images are gone or damaged, MLflow can't be
    reached.
    """
    tables = read_staged(analysis, settings)
    [experiment] = tables["attack_experiments"].iter_rows(named=True)
    [name] = tables["concepts"].filter(concept_id=experiment["concept_id"])["name"]
    about = {"concept": name, "class": experiment["class_name"]} | {
        of: experiment[of] for of in ("kind", "network", "layer")
    }
    experiment, metrics = f"{experiment['network']}/attacks", _metrics(tables, experiment)
    clean = metrics.pop(CLEAN)
    with study_run("attack_study", analysis, experiment, settings, about) as study:
        if not study.client.get_run(study.run_id).data.params:
            log_metrics(study.client, study.run_id, clean)
            log_params(study.client, study.run_id, config.model_dump())  # last: they say that the metrics are there
        log_figures(study.client, study.run_id, figures)
        for attack, of_attack in metrics.items():
            identity = dict(zip(ATTACK, attack, strict=True))
            [artifact_folder] = tables["attacks"].filter(**identity)["artifact_folder"].unique()
            filed(
                "attack",
                "/".join([analysis, *map(str, attack)]),
                experiment,
                "{} {} {}/255".format(*attack),
                {PARENT: study.run_id},
                partial(
                    _log,
                    params=identity | {"steps": experiment["steps"]} | about,
                    metrics=of_attack,
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
    for file in images:
        client.log_artifact(run_id, str(file), "exemplars")


def _metrics(tables: dict[str, pl.DataFrame], experiment: dict) -> dict[Attack, list[tuple[str, float, int]]]:
    """{attack: (name, value, percentage of poisoned images) of what is known of it}."""
    scores = tables["attack_scores"]
    is_here = (pl.col("eval_network") == experiment["network"]) & (pl.col("eval_layer") == experiment["layer"])
    here, elsewhere = scores.filter(is_here), scores.filter(~is_here)
    by_noise = here.filter(attack="noise").select("perturbed_set", "epsilon", "fraction", noise_score="score")
    checks = tables.get("trust_checks", pl.DataFrame(schema={"concept_id": pl.String, "passed": pl.Boolean}))
    told = (
        here.join(tables["attacks"], on=IDENTITY)
        .join(by_noise, on=["perturbed_set", "epsilon", "fraction"], how="left")
        .join(checks.group_by("concept_id").agg(trusted=pl.col("passed").all()), on="concept_id", how="left")
        .with_columns(clean_score=here.filter(attack="clean")["score"].item())
    )
    measured = [
        told.select(*IDENTITY, pl.col(MEASURES).cast(pl.Float64)).unpivot(index=IDENTITY, variable_name="metric"),
        elsewhere.select(
            *IDENTITY,
            pl.concat_str(pl.lit("transfer"), "eval_network", "eval_layer", separator="/").alias("metric"),
            pl.col("score").alias("value"),
        ),
    ]
    if "attack_features" in tables:
        of_features = tables["attack_features"].select(*IDENTITY, "dictionary_id", "statistic", "auc", "flagged")
        measured.append(
            of_features.unpivot(["auc", "flagged"], index=[*IDENTITY, "dictionary_id", "statistic"]).select(
                *IDENTITY,
                pl.concat_str(
                    pl.lit("features"), pl.col("dictionary_id").str.head(8), "statistic", "variable", separator="/"
                ).alias("metric"),
                "value",
            )
        )
    known = (
        pl.concat(measured)
        .filter(pl.col("value").is_not_nan())
        .with_columns(percent=(100 * pl.col("fraction")).round().cast(pl.Int64))
    )
    return {
        attack: list(of_attack.select("metric", "value", "percent").iter_rows())
        for attack, of_attack in known.group_by(ATTACK, maintain_order=True)
    }
