"""Compute the tuning dimensions of a layer's units by one method and stage them for the warehouse (methods §6)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars
import torch

from tasks.activations.shards import ActivationSet
from tasks.dictionary.encode import Encode, encoded, encoder_of
from tasks.dictionary.store import dictionary_config, load_dictionary
from tasks.dimensions.completeness import measure_completeness
from tasks.dimensions.config import DimensionsConfig
from tasks.dimensions.harmonics import IrrepEnergies
from tasks.dimensions.identify import follow, stimulus_responses
from tasks.dimensions.methods import Dimensions, Rows, constant_units, fit, sample
from tasks.dimensions.moments import Moments
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.symmetry.group import DihedralGroup
from tasks.vision.images import webp

CODE_VERSION = 2
ROWS = 2048
"""Number of rows in memory at a time, or one orbit where that is more."""
LOW, HIGH = 2, 98
"""Percentiles of a dimension's score between which its pictures lie."""
POINTS = 9
"""Number of pictures per dimension."""


@dataclass(frozen=True)
class UnitRows:
    """Rows of a layer's neurons (`encode` is None) or of a dictionary's features, in batches of whole orbits.

    at_most: largest number of rows, spread evenly over all shards; at least one orbit per shard is used.
    """

    acts: ActivationSet
    encode: Encode | None
    at_most: int

    @torch.no_grad()
    def orbits(self, split: str) -> Iterator[tuple[list[int], np.ndarray]]:
        """Yield (row numbers [r], units float32 [r, |G|, units]) of a split; the same ones at every call."""
        shards = [shard for shard in self.acts.shards if shard.split == split]
        order = self.acts.group.order
        share = min(1.0, self.at_most / order / max(1, sum(shard.orbits for shard in shards)))
        for shard in shards:
            count = max(1, round(share * shard.orbits))
            numbers = self.acts.rows(shard.index)["row"].to_list()
            acts_rgc, at_once = self.acts.read(shard.index)[:count], max(1, ROWS // order)
            for start, part_rgc in zip(range(0, count, at_once), acts_rgc.split(at_once), strict=True):
                units_nd = encoded(part_rgc.flatten(0, 1).float(), self.encode)
                yield numbers[start : start + len(part_rgc)], units_nd.unflatten(0, part_rgc.shape[:2]).numpy()

    def batches(self, split: str) -> Iterator[np.ndarray]:
        """Yield batches of rows, float32 [n, units]; every transform of an orbit is a row."""
        for _, units_rgd in self.orbits(split):
            yield units_rgd.reshape(-1, units_rgd.shape[2])


def analyse_dimensions(
    activation_set: str,
    dictionary: str | None,
    config: DimensionsConfig,
    settings: Settings,
    progress: Progress = silent,
) -> str:
    """Stage `dimension_analyses`, `tuning_dimensions` and the other tables of an analysis; return their content key.

    The other tables are the parameters that the dimensions follow, their pictures, harmonics and completeness.

    dictionary: key of the dictionary whose features are the units; None for the layer's neurons. Tables that are staged
    already are not computed again. progress counts to 1000. Raises UserError as `fit` and `encoder_of` do, and for a
    set without train or test split.
    """
    key = content_key("dimensions", CODE_VERSION, activation_set=activation_set, dictionary=dictionary, config=config)
    if is_staged(key, settings):
        return key
    acts = ActivationSet.open(activation_set, settings)
    if {shard.split for shard in acts.shards} != {"train", "test"}:
        raise UserError(
            f"activation set {activation_set[:12]} has no test split to evaluate dimensions on: extract it with "
            "test_share > 0"
        )
    if dictionary and (dimension := dictionary_config(dictionary, settings).atom_dimension) > 1:
        raise UserError(
            f"dictionary {dictionary[:12]} has features of {dimension} dimensions, and a point among their norms can't "
            "be decoded: choose a dictionary with one decoder vector per feature"
        )
    encode = encoder_of(load_dictionary(dictionary, settings)) if dictionary else None
    natural = UnitRows(acts, encode, config.rows)
    responses = {
        name: replace(family, responses_nd=encoded(torch.from_numpy(family.responses_nd), encode).numpy())
        for name, family in stimulus_responses(
            acts.config.network, acts.config.layer, acts.plan.patch.centre, settings.weights_dir
        ).items()
    }
    progress(150, 1000)

    fit_rows, test_rows = _fit_and_test_rows(config, responses["gratings"].responses_nd, natural)
    moments = Moments.of(fit_rows())
    where = f"{config.source} of {acts.config.network} {acts.config.layer}"
    where += f", dictionary {dictionary[:12]}" if dictionary else ""
    dimensions = fit(config, fit_rows, moments, where)
    progress(350, 1000)

    tuning_scores, curves = follow(responses, dimensions.scores, config.permutations, config.seed)
    progress(450, 1000)
    tables = {
        "dimension_analyses": _analyses_table(activation_set, dictionary, config, moments, dimensions),
        "tuning_dimensions": _dimensions_table(dimensions, fit_rows, test_rows, moments),
        "tuning_scores": tuning_scores,
        "dimension_curves": curves,
        "dimension_pictures": _patches(dimensions, natural, part_of(progress, 500, 600)),
    }
    if acts.group.order > 1 and isinstance(acts.group, DihedralGroup):
        tables["dimension_harmonics"] = _harmonics(dimensions, natural, acts.group)
    counts = sorted({*(2**power for power in range(config.components.bit_length())), config.components})
    # dimensions about the mean of gratings don't apply to photographs
    whole_frames = config.frames if config.source == "patches" else 0
    tables["dimension_completeness"] = measure_completeness(
        dimensions, acts, dictionary, counts, whole_frames, settings, part_of(progress, 600, 1000)
    )
    key_column = polars.lit(key).alias("dimension_analysis_id")
    stage_tables(key, {name: table.select(key_column, polars.all()) for name, table in tables.items()}, settings)
    progress(1000, 1000)
    return key


def _fit_and_test_rows(config: DimensionsConfig, gratings_nd: np.ndarray, natural: UnitRows) -> tuple[Rows, Rows]:
    """Return the rows to find dimensions in and those to measure them on; all gratings serve for both."""
    if config.source == "gratings":
        batches = np.split(gratings_nd, range(ROWS, len(gratings_nd), ROWS))
        return (lambda: iter(batches)), (lambda: iter(batches))
    return (lambda: natural.batches("train")), (lambda: natural.batches("test"))


def _analyses_table(
    activation_set: str,
    dictionary: str | None,
    config: DimensionsConfig,
    moments: Moments,
    dimensions: Dimensions,
) -> polars.DataFrame:
    """Return the row of `dimension_analyses`, without its column `dimension_analysis_id`."""
    return polars.DataFrame(
        {
            "activation_set_id": [activation_set],
            "dictionary_id": [dictionary],
            "method": [config.method],
            "source": [config.source],
            "components": [config.components],
            "seed": [config.seed],
            "rows": [moments.count],
            "units": [len(dimensions.mean_d)],
            "constant_units": [int(constant_units(moments).sum())],
            "mean": [dimensions.mean_d.tolist()],
        },
        schema_overrides={"dictionary_id": polars.String},
    )


def _dimensions_table(dimensions: Dimensions, fit_rows: Rows, test_rows: Rows, moments: Moments) -> polars.DataFrame:
    cumulative_k = dimensions.explained(test_rows())
    low_k, high_k = np.percentile(dimensions.scores(sample(fit_rows, moments.count)), (LOW, HIGH), axis=0)
    return polars.DataFrame(
        {
            "dimension": np.arange(dimensions.count),
            "explained_variance": np.diff(cumulative_k, prepend=0),
            "cumulative_variance": cumulative_k,
            "low": low_k,
            "high": high_k,
            "direction": dimensions.directions.tolist(),
        }
    )


def _patches(dimensions: Dimensions, natural: UnitRows, progress: Progress) -> polars.DataFrame:
    """Return `dimension_pictures`: for each dimension, patches of the test split at even steps of its score there."""
    rows, scores = [], []
    for numbers, units_rgd in natural.orbits("test"):
        rows += numbers
        scores.append(dimensions.scores(units_rgd[:, 0]))
    scores_rk = np.concatenate(scores)
    low_k, high_k = np.percentile(scores_rk, (LOW, HIGH), axis=0)
    strips = []
    for dimension, (low, high) in enumerate(zip(low_k, high_k, strict=True)):
        score_r = scores_rk[:, dimension].copy()
        nearest = []
        for point in np.linspace(low, high, min(POINTS, len(score_r))):
            nearest.append(int(np.abs(score_r - point).argmin()))
            score_r[nearest[-1]] = np.inf
        nearest.sort(key=scores_rk[:, dimension].item)
        strips += [
            (dimension, "patch", place, float(scores_rk[row, dimension]), rows[row])
            for place, row in enumerate(nearest)
        ]
        progress(dimension + 1, dimensions.count)
    distinct = sorted({row for *_, row in strips})
    pictures = dict(zip(distinct, map(webp, natural.acts.patches(distinct).float()), strict=True))
    return polars.DataFrame(
        [(*cells, None, None, None, pictures[row]) for *cells, row in strips],
        schema={
            "dimension": polars.Int32,
            "kind": polars.String,
            "place": polars.Int32,
            "score": polars.Float64,
            "orientation_degrees": polars.Float64,
            "coherence": polars.Float64,
            "spatial_frequency": polars.Float64,
            "picture": polars.Binary,
        },
        orient="row",
    )


def _harmonics(dimensions: Dimensions, natural: UnitRows, group: DihedralGroup) -> polars.DataFrame:
    """Return `dimension_harmonics`, from the orbits of the train split."""
    energies = IrrepEnergies(group, dimensions.count)
    for _, units_rgd in natural.orbits("train"):
        scores_nk = dimensions.scores(units_rgd.reshape(-1, units_rgd.shape[2]))
        energies.add(scores_nk.reshape(-1, group.order, dimensions.count))
    return energies.shares()


def dimension_metrics(tables: Mapping[str, polars.DataFrame]) -> dict[str, float]:
    """Return a run's metrics from the tables of `analyse_dimensions` and, if present, of `render_path`."""
    dimensions = tables["tuning_dimensions"].sort("dimension")
    metrics = {"explained_variance": dimensions["cumulative_variance"].tail(1).item()}
    best = tables["tuning_scores"].group_by("parameter").agg(polars.col("r_squared").max()).sort("parameter")
    metrics |= {f"r_squared_{parameter}": value for parameter, value in best.iter_rows()}
    for completeness in tables["dimension_completeness"].sort("dimensions").tail(1).iter_rows(named=True):
        metrics |= {name: completeness[name] for name in ("agreement_kept", "agreement_removed")}
    if "dimension_harmonics" in tables:
        purest = tables["dimension_harmonics"].group_by("dimension").agg(polars.col("share").max())
        metrics["harmonic_purity"] = purest["share"].mean()
    if "dimension_paths" in tables:
        intended = tables["dimension_paths"].filter("intended")
        for dimension, parameter, spearman in intended.select("dimension", "parameter", "spearman").iter_rows():
            metrics[f"path_spearman_{parameter}"] = spearman
            others = tables["dimension_paths"].filter(~polars.col("intended"), dimension=dimension)
            metrics[f"path_drift_beside_{parameter}"] = others["drift"].max()
    return metrics
