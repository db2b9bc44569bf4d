"""Convert the rows of an answer to CSV, to JSON and to table cells. Kinds are those of `tasks.warehouse.reader`."""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from tasks.errors import UserError
from tasks.warehouse.query import Answer

if TYPE_CHECKING:
    from tasks.warehouse.reader import Kind


def csv_lines(answer: Answer) -> Iterator[str]:
    """Yield lines of CSV. Null is an empty field and the empty string is ""; a BLOB is base64.

    A list, struct or map is the JSON text that `json_lines` writes.
    """
    yield _csv_line(answer.columns)
    for row in answer.rows:
        yield _csv_line(_in_csv(kind, value) for kind, value in zip(answer.kinds, row, strict=True))


def _in_csv(kind: "Kind", value) -> str | None:
    if value is None:
        return None
    return _nested(kind, value, _as_json) if isinstance(kind, dict) else _text(kind, value)


def _csv_line(fields: Iterable[str | None]) -> str:
    line = ",".join(map(_csv_field, fields))
    return f"{line or _csv_field('')}\n"  # readers skip empty lines


def _csv_field(text: str | None) -> str:
    if text is None:
        return ""
    return '"' + text.replace('"', '""') + '"' if text == "" or set(text) & set('",\r\n') else text


def json_lines(answer: Answer) -> Iterator[str]:
    """Yield lines of one JSON array of objects.

    Numbers have all their digits. The values nan, inf and -inf and those of types that JSON lacks, such as times, are
    strings; a BLOB is base64. Raises UserError when two columns have the same name.
    """
    name, times = Counter(answer.columns).most_common(1)[0]
    if times > 1:
        raise UserError(f"a JSON object can't hold {times} columns called {name}: rename them with AS")
    names = [json.dumps(name) for name in answer.columns]
    before = "["
    for row in answer.rows:
        fields = (_nested(kind, value, _as_json) for kind, value in zip(answer.kinds, row, strict=True))
        yield before + "{" + ", ".join(f"{name}: {field}" for name, field in zip(names, fields, strict=True)) + "}"
        before = ",\n"
    yield "[]\n" if before == "[" else "]\n"


def _nested(kind: "Kind", value, scalar: Callable[["Kind", str], str]) -> str:
    """Return a value as JSON; `scalar` converts values that are not nested."""
    match kind:
        case _ if value is None:
            return "null"
        case {"list": inner}:
            return f"[{', '.join(_nested(inner, item, scalar) for item in value)}]"
        case {"map": inner}:
            fields = (f"{json.dumps(key)}: {_nested(inner, item, scalar)}" for key, item in value.items())
            return f"{{{', '.join(fields)}}}"
        case {"struct": kinds}:
            fields = (f"{json.dumps(name)}: {_nested(kinds[name], item, scalar)}" for name, item in value.items())
            return f"{{{', '.join(fields)}}}"
        case _:
            return scalar(kind, value)


def _as_json(kind: "Kind", value: str) -> str:
    if kind in ("number", "decimal", "boolean") or (kind == "float" and value.lstrip("-") not in ("nan", "inf")):
        return _text(kind, value)
    return json.dumps(value)


def _text(kind: "Kind", value: str) -> str:
    """Return DuckDB's text of a value, with a zero before the point of a DECIMAL: 0.5 instead of .5."""
    return f"{Decimal(value):f}" if kind == "decimal" else value


def shown(kind: "Kind", value) -> object:
    """Return the value for display in a table: a float and a BLOB as Python's float and bytes, all others as text."""
    match kind:
        case _ if value is None:
            return None
        case "float":
            return float(value)
        case "blob":
            return base64.b64decode(value)
        case str():
            return _text(kind, value)
        case _:
            return _nested(kind, value, _in_a_nested_cell)


def _in_a_nested_cell(kind: "Kind", value: str) -> str:
    return f"{len(base64.b64decode(value))} bytes" if kind == "blob" else _as_json(kind, value)
