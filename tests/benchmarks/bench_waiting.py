"""What a person waits for at the start: processor time of whole processes, as multiples of Prefect's own import.

    python -m tests.benchmarks.bench_waiting

The reference is `python -c "import prefect.server.api.server"`, which the server of every run needs. A data folder of
its own gets the sample tables and is published once; then `run publish` finds nothing new.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tasks.settings import ROOT, Settings
from tasks.staging import stage_tables
from tests.sample_tables import sample_tables

COMMAND = ["-c", "from flows.cli import main; main()"]
REFERENCE = ["-c", "import prefect.server.api.server"]
WORK = {"--help": ["--help"], "sql": ["sql", "SELECT 1"], "run publish, nothing new": ["run", "publish"]}


def seconds_of(arguments: list[str], data: Path) -> float:
    """Return the processor seconds, user and system, of a process and its child processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"KALEIDOSCOPE_DATA_DIR": str(data)}
    subprocess.run([sys.executable, *arguments], env=environment, cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data")
        stage_tables("a" * 64, sample_tables(), settings)
        first = seconds_of([*COMMAND, "run", "publish"], settings.data_dir)
        reference = min(seconds_of(REFERENCE, settings.data_dir) for _ in range(3))
        found = {"run publish, all new": first / reference}
        for name, arguments in WORK.items():
            found[name] = min(seconds_of([*COMMAND, *arguments], settings.data_dir) for _ in range(3)) / reference
    print(json.dumps({"reference_seconds": round(reference, 2)} | {name: round(x, 2) for name, x in found.items()}))


if __name__ == "__main__":
    main()
