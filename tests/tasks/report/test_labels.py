"""Labels exist for every choice, and types have a fixed order."""

from typing import get_args

from tasks.activations.sampling import Sampling
from tasks.concepts.names import ATTACKS, Statistic
from tasks.dimensions.config import Method, Source
from tasks.report import labels
from tasks.report.labels import SymmetryType
from tasks.report.pages.attacks import STATISTICS
from tasks.report.pages.dimensions import SOURCES
from tasks.vision.names import STIMULUS_TYPES


def test_types_stand_in_the_order_of_their_symmetry():
    names = ["none", "mixed", "period-22.5", "period-72", "period-180", "invariant", "period-360"]
    ordered = sorted(map(SymmetryType, names), key=lambda symmetry: symmetry.rank)
    texts = [symmetry.label for symmetry in ordered]
    assert texts == ["invariant", "period 360°", "period 180°", "period 72°", "period 22.5°", "mixed", "no blocks"]


def test_every_choice_of_a_form_has_a_label_on_the_pages():
    assert set(labels.ATTACKS) == set(ATTACKS)
    assert set(labels.STIMULUS_COLOURS) == set(STIMULUS_TYPES)
    assert set(labels.DIMENSION_METHODS) == set(get_args(Method))
    assert set(labels.SAMPLINGS) == set(get_args(Sampling))
    assert set(STATISTICS) == set(get_args(Statistic))
    assert set(SOURCES) == set(get_args(Source))
