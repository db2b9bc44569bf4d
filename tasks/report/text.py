"""Numbers, names and addresses as the pages write them."""

import base64
import re
from statistics import mean, stdev

import numpy as np

from tasks.symmetry.scales import ScaleRange
from tasks.symmetry.transformations import Transformations

NBSP = "\N{NO-BREAK SPACE}"


def transform_name(group: Transformations, element: int) -> str:
    """Describe what an element of a group or of a range of scales does to a patch."""
    if isinstance(group, ScaleRange):
        return f"scaled {group.scale(element):.3g}×" if element else "as is"
    degrees = f"{group.rotation_degrees(element):.4g}°"
    if group.transformations == "hue":
        changes = ["green and blue exchanged"] if group.is_reflection(element) else []
        changes += [f"hue turned {degrees}"] if element % group.n_rotations else []
        return ", ".join(changes) or "as is"
    if not group.is_reflection(element):
        return f"rotated {degrees}" if element else "as is"
    return "mirrored" if element == group.n_rotations else f"mirrored, rotated {degrees}"


def profile_code(profile: list[float] | None) -> str | None:
    """Encode a profile for the thumbnail of its polar plot: a signed byte for each cosine (steps of 1/127), base64."""
    if profile is None:
        return None
    return base64.b64encode(np.rint(np.clip(profile, -1, 1) * 127).astype(np.int8).tobytes()).decode()


def subgroup_name(stabiliser: str | None) -> str | None:
    """Return D_12 as D₁₂."""
    if stabiliser is None:
        return None
    return re.sub(r"_(\d+)", lambda match: match[1].translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")), stabiliser)


def feature_name(dictionary: str, feature: int) -> str:
    """Return the name of the page and of the sheet of patches of a feature, without extension."""
    return f"{dictionary[:12]}-{feature}"


def feature_page(dictionary: str, feature: int) -> str:
    return f"{feature_name(dictionary, feature)}.html"


def neuron_page(activation_set: str, neuron: int) -> str:
    return f"{activation_set[:12]}-{neuron}.html"


def family_page(dictionary: str, analysis: str, family: int) -> str:
    return f"{dictionary[:12]}-{analysis[:8]}-{family}.html"


def thousands(value: float) -> str:
    return f"{value:,.0f}"


def percent(share: float) -> str:
    return "0 %" if share == 0 else f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.1f} %"


def signed(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def effective_centre(layer: dict) -> str:
    """Return a layer's effective centre and its standard errors, in pixels below and right of the field's centre."""
    y, x = (
        f"{signed(layer[f'effective_centre_{axis}_px'], 1)} ± {layer[f'effective_centre_{axis}_std_error_px']:.1f}"
        for axis in "yx"
    )
    return f"({y}, {x})"


def degrees(angle: float) -> str:
    return f"{angle:.0f}°"


def stimuli_named(stimulus_type: str) -> str:
    """Say what a unit of a stimulus type responds to most, to follow "it responds"."""
    return {
        "mixed": "about equally to several kinds",
        "other": "to none nearly as much as to natural images",
        "colour": "most to colours",
        "hatch": "most to hatches",
    }.get(stimulus_type, f"most to {stimulus_type}s")


def duration(seconds: float) -> str:
    """Return a duration that no line break divides."""
    if seconds < 60:
        return f"{seconds:.1f}{NBSP}s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{NBSP}h{NBSP}{minutes}{NBSP}min" if hours else f"{minutes}{NBSP}min{NBSP}{seconds}{NBSP}s"


def memory(size: float) -> str:
    """Return a size that no line break divides."""
    return f"{size / 2**30:.2f}{NBSP}GiB" if size >= 2**30 else f"{size / 2**20:.1f}{NBSP}MiB"


def mean_and_std(values: list[float]) -> str:
    """Return mean ± sample standard deviation over the seeds, such as 0.420 ± 0.031."""
    text = f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")
    return text.replace("-", "−")


def four_digits(value: float) -> float:
    """Return the value with four significant digits, for the data of plots."""
    return float(f"{value:.4g}")


def curve_code(responses: list[float]) -> str:
    """Encode a tuning curve, divided by its maximum: a byte for each response, base64."""
    responses_n = np.asarray(responses).clip(min=0)
    return base64.b64encode(np.rint(255 * responses_n / responses_n.max()).astype(np.uint8).tobytes()).decode()


def tuning_numbers(unit: dict) -> dict:
    """Return the data of the polar plot of a unit of `Snapshot.tuning`."""
    return {
        "peak": round(unit["peak_degrees"], 2),
        "curves": {name: [float(f"{value:.4g}") for value in curve] for name, curve in unit["curves"].items()},
    }
