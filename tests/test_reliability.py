"""docs/reliability.md names a test for each fault; each of them is there."""

import re

import pytest

from tasks.settings import ROOT

TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / "reliability.md").read_text())))


@pytest.mark.parametrize(("file", "test"), TESTS)
def test_a_named_test_is_there(file, test):
    assert f"def {test or 'test_'}" in (ROOT / file).read_text()
