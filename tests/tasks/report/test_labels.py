"""Types have a fixed order."""

from tasks.report.labels import SymmetryType
from tests.sample_frames import (
    DEAD,
    FEATURES,
)

LIVE = [feature for feature in range(FEATURES) if feature not in DEAD]


def test_types_stand_in_the_order_of_their_symmetry():
    names = ["none", "mixed", "period-22.5", "period-72", "period-180", "invariant", "period-360"]
    ordered = sorted(map(SymmetryType, names), key=lambda symmetry: symmetry.rank)
    labels = [symmetry.label for symmetry in ordered]
    assert labels == ["invariant", "period 360°", "period 180°", "period 72°", "period 22.5°", "mixed", "no blocks"]
