"""How the cases in `tests/sql/audits` are written.

NAME.py there holds the cases of `sql/audits/NAME.sql`. VALID has rows that the audit accepts, by table: a list holds a
value for each row, anything else is the same in all rows, and a column that is not named is null or zero. Each entry of
CASES is one change to these rows and the offending rows that the audit must then name, no more and no fewer. Of an
offending row only the columns that tell it apart need to be given.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.sample_tables.rows import Row, Tables, row

NAN, INFINITY = math.nan, math.inf
NOT_WEBP = [b"GIF89a, not a WebP", b"RIFF    WAVEfmt ", b"JUNK    WEBPVP8 ", b""]
WEBP = b"RIFF    WEBPVP8 "


class Change(NamedTuple):
    """A change to rows. name: what is changed, in the identifier of the test."""

    name: str
    apply: Callable[[Tables], Tables]


def change(table: str, where: Row | None = None, /, **columns: Any) -> Change:
    """Give columns other values in the rows of `table` that have the values in `where`: in all rows without it."""
    name = f"{_picked(table, where)} {', '.join(f'{column}={value!r}' for column, value in columns.items())}"
    return Change(name, lambda tables: _replaced(tables, table, where, lambda each: [each | columns]))


def remove(table: str, where: Row | None = None, /) -> Change:
    """Remove the rows of `table` that have the values in `where`: all rows without it."""
    return Change(f"no {_picked(table, where)}", lambda tables: _replaced(tables, table, where, lambda each: []))


def add(table: str, /) -> Change:
    """Add a row of nulls and zeros to `table`."""
    return Change(f"new row of {table}", lambda tables: tables | {table: [*tables.get(table, []), row(table)]})


def repeat(table: str, where: Row | None = None, /, **columns: Any) -> Change:
    """Add a copy of each row of `table` that has the values in `where`, with other values in some columns."""
    changed = "".join(f" {column}={value!r}" for column, value in columns.items())
    name = f"{_picked(table, where)} again{changed}"
    return Change(name, lambda tables: _replaced(tables, table, where, lambda each: [each, each | columns]))


def all_of(*changes: Change) -> Change:
    """Make several changes that only together make the rows bad in the way that the case is about."""

    def apply(tables: Tables) -> Tables:
        for each in changes:
            tables = each.apply(tables)
        return tables

    return Change("; ".join(each.name for each in changes), apply)


def bad_values(table: str, where: Row | None = None, /, *, names: Row, shown: bool = True, **columns: list) -> list:
    """Return a case for each bad value of each column: the one offending row has the columns `names`.

    shown: whether the audit shows the column with the bad value, which is then expected too.
    """
    return [
        (change(table, where, **{column: value}), names | ({column: value} if shown else {}))
        for column, values in columns.items()
        for value in values
    ]


def _picked(table: str, where: Row | None) -> str:
    return table + "".join(f" {column}={value!r}" for column, value in (where or {}).items())


def _replaced(tables: Tables, table: str, where: Row | None, replace: Callable[[Row], list[Row]]) -> Tables:
    def is_picked(each: Row) -> bool:
        return all(each[column] == value for column, value in (where or {}).items())

    assert any(map(is_picked, tables[table])), f"no row of {table} has {where}"
    return tables | {table: [new for each in tables[table] for new in (replace(each) if is_picked(each) else [each])]}
