"""Flow `attack`: what changed exemplars do to concept tools, and whether anything notices."""

from pathlib import Path

import polars
from pydantic import Field

from flows.publish import PublishConfig, publish_staged
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from tasks.concepts.attack_experiment import analyse_attack
from tasks.concepts.config import AttackExperimentConfig
from tasks.concepts.facet_study import FacetStudyConfig, analyse_facets, facet_metrics
from tasks.report.attack_figures import attack_sheet, effect_figure, facet_figure, fraction_figure, transfer_figure
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.attacks import log_attacks
from tasks.tracking.runs import log_analysis


class AttackFlowConfig(AttackExperimentConfig):
    """A story told to TCAV and, where asked for, one told to faceted feature visualisation."""

    facets: FacetStudyConfig | None = Field(
        None, description="a unit under facets, clean and attacked; {}: one of the embedded network's"
    )


@kaleidoscope_flow
def attack(config: AttackFlowConfig = AttackFlowConfig()) -> Summary:
    """Attack a concept's exemplars, read what TCAV, facets, trust checks and dictionaries make of it; publish.

    Args:
        config: which concept, which class, how its exemplars are pushed
    """
    settings = Settings()
    made, figures = {}, {}
    with recorded("attack", config, settings) as measured:
        with reported("Attack exemplars") as progress:
            made["study"] = step(analyse_attack)(config, settings, progress)
        figures |= step(log_study)(made["study"], config, settings)
        if config.facets:
            with reported("Visualise facets") as progress:
                made["facets"] = step(analyse_facets)(config.facets, settings, progress)
            figures |= step(log_facets)(made["facets"], config.facets, settings)
    published = publish_staged(PublishConfig(), settings)
    return show(
        Summary(
            title=f"Attacks on {title_of(config)}",
            made=made,
            figures=figures | measured.figures(),
            where=published.where,
            missing=published.missing,
        )
    )


def log_study(key: str, config: AttackFlowConfig, settings: Settings) -> dict[str, str]:
    """Tell MLflow of a study, a nested run for each attack; returns each one's score where it was made."""
    tables = read_staged(key, settings)
    attacks = tables["attacks"].filter(polars.col("fraction") == polars.col("fraction").max())
    attacks = attacks.select("perturbed_set", "attack", "epsilon").rows()
    log_attacks(
        key,
        config,
        settings,
        {
            "effect": effect_figure({title_of(config): tables}),
            "fraction": fraction_figure(tables),
            "transfer": transfer_figure(tables),
        },
        {each: attack_sheet(tables, *each) for each in attacks},
    )
    here = tables["attack_scores"].filter(eval_network=config.network, eval_layer=config.layer)
    widest = here.filter((polars.col("attack") == "clean") | (polars.col("fraction") == polars.col("fraction").max()))
    return {
        " ".join([*named(row), "of random sets" if row["perturbed_set"] == "random" else ""]).strip(): (
            f"{row['score']:.2f} ± {row['score_std']:.2f} (random {row['random_score']:.2f}), p {row['p_holm']:.2g}"
        )
        for row in widest.iter_rows(named=True)
    }


def title_of(config: AttackFlowConfig) -> str:
    """Words for a story."""
    return f"{Path(config.concept).name} for {config.of_class.name}"


def named(row: dict) -> list[str]:
    """Words for an attack."""
    return [row["attack"]] if row["attack"] == "clean" else [row["attack"], f"{row['epsilon']}/255"]


def log_facets(key: str, config: FacetStudyConfig, settings: Settings) -> dict[str, str]:
    """Tell MLflow of facets; returns what was measured of the pictures."""
    tables = read_staged(key, settings)
    metrics = facet_metrics(tables)
    figures = {"facets": facet_figure(tables)}
    log_analysis("facets", key, f"{config.network}/facets", config, metrics, figures, settings)
    return {name: f"{value:.3g}" for name, value in metrics.items()}
