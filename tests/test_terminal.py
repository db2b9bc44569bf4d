"""What `kaleidoscope sql` prints on a terminal: nothing is hidden, however narrow it is."""

import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios

import duckdb
import pytest

from tasks.settings import ROOT, Settings
from tests.processes import environment_for

VIEWS = sorted(file.stem for file in (ROOT / "sql" / "views").glob("*.sql"))
ROWS = 3
PRINT = f"""
import json, sys
from flows.cli import sql
for view in json.loads(sys.argv[1]):
    print("== " + view, flush=True)
    sql("FROM " + view + " ORDER BY ALL LIMIT {ROWS}", "table")
"""


@pytest.fixture
def published(settings, published_template) -> Settings:
    shutil.copytree(published_template.data_dir, settings.data_dir, symlinks=True)
    return settings


@pytest.fixture(scope="module")
def rows_of_views(published_template) -> dict[str, list[dict]]:
    """The rows that a terminal shows of each view."""
    with duckdb.connect(str(published_template.published_file), read_only=True) as connection:
        return {view: connection.sql(f"FROM {view} ORDER BY ALL LIMIT {ROWS}").pl().to_dicts() for view in VIEWS}


def on_a_terminal(width: int, settings, code: str, *arguments: str) -> str:
    """What a Python program prints on a pseudo-terminal of so many columns."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    environment = environment_for(settings) | {"TERM": "xterm-256color"}
    environment.pop("COLUMNS", None)
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=child, stderr=child, stdin=child, env=environment, cwd=ROOT
    )
    os.close(child)
    printed = bytearray()
    while True:
        try:
            block = os.read(parent, 1 << 16)
        except OSError:  # Linux says so when the last process has closed the terminal
            break
        if not block:
            break
        printed += block
    os.close(parent)
    assert process.wait() == 0, printed.decode()
    return re.sub(r"\x1b\[[0-9;]*m", "", printed.decode()).replace("\r\n", "\n")


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_every_view_shows_every_value(published, rows_of_views, width):
    printed = on_a_terminal(width, published, PRINT, json.dumps(VIEWS))
    shown = dict(part.split("\n", 1) for part in printed.removeprefix("== ").split("\n== "))
    assert sorted(shown) == VIEWS
    for view, rows in rows_of_views.items():
        lines = shown[view].splitlines()
        assert max(map(len, lines)) <= width, view
        assert rows, view
        text = "".join(shown[view].split())
        assert all(name in text for name in rows[0]), view
        is_table = shown[view].startswith("┏")
        if not is_table:  # a line for each value, and a head for each row
            assert sum(line.startswith("row ") for line in lines) == len(rows), view
        for row in rows:
            for name, value in row.items():
                if isinstance(value, int) and not isinstance(value, bool):
                    assert (f"│{value}" if is_table else f"{name}:{value}") in text, (view, name)


def test_a_table_that_fits_stays_a_table_and_long_cells_are_folded(published):
    code = "from flows.cli import sql; sql(\"SELECT 1 AS a, repeat('word ', 40) AS b\", 'table')"
    lines = on_a_terminal(60, published, code).splitlines()
    assert lines[0].startswith("┏")
    assert "".join("".join(lines).split()).count("word") == 40


def test_a_row_that_does_not_fit_becomes_a_block(published):
    columns = ", ".join(f"{number} AS column_number_{number}" for number in range(12))
    printed = on_a_terminal(80, published, f"from flows.cli import sql; sql('SELECT {columns}', 'table')")
    assert printed.splitlines()[1:] == [f"column_number_{number}: {number}" for number in range(12)]
    assert printed.startswith("row 1 of 1 ─")


def test_an_answer_without_rows_names_its_columns(published):
    columns = ", ".join(f"{number} AS column_number_{number}" for number in range(12))
    printed = on_a_terminal(80, published, f"from flows.cli import sql; sql('SELECT {columns} LIMIT 0', 'table')")
    assert "no rows; columns: column_number_0, " in printed
    assert "column_number_11" in "".join(printed.split())
