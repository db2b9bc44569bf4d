"""Flow `attack`: attack a concept's exemplars, and evaluate the effect on concept methods and its detection."""

from functools import partial
from pathlib import Path

import polars
from pydantic import Field

from flows.publish import PublishConfig, publish_staged
from flows.steps import Summary, kaleidoscope_flow, mapped, recorded, reported, show, step
from tasks.concepts.attack_experiment import analyse_attack
from tasks.concepts.config import AttackExperimentConfig
from tasks.concepts.facet_study import FacetStudyConfig, analyse_facets, facet_metrics
from tasks.progress import Progress
from tasks.report.figures.attacks import attack_sheet, effect_figure, facet_figure, fraction_figure, transfer_figure
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.attacks import log_attacks
from tasks.tracking.runs import log_analysis
from tasks.warehouse.labels import label_of


class AttackFlowConfig(AttackExperimentConfig):
    """An attack experiment on TCAV and, if `facets` is given, one on faceted feature visualisation."""

    facets: FacetStudyConfig | None = Field(
        None,
        description="faceted visualisation of a unit, with clean and attacked facets; {}: the defaults, a unit of "
        "efficientnet_lite0",
    )


@kaleidoscope_flow
def attack(config: AttackFlowConfig = AttackFlowConfig()) -> Summary:
    """Attack a concept's exemplars; evaluate TCAV, facets, tamper detection and dictionaries; publish.

    Args:
        config: the concept, the class and the attack grid
    """
    settings = Settings()
    keys: dict[str, str] = {}
    figures: dict[str, str] = {}
    with recorded("attack", config, settings) as measured:
        with reported("Attack exemplars") as progress:
            keys["study"] = attack_exemplars(config, settings, progress)
        figures |= step(log_study)(keys["study"], config, settings)
        if config.facets:
            with reported("Visualise facets") as progress:
                keys["facets"] = step(analyse_facets)(config.facets, settings, progress)
            figures |= step(log_facets)(keys["facets"], config.facets, settings)
    published = publish_staged(PublishConfig(), settings)
    return show(
        Summary(
            title=f"Attacks on {title_of(config)}",
            content_keys=keys,
            figures=figures | measured.figures(),
            places=published.places | measured.places,
            missing=published.missing,
        )
    )


def attack_exemplars(config: AttackFlowConfig, settings: Settings, progress: Progress) -> str:
    """Run the experiment, with each attack on the task runner; return its key.

    It is no step: a step can't submit tasks to other processes, because its progress report can't be pickled.
    """
    return analyse_attack(config, settings, progress, partial(mapped, "Perturb images"))


def log_study(key: str, config: AttackFlowConfig, settings: Settings) -> dict[str, str]:
    """Log an experiment to MLflow, with a nested run for each attack; return the scores at the attacked layer."""
    tables = read_staged(key, settings)
    largest_fraction = polars.col("fraction") == polars.col("fraction").max()
    attacks = tables["attacks"].filter(largest_fraction).select("perturbed_set", "attack", "epsilon").rows()
    log_attacks(
        key,
        config,
        settings,
        {
            "effect": effect_figure({title_of(config): tables}),
            "fraction": fraction_figure(tables),
            "transfer": transfer_figure(tables),
        },
        {attack: attack_sheet(tables, *attack) for attack in attacks},
    )
    at_attacked = tables["attack_scores"].filter(eval_network=config.network, eval_layer=config.layer)
    largest = at_attacked.filter((polars.col("attack") == "clean") | largest_fraction)
    return {
        " ".join([*named(row), "of random sets" if row["perturbed_set"] == "random" else ""]).strip(): (
            f"{row['score']:.2f} ± {row['score_std']:.2f} (random {row['random_score']:.2f}), p {row['p_holm']:.2g}"
        )
        for row in largest.iter_rows(named=True)
    }


def title_of(config: AttackFlowConfig) -> str:
    """Return an experiment's title: CONCEPT for CLASS."""
    return f"{Path(config.concept).name} for {config.of_class.name}"


def named(row: dict) -> list[str]:
    """Return an attack's name, and its ε where it has one."""
    return [row["attack"]] if row["attack"] == "clean" else [row["attack"], f"{row['epsilon']}/255"]


def log_facets(key: str, config: FacetStudyConfig, settings: Settings) -> dict[str, str]:
    """Log a facet study to MLflow; return its metrics."""
    tables = read_staged(key, settings)
    metrics = facet_metrics(tables)
    figures = {"facets": facet_figure(tables)}
    label = label_of("facet_analysis", key, tables)
    log_analysis("facets", key, label, f"{config.network}/facets", config, metrics, figures, settings)
    return {name: f"{value:.3g}" for name, value in metrics.items()}
