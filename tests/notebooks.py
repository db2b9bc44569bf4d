"""Run the code cells of notebooks, in order, on the data folder of the settings.

    python -m tests.notebooks docs/notebooks/*.ipynb

The cells run without Jupyter. An exception in a cell ends the program.
"""

import json
import sys
from pathlib import Path


def code_cells(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run(notebook: Path) -> dict:
    """Run a notebook's cells; returns what they defined."""
    defined: dict = {"__name__": "__main__"}
    for number, cell in enumerate(code_cells(notebook), start=1):
        exec(compile(cell, f"{notebook.name}, code cell {number}", "exec"), defined)
    return defined


if __name__ == "__main__":
    for path in sys.argv[1:]:
        run(Path(path))
        print(f"{path} ran")
