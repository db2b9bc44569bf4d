"""Our folder mlflow/ at the root must not hide the package of that name."""

import importlib
import subprocess
import sys
from importlib.metadata import distribution, version

import pytest

from tasks.settings import ROOT

PACKAGE = distribution("mlflow").locate_file("mlflow/__init__.py").resolve()


def test_under_pytest():
    assert str(PACKAGE) == importlib.import_module("mlflow").__file__
    assert str(ROOT) in sys.path


@pytest.mark.parametrize("first_on_path", ["", str(ROOT)])
def test_under_python_c(first_on_path):
    code = f"import sys; sys.path.insert(0, {first_on_path!r}); import importlib.util as u; print(u.find_spec('mlflow').origin)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(PACKAGE)


def test_under_python_m():
    said = subprocess.run([sys.executable, "-m", "mlflow", "--version"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert version("mlflow") in said.stdout


def test_our_folder_is_no_package():
    assert not (ROOT / "mlflow" / "__init__.py").exists()
