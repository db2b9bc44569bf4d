"""Flow `symmetry`: top examples, symmetries and families of the features of trained dictionaries."""

from collections.abc import Callable
from functools import partial

import polars
from pydantic import Field

from flows.steps import Summary, kaleidoscope_flow, recorded, reported, say, show, step
from tasks.activations.shards import ActivationSet
from tasks.checksums import Damaged
from tasks.config import Config, Whole
from tasks.dictionary.ablation import ablate_features
from tasks.dictionary.analyse import analyse
from tasks.dictionary.feature_matches import match_features
from tasks.dictionary.heat_maps import draw_heat_maps
from tasks.dictionary.keys import DictionaryKeys
from tasks.dictionary.matching_pursuit import check_products_fit, measure_matching_pursuit
from tasks.dictionary.orbit_components import has_components, measure_orbit_components
from tasks.dictionary.orbit_prediction import (
    check_fits,
    is_measured,
    is_of_orbits,
    measure_equivariance,
    measure_orbit_prediction,
    whole_fvu,
)
from tasks.dictionary.stability import replicas_of_analysed
from tasks.dictionary.store import describe, dictionary_config, trained
from tasks.errors import UserError
from tasks.families.analyse import analyse_families, family_metrics
from tasks.families.config import FamiliesConfig
from tasks.families.separation import measure_separation
from tasks.report.figures.families import family_figures
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.runs import log_findings
from tasks.warehouse.labels import dictionary_labels


class SymmetryConfig(Config):
    """The configuration of the flow."""

    dictionaries: DictionaryKeys = Field(
        (),
        description="keys of the trained dictionaries to analyse; default: all in the data folder but replicas, which "
        "were trained to measure the stability of others",
    )
    families: FamiliesConfig = Field(FamiliesConfig(), description="grouping of features into families")
    predictor_steps: Whole = Field(
        0,
        ge=0,
        description="training steps of a neural network that predicts the activations under all transforms from the "
        "identity block: a floor for the group crosscoder's FVU. With more than 0 steps, the floors of codes that read "
        "all blocks are measured too; 0: only the floors of linear predictions",
    )


@kaleidoscope_flow
def symmetry(config: SymmetryConfig = SymmetryConfig()) -> Summary:
    """Find every feature's symmetry and top examples, and group features into families.

    Args:
        config: the dictionaries and the grouping into families
    """
    settings = Settings()
    with recorded("symmetry", config, settings) as measured:
        replicas = replicas_of_analysed(settings)
        dictionaries = config.dictionaries or tuple(
            key for key in trained(settings) if not any(key in of_one for of_one in replicas.values())
        )
        if not dictionaries:
            raise UserError(f"no trained dictionary in {settings.dictionaries_dir}; run `kaleidoscope run train` first")
        analyses, families, failures = {}, {}, {}
        for dictionary in dictionaries:
            try:
                analysis = analyse_dictionary(dictionary, settings)
                predict_orbits(dictionary, config.predictor_steps, settings)
                families[dictionary] = families_of(dictionary, replicas.get(dictionary, ()), config.families, settings)
                analyses[dictionary] = analysis
            except Damaged as error:  # the other dictionaries are still analysed
                failures[dictionary] = str(error)
        draw_and_match(tuple(analyses), settings)
    labels = dictionary_labels(analyses, settings)
    return show(
        Summary(
            title=f"Features of {len(analyses)} dictionaries",
            content_keys={f"dictionary {labels[dictionary]}": dictionary for dictionary in analyses}
            | {f"analysis of {labels[dictionary]}": key for dictionary, key in analyses.items()},
            figures={
                f"{labels[dictionary]}: {name}": value
                for dictionary, key in analyses.items()
                for name, value in (types_of(key, settings) | families[dictionary]).items()
            }
            | measured.figures(),
            places={"tables": str(settings.staging_dir)},
            failures=failures,
        )
    )


def analyse_dictionary(dictionary: str, settings: Settings) -> str:
    """Analyse a dictionary's features and return the key of the staged tables."""
    with reported(f"Analyse {dictionary[:8]}") as progress:
        return step(analyse)(dictionary, settings, progress)


def ablate(dictionary: str, count: int, settings: Settings) -> None:
    """Measure how the ablation of up to `count` features of an analysed dictionary changes the logits."""
    if count and not dictionary_config(dictionary, settings).reads_all_blocks:
        with reported(f"Ablate features of {dictionary[:8]}") as progress:
            step(ablate_features)(dictionary, count, settings, progress)


def predict_orbits(dictionary: str, steps: int, settings: Settings) -> None:
    """Measure how well all blocks can be predicted, for a crosscoder or an SAE on a set of orbits; log it in MLflow.

    What the identity block predicts is measured for a crosscoder that encodes it alone. Of an SAE, its reconstruction
    of the identity block predicts the others. steps: of the training of a crosscoder's neural network; with 0, neither
    that network nor codes that read all blocks are measured.
    """
    config, description = dictionary_config(dictionary, settings), describe(dictionary, settings)
    if is_of_orbits(dictionary, settings):
        with reported(f"Turn reconstructions of {dictionary[:8]}") as progress:
            step(turn)(dictionary, settings, progress)
    if not config.is_crosscoder:
        return
    regression = partial(check_fits, description["channels"], description["group_order"])
    if is_measured(config) and fits(regression, f"what the identity block predicts, dictionary {dictionary[:8]},"):
        with reported(f"Predict orbits of {dictionary[:8]}") as progress:
            step(predict)(dictionary, steps, settings, progress)
    if not steps:
        return
    if has_components(config, ActivationSet.open(description["activation_set"], settings)):
        with reported(f"Components of orbits of {dictionary[:8]}") as progress:
            step(reduce_orbits)(dictionary, settings, progress)
    if fits(partial(check_products_fit, config.features), f"what the decoder can reach, dictionary {dictionary[:8]},"):
        with reported(f"Pursue features of {dictionary[:8]}") as progress:
            step(pursue)(dictionary, settings, progress)


