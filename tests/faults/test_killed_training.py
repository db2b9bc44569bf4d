"""kill -9 at every stage of extraction and training; then the run again: once, twice, and two at once.

All end as if nothing had happened.
"""

import pytest

from tasks.settings import Settings
from tests.faults.disturbed import TRAINING
from tests.faults.runs import (
    TRAIN,
    assert_clean,
    assert_equal_to,
    command,
    copy_of,
    finish,
    run,
    run_until_killed,
    start,
    trained,
)

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def undisturbed(prefect_api, tmp_path_factory) -> dict:
    settings = Settings(data_dir=tmp_path_factory.mktemp("undisturbed") / "data")
    run(TRAIN, settings, prefect_api)
    return trained(settings)


@pytest.mark.parametrize("point", TRAINING)
def test_a_killed_training_is_finished_by_the_next(point, undisturbed, prefect_api, tmp_path):
    again = Settings(data_dir=tmp_path / "again")
    run_until_killed(point, TRAIN, again, prefect_api)
    at_once = copy_of(again, tmp_path / "at once")

    for _ in ("once", "twice"):
        run(TRAIN, again, prefect_api)
        assert_equal_to(undisturbed, again, trained)
        assert_clean(again, prefect_api)

    two = [start(command(*TRAIN), at_once, prefect_api) for _ in range(2)]
    for process in two:
        finish(process)
    assert_equal_to(undisturbed, at_once, trained)
    assert_clean(at_once, prefect_api)


MATCHES = {"matched_dictionaries", "feature_matches"}


def test_two_different_trainings_at_once(undisturbed, prefect_api, tmp_path):
    """They share the activation set, and each makes what it makes alone. The later one matches their features."""
    settings, alone = Settings(data_dir=tmp_path / "at once"), Settings(data_dir=tmp_path / "alone")
    other = [*TRAIN, "--set=dictionary.seed=1", "--set=dictionary.method=batchtopk"]
    for process in [start(command(*arguments), settings, prefect_api) for arguments in (TRAIN, other)]:
        finish(process)
    run(other, alone, prefect_api)
    assert_equal_to(without_matches(undisturbed | trained(alone)), settings, lambda at: without_matches(trained(at)))
    matched = {table for _, table in trained(settings).keys() - without_matches(trained(settings)).keys()}
    assert matched == MATCHES
    assert_clean(settings, prefect_api)


def without_matches(contents: dict) -> dict:
    """Leave out what compares dictionaries of one data folder with each other."""
    return {name: value for name, value in contents.items() if isinstance(name, str) or name[1] not in MATCHES}
