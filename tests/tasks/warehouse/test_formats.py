"""What `kaleidoscope sql` writes for every type that DuckDB has: the value itself, in each format."""

import base64
import csv
import io
import json
from decimal import Decimal

import duckdb
import pytest

from tasks.errors import UserError
from tasks.warehouse.formats import csv_lines, json_lines, shown
from tasks.warehouse.query import Answer
from tasks.warehouse.reader import json_line, read


@pytest.fixture
def ask(published_nothing):
    """An answer, read in this process."""

    def ask(sql: str) -> Answer:
        lines = map(json.loads, map(json_line, read(published_nothing.published_file, sql, 10**9)))
        return Answer(**next(lines), rows=lines)

    return ask


def csv_of(answer: Answer) -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(csv_lines(answer)))))


def json_of(answer: Answer) -> list[dict]:
    return json.loads("".join(json_lines(answer)), parse_float=Decimal, parse_constant=pytest.fail)


def shown_in(answer: Answer) -> list[list]:
    return [list(map(shown, answer.kinds, row)) for row in answer.rows]


# expression, in JSON, in a table where it is no text; in CSV it is as in JSON without quotes
SCALARS = [
    ("340282366920938463463374607431768211455::UHUGEINT", "340282366920938463463374607431768211455", None),
    ("(-170141183460469231731687303715884105728)::HUGEINT", "-170141183460469231731687303715884105728", None),
    ("18446744073709551615::UBIGINT", "18446744073709551615", None),
    ("(SELECT sum(x) FROM (VALUES (9007199254740993::BIGINT)) t(x))", "9007199254740993", None),
    ("(-9223372036854775808)::BIGINT", "-9223372036854775808", None),
    ("1234567890123456789012345678.0123456789::DECIMAL(38, 10)", "1234567890123456789012345678.0123456789", None),
    ("0.10::DECIMAL(38, 38)", "0.10000000000000000000000000000000000000", None),
    ("(-0.5)::DECIMAL(1, 1)", "-0.5", None),
    ("('9' || repeat('8', 60))::BIGNUM", "9" + 60 * "8", None),
    ("0.1::DOUBLE + 0.2::DOUBLE", "0.30000000000000004", 0.1 + 0.2),
    ("5e-324", "5e-324", 5e-324),
    ("-0.0::DOUBLE", "-0.0", -0.0),
    ("1e300", "1e+300", 1e300),
    ("0.1::FLOAT", "0.1", 0.1),
    ("'nan'::DOUBLE", '"nan"', float("nan")),
    ("'-inf'::FLOAT", '"-inf"', float("-inf")),
    ("true", "true", None),
    ("NULL", "null", None),
    ("''", '""', None),
    ("'NULL'", '"NULL"', None),
    ("chr(0) || 'é\"'", '"\\u0000\\u00e9\\""', None),
    ("'infinity'::TIMESTAMP", '"infinity"', None),
    ("'-infinity'::DATE", '"-infinity"', None),
    ("'infinity'::TIMESTAMPTZ", '"infinity"', None),
    ("'290309-12-22 (BC) 00:00:00'::TIMESTAMP", '"290309-12-22 (BC) 00:00:00"', None),
    ("'2020-01-01 00:00:00.123456789'::TIMESTAMP_NS", '"2020-01-01 00:00:00.123456789"', None),
    ("'2020-01-01 00:00:01'::TIMESTAMP_S", '"2020-01-01 00:00:01"', None),
    ("'2020-01-01 00:00:00.123'::TIMESTAMP_MS", '"2020-01-01 00:00:00.123"', None),
    ("'24:00:00'::TIME", '"24:00:00"', None),
    ("'12:00:00.123456789'::TIME_NS", '"12:00:00.123456789"', None),
    ("'12:00:00+02'::TIMETZ", '"12:00:00+02"', None),
    ("INTERVAL '13 months 40 days 1 microsecond'", '"1 year 1 month 40 days 00:00:00.000001"', None),
    ("'0101'::BIT", '"0101"', None),
    ("'b'::ENUM('a', 'b')", '"b"', None),
    ("'00112233-4455-6677-8899-aabbccddeeff'::UUID", '"00112233-4455-6677-8899-aabbccddeeff"', None),
    ("'\\x00\\xFFa'::BLOB", '"AP9h"', b"\x00\xffa"),
    ("''::BLOB", '""', b""),
    ("'{\"a\": 1e400}'::JSON", '"{\\"a\\": 1e400}"', None),
    ("9007199254740993::VARIANT", '"9007199254740993"', None),
    ("union_value(a := 9007199254740993)", '"9007199254740993"', None),
    ("'POINT (0.30000000000000004 2)'::GEOMETRY", '"POINT (0.30000000000000004 2)"', None),
    ("get_type(1)", '"INTEGER"', None),
    ("row(1, 'a')", '"(1, a)"', None),
]


