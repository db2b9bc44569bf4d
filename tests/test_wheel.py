"""A wheel, installed where no checkout is: it brings all that it needs, and its data lie in the user's data folder."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import FLOWS
from flows.servers import HOST, free_port
from tasks.settings import ROOT
from tests.faults.runs import RUN_SECONDS, TRAIN

PACKAGES, RESOURCES = ("flows", "tasks"), ("sql", "mlflow", "prefect.yaml")
NOT_HANDED_ON = ("KALEIDOSCOPE_", "PREFECT_", "PYTHON", "XDG_")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy: a build leaves files in its folder, and takes in what an earlier one has left."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in (*PACKAGES, *RESOURCES, "pyproject.toml", "README.md"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, source / name)
    pip("wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={built}", str(source))
    [file] = built.iterdir()
    return file


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel, and a user who has nothing else of ours."""

    prefix: Path
    home: Path

    @property
    def data_dir(self) -> Path:
        return self.home / ".local" / "share" / "kaleidoscope"

    def start(self, program: str, *arguments: str) -> subprocess.Popen:
        handed_on = {name: value for name, value in os.environ.items() if not name.startswith(NOT_HANDED_ON)}
        return subprocess.Popen(
            [self.prefix / "bin" / program, *arguments],
            cwd=self.home,
            env=handed_on | {"HOME": str(self.home), "OMP_NUM_THREADS": "1", "PREFECT_WORKER_QUERY_SECONDS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, program: str, *arguments: str) -> str:
        process = self.start(program, *arguments)
        said, _ = process.communicate(timeout=RUN_SECONDS)
        assert process.returncode == 0, said
        return said


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Installed:
    prefix = tmp_path_factory.mktemp("environment")
    venv.create(prefix, symlinks=True)
    pip(f"--python={prefix / 'bin' / 'python'}", "install", "--no-deps", str(wheel))
    # dependencies come from the running environment; a .pth file there, as of an editable install, is not read
    places = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (Path(site_packages(prefix)) / "dependencies.pth").write_text("\n".join(sorted(places)))
    return Installed(prefix, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def api(installed) -> Iterator[str]:
    """Address of the Prefect server of the installed copy's `kaleidoscope up`."""
    port = free_port()
    up = installed.start("kaleidoscope", "up", f"--prefect-port={port}", f"--mlflow-port={free_port()}")
    try:
        said = []
        for line in up.stdout:
            said.append(line)
            if "Ctrl-C stops all" in line:
                break
        else:
            pytest.fail("".join(said))
        yield f"http://{HOST}:{port}/api"
    finally:
        up.send_signal(signal.SIGINT)
        up.communicate()


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def site_packages(prefix: Path) -> str:
    return sysconfig.get_path("purelib", "venv", {"base": str(prefix)})


def files_of(name: str) -> set[str]:
    """A file of the checkout, or those in a folder."""
    found = [ROOT / name, *(ROOT / name).rglob("*")]
    return {str(path.relative_to(ROOT)) for path in found if path.is_file() and path.suffix != ".pyc"}


def test_the_wheel_holds_every_file_and_nothing_at_the_top_but_our_packages(wheel):
    packages = set().union(*map(files_of, PACKAGES))
    resources = {f"tasks/_resources/{name}" for name in set().union(*map(files_of, RESOURCES))}
    with ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == packages | resources


def test_what_is_imported_is_the_wheels_and_mlflow_is_the_package(installed):
    names = (*PACKAGES, "mlflow")
    said = installed.run(
        "python", "-c", f"import importlib.util as u\nfor name in {names}: print(u.find_spec(name).origin)"
    )
    ours = Path(site_packages(installed.prefix))
    package = str(distribution("mlflow").locate_file("mlflow/__init__.py"))
    assert said.splitlines() == [*(str(ours / name / "__init__.py") for name in PACKAGES), package]


def test_flows_run_and_what_they_made_is_in_the_users_data_folder(installed, api):
    installed.run("kaleidoscope", *TRAIN)
    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        assert {deployment.name for deployment in client.read_deployments()} == set(FLOWS)
        state = run_deployment("publish/publish", timeout=RUN_SECONDS, poll_interval=1).state
        assert state.is_completed(), state

    sql = ["sql", "SELECT features FROM dictionary_scores", "--format", "csv"]
    assert installed.run("kaleidoscope", *sql).split() == ["features", "24"]
    page = installed.data_dir / "site" / "index.html"
    page.unlink()
    assert str(page) in installed.run("kaleidoscope", "page")
    assert page.read_text().startswith("<!doctype html>")
    assert "no run is stuck" in installed.run("kaleidoscope", "doctor")
    assert (installed.data_dir / "mlflow" / "mlflow.db").exists()
    assert not (Path(site_packages(installed.prefix)) / "data").exists()
