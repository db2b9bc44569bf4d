"""The sets of transformations whose effect on activations is studied: rotations, hue and scale."""

from collections.abc import Mapping
from typing import Any, Literal

from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.scales import ScaleRange

Transformations = DihedralGroup | ScaleRange
Kind = Literal["rotations", "hue", "scale"]


def stored(transformations: Transformations) -> dict[str, Any]:
    """Return plain values from which `from_stored` makes the same transformations."""
    if isinstance(transformations, ScaleRange):
        return {
            "transformations": "scale",
            "octaves": transformations.octaves,
            "scales_per_octave": transformations.scales_per_octave,
        }
    values: dict[str, Any] = {"n_rotations": transformations.n_rotations, "reflections": transformations.reflections}
    # rotations are stored as they were before there were other transformations
    return values if transformations.transformations == "rotations" else values | {"transformations": "hue"}


def from_stored(values: Mapping[str, Any]) -> Transformations:
    """Return the transformations of `values`, a mapping with the keys of `stored` and any others."""
    kind = values.get("transformations", "rotations")
    if kind == "scale":
        return ScaleRange(values["octaves"], values["scales_per_octave"])
    return DihedralGroup(values["n_rotations"], values["reflections"], kind)
