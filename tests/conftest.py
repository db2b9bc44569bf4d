"""Every test has a data folder of its own; one Prefect server serves all tests of a process that ask for it."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

import hypothesis
import pytest

# The same examples each time, however busy the machine.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.load_profile("steady")

# Read once, when torch and Prefect are imported.
_prefect_home = tempfile.TemporaryDirectory(prefix="prefect-")
os.environ["PREFECT_HOME"] = _prefect_home.name
os.environ.pop("PREFECT_API_URL", None)
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

from tasks.settings import Settings  # noqa: E402


@pytest.fixture(autouse=True)
def settings(tmp_path, monkeypatch) -> Settings:
    """Settings with an empty data folder, which are also those that the environment gives."""
    monkeypatch.setenv("KALEIDOSCOPE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("KALEIDOSCOPE_TRACKING_URI", raising=False)
    return Settings()


@pytest.fixture(scope="session")
def loaded_template(tmp_path_factory) -> Settings:
    """Settings whose warehouse holds the sample tables: copy its data folder, don't write into it."""
    from tasks.warehouse.load import load
    from tests.sample_tables import sample_tables

    settings = Settings(data_dir=tmp_path_factory.mktemp("loaded"))
    load("sample", sample_tables(), settings)
    return settings


@pytest.fixture(scope="session")
def published_template(loaded_template, tmp_path_factory) -> Settings:
    """As `loaded_template`, and published."""
    from tasks.warehouse.publish import publish

    settings = Settings(data_dir=tmp_path_factory.mktemp("published") / "data")
    shutil.copytree(loaded_template.data_dir, settings.data_dir)
    publish(settings)
    return settings


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory) -> Iterator[str]:
    """Address of a Prefect server that flows called in this process report to."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.servers import prefect_server

    with prefect_server(Settings(data_dir=tmp_path_factory.mktemp("prefect"))) as server:
        server.wait()
        with temporary_settings({PREFECT_API_URL: server.url}):
            yield server.url


@pytest.fixture
def kaleidoscope(monkeypatch, capsys):
    """Run a command in this process: (exit code, standard output, standard error)."""

    from flows import cli

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kaleidoscope", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        written = capsys.readouterr()
        return ended.value.code or 0, written.out, written.err

    return run
