"""Task runners: a flow's mapped steps give the same bytes in threads, processes and on a Dask cluster."""

import os
import shutil
import signal
import socket
import sys
from pathlib import Path

import pytest
from prefect.runtime import flow_run

from flows import publish, runners
from flows.attack import AttackFlowConfig, attack_exemplars
from flows.config import read_config
from flows.extract import extract_set
from flows.publish import write_page
from flows.steps import kaleidoscope_flow, mapped, recorded, reported
from flows.tuning import study_dimensions
from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.report import sheets
from tasks.settings import TASK_RUNNERS, Settings
from tasks.staging import read_staged, staged_keys, staged_provenance
from tests.faults.runs import OF_ONE_RUN
from tests.flows.test_tuning import small
from tests.tasks.concepts.test_analyse import CLASS, write_noise

pytestmark = pytest.mark.usefixtures("prefect_api")
STUDY = small('methods=["pca", "nmf"]', 'sources=["gratings"]', "rendered=0")


def attack_on(folder: Path) -> AttackFlowConfig:
    """A small experiment of three attacks; the class's images are written to a folder."""
    images = write_noise(folder, 3)
    return read_config(
        AttackFlowConfig,
        None,
        [
            "layer=block2_expand",
            "drawn=4",
            f'of_class={{name="{CLASS}", folder="{images}", least_probability=0}}',
            'grid={objectives=["token-pushing"], epsilons=[4], fractions=[1], steps=1}',
            "transfer_targets=[]",
            "random.scenes=9",
            "random_sets=3",
            "random_size=3",
        ],
    )


@pytest.fixture(autouse=True)
def server_of_workers(prefect_api, monkeypatch) -> None:
    """As in a run, the environment has the server's address: otherwise a worker's threads start another server."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_api)


@kaleidoscope_flow
def study(images: Path) -> str:
    """An extraction, a small study and an attack on the configured task runner; returns the flow run's id."""
    settings = Settings()
    with recorded("study", STUDY, settings):
        activation_set = extract_set(STUDY.extraction("gabor"), settings)
        study_dimensions(activation_set, None, "gratings", STUDY, settings)
        with reported("Attack exemplars") as progress:
            attack_exemplars(attack_on(images), settings, progress)
    return str(flow_run.id)


def results(settings: Settings) -> dict:
    """SHA-256 of each shard and attacked image, and every staged table but those about the run."""
    files = [*settings.activations_dir.glob("*/*.safetensors"), *settings.attacks_dir.glob("*/*")]
    shards = {str(file.relative_to(settings.data_dir)): file_sha256(file) for file in files if file.name != ".writers"}
    tables = {key: read_staged(key, settings) for key in staged_keys(settings)}
    return shards | {key: of_key for key, of_key in tables.items() if not of_key.keys() <= OF_ONE_RUN}


@pytest.fixture(scope="module")
def in_threads(prefect_api, tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("threads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KALEIDOSCOPE_DATA_DIR", str(folder))
        patch.setenv("KALEIDOSCOPE_TASK_RUNNER", "threads")
        study(folder / "class")
    return results(Settings(data_dir=folder))


@pytest.mark.parametrize("runner", [name for name in TASK_RUNNERS if name != "threads"])
def test_each_runner_gives_the_same_bytes(runner, in_threads, settings, monkeypatch, tmp_path):
    if runner == "dask":
        pytest.importorskip("prefect_dask", reason="Dask is not installed")
    monkeypatch.setenv("KALEIDOSCOPE_TASK_RUNNER", runner)
    run = study(tmp_path / "class")
    found = results(settings)
    assert len([name for name in found if name.endswith(".safetensors")]) == 3
    assert len([name for name in found if name.endswith(".png")]) == 3 * 4
    assert found.keys() == in_threads.keys()
    for name, content in in_threads.items():
        if isinstance(content, str):
            assert found[name] == content
        else:
            assert found[name].keys() == content.keys()
            for table, rows in content.items():
                assert found[name][table].equals(rows), (name, table)
            made_by = {made["flow_run_id"] for made in staged_provenance(name, settings).values()}
            assert made_by == {run}, "a worker states the run that it works for"


@pytest.fixture
def published(settings, published_template) -> Settings:
    shutil.copytree(published_template.data_dir, settings.data_dir, symlinks=True, dirs_exist_ok=True)
    return settings


@kaleidoscope_flow
def page() -> None:
    with reported("Write the page") as progress:
        write_page(Settings(), progress)


def sheets_of(settings: Settings) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (settings.site_dir / "patches").iterdir()}


