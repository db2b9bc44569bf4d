"""Find the stimulus parameters that dimensions follow, from their scores on drawn stimuli.

Source: methods §6. R² is that of a regression of a score on a parameter: linear, on a logarithmic axis for frequency,
and on cosine and sine for a circular parameter. Every combination of a family's parameters is drawn once, so a
parameter explains only what it does over all values of the others. A score that is tuned to one orientation of one
frequency in one phase follows none of the three. p-values and the one-to-one assignment are ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars

from tasks.activations.unit_patches import UnitPatch
from tasks.tuning.responses import neuron_responses
from tasks.vision.gratings import gratings
from tasks.vision.networks import load_network
from tasks.vision.stimuli import Stimuli, stimuli

NULL_PERCENTILE = 95


@dataclass(frozen=True)
class Parameter:
    """A parameter of a family of stimuli.

    value: expression over the family's table; period: in degrees, None for a parameter that isn't circular.
    """

    name: str
    family: str
    value: polars.Expr
    period: float | None = None
    axis: Callable[[np.ndarray], np.ndarray] = lambda values: values
    """Transform of the values before the regression, for a parameter that isn't circular."""

    def columns(self, values_n: np.ndarray) -> np.ndarray:
        """Return the regressors for values [n]: [n, 1], or [n, 2] for a circular parameter."""
        if self.period is None:
            return self.axis(values_n)[:, None]
        angle_n = 2 * np.pi * values_n / self.period
        return np.stack([np.cos(angle_n), np.sin(angle_n)], axis=1)


PARAMETERS = (
    Parameter("orientation", "gratings", polars.col("orientation"), period=180),
    Parameter("frequency", "gratings", polars.col("frequency"), axis=np.log2),
    Parameter("phase", "gratings", polars.col("phase"), period=360),
    Parameter("colour", "gratings", polars.col("colour"), period=180),
    Parameter("direction", "arcs", polars.col("angle_degrees"), period=360),
    Parameter("curvature", "arcs", 1 / polars.col("radius")),
)


@dataclass(frozen=True)
class StimulusResponses:
    """Stimuli of one family (one row of `table` each) and the units' responses to them [n, units]."""

    family: str
    table: polars.DataFrame
    responses_nd: np.ndarray


@lru_cache(maxsize=2)
def stimulus_responses(
    network_name: str, layer: str, centre: tuple[int, int], weights_dir: Path | None
) -> dict[str, StimulusResponses]:
    """Return gratings and arcs of the size of a unit's patch, with the layer's responses.

    centre: of the patch, as in `UnitPatch`.

    Cached, since all methods need the same responses.
    """
    network = load_network(network_name, weights_dir)
    side = UnitPatch(network.layer(layer).within(network.input_size), centre).side
    drawn = stimuli(side)
    arcs = Stimuli(side, drawn.step_degrees, drawn.table.filter(family="arc"))
    return {
        name: StimulusResponses(name, family.table, neuron_responses(network, layer, family, centre).numpy())
        for name, family in (("gratings", gratings(side)), ("arcs", arcs))
    }


def follow(
    responses: Mapping[str, StimulusResponses], scores: Callable[[np.ndarray], np.ndarray], permutations: int, seed: int
) -> tuple[polars.DataFrame, polars.DataFrame]:
    """Return the tables `tuning_scores` and `dimension_curves`, without the column `dimension_analysis_id`.

    scores: function from responses [n, units] to scores [n, K]. Permutations shuffle the stimuli of a family in the
    same way for all dimensions, so that the largest R² among them gives the null distribution (Westfall & Young).
    """
    scores_of = {name: scores(family.responses_nd) for name, family in responses.items()}
    r_squared, p_values, nulls, preferred, curves = [], [], [], [], []
    for place, parameter in enumerate(PARAMETERS):
        family = responses[parameter.family]
        values_n = family.table.select(parameter.value).to_series().to_numpy()
        scores_nk = scores_of[parameter.family] - scores_of[parameter.family].mean(0)
        basis_nq = np.linalg.qr(_centred(parameter.columns(values_n)))[0]
        r_squared_k = _r_squared(basis_nq, scores_nk)
        generator = np.random.default_rng([seed, place])
        largest = np.array([_r_squared(generator.permutation(basis_nq), scores_nk).max() for _ in range(permutations)])
        r_squared.append(r_squared_k)
        p_values.append((1 + (largest[:, None] >= r_squared_k).sum(0)) / (1 + permutations))
        nulls.append(np.percentile(largest, NULL_PERCENTILE))
        preferred.append(_preferred(parameter, values_n, scores_nk))
        curves.append(_curves(parameter.name, values_n, scores_of[parameter.family]))
    assigned = assign(np.stack(r_squared, axis=1))
    tuning_scores = polars.concat(
        polars.DataFrame(
            {
                "dimension": np.arange(len(r_squared[place])),
                "parameter": parameter.name,
                "r_squared": r_squared[place],
                "null_r_squared": nulls[place],
                "p_value": p_values[place],
                "preferred": polars.Series(preferred[place], dtype=polars.Float64),
                "assigned": assigned[:, place],
            }
        )
        for place, parameter in enumerate(PARAMETERS)
    )
    return tuning_scores.sort("dimension", maintain_order=True), polars.concat(curves)


def assign(r_squared_kp: np.ndarray) -> np.ndarray:
    """Assign parameters to dimensions one to one, with the largest sum of R² (Hungarian); returns bool [K, P]."""
    from scipy.optimize import linear_sum_assignment

    assigned = np.zeros(r_squared_kp.shape, dtype=bool)
    assigned[linear_sum_assignment(r_squared_kp, maximize=True)] = True
    return assigned


def _centred(columns_nq: np.ndarray) -> np.ndarray:
    return columns_nq - columns_nq.mean(0)


def _r_squared(basis_nq: np.ndarray, centred_nk: np.ndarray) -> np.ndarray:
    """Return the share of each score's variance in the span of an orthonormal basis, [K]; 0 for a constant score."""
    total_k = (centred_nk**2).sum(0)
    return ((basis_nq.T @ centred_nk) ** 2).sum(0) / np.where(total_k > 0, total_k, 1)


def _preferred(parameter: Parameter, values_n: np.ndarray, scores_nk: np.ndarray) -> list[float | None]:
    """Return the value with the largest fitted score, in degrees in [0, period); None if it isn't circular."""
    if parameter.period is None:
        return [None] * scores_nk.shape[1]
    cosine_k, sine_k = parameter.columns(values_n).T @ scores_nk
    # twice: in floating point, a tiny negative angle % period is the period itself
    degrees_k = np.degrees(np.arctan2(sine_k, cosine_k)) * parameter.period / 360
    return (degrees_k % parameter.period % parameter.period).tolist()


def _curves(parameter: str, values_n: np.ndarray, scores_nk: np.ndarray) -> polars.DataFrame:
    """Return mean and standard deviation of each score at each value of a parameter."""
    values, place_n = np.unique(values_n, return_inverse=True)
    at = [scores_nk[place_n == place] for place in range(len(values))]
    shape = (scores_nk.shape[1], len(values))
    return polars.DataFrame(
        {
            "dimension": np.repeat(np.arange(shape[0]), shape[1]),
            "parameter": parameter,
            "value": np.tile(values, shape[0]),
            "mean": np.stack([scores.mean(0) for scores in at], axis=1).ravel(),
            "std": np.stack([scores.std(0) for scores in at], axis=1).ravel(),
        }
    )
