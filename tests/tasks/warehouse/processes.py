"""Python in another process, to be killed or to hold a lock."""

import subprocess
import sys
from contextlib import contextmanager

from tasks.settings import ROOT


def run_python(code: str) -> subprocess.CompletedProcess:
    """Run `code` from the root to its end."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)


@contextmanager
def holding(file):
    """Another process holds a writing DuckDB connection to `file`; yields its process id."""
    code = f"import duckdb, sys; held = duckdb.connect({str(file)!r}); print('held', flush=True); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        yield process.pid
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
