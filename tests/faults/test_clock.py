"""The machine's clock is set back two days between two runs: the second works as the first did."""

import shutil

import pytest

from tasks.settings import Settings
from tests.faults.runs import PUBLISH, TRAIN, assert_clean, assert_equal_to, command, finish, published, run, start

pytestmark = pytest.mark.faults

TWO_DAYS_BACK = ["faketime", "-f", "-2d"]
OTHER_LAYER = ["--set=extraction.layer=block2", "--set=dictionary.method=relu"]


@pytest.mark.skipif(not shutil.which("faketime"), reason="needs the command faketime")
def test_a_clock_that_is_set_back(prefect_api, tmp_path):
    undisturbed, settings = Settings(data_dir=tmp_path / "undisturbed"), Settings(data_dir=tmp_path / "data")
    for arguments in (TRAIN, PUBLISH, [*TRAIN, *OTHER_LAYER], PUBLISH):
        run(arguments, undisturbed, prefect_api)
    for arguments in (TRAIN, PUBLISH):
        run(arguments, settings, prefect_api)
    for arguments in ([*TRAIN, *OTHER_LAYER], PUBLISH):
        finish(start([*TWO_DAYS_BACK, *command(*arguments)], settings, prefect_api))
    assert_equal_to(published(undisturbed), settings, published)
    assert_clean(settings, prefect_api)