SELECT_SCALARS = f"SELECT {', '.join(f'{expression} AS v{place}' for place, (expression, *_) in enumerate(SCALARS))}"


def test_values_in_json_are_exact(ask):
    [line, end] = json_lines(ask(SELECT_SCALARS))
    right = ", ".join(f'"v{place}": {in_json}' for place, (_, in_json, _) in enumerate(SCALARS))
    assert line + end == f"[{{{right}}}]\n"


def test_values_in_csv_are_exact(ask):
    [_, row] = csv_of(ask(SELECT_SCALARS))
    assert row == [without_quotes(in_json) or "" for _, in_json, _ in SCALARS]


def test_values_in_a_table_are_exact(ask):
    [row] = shown_in(ask(SELECT_SCALARS))
    for value, (_, in_json, in_table) in zip(row, SCALARS, strict=True):
        assert repr(value) == repr(without_quotes(in_json) if in_table is None else in_table)


def without_quotes(in_json: str) -> str | None:
    return in_json if in_json in ("true", "false") else json.loads(in_json, parse_int=str, parse_float=str)


NESTED = [
    ("[INTERVAL 1 MONTH, NULL]", '["1 month", null]'),
    ("MAP {1: 2}", '{"1": 2}'),
    ("MAP {[1, 2]: MAP {'a': INTERVAL 2 DAY}}", '{"[1, 2]": {"a": "2 days"}}'),
    ("{'a b\"c': 340282366920938463463374607431768211455::UHUGEINT}",
     '{"a b\\"c": 340282366920938463463374607431768211455}'),
    ("[[0.5::DECIMAL(1, 1)], []]", "[[0.5], []]"),
    ("[1, NULL]::BIGINT[2]", "[1, null]"),
    ("{'x': ['inf'::DOUBLE, 0.1]}", '{"x": ["inf", 0.1]}'),
    ("[{'at': 'infinity'::TIMESTAMP, 'on': true}]", '[{"at": "infinity", "on": true}]'),
    ("['é', 'null', '']", '["\\u00e9", "null", ""]'),
    ("[union_value(a := 1)]", '["1"]'),
]  # fmt: skip


def test_nested_values_are_exact(ask):
    sql = f"SELECT {', '.join(f'{expression} AS v{place}' for place, (expression, _) in enumerate(NESTED))}"
    right = ", ".join(f'"v{place}": {in_json}' for place, (_, in_json) in enumerate(NESTED))
    assert "".join(json_lines(ask(sql))) == f"[{{{right}}}]\n"
    assert shown_in(ask(sql)) == [[in_json for _, in_json in NESTED]]
    assert csv_of(ask(sql)) == [[f"v{place}" for place in range(len(NESTED))], [in_json for _, in_json in NESTED]]
    assert csv_of(ask("SELECT NULL::INTEGER[] AS v, 1 AS w"))[1] == ["", "1"]


def test_a_nested_blob_is_base64_and_its_size_in_a_table(ask):
    sql = "SELECT {'b': ['abc'::BLOB, NULL]} AS v"
    assert "".join(json_lines(ask(sql))) == '[{"v": {"b": ["YWJj", null]}}]\n'
    assert shown_in(ask(sql)) == [['{"b": [3 bytes, null]}']]


