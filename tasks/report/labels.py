"""How kinds are named and drawn: symmetry types, stimuli; dimensions' methods, parameters and irreps; attacks."""

import re
from dataclasses import dataclass

import numpy as np

from tasks.dimensions.config import CONTROLS

# Light and dark variants of hues that stay apart under the common colour-vision deficiencies (after Okabe and Ito).
COLOURS = {
    "invariant": ("#b87400", "#edb04a"),
    "period-360": ("#0067b5", "#62b0f4"),
    "period-180": ("#00806a", "#41c7a4"),
    "period-120": ("#a94890", "#e493cb"),
    "period-90": ("#c4421a", "#f2845b"),
    "mixed": ("#6d727c", "#9da3ad"),
    "none": ("#858b95", "#7d838d"),
}
OTHER_PERIOD_COLOURS = ("#2588b8", "#7fd0f5")
STIMULUS_COLOURS = {
    "curve": ("#0067b5", "#62b0f4"),
    "line": ("#00806a", "#41c7a4"),
    "edge": ("#c4421a", "#f2845b"),
    "angle": ("#a94890", "#e493cb"),
    "grating": ("#b87400", "#edb04a"),
    "hatch": ("#6b7a00", "#bccb4e"),
    "centre-surround": ("#6a4fc0", "#a893f5"),
    "colour": ("#c2255c", "#ff8fae"),
    "mixed": ("#6d727c", "#9da3ad"),
    "other": ("#a3a8b0", "#5f656e"),
}
DIMENSION_METHODS = {
    "pca": ("PCA", "Orthogonal directions, each of the most variance that is left.", ("#0067b5", "#62b0f4")),
    "ica": ("ICA", "Directions whose scores are as independent as they can be.", ("#c4421a", "#f2845b")),
    "nmf": ("NMF", "Parts that only add up: no unit and no score is negative.", ("#00806a", "#41c7a4")),
    "kernel-pca": ("Kernel PCA", "Nonlinear: PCA after a kernel, so that scores may bend.", ("#a94890", "#e493cb")),
    "neurons": ("Single units", "Control: each dimension is one unit.", ("#3f444d", "#c9cdd4")),
    "random": ("Random basis", "Control: orthogonal directions drawn at random.", ("#a3a8b0", "#6d727c")),
}
# name: label, what it does to the images of a negative and of a positive story, colours
ATTACKS = {
    "clean": ("clean", "left as they are", "left as they are", ("#1b1e24", "#e8e6e1")),
    "noise": ("noise", "given noise", "given noise", ("#6d727c", "#9da3ad")),
    "random-direction": (
        "random direction",
        "pushed in a random direction",
        "pushed in a random direction",
        ("#a3a8b0", "#6d727c"),
    ),
    "token-pushing": (
        "token pushing",
        "pushed away from their own mean",
        "pushed to the class’s mean",
        ("#0067b5", "#62b0f4"),
    ),
    "cav": ("CAV", "pushed against the vector", "pushed along the class’s vector", ("#c4421a", "#f2845b")),
    "class-gradient": (
        "class gradient",
        "pushed against the class’s gradient",
        "pushed along the class’s gradient",
        ("#00806a", "#41c7a4"),
    ),
    "random-set": (
        "through the random set",
        "pushed along the class’s gradient",
        "pushed so that the vector turns to the class",
        ("#a94890", "#e493cb"),
    ),
}


@dataclass(frozen=True)
class SymmetryType:
    """How a value of `feature_symmetry.type` is named and drawn; "none": a feature without transform blocks."""

    name: str

    @property
    def period(self) -> float | None:
        match = re.fullmatch(r"period-(\d+(?:\.\d+)?)", self.name)
        return float(match[1]) if match else None

    @property
    def css_class(self) -> str:
        return "type-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower())

    @property
    def label(self) -> str:
        if self.name == "none":
            return "no blocks"
        return f"period {self.period:g}°" if self.period else self.name

    @property
    def meaning(self) -> str:
        turns = {360: "a full turn, not before", 180: "half a turn", 120: "a third of a turn", 90: "a quarter turn"}
        if self.period:
            return f"repeats after {turns.get(self.period, f'{self.period:g}°')}"
        return {
            "invariant": "the same at every angle",
            "mixed": "no clear period",
            "none": "a sparse autoencoder’s feature has one block, so no symmetry can be read",
        }.get(self.name, "")

    @property
    def rank(self) -> tuple:
        """Sorts invariant first, then long periods to short, mixed, and none last."""
        return ({"invariant": 0, "mixed": 2, "none": 3}.get(self.name, 1), -(self.period or 0), self.name)

    @property
    def colours(self) -> tuple[str, str]:
        return COLOURS.get(self.name, OTHER_PERIOD_COLOURS)

    @property
    def glyph(self) -> str:
        """CSS polygon with the symmetry of the type: as many lobes as the profile has periods in a turn."""
        angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        low = 0
        if self.period == 360:
            radius, low = 46 * (np.cos(angles) > -1e-9), 22
        elif self.period:
            radius = 12 + 36 * (0.5 + 0.5 * np.cos(360 / self.period * angles)) ** 1.2
        elif self.name == "mixed":
            radius = 34 + 9 * np.cos(2 * angles + 0.5) + 7 * np.cos(3 * angles)
        else:
            radius = np.full(60, 42 if self.name == "invariant" else 20)
        points = zip(50 + radius * np.sin(angles), 50 + low - radius * np.cos(angles), strict=True)
        return "polygon(" + ", ".join(f"{x:.1f}% {y:.1f}%" for x, y in points) + ")"


