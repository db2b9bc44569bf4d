"""Texts and codes of the pages."""

import base64

import numpy as np
import pytest

from tasks.report.text import duration, memory, profile_code, transform_name
from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.scales import ScaleRange
from tests.sample_tables.planted import DEAD, FEATURES

LIVE = [feature for feature in range(FEATURES) if feature not in DEAD]


def test_thumbnail_profile_is_within_half_a_step():
    profile = np.random.default_rng(0).uniform(-1, 1, 64)
    read = np.frombuffer(base64.b64decode(profile_code(list(profile))), dtype=np.int8) / 127
    np.testing.assert_allclose(read, profile, atol=0.5 / 127 + 1e-9)


@pytest.mark.parametrize(
    ("group", "names"),
    [
        (DihedralGroup(2), ["as is", "rotated 180°", "mirrored", "mirrored, rotated 180°"]),
        (
            DihedralGroup(2, transformations="hue"),
            ["as is", "hue turned 180°", "green and blue exchanged", "green and blue exchanged, hue turned 180°"],
        ),
        (ScaleRange(1, 1), ["as is", "scaled 2×", "scaled 0.5×"]),
    ],
)
def test_transforms_are_named(group, names):
    assert [transform_name(group, element) for element in group.elements] == names


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (duration(2.34), "2.3 s"),
        (duration(101), "1 min 41 s"),
        (duration(3 * 3600 + 59), "3 h 0 min"),
        (memory(3 * 2**20), "3.0 MiB"),
        (memory(1.5 * 2**30), "1.50 GiB"),
    ],
)
def test_a_figure_and_its_unit_stay_on_one_line(said, expected):
    assert said.replace("\N{NO-BREAK SPACE}", " ") == expected
    assert " " not in said