def test_every_type_that_duckdb_has_is_as_duckdb_writes_it(ask):
    """test_all_types() holds the smallest and the largest value of each type, and null."""
    columns = duckdb.sql("SELECT * FROM test_all_types()")
    kinds = dict(zip(columns.columns, ask("FROM test_all_types()").kinds, strict=True))
    scalars = [name for name, kind in kinds.items() if isinstance(kind, str)]
    assert len(scalars) == 37
    quoted = [f'"{name}"' for name in scalars]
    selected = f"SELECT {', '.join(quoted)} FROM test_all_types()"
    texts = duckdb.sql(f"SELECT {', '.join(f'{name}::VARCHAR' for name in quoted)} FROM test_all_types()").fetchall()
    blobs = [blob for (blob,) in duckdb.sql("SELECT blob FROM test_all_types()").fetchall()]
    expected = [dict(zip(scalars, row, strict=True)) for row in texts]
    for row, blob in zip(expected, blobs, strict=True):
        row["blob"] = blob and base64.b64encode(blob).decode()
    assert csv_of(ask(selected)) == [scalars, *([text or "" for text in row.values()] for row in expected)]
    in_json = {"true": True, "false": False, None: None}
    for row, right in zip(json_of(ask(selected)), expected, strict=True):
        for name, value in row.items():
            read_back = Decimal if kinds[name] in ("number", "decimal", "float") else str
            assert value == (in_json[right[name]] if right[name] in in_json else read_back(right[name]))
    nested = [name for name, kind in kinds.items() if isinstance(kind, dict)]
    rows = json_of(ask('SELECT "' + '", "'.join(nested) + '" FROM test_all_types()'))
    assert rows[1]["double_array"] == [Decimal("42.0"), "nan", "inf", "-inf", None, Decimal("-42.0")]
    assert rows[1]["timestamp_array"][:3] == ["1970-01-01 00:00:00", "infinity", "-infinity"]
    assert rows[1]["map"] == {"key1": "🦆🦆🦆🦆🦆🦆", "key2": "goose"}
    assert rows[0]["fixed_nested_int_array"] == [[None, 2, 3], None, [None, 2, 3]]
    assert set(rows[2].values()) == {None}


def test_no_type_is_forgotten():
    """A type that a new DuckDB brings is looked at before it is shown."""
    known = {
        "ARRAY", "BIGINT", "BIGNUM", "BIT", "BLOB", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "ENUM", "FLOAT",
        "GEOMETRY", "HUGEINT", "INTEGER", "INTERVAL", "LIST", "MAP", "NULL", "SMALLINT", "STRUCT", "TIME",
        "TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP_S", "TIME_NS", "TINYINT", "TYPE", "UBIGINT",
        "UHUGEINT", "UINTEGER", "UNION", "USMALLINT", "UTINYINT", "UUID", "VARCHAR", "VARIANT",
    }  # fmt: skip
    found = {name for (name,) in duckdb.sql("SELECT DISTINCT logical_type FROM duckdb_types()").fetchall()}
    assert found == known | {"TIME WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"}


def test_csv_tells_null_from_an_empty_string_and_keeps_rows_of_one_null(ask):
    assert "".join(csv_lines(ask("SELECT NULL AS a, '' AS b, 'x,\"y\"' || chr(10) AS c"))) == 'a,b,c\n,"","x,""y""\n"\n'
    assert "".join(csv_lines(ask("FROM (VALUES (1), (NULL)) t(a) ORDER BY a"))) == 'a\n1\n""\n'


def test_no_rows(ask):
    assert "".join(csv_lines(ask("SELECT 1 AS a WHERE false"))) == "a\n"
    assert "".join(json_lines(ask("SELECT 1 AS a WHERE false"))) == "[]\n"


def test_columns_that_are_called_alike(ask):
    assert csv_of(ask("SELECT 1 AS a, 2 AS a")) == [["a", "a"], ["1", "2"]]
    with pytest.raises(UserError, match="a JSON object can't hold 2 columns called a: rename them with AS"):
        json_of(ask("SELECT 1 AS a, 2 AS a"))


def test_odd_names_of_columns(ask):
    names = ["a,b", 'say "x"', "[red]", "é\n"]
    quoted = ", ".join('1 AS "{}"'.format(name.replace('"', '""')) for name in names)
    assert csv_of(ask(f"SELECT {quoted}"))[0] == names
    assert json_of(ask(f"SELECT {quoted}")) == [dict.fromkeys(names, 1)]
