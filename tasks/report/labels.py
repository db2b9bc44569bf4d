"""Names and colours of symmetry types, stimulus types, dimension methods, parameters, irreps and attacks."""

import re
from dataclasses import dataclass

import numpy as np

from tasks.concepts.names import CONTROLS as ATTACK_CONTROLS
from tasks.dimensions.config import CONTROLS

# (light scheme, dark scheme): hues that can be distinguished with common colour-vision deficiencies (Okabe and Ito).
COLOURS = {
    "invariant": ("#b87400", "#edb04a"),
    "period-360": ("#0067b5", "#62b0f4"),
    "period-180": ("#00806a", "#41c7a4"),
    "period-120": ("#a94890", "#e493cb"),
    "period-90": ("#c4421a", "#f2845b"),
    "tuned": ("#0067b5", "#62b0f4"),
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
    "pca": ("PCA", "Orthogonal directions, each with the largest remaining variance.", ("#0067b5", "#62b0f4")),
    "ica": ("ICA", "Directions whose scores are as independent as possible.", ("#c4421a", "#f2845b")),
    "nmf": ("NMF", "Additive parts: no weight of a unit and no score is negative.", ("#00806a", "#41c7a4")),
    "kernel-pca": ("Kernel PCA", "Nonlinear: PCA of kernel similarities.", ("#a94890", "#e493cb")),
    "neurons": ("Single units", "Control: each dimension is one unit.", ("#3f444d", "#c9cdd4")),
    "random": ("Random basis", "Control: orthogonal directions drawn at random.", ("#a3a8b0", "#6d727c")),
}
# name: label, what was done to the images in a negative and in a positive experiment, colours
ATTACKS = {
    "clean": ("clean", "unchanged", "unchanged", ("#1b1e24", "#e8e6e1")),
    "noise": ("noise", "with noise", "with noise", ("#6d727c", "#9da3ad")),
    "random-direction": (
        "random direction",
        "attacked in a random direction",
        "attacked in a random direction",
        ("#a3a8b0", "#6d727c"),
    ),
    "token-pushing": (
        "token pushing",
        "attacked away from their own mean",
        "attacked towards the class’s mean",
        ("#0067b5", "#62b0f4"),
    ),
    "cav": ("CAV", "attacked against the CAV", "attacked along the class’s CAV", ("#c4421a", "#f2845b")),
    "class-gradient": (
        "class gradient",
        "attacked against the class’s gradient",
        "attacked along the class’s gradient",
        ("#00806a", "#41c7a4"),
    ),
    "random-set": (
        "through the random set",
        "attacked along the class’s gradient",
        "attacked so that the CAV turns towards the class",
        ("#a94890", "#e493cb"),
    ),
}

SAMPLINGS = {"norm": "large activations over-sampled", "uniform": "sampled uniformly"}
SCORES = {
    "adjusted_rand": (
        "Adjusted Rand index",
        "0: chance; 1: families and stimulus types group the features identically",
    ),
    "purity": ("Purity", "share of a family’s features that have its most frequent type"),
    "silhouette": ("Silhouette", "1: types are compact and far apart; below 0: types overlap"),
    "neighbour_agreement": ("Neighbour agreement", "share of nearest features with the same type; the tick is chance"),
}
"""{metric: (label, meaning)}."""
CONDITIONS = {"features": "", "shuffled blocks": "its blocks shuffled", "random dictionary": "random vectors"}
"""{condition of a family score: label of a control, empty for the features themselves}."""
FACET_COLUMNS = {
    "clean": "clean images",
    "noise": "with noise",
    "negative": "negative attack",
    "positive": "positive attack",
}
IDENTIFIED = 0.9
"""R² from which the page marks that a dimension follows its parameter."""
SHOWN_EPSILON = 8
"""The page first shows the largest ε up to this one, in steps of 1/255."""


