"""A short soak; docs/reliability.md has the figures of a long one."""

import pytest

from tests.faults.soak import soak

RUNS = 6


@pytest.mark.faults
def test_runs_leave_no_slot_no_process_and_no_open_file(settings):
    ended = soak(RUNS, settings)
    assert ended.states == {"COMPLETED": RUNS + 1}
    assert ended.lock_errors == []
    assert (ended.slots, ended.left) == (0, 0)
    first, middle, last = ended.samples
    assert [sample.runs for sample in ended.samples] == [0, RUNS // 2, RUNS]
    assert {*first.open_files} == {"Prefect server", "MLflow server", "worker"}
    for name, files in last.open_files.items():
        assert files <= middle.open_files[name] + RUNS, name
    assert first.database_mib["warehouse"] == last.database_mib["warehouse"] > 0
