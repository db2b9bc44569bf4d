"""Texts and codes of the pages."""

import base64

import numpy as np

from tasks.report.text import profile_code
from tests.sample_tables.planted import DEAD, FEATURES

LIVE = [feature for feature in range(FEATURES) if feature not in DEAD]


def test_thumbnail_profile_is_within_half_a_step():
    profile = np.random.default_rng(0).uniform(-1, 1, 64)
    read = np.frombuffer(base64.b64decode(profile_code(list(profile))), dtype=np.int8) / 127
    np.testing.assert_allclose(read, profile, atol=0.5 / 127 + 1e-9)
