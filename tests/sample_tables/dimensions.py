"""`sql/schema/09_dimensions.sql`: dimensions of the neurons by PCA and both controls, of the crosscoder's by ICA."""

from collections import namedtuple

import numpy as np

from tasks.keys import content_key
from tests.sample_tables.pictures import patch, waves
from tests.sample_tables.planted import ACTIVATION_SET, CROSSCODER, DEAD, FEATURES, GROUP_ORDER, N_ROTATIONS
from tests.sample_tables.rows import Row, Tables, row, rows, together

PCA_DIMENSIONS = content_key("sample dimensions", 1, method="pca")
NEURON_DIMENSIONS = content_key("sample dimensions", 1, method="neurons")
RANDOM_DIMENSIONS = content_key("sample dimensions", 1, method="random")
FEATURE_DIMENSIONS = content_key("sample dimensions", 1, method="ica", dictionary=CROSSCODER)

# what a dimension follows, how closely where PCA found it, and its nearest irreducible representation
PlantedDimension = namedtuple("PlantedDimension", "parameter r_squared irrep")
PLANTED_DIMENSIONS = (
    PlantedDimension("orientation", 0.94, "E2"),
    PlantedDimension("frequency", 0.91, "A1"),
    PlantedDimension("colour", 0.6, "A1"),
    PlantedDimension("phase", 0.35, "E1"),
    PlantedDimension("direction", 0.5, "E1"),
    PlantedDimension("curvature", 0.4, "A1"),
)
# gain: what is left of PCA's R²; purity: share of a dimension's nearest representation
PlantedAnalysis = namedtuple("PlantedAnalysis", "method dictionary components gain purity")
PLANTED_ANALYSES = {
    PCA_DIMENSIONS: PlantedAnalysis("pca", None, components=6, gain=1.0, purity=0.9),
    NEURON_DIMENSIONS: PlantedAnalysis("neurons", None, components=6, gain=0.3, purity=0.4),
    RANDOM_DIMENSIONS: PlantedAnalysis("random", None, components=6, gain=0.1, purity=0.3),
    FEATURE_DIMENSIONS: PlantedAnalysis("ica", CROSSCODER, components=3, gain=0.8, purity=0.7),
}
RENDERED = (0, 1)  # dimensions of PCA's with rendered pictures
PLACES = 5  # pictures of a strip
STIMULUS_VALUES = {
    "orientation": [15.0 * step for step in range(12)],
    "frequency": [0.03 * 2 ** (step / 2) for step in range(8)],
    "phase": [45.0 * step for step in range(8)],
    "colour": [30.0 * step for step in range(6)],
    "direction": [30.0 * step for step in range(12)],
    "curvature": [1 / radius for radius in (60, 30, 20, 12)],
}
PERIODS = {"orientation": 180.0, "phase": 360.0, "colour": 180.0, "direction": 360.0}
IRREPS = {"A1": 0, "A2": 0, "E1": 1, "E2": 2, "E3": 3, "B": N_ROTATIONS // 2}  # their waves per turn


def dimension_rows() -> Tables:
    return together(_one_analysis(*each) for each in PLANTED_ANALYSES.items())


def _one_analysis(key: str, planted: PlantedAnalysis) -> Tables:
    of_neurons = planted.dictionary is None
    units = {"units": FEATURES, "constant_units": 0 if of_neurons else len(DEAD), "rows": 180 * GROUP_ORDER}
    subject = {"activation_set_id": ACTIVATION_SET, "dictionary_id": planted.dictionary, "source": "patches"}
    mean = [0.5 + 0.01 * unit for unit in range(FEATURES)]
    chosen = {"method": planted.method, "components": planted.components}
    analysis = row("dimension_analyses", **subject, **chosen, **units, mean=mean)
    kept = (1, 2, 4, planted.components) if of_neurons else ()
    tables = together(
        [
            {"dimension_analyses": [analysis], "tuning_dimensions": _dimensions(planted)},
            {"dimension_completeness": [_completeness(each, planted.gain) for each in kept]},
            *(_one_dimension(dimension, planted) for dimension in range(planted.components)),
        ]
    )
    return {table: [each | {"dimension_analysis_id": key} for each in found] for table, found in tables.items()}


def _dimensions(planted: PlantedAnalysis) -> list[Row]:
    explained = [(0.2 + 0.2 * planted.gain) * 0.6**dimension for dimension in range(planted.components)]
    if planted.method == "ica":
        explained[2] = -0.001  # the last independent component adds nothing on unseen rows
    return rows(
        "tuning_dimensions",
        dimension=range(planted.components),
        explained_variance=explained,
        cumulative_variance=np.cumsum(explained),
        low=-2.0,
        high=2.0,
        direction=[
            [float(np.cos(unit * number)) for unit in range(FEATURES)] for number in range(1, len(explained) + 1)
        ],
    )


def _one_dimension(dimension: int, planted: PlantedAnalysis) -> Tables:
    own, _, nearest = PLANTED_DIMENSIONS[dimension]
    rest = (1 - planted.purity) / (len(IRREPS) - 1)
    shares = [planted.purity if irrep == nearest else rest for irrep in IRREPS]
    tables = {
        "tuning_scores": [_score(dimension, *each, planted.gain) for each in enumerate(STIMULUS_VALUES)],
        "dimension_curves": [point for each in STIMULUS_VALUES for point in _curve(dimension, each, planted.gain)],
        "dimension_harmonics": rows("dimension_harmonics", irrep=IRREPS, waves_per_turn=IRREPS.values(), share=shares),
        "dimension_pictures": [_picture("patch", dimension, place) for place in range(PLACES)],
    }
    if planted.method == "pca" and dimension in RENDERED:
        paths = [_path(parameter, parameter == own) for parameter in ("orientation", "frequency")]
        rendered = [_picture("rendered", dimension, place) for place in range(PLACES)]
        tables = together([{"dimension_paths": paths, "dimension_pictures": rendered}, tables])
    return {table: [each | {"dimension": dimension} for each in found] for table, found in tables.items()}


def _completeness(kept: int, gain: float) -> Row:
    """What 20 frames say, half of them labelled."""
    share = gain * kept / 8
    return row(
        "dimension_completeness",
        **{"dimensions": kept, "frames": 20, "labelled": 10},
        agreement_kept=round(20 * share) / 20,
        agreement_removed=round(20 * (1 - share)) / 20,
        accuracy_clean=0.8,
        accuracy_kept=round(8 * share) / 10,
        accuracy_removed=round(8 * (1 - share)) / 10,
    )


def _score(dimension: int, place: int, parameter: str, gain: float) -> Row:
    planted = PLANTED_DIMENSIONS[dimension]
    r_squared = gain * planted.r_squared if parameter == planted.parameter else 0.01 + 0.002 * place
    return row(
        "tuning_scores",
        parameter=parameter,
        r_squared=r_squared,
        null_r_squared=0.06,
        p_value=0.001 if r_squared > 0.1 else 0.03 if r_squared > 0.06 else 0.8,
        preferred=30.0 * dimension if parameter in PERIODS else None,
        assigned=parameter == planted.parameter,
    )


def _curve(dimension: int, parameter: str, gain: float) -> list[Row]:
    """A wave along a circular parameter and a ramp along another, flat along those that it does not follow."""
    values = STIMULUS_VALUES[parameter]
    height = gain if parameter == PLANTED_DIMENSIONS[dimension].parameter else 0.05
    if parameter in PERIODS:
        shape = np.cos(2 * np.pi * (np.array(values) - 30.0 * dimension) / PERIODS[parameter])
    else:
        shape = np.linspace(-1, 1, len(values))
    return rows("dimension_curves", parameter=parameter, value=values, mean=1.4 * height * shape, std=1.1 - height)


def _path(parameter: str, intended: bool) -> Row:
    found = {"spearman": 0.9, "drift": 0.8} if intended else {"spearman": 0.1, "drift": 0.15}
    return row("dimension_paths", parameter=parameter, intended=intended, **found)


def _picture(kind: str, dimension: int, place: int) -> Row:
    picture = row("dimension_pictures", kind=kind, place=place, score=-2.0 + 4.0 * place / (PLACES - 1))
    if kind == "patch":
        return picture | {"picture": patch(dimension, place + 1)}
    return picture | {
        "orientation_degrees": 35.0 * place if dimension == 0 else 20.0,
        "coherence": 0.8,
        "spatial_frequency": 0.02 * 2**place if dimension == 1 else 0.1,
        "picture": waves(PLACES * dimension + place),
    }
