"""`kaleidoscope up` as a process of its own."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import pytest

from flows.servers import free_port
from tasks.settings import ROOT, Settings
from tests.flows.test_up import up_command
from tests.processes import environment_for


@contextmanager
def running_up(
    settings: Settings, variables: Mapping[str, str] = MappingProxyType({}), ports: tuple[int, int] | None = None
) -> Iterator[subprocess.Popen]:
    """Yield it once all its services are up; it is stopped at the end.

    variables: further ones of its environment; ports: of Prefect and MLflow, free ones by default.
    """
    process = subprocess.Popen(
        up_command(*(ports or (free_port(), free_port()))),
        cwd=ROOT,
        env={**environment_for(settings), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C stops all" in line:
                break
        else:
            pytest.fail("".join(said))
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        process.stdout.close()