@dataclass(frozen=True)
class SymmetryType:
    """Name and colours of a `feature_symmetry.type`; "none": a feature without transform blocks."""

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
        turns = {360.0: "a full turn only", 180.0: "half a turn", 120.0: "a third of a turn", 90.0: "a quarter turn"}
        if self.period:
            return f"repeats after {turns.get(self.period, f'{self.period:g}°')}"
        return {
            "invariant": "the same under every transform",
            "tuned": "changes with the scale",
            "mixed": "no clear period",
            "none": "a sparse autoencoder’s feature has a single block, which shows no symmetry",
        }.get(self.name, "")

    @property
    def rank(self) -> tuple:
        """Sort key: invariant first, then from long to short periods, tuned, mixed, and none last."""
        return ({"invariant": 0, "tuned": 2, "mixed": 3, "none": 4}.get(self.name, 1), -(self.period or 0), self.name)

    @property
    def colours(self) -> tuple[str, str]:
        return COLOURS.get(self.name, OTHER_PERIOD_COLOURS)

    @property
    def glyph(self) -> str:
        """CSS polygon with the symmetry of the type: one lobe for each period in a full turn."""
        angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        low = 0
        if self.period == 360:
            radius, low = 46.0 * (np.cos(angles) > -1e-9), 22
        elif self.period:
            radius = 12 + 36 * (0.5 + 0.5 * np.cos(360 / self.period * angles)) ** 1.2
        elif self.name == "tuned":
            radius = np.where(np.arange(60) % 60 < 30, 46.0, 24.0)
        elif self.name == "mixed":
            radius = 34 + 9 * np.cos(2 * angles + 0.5) + 7 * np.cos(3 * angles)
        else:
            radius = np.full(60, 42.0 if self.name == "invariant" else 20.0)
        points = zip(50 + radius * np.sin(angles), 50 + low - radius * np.cos(angles), strict=True)
        return "polygon(" + ", ".join(f"{x:.1f}% {y:.1f}%" for x, y in points) + ")"


@dataclass(frozen=True)
class Stimulus:
    """Name and colours of a `stimulus_type`."""

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
            "mixed": "responds about equally to several kinds of drawn stimuli",
            "other": "responds to no drawn stimulus nearly as much as to natural images",
        }.get(self.name, f"responds most to {self.name} among drawn stimuli")

    @property
    def rank(self) -> tuple:
        """Sort key: simple stimuli first, mixed and other last."""
        return list(STIMULUS_COLOURS).index(self.name), self.name

    @property
    def colours(self) -> tuple[str, str]:
        return STIMULUS_COLOURS[self.name]


@dataclass(frozen=True)
class Parameter:
    """Name, unit and period of a `tuning_scores.parameter`, which is circular or has two ends."""

    name: str

    @property
    def period(self) -> int | None:
        """Degrees after which it repeats; None where it is not circular."""
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
    """Name and colours of a `dimension_analyses.method`."""

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
    """Label and colours of a `dimension_harmonics.irrep`. frequency: waves in a full turn."""

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
        """Sort key: waves in a full turn; A1, invariant under reflections, before A2."""
        return self.frequency, self.name

    @property
    def colours(self) -> tuple[str, str]:
        """Colours of the symmetry type with the same period; grey for A2, which only reflections change."""
        if self.frequency:
            return SymmetryType(f"period-{360 / self.frequency:g}").colours
        return COLOURS["mixed" if self.name == "A2" else "invariant"]


@dataclass(frozen=True)
class Attack:
    """Name and colours of an attack. perturbed_set, name: as in table `attacks`."""

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
        """Label where the context states the perturbed set."""
        return ATTACKS[self.name][0]

    @property
    def label(self) -> str:
        """Label; controls of an attack on the random sets name the perturbed set, as that attack's own name does."""
        return f"{self.short}, random set" if self.perturbed_set == "random" and self.is_control else self.short

    @property
    def is_control(self) -> bool:
        return self.name in ATTACK_CONTROLS

    @property
    def rank(self) -> tuple:
        """Sort key: attacks on exemplars first, and controls before attacks."""
        return self.perturbed_set == "random", list(ATTACKS).index(self.name)

    @property
    def colours(self) -> tuple[str, str]:
        return ATTACKS[self.name][3]

    def done(self, kind: str) -> str:
        """Return a phrase for what was done to the images. kind: of the experiment, negative or positive."""
        _, negative, positive, _ = ATTACKS[self.name]
        return negative if kind == "negative" else positive
