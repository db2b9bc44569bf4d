"""The table of settings in docs/operator.md has all of them, with their defaults, and tests that exist."""

import re

import pytest

from tasks.settings import PREFECT_DATABASE, ROOT, Settings
from tests.postgresql import VARIABLE

SECTION = (ROOT / "docs" / "operator.md").read_text().partition("\n## Settings\n")[2].partition("\n## ")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in SECTION.splitlines() if line[:3] == "| `"]
NAMES = [name for row in ROWS for name in re.findall(r"`(\w+)`", row[0])]
ASKED = re.compile(
    r"""environ(?:\.get|\.setdefault)?[(\[]"(?P<read>[A-Z_]+)"|"(?P<looked>[A-Z_]+)"\ (?:not\ )?in\ os\.environ"""
)
OF_OTHERS = {"LOCAL_RANK", "TORCHELASTIC_RUN_ID", "GX_ANALYTICS_ENABLED"}
"""Variables that torchrun sets for its processes, and one that the code sets itself."""


def field(name: str) -> str:
    return f"KALEIDOSCOPE_{name.upper()}"


def test_each_setting_has_one_row():
    assert len(NAMES) == len({*NAMES})
    assert {name for name in NAMES if name.startswith("KALEIDOSCOPE_")} == {
        *map(field, Settings.model_fields),
        VARIABLE,
    }


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_default_is_that_of_the_class(name):
    [default] = [row[1] for row in ROWS if row[0] == f"`{field(name)}`"]
    of_the_class = Settings.model_fields[name]
    if of_the_class.default_factory:
        assert default.startswith("`data/` in a checkout")
        assert Settings.model_fields[name].default_factory() == ROOT / "data"
    else:
        value = of_the_class.default
        assert default == ("not set" if value is None else f"`{value}`" if isinstance(value, str) else f"{value:d}")


def test_variables_that_the_code_reads_are_in_the_table():
    code = "\n".join(file.read_text() for folder in ("flows", "tasks") for file in (ROOT / folder).rglob("*.py"))
    asked = {name for match in ASKED.finditer(code) for name in match.groups() if name} | {*PREFECT_DATABASE}
    assert {"PREFECT_API_URL", "TORCHELASTIC_RUN_ID"} <= asked
    scripts = (ROOT / "Makefile").read_text() + (ROOT / ".ci" / "run").read_text()
    asked |= {
        *re.findall(
            r"^(?:ifdef )?(\w+)(?: \?=.*)?$",
            "\n".join(line for line in scripts.splitlines() if line.startswith("ifdef ") or " ?= " in line),
            re.MULTILINE,
        )
    }
    asked |= {*re.findall(r"export (KALEIDOSCOPE_\w+)=", scripts)}
    assert asked - OF_OTHERS <= {*NAMES}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_named_test_exists(row):
    *_, named = row
    if named == "none":
        return
    file, _, test = named.strip("`").partition("::")
    assert re.search(rf"^ *def {test or 'test_'}", (ROOT / file).read_text(), re.MULTILINE)
