"""Report which orientations a layer's detectors cover, for responses of any network, read from a JSON file.

    {"layer": str, "neurons": [id, …], "activations": {id: [n responses evenly over 360°, n ≥ 36]}}

Response j of a unit is its response to orientation 360·j/n degrees. Ids are numbers or text: 7 and "7" are the same
unit. Only units in `neurons` are analysed; other units in `activations` are reported as unlisted and have no effect on
the result. Further keys are ignored.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError
from pydantic_core import ErrorDetails

from tasks.errors import UserError, one_line
from tasks.tuning.radial import HALF_MAXIMUM, Arc, covered, gaps, tuning, uncovered_arcs

FEWEST_ANGLES = 36
"""One every 10°: with fewer, the peak of a curve detector (60° to 90° wide) would have only a handful of samples."""

Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Responses(BaseModel):
    """The content of a responses file."""

    model_config = ConfigDict(extra="ignore")

    layer: StrictStr
    neurons: list[StrictInt | StrictStr]
    activations: dict[str, list[Finite]]

    @property
    def curves_un(self) -> np.ndarray:
        """Responses of the units in `neurons`, float64 [units, n]."""
        return np.array([self.activations[str(neuron)] for neuron in self.neurons], dtype=np.float64)

    @property
    def unlisted(self) -> list[str]:
        """Units in `activations` that are not in `neurons`."""
        return sorted(self.activations.keys() - set(map(str, self.neurons)))


def read_responses(file: Path) -> Responses:
    """Read and validate a responses file. Raises UserError with one line that states the first problem found."""
    try:
        responses = Responses.model_validate_json(file.read_bytes())
    except OSError as error:
        raise UserError(f"can't read responses {file}: {error.strerror}") from None
    except ValidationError as error:
        raise UserError(f"responses {file}: {one_line(_explain(error.errors()[0]), 500)}") from None
    if problem := _problem(responses):
        raise UserError(f"responses {file}: {one_line(problem, 500)}")
    return responses


def _explain(detail: ErrorDetails) -> str:
    """Turn an error of pydantic into a message."""
    match detail["loc"]:
        case ():
            problem = detail["msg"] if detail["type"] == "json_invalid" else "not a JSON object"
            return f'{problem}; write {{"layer": …, "neurons": […], "activations": {{…}}}}'
        case (key,):
            return f"lacks {key}" if detail["type"] == "missing" else f"{key}: {detail['msg'].lower()}"
        case ("activations", unit, int(place), *_):
            value = _shown(detail["input"])
            return f"response {place} of unit {unit} is not a finite number, but {value}: correct or remove the unit"
        case ("activations", unit):
            return f"responses of unit {unit} are not a list of numbers"
        case where:
            return f"{where[0]} contains {_shown(detail['input'])}: ids must be whole numbers or text"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _problem(responses: Responses) -> str | None:
    names = [str(neuron) for neuron in responses.neurons]
    if not names:
        return "neurons is empty: list the units to analyse"
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        return f"neurons lists unit {name} {times} times: list it once"
    if unknown := [name for name in names if name not in responses.activations]:
        return f"neurons lists {', '.join(unknown[:5])}{', …' * (len(unknown) > 5)}, but activations has no such unit"
    lengths = {name: len(responses.activations[name]) for name in names}
    first = names[0]
    if uneven := next((name for name in names if lengths[name] != lengths[first]), None):
        return (
            f"unit {uneven} has {lengths[uneven]} responses and unit {first} has {lengths[first]}: "
            "all units need responses to the same orientations"
        )
    if lengths[first] < FEWEST_ANGLES:
        return (
            f"{lengths[first]} responses per unit are too few: "
            f"at least {FEWEST_ANGLES} orientations are needed, one every 10°"
        )
    return None


def coverage_report(responses: Responses, threshold: float = HALF_MAXIMUM) -> dict[str, Any]:
    """Return what the units cover, as plain JSON; lengths and orientations are in degrees, counter-clockwise.

    threshold: a unit covers the orientations where it reaches this share of its own maximum. At 0.5 these are its full
    width at half maximum, the `width` in the report.

    layer, threshold, angles (n), step (360 / n)
    units: unit, responds, maximum, peak, width, echo, concentration; the last four are null if the unit doesn't respond
    coverage: share of the n orientations that at least one unit covers
    uncovered_arcs: start, end, width; each orientation stands for the step around it
    gaps: between successive peaks: after, before (units), start, end, width
    largest_gap: null if no unit has a peak
    unlisted: units that are not in `neurons`

    Raises UserError for a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise UserError(f"threshold {threshold:g} is not in (0, 1]: give a share of each unit's own maximum")
    curves_un = responses.curves_un
    tunings = tuning(curves_un)
    covered_n = covered(curves_un, threshold)
    peak_gaps = gaps(tunings.peak)
    units = zip(responses.neurons, curves_un.max(axis=1), *vars(tunings).values(), strict=True)
    return {
        "layer": responses.layer,
        "threshold": threshold,
        "angles": curves_un.shape[1],
        "step": 360 / curves_un.shape[1],
        "units": [
            {"unit": unit, "responds": bool(maximum > 0), "maximum": float(maximum)}
            | {name: _number(value) for name, value in zip(vars(tunings), values, strict=True)}
            for unit, maximum, *values in units
        ],
        "coverage": float(covered_n.mean()),
        "uncovered_arcs": [_arc(arc) for arc in uncovered_arcs(covered_n)],
        "gaps": [
            {"after": responses.neurons[gap.after], "before": responses.neurons[gap.before]} | _arc(gap.arc)
            for gap in peak_gaps
        ],
        "largest_gap": max((gap.arc.width for gap in peak_gaps), default=None),
        "unlisted": responses.unlisted,
    }


def _arc(arc: Arc) -> dict[str, float]:
    return {name: float(value) for name, value in vars(arc).items()}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