def fits(check: Callable[[], None], what: str) -> bool:
    """Return whether a check raises no UserError; else say that `what` was not measured: the study goes on."""
    try:
        check()
    except UserError as error:
        say(f"{what} was not measured: {error}")
        return False
    return True


def predict(dictionary: str, steps: int, settings: Settings, progress) -> None:
    """Measure the predictors that read the identity block and log their FVU in MLflow."""
    log_predictors(dictionary, measure_orbit_prediction(dictionary, steps, settings, progress), settings)


def reduce_orbits(dictionary: str, settings: Settings, progress) -> None:
    """Measure the principal components of whole orbits and log their FVU in MLflow."""
    log_predictors(dictionary, {"orbit_linear": measure_orbit_components(dictionary, settings, progress)}, settings)


def pursue(dictionary: str, settings: Settings, progress) -> None:
    """Measure a crosscoder's decoder with features that matching pursuit chooses, and log its FVU in MLflow."""
    log_predictors(dictionary, {"matching_pursuit": measure_matching_pursuit(dictionary, settings, progress)}, settings)


def log_predictors(dictionary: str, keys: dict[str, str], settings: Settings) -> None:
    """Log the FVU of predictors in MLflow; keys: {predictor: content key of its `orbit_predictions`}."""
    staged = {predictor: read_staged(key, settings)["orbit_predictions"] for predictor, key in keys.items()}
    fvu = {f"{predictor}_fvu": whole_fvu(predictions) for predictor, predictions in staged.items()}
    log_findings(dictionary, "predictors", fvu, settings)


def turn(dictionary: str, settings: Settings, progress) -> None:
    """Measure an SAE as an equivariant one and log it in MLflow."""
    tables = read_staged(measure_equivariance(dictionary, settings, progress), settings)
    metrics = dict(tables["dictionary_metrics"].select("metric", "value").iter_rows())
    log_findings(dictionary, "equivariance", metrics, settings)


def draw_and_match(dictionaries: tuple[str, ...], settings: Settings) -> None:
    """Draw where the features of analysed dictionaries fire, and match them with all others of their layers.

    The dictionaries of a flow are drawn together, because the network then runs once on an image for all of them.
    """
    # an image shows a unit under one transform only
    drawn = tuple(key for key in dictionaries if not dictionary_config(key, settings).reads_all_blocks)
    with reported("Draw heat-maps") as progress:
        step(draw_heat_maps)(drawn, settings, progress)
    with reported("Match features across dictionaries") as progress:
        step(match_features)(dictionaries, settings, progress)


def families_of(
    dictionary: str, replicas: tuple[str, ...], config: FamiliesConfig, settings: Settings
) -> dict[str, str]:
    """Group a dictionary's features into families, score them with replicas and controls; return the summary's figures.

    replicas: keys of dictionaries with the same config but other seeds. The dictionary itself must have been analysed
    and logged before.
    """
    if dictionary_config(dictionary, settings).atom_dimension > 1:
        say(f"no families of dictionary {dictionary[:8]}: its features have several dimensions")
        return {}
    with reported(f"Families of {dictionary[:8]}") as progress:
        families = step(analyse_families)(dictionary, config, settings, progress)
    scores: tuple[str, ...] = ()
    if read_staged(families, settings)["feature_families"]["stimulus_type"].count():  # the ground truth
        with reported(f"Score families of {dictionary[:8]}") as progress:
            scores = step(measure_separation)(families, replicas, config, settings, progress)
    metrics = step(log_families)(dictionary, families, scores, settings)
    return {name.replace("_", " "): f"{value:.3g}" for name, value in metrics.items()}


def log_families(dictionary: str, families: str, scores: tuple[str, ...], settings: Settings) -> dict[str, float]:
    """Log a dictionary's families in MLflow; return the metrics."""
    tables = read_staged(families, settings)
    if scores:
        tables["family_scores"] = polars.concat(read_staged(key, settings)["family_scores"] for key in scores)
    metrics = family_metrics(tables)
    log_findings(dictionary, "families", metrics, settings, lambda: family_figures(tables))
    return metrics


def types_of(analysis: str, settings: Settings) -> dict[str, str]:
    """Return the number of features of each symmetry type; empty for a dictionary without transform blocks."""
    tables = read_staged(analysis, settings)
    if "feature_symmetry" not in tables:
        return {}
    counts = tables["feature_symmetry"]["type"].value_counts().sort("count", "type", descending=[True, False])
    return {f"features: {kind}": f"{count}" for kind, count in counts.iter_rows()}