@pytest.mark.parametrize("runner", [name for name in TASK_RUNNERS if name != "threads"])
def test_each_runner_draws_the_same_sheets(runner, published, monkeypatch):
    if runner == "dask":
        pytest.importorskip("prefect_dask", reason="Dask is not installed")
    monkeypatch.setattr(sheets, "SHEETS_AT_ONCE", 2)
    page()
    in_threads = sheets_of(published)
    shutil.rmtree(published.site_dir.resolve().parent)
    published.site_dir.unlink()
    monkeypatch.setattr(sheets, "sheet", lambda patches: pytest.fail("a sheet was drawn in this process"))
    monkeypatch.setenv("KALEIDOSCOPE_TASK_RUNNER", runner)
    page()
    assert len(in_threads) > 2
    assert sheets_of(published) == in_threads


def test_a_worker_killed_while_it_draws_is_one_line_and_leaves_no_site(published, monkeypatch):
    monkeypatch.setenv("KALEIDOSCOPE_TASK_RUNNER", "processes")
    monkeypatch.setattr(publish, "draw_sheets", killed_while_drawing)
    with pytest.raises(UserError, match=r"^a worker process was killed.*: run again"):
        page()
    assert not published.site_dir.exists()


def killed_while_drawing(of_sheets: list) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def pid(unit: int, settings: Settings) -> list:
    return [unit, os.getpid(), str(settings.data_dir)]


def killed(unit: int, settings: Settings) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fails(unit: int, settings: Settings) -> None:
    raise UserError(f"unit {unit} has no images")


def run_mapped(work, units: int = 2) -> list:
    @kaleidoscope_flow
    def one() -> list:
        return mapped("Work", work, [(unit,) for unit in range(units)])

    return one()


def test_processes_work_with_the_settings_and_give_results_in_order(settings, monkeypatch):
    monkeypatch.setenv("KALEIDOSCOPE_TASK_RUNNER", "processes")
    found = run_mapped(pid, units=5)
    assert [unit for unit, _, _ in found] == [0, 1, 2, 3, 4]
    assert os.getpid() not in {process for _, process, _ in found}
    assert {folder for _, _, folder in found} == {str(settings.data_dir)}


def test_threads_work_in_this_process():
    assert {process for _, process, _ in run_mapped(pid)} == {os.getpid()}


def test_a_mistake_in_a_worker_is_the_same_one_line(monkeypatch):
    monkeypatch.setenv("KALEIDOSCOPE_TASK_RUNNER", "processes")
    with pytest.raises(UserError, match=r"^unit 0 has no images$"):
        run_mapped(fails, units=1)


def test_a_killed_worker_is_one_line(monkeypatch):
    monkeypatch.setenv("KALEIDOSCOPE_TASK_RUNNER", "processes")
    with pytest.raises(UserError, match=r"^a worker process was killed.*: run again"):
        run_mapped(killed, units=1)


def test_a_scheduler_that_does_not_answer_is_one_line(monkeypatch):
    pytest.importorskip("prefect_dask", reason="Dask is not installed")
    monkeypatch.setattr(runners, "CONNECT_SECONDS", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        monkeypatch.setenv("KALEIDOSCOPE_TASK_RUNNER", address)
        with pytest.raises(UserError, match=f"no Dask scheduler answers at {address} .*: start one, or set") as raised:
            run_mapped(pid)
    assert "\n" not in str(raised.value)


def test_a_missing_extra_is_one_line(monkeypatch):
    monkeypatch.setenv("KALEIDOSCOPE_TASK_RUNNER", "dask")
    monkeypatch.setitem(sys.modules, "prefect_dask", None)
    with pytest.raises(UserError, match=r"needs the package \w*dask: pip install 'kaleidoscope\[dask\]'"):
        run_mapped(pid)


@pytest.mark.parametrize("runner", ["thread", "tcp://", "tcp://host", "http://host:80", "tcp://a b:1"])
def test_another_runner_is_refused(runner, monkeypatch):
    monkeypatch.setenv("KALEIDOSCOPE_TASK_RUNNER", runner)
    with pytest.raises(UserError, match=r"^KALEIDOSCOPE_TASK_RUNNER: must be threads, processes, dask or the address"):
        Settings()