@dataclass(frozen=True)
class Stimulus:
    """How a value of `stimulus_type` is named and drawn."""

    name: str

    @property
    def css_class(self) -> str:
        return f"stimulus-{self.name}"

    @property
    def label(self) -> str:
        return self.name

    @property
    def meaning(self) -> str:
        return {
            "mixed": "several kinds of drawn stimuli alike",
            "other": "no drawn stimulus beside natural images",
        }.get(self.name, f"of drawn stimuli, {self.name} most")

    @property
    def rank(self) -> tuple:
        """Sorts simple stimuli first, mixed and other last."""
        return list(STIMULUS_COLOURS).index(self.name), self.name

    @property
    def colours(self) -> tuple[str, str]:
        return STIMULUS_COLOURS[self.name]


@dataclass(frozen=True)
class Parameter:
    """How a value of `tuning_scores.parameter` is named and drawn: once around a circle, or from end to end."""

    name: str

    @property
    def period(self) -> int | None:
        """Degrees after which it repeats; None where it has ends."""
        return {"orientation": 180, "colour": 180, "phase": 360, "direction": 360}.get(self.name)

    @property
    def is_logarithmic(self) -> bool:
        return self.name == "frequency"

    @property
    def unit(self) -> str:
        return {"frequency": "cycles a pixel", "curvature": "1 / pixels"}.get(self.name, "degrees")

    @property
    def rank(self) -> int:
        return ["orientation", "frequency", "phase", "colour", "direction", "curvature"].index(self.name)


@dataclass(frozen=True)
class DimensionMethod:
    """How a value of `dimension_analyses.method` is named and drawn."""

    name: str

    @property
    def css_class(self) -> str:
        return f"method-{self.name}"

    @property
    def label(self) -> str:
        return DIMENSION_METHODS[self.name][0]

    @property
    def meaning(self) -> str:
        return DIMENSION_METHODS[self.name][1]

    @property
    def is_control(self) -> bool:
        return self.name in CONTROLS

    @property
    def rank(self) -> int:
        return list(DIMENSION_METHODS).index(self.name)

    @property
    def colours(self) -> tuple[str, str]:
        return DIMENSION_METHODS[self.name][2]


@dataclass(frozen=True)
class Irrep:
    """How a value of `dimension_harmonics.irrep` is drawn. frequency: waves in a full turn."""

    name: str
    frequency: int

    @property
    def label(self) -> str:
        return self.name.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))

    @property
    def css_class(self) -> str:
        return f"irrep-{self.name.lower()}"

    @property
    def rank(self) -> tuple:
        """Sorts by waves in a full turn, what a mirror leaves alone first."""
        return self.frequency, self.name

    @property
    def colours(self) -> tuple[str, str]:
        """Those of the symmetry type that repeats as often; grey where only a mirror tells."""
        if self.frequency:
            return SymmetryType(f"period-{360 / self.frequency:g}").colours
        return COLOURS["mixed" if self.name == "A2" else "invariant"]


@dataclass(frozen=True)
class Attack:
    """How an attack is named and drawn. touched, name: as in `attacks`."""

    perturbed_set: str
    name: str

    @property
    def css_class(self) -> str:
        return f"attack-{self.name}"

    @property
    def key(self) -> str:
        return f"{self.perturbed_set}-{self.name}"

    @property
    def short(self) -> str:
        """Where it is told whose images are touched."""
        return ATTACKS[self.name][0]

    @property
    def label(self) -> str:
        """Controls of an attack on the random images say so; the attack itself is named by it."""
        return f"{self.short}, random set" if self.perturbed_set == "random" and self.is_control else self.short

    @property
    def is_control(self) -> bool:
        return self.name in ("clean", "noise", "random-direction")

    @property
    def rank(self) -> tuple:
        """Sorts attacks on exemplars first, and controls before attacks."""
        return self.perturbed_set == "random", list(ATTACKS).index(self.name)

    @property
    def colours(self) -> tuple[str, str]:
        return ATTACKS[self.name][3]

    def done(self, kind: str) -> str:
        """What it does to images, in words; kind: of the story."""
        return ATTACKS[self.name][1 if kind == "negative" else 2]
