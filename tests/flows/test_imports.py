"""The garbage collector rests while large libraries are imported, and what a command imports before its server."""

import gc
import subprocess
import sys

import pytest

from flows.imports import quick_imports
from tasks.settings import ROOT


def test_the_collector_rests_in_the_block_only():
    with quick_imports():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_collector_works_again_after_an_import_that_failed():
    with pytest.raises(ImportError), quick_imports():
        raise ImportError
    assert gc.isenabled()


@pytest.mark.parametrize("module", ["flows.servers", "flows.terminal", "flows.cli"])
def test_what_comes_before_the_server_imports_no_large_library(module):
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"torch", "prefect", "polars", "duckdb", "mlflow", "pandas"}.isdisjoint(loaded.stdout.split())


def test_a_publication_needs_no_pytorch():
    code = "import sys, flows.publish; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"torch", "mlflow", "great_expectations", "umap", "matplotlib"}.isdisjoint(loaded.stdout.split())


@pytest.mark.parametrize(("module", "frozen"), [("gc", True), ("triton", False)])
def test_a_process_ends_without_a_last_look_for_garbage_unless_that_prints_a_list(module, frozen):
    code = (
        "import atexit, gc, sys; from flows.imports import end_quickly; sys.modules[sys.argv[1]] = gc\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > 0)); end_quickly()"
    )
    run = subprocess.run([sys.executable, "-c", code, module], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == f"{frozen}\n"
