import errno
import json
from pathlib import Path
from threading import Barrier, Event, Thread
from uuid import UUID

import polars
import pytest
import torch
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel

from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, side_by_side, step
from flows.terminal import progress_bar
from tasks.errors import UserError
from tasks.provenance import note
from tasks.quarantine import set_aside
from tasks.staging import read_staged, stage_tables, staged_keys, staged_provenance

pytestmark = pytest.mark.usefixtures("prefect_api")


class Count(BaseModel):
    shards: int = 3


def failing(error: Exception, times: int):
    """A function that raises `error` so many times, then returns how often it was called."""
    calls = []

    def function() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return len(calls)

    return function, calls


def run_as_step(function) -> int:
    @kaleidoscope_flow
    def one_step() -> int:
        return step(function, retry_delay_seconds=0)()

    return one_step()


def artifacts(key: str, run: UUID) -> list:
    """Of one flow run: the server has seen other tests' runs."""
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[key]), flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=wanted)


def test_input_and_output_are_tried_again():
    function, _ = failing(ConnectionResetError("gone"), times=2)
    assert run_as_step(function) == 3


@pytest.mark.parametrize("error", [UserError("k is more than m"), OSError(errno.ENOSPC, "no space"), ValueError("bug")])
def test_what_trying_again_can_not_mend_is_raised_at_once(error):
    function, calls = failing(error, times=1)
    with pytest.raises(type(error)):
        run_as_step(function)
    assert len(calls) == 1


def test_results_are_persisted_as_json():
    function, _ = failing(ValueError(), times=0)
    storage = get_current_settings().results.local_storage_path
    before = set(storage.rglob("*"))
    run_as_step(function)
    of_the_flow, of_the_step = sorted(
        (json.loads(path.read_text()) for path in set(storage.rglob("*")) - before if path.is_file()),
        key=lambda document: isinstance(document, dict),
    )
    assert of_the_flow == 1
    assert of_the_step["metadata"]["serializer"]["type"] == "json"
    assert of_the_step["result"] == "1"


def test_a_retried_run_goes_on_after_its_last_good_step():
    function, calls = failing(ValueError(), times=0)

    @kaleidoscope_flow(retries=1)
    def two_steps() -> int:
        done = step(function)()
        if len(attempts) < 1:
            attempts.append(done)
            raise ConnectionResetError("gone")
        return done

    attempts = []
    assert two_steps() == 1
    assert calls == [1]
    assert two_steps() == 2, "another run asks the function, which knows what is there"


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_progress_of_a_long_step_is_an_artifact(seconds, monkeypatch):
    monkeypatch.setattr("flows.steps.ARTIFACT_SECONDS", seconds)

    @kaleidoscope_flow
    def of_one_step() -> str:
        with reported("Extract shards") as progress:
            for done in range(3):
                progress(done + 1, 3)
        return str(flow_run.id)

    found = artifacts("extract-shards", UUID(of_one_step()))
    assert [(artifact.type, artifact.data) for artifact in found] == ([("progress", 100)] if seconds == 0 else [])


@pytest.mark.parametrize(("told", "shown"), [([(100, 1000)], "1000/1000"), ([], "1/1")])
def test_a_bar_is_full_once_the_work_is_done(told, shown, capsys):
    with progress_bar("Attack exemplars") as progress:
        for done, total in told:
            progress(done, total)
    assert shown in capsys.readouterr().err


def test_a_bar_of_work_that_failed_stays_where_it_was(capsys):
    def work() -> None:
        with progress_bar("Attack exemplars") as progress:
            progress(100, 1000)
            raise UserError("no class")

    with pytest.raises(UserError):
        work()
    assert "100/1000" in capsys.readouterr().err


