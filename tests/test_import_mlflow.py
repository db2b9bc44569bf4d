"""Our folder mlflow/ at the root must not hide the package of that name."""

import importlib
import subprocess
import sys
from importlib.metadata import distribution, version

import pytest

from tasks.settings import ROOT

PACKAGE = distribution("mlflow").locate_file("mlflow/__init__.py").resolve()


def run(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_under_pytest():
    assert str(PACKAGE) == importlib.import_module("mlflow").__file__
    assert str(ROOT) in sys.path


@pytest.mark.parametrize("first_on_path", ["", str(ROOT)])
def test_under_python_c(first_on_path):
    code = "import sys; sys.path.insert(0, sys.argv[1]); from importlib.util import find_spec\n"
    code += "print(find_spec('mlflow').origin)"
    assert run("-c", code, first_on_path).strip() == str(PACKAGE)


def test_under_python_m():
    assert version("mlflow") in run("-m", "mlflow", "--version")


def test_our_folder_is_no_package():
    assert not (ROOT / "mlflow" / "__init__.py").exists()
