"""Which orientations a layer's detectors cover: of anyone's responses, read from a JSON file.

    {"layer": str, "neurons": [id, …], "activations": {id: [n responses evenly over 360°, n ≥ 36]}}

Response j of a unit is to orientation 360·j/n degrees. Ids are numbers or text: 7 and "7" are the same unit. Only
listed neurons are looked at; data of others is named as unlisted and counts for nothing. Further keys are ignored.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from tasks.errors import UserError, one_line
from tasks.tuning.radial import HALF_MAXIMUM, Arc, covered, gaps, tuning, uncovered_arcs

FEWEST_ANGLES = 36
"""Every 10°: coarser than that, a curve detector's bump (60° to 90° wide) is a handful of samples."""

Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Responses(BaseModel):
    """The file as it is read."""

    model_config = ConfigDict(extra="ignore")

    layer: StrictStr
    neurons: list[StrictInt | StrictStr]
    activations: dict[str, list[Finite]]

    @property
    def curves_un(self) -> np.ndarray:
        """float64 [listed neurons, n]"""
        return np.array([self.activations[str(neuron)] for neuron in self.neurons], dtype=np.float64)

    @property
    def unlisted(self) -> list[str]:
        return sorted(self.activations.keys() - set(map(str, self.neurons)))


def read_responses(file: Path) -> Responses:
    """The responses in a file. UserError: one line that says what is wrong with it."""
    try:
        responses = Responses.model_validate_json(file.read_bytes())
    except OSError as error:
        raise UserError(f"can't read responses {file}: {error.strerror}") from None
    except ValidationError as error:
        raise UserError(f"responses {file}: {one_line(_explain(error.errors()[0]), 500)}") from None
    if problem := _problem(responses):
        raise UserError(f"responses {file}: {one_line(problem, 500)}")
    return responses


def _explain(detail: dict[str, Any]) -> str:
    """The first thing that pydantic found wrong."""
    match detail["loc"]:
        case ():
            wrong = detail["msg"] if detail["type"] == "json_invalid" else "no JSON object"
            return f'{wrong}; write {{"layer": …, "neurons": […], "activations": {{…}}}}'
        case (key,):
            return f"lacks {key}" if detail["type"] == "missing" else f"{key}: {detail['msg'].lower()}"
        case ("activations", unit, int(place), *_):
            return f"response {place} of unit {unit} is no finite number, but {_shown(detail['input'])}: mend the unit"
        case ("activations", unit):
            return f"responses of unit {unit} are no list of numbers"
        case (key, *_):
            return f"{key} holds {_shown(detail['input'])}: ids are whole numbers or text"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _problem(responses: Responses) -> str | None:
    names = [str(neuron) for neuron in responses.neurons]
    if not names:
        return "neurons is empty: list the units to look at"
    most, times = Counter(names).most_common(1)[0]
    if times > 1:
        return f"neurons lists unit {most} {times} times"
    if unknown := [name for name in names if name not in responses.activations]:
        return f"neurons lists {', '.join(unknown[:5])}{', …' * (len(unknown) > 5)}, but activations has no such unit"
    lengths = {name: len(responses.activations[name]) for name in names}
    first = names[0]
    if uneven := next((name for name in names if lengths[name] != lengths[first]), None):
        return (
            f"unit {uneven} has {lengths[uneven]} responses and unit {first} has {lengths[first]}: "
            "all need the same orientations"
        )
    if lengths[first] < FEWEST_ANGLES:
        return f"{lengths[first]} responses a unit are too few: take at least {FEWEST_ANGLES} orientations, every 10°"
    return None


def coverage_report(responses: Responses, threshold: float = HALF_MAXIMUM) -> dict[str, Any]:
    """What the detectors cover, as plain JSON: lengths and orientations in degrees, counter-clockwise.

    threshold: at half its maximum a unit covers just its full width at half maximum, so that the coverage speaks of the
    widths beside it.

    layer, threshold, angles (n), step; units: unit, responds, maximum, peak, width, echo, concentration (null where the
    unit does not respond); coverage: share of the n orientations at which some unit reaches threshold times its own
    maximum; uncovered_arcs: start, end, width, each orientation standing for the step about it; gaps between successive
    peaks: after, before (units), start, end, width; largest_gap (null without a peak); unlisted: units without a place
    in `neurons`. UserError for a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise UserError(f"threshold {threshold:g} is not in (0, 1]: it is a share of a unit's own maximum")
    curves_un = responses.curves_un
    found = tuning(curves_un)
    covered_n = covered(curves_un, threshold)
    peaks = gaps(found.peak)
    units = zip(responses.neurons, curves_un.max(axis=1), *vars(found).values(), strict=True)
    return {
        "layer": responses.layer,
        "threshold": threshold,
        "angles": curves_un.shape[1],
        "step": 360 / curves_un.shape[1],
        "units": [
            {"unit": unit, "responds": bool(maximum > 0), "maximum": float(maximum)}
            | {name: _number(value) for name, value in zip(vars(found), values, strict=True)}
            for unit, maximum, *values in units
        ],
        "coverage": float(covered_n.mean()),
        "uncovered_arcs": [_arc(arc) for arc in uncovered_arcs(covered_n)],
        "gaps": [
            {"after": responses.neurons[gap.after], "before": responses.neurons[gap.before]} | _arc(gap.arc)
            for gap in peaks
        ],
        "largest_gap": max((gap.arc.width for gap in peaks), default=None),
        "unlisted": responses.unlisted,
    }


def _arc(arc: Arc) -> dict[str, float]:
    return {name: float(value) for name, value in vars(arc).items()}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