def test_bars_of_two_threads_become_a_line_each(capsys):
    def work(label: str) -> None:
        with progress_bar(label) as progress:
            progress(2, 2)
            both.wait()

    both = Barrier(2)
    threads = [Thread(target=work, args=(label,)) for label in ("Train", "Publish")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = capsys.readouterr().err.splitlines()
    assert sorted(line.split()[0] for line in lines) == ["Publish", "Train"]
    assert all("2/2" in line for line in lines)


def test_a_transient_bar_leaves_no_line(capsys):
    with progress_bar("Start", transient=True) as progress:
        progress(1, 4)
    assert capsys.readouterr().err == ""


def test_flows_side_by_side_are_parts_of_one_run():
    met = Barrier(2)

    @kaleidoscope_flow
    def study(name: str) -> tuple[str, str, int]:
        met.wait(60)
        return name, flow_run.parent_flow_run_id, torch.get_num_threads()

    @kaleidoscope_flow
    def both() -> list:
        return [flow_run.id, *side_by_side(lambda: study("curves"), lambda: study("attack"))]

    threads = torch.get_num_threads()
    run, *studies = both()
    assert studies == [(name, run, max(1, threads // 2)) for name in ("curves", "attack")]
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("fails", ["first", "second", "both"])
def test_of_functions_side_by_side_the_one_that_fails_does_not_stop_the_other(fails):
    ended = []

    def work(name: str) -> None:
        if fails in (name, "both"):
            raise UserError(f"the {name} failed")
        ended.append(name)

    with pytest.raises(UserError, match=f"the {'second' if fails == 'second' else 'first'} failed"):
        side_by_side(lambda: work("first"), lambda: work("second"))
    assert ended == {"first": ["second"], "second": ["first"], "both": []}[fails]


def test_an_interrupt_also_ends_the_function_beside_at_its_next_report():
    begun, ended = Event(), []

    def interrupted() -> None:
        begun.wait(60)
        raise KeyboardInterrupt

    def beside() -> None:
        with reported("Extract shards") as progress:
            begun.set()
            try:
                while True:
                    progress(1, 2)
            except KeyboardInterrupt:
                ended.append("beside")
                raise

    @kaleidoscope_flow
    def both() -> None:
        with pytest.raises(KeyboardInterrupt):
            side_by_side(interrupted, beside)

    both()
    assert ended == ["beside"]


def test_a_run_leaves_summary_and_record(settings):
    summary = Summary(
        title="Two shards", content_keys={"set": "abc"}, figures={"shards": "2"}, places={"here": "/data"}
    )

    @kaleidoscope_flow
    def whole() -> Summary:
        with recorded("whole", Count(), settings) as measured:
            assert measured.seconds == 0
        assert measured.figures()["time"] == "0 min 0 s"
        return show(summary)

    assert whole() == summary
    [run] = staged_keys(settings)
    [artifact] = artifacts("summary", UUID(run))
    assert artifact.type == "markdown"
    assert artifact.data == summary.markdown()
    assert "| shards | 2 |" in artifact.data
    row = read_staged(run, settings)["runs"].row(0, named=True)
    assert row["flow_run_id"] == run
    assert row["flow"] == "whole"
    assert json.loads(row["config"]) == {"shards": 3}
    assert row["peak_memory_bytes"] > 1 << 20


def test_what_a_run_commits_names_the_run_and_its_places_are_in_the_summary(settings):
    def work() -> None:
        stage_tables("made", {"networks": polars.DataFrame({"network": ["n"]})}, settings)
        note("MLflow run of n", "http://127.0.0.1:5000/#/experiments/1/runs/2")
        note("versions of model n", "models:/n/1")

    @kaleidoscope_flow
    def whole() -> Summary:
        with recorded("whole", Count(), settings) as measured:
            step(work)()
            step(work, name="again").submit().result()
        return show(Summary(title="Made", places=measured.places))

    summary = whole()
    [run] = [key for key in staged_keys(settings) if key != "made"]
    assert staged_provenance("made", settings)["networks"]["flow_run_id"] == run
    assert summary.places.keys() == {"MLflow run of n", "versions of model n"}
    [artifact] = artifacts("summary", UUID(run))
    assert "* MLflow run of n: <http://127.0.0.1:5000/#/experiments/1/runs/2>" in artifact.data
    assert "* versions of model n: `models:/n/1`" in artifact.data


def test_steps_in_threads_know_their_run(settings):
    def work(number: int) -> None:
        stage_tables(f"made {number}", {"networks": polars.DataFrame({"network": ["n"]})}, settings)

    @kaleidoscope_flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def whole() -> str:
        with recorded("whole", Count(), settings):
            for future in step(work).map(range(3)):
                future.result()
        return str(flow_run.id)

    run = whole()
    for number in range(3):
        assert staged_provenance(f"made {number}", settings)["networks"]["flow_run_id"] == run


def test_a_run_says_what_it_set_aside(settings):
    settings.staging_dir.mkdir(parents=True)
    for name in ("before", "meanwhile"):
        (settings.staging_dir / name).write_text("x")
    set_aside(settings.staging_dir / "before", "foreign", settings)

    @kaleidoscope_flow
    def whole() -> dict[str, str]:
        with recorded("whole", Count(), settings) as measured:
            set_aside(settings.staging_dir / "meanwhile", "its checksum is wrong", settings)
        return measured.figures()

    said = {name: value for name, value in whole().items() if name.startswith("set aside")}
    assert said == {"set aside: frames/meanwhile": "its checksum is wrong"}


def test_a_run_that_failed_is_not_recorded(settings):
    @kaleidoscope_flow
    def broken() -> None:
        with recorded("broken", Count(), settings):
            raise UserError("no images")

    with pytest.raises(UserError, match="no images"):
        broken()
    assert not Path(settings.staging_dir).exists()
