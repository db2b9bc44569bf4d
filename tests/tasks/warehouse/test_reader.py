"""No statement takes the asking process with it, goes on for ever, fills memory, or leaves a file behind."""

import json
import os
import subprocess
import sys
from itertools import islice

import duckdb
import pytest

from tasks.errors import UserError
from tasks.settings import Settings
from tasks.warehouse.query import answer


def bounded(settings: Settings, **limits) -> Settings:
    return Settings(data_dir=settings.data_dir, **limits)


@pytest.mark.parametrize(
    "sql", ["SELECT pg_sleep(100000)", "SELECT levenshtein(repeat('a', 1000000), repeat('b', 1000000))"]
)
def test_time_is_bounded_whether_duckdb_can_be_interrupted_or_not(published_nothing, sql):
    with (
        pytest.raises(UserError, match=r"it took more than 0.8 s: select less, or raise KALEIDOSCOPE_SQL_SECONDS"),
        answer(sql, bounded(published_nothing, sql_seconds=0.8)) as result,
    ):
        list(result.rows)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list_sum(range(1000000000))",  # DuckDB counts none of it
        "FROM range(1000000) a, range(1000000) b ORDER BY ALL",
        "SELECT repeat('x', 1000000000)",
    ],
)
def test_memory_is_bounded_whether_duckdb_counts_it_or_not(published_nothing, sql):
    with (
        pytest.raises(UserError, match=r"needs more than 0.1 GB of memory: select less, or raise KALEIDOSCOPE_SQL_MEM"),
        answer(sql, bounded(published_nothing, sql_memory="100MB")) as result,
    ):
        list(result.rows)


def test_a_crash_of_duckdb_is_one_line(published_nothing):
    with (
        pytest.raises(UserError, match=r"DuckDB ended with SIG[A-Z]+: rephrase the query") as refusal,
        answer("SELECT json_structure(repeat('[', 1000000) || repeat(']', 1000000))", published_nothing),
    ):
        pass
    assert "\n" not in str(refusal.value)


def test_rows_come_before_all_are_made(published_nothing):
    with answer("FROM range(1000000000000)", published_nothing) as result:
        assert result.columns == ["range"]
        assert list(islice(result.rows, 3)) == [["0"], ["1"], ["2"]]


def test_an_error_behind_the_first_rows_is_told(published_nothing):
    sql = "SELECT CASE WHEN range < 100000 THEN range ELSE error('too far') END AS n FROM range(200000)"
    seen = []
    with (
        pytest.raises(UserError, match=r"^query failed: Invalid Input Error: too far$"),
        answer(sql, published_nothing) as result,
    ):
        seen.extend(result.rows)
    assert seen == [[str(number)] for number in range(len(seen))]


def test_what_duckdb_prints_is_not_taken_for_rows(published_nothing):
    sql = "SELECT write_log('x'), 1 AS one FROM enable_logging(storage='stdout', level='trace')"
    with answer(sql, published_nothing) as result:
        assert list(result.rows) == []


# Reads statements (JSON) in this one process and says for each whether it was refused.
READ_ALL = """
import json, os, sys
from pathlib import Path
from tasks.errors import UserError
from tasks.warehouse.reader import read
published, statements = json.load(sys.stdin)
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for sql in statements:
    try:
        rows = str(list(read(Path(published), sql, 10**9)))
    except UserError as error:
        rows = "refused"
    print(json.dumps([sql, rows]), file=out, flush=True)
"""
ARGUMENTS = {
    "VARCHAR": "'{secret}'",
    "VARCHAR[]": "['{secret}']",
    "JSON": "'[1]'",
    "BOOLEAN": "true",
    "BIGINT": "3",
    "ANY": "3",
    "T": "3",
    "TIMESTAMP": "'2020-01-01'::TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "'2020-01-01'::TIMESTAMPTZ",
    "INTERVAL": "INTERVAL 1 YEAR",
}


def statements(secret: str) -> list[str]:
    """A call of each table function with arguments of the types that it takes, and each pragma."""
    functions = duckdb.sql(
        "SELECT DISTINCT function_name, parameters, parameter_types FROM duckdb_functions() "
        "WHERE function_type = 'table' ORDER BY ALL"
    ).fetchall()
    calls = []
    for function, names, types in functions:
        wanted = [dtype for name, dtype in zip(names, types, strict=True) if name.startswith("col")]
        if all(dtype in ARGUMENTS for dtype in wanted):
            calls.append(f"FROM {function}({', '.join(ARGUMENTS[dtype] for dtype in wanted)}) LIMIT 5")
    pragmas = duckdb.sql("SELECT function_name FROM duckdb_functions() WHERE function_type = 'pragma'").fetchall()
    return [
        *(call.format(secret=secret) for call in calls),
        *(f"PRAGMA {pragma}" for (pragma,) in pragmas),
        *(f"PRAGMA {pragma}('{secret}')" for (pragma,) in pragmas),
        f"SELECT write_log('x') FROM enable_logging(storage='file', storage_path='{secret}.log', level='trace')",
        f"FROM enable_profiling(format='json', save_location='{secret}.json')",
        "SELECT setseed(0.5), random(), uuid(), current_query(), txid_current(), stats(1)",
    ]


def test_no_function_writes_reads_a_file_or_ends_the_process(published_nothing, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hidden\n")
    snapshot = published_nothing.published_file
    before = [snapshot.read_bytes(), sorted(snapshot.parent.rglob("*"))]
    asked = statements(str(secret))
    ended = subprocess.run(
        [sys.executable, "-c", READ_ALL],
        input=json.dumps([str(snapshot), asked]),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path)},
    )
    assert ended.returncode == 0, ended.stdout.splitlines()[-1:]
    said = dict(map(json.loads, ended.stdout.splitlines()))
    assert list(said) == list(dict.fromkeys(asked))
    assert not [sql for sql, rows in said.items() if "hidden" in rows]
    assert list(tmp_path.iterdir()) == [secret]
    assert [snapshot.read_bytes(), sorted(snapshot.parent.rglob("*"))] == before
    assert sum(rows != "refused" for rows in said.values()) > 40
    assert said[f"FROM read_text('{secret}') LIMIT 5"] == "refused"
