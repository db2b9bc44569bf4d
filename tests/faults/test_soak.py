"""A short soak; `python -m tests.faults.soak 200` is a long one."""

import pytest

from tests.faults.soak import Soak, soak
from tests.postgresql import new_database, postgresql

RUNS = 4
pytestmark = pytest.mark.faults


def assert_nothing_is_left(ended: Soak) -> None:
    assert ended.states == {"COMPLETED": RUNS + 1}
    assert ended.slots == 0
    assert ended.left <= 0
    assert ended.lock_errors == []
    first, middle, last = ended.samples
    assert [sample.runs for sample in ended.samples] == [0, RUNS // 2, RUNS]
    assert {*first.open_files} == {"Prefect server", "MLflow server", "worker"}
    for name, files in last.open_files.items():
        assert files <= middle.open_files[name] + RUNS, name
    assert middle.database_mib["warehouse"] == last.database_mib["warehouse"] > 0


def test_runs_leave_no_slot_no_process_and_no_open_file(settings):
    assert_nothing_is_left(soak(RUNS, settings, {}))


def test_on_postgresql_nothing_is_left_either(settings):
    with postgresql() as server, new_database(server, "asyncpg") as url:
        ended = soak(RUNS, settings, {"PREFECT_API_DATABASE_CONNECTION_URL": url})
    assert_nothing_is_left(ended)
    assert not settings.prefect_file.exists()
