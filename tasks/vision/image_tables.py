"""Tables of images: Parquet and Arrow files as Hugging Face's `datasets` writes them, and lists of paths.

A table of images has a column of images (a struct of bytes and path, or bytes), which is read a few rows at a time. A
list has a column of paths. Either may have a column of labels; the names of classes are in the schema's metadata.
"""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from itertools import accumulate
from typing import BinaryIO

import polars
import pyarrow
import pyarrow.ipc
import pyarrow.parquet

from tasks.errors import UserError, one_line

PATHS, LABEL, IMAGES = ("path", "file_name"), "label", ("image", "img")
"""Names of columns. `file_name` is that of Hugging Face's imagefolder; IMAGES are used without its metadata."""
ROWS_AT_ONCE = 16
"""Rows of images in memory at a time."""
LABELS_AT_ONCE = 1 << 16
SHOWN = 12
"""Largest number of columns in a message."""


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns. image, path: one of them is not None; classes: what the integers of `label` mean."""

    image: str | None
    path: str | None
    label: str | None
    classes: Sequence[str] | None

    @classmethod
    def of(cls, schema: pyarrow.Schema, where: str) -> "Columns":
        """Find the columns. Raises UserError if there is none of images or paths."""
        features = _features(schema)
        images = [name for name, feature in features.items() if feature == "Image" and name in schema.names]
        images += [name for name in IMAGES if name in schema.names and _holds_images(schema.field(name).type)]
        path = next((name for name in PATHS if name in schema.names), None)
        if not images and path is None:
            raise UserError(no_path_column(schema.names, where))
        classes = {name: feature for name, feature in features.items() if isinstance(feature, list)}
        label = next((name for name in (LABEL, *classes) if name in schema.names), None)
        return cls(images[0] if images else None, path, label, None if label is None else classes.get(label))

    @property
    def list_path(self) -> str | None:
        """The column of paths where there is none of images."""
        return None if self.image else self.path

    def entries(self, batch: pyarrow.RecordBatch, start: int) -> Iterator[tuple[str, str | None]]:
        """Yield path, or number counted from `start`, and label of each row."""
        numbers = map(str, range(start, start + len(batch)))
        names = batch.column(self.list_path).to_pylist() if self.list_path else numbers
        labels = self.labels(batch.column(self.label)) if self.label else [None] * len(batch)
        return zip(names, labels, strict=True)

    def labels(self, values: pyarrow.Array | pyarrow.ChunkedArray) -> list[str | None]:
        """Return labels as text; None for values that are neither text nor integers."""
        if pyarrow.types.is_integer(values.type) and self.classes is not None:
            known = range(len(self.classes))
            return [self.classes[value] if value in known else None for value in values.to_pylist()]
        if pyarrow.types.is_integer(values.type) or _is_text(values.type):
            return [None if value is None else str(value) for value in values.to_pylist()]
        return [None] * len(values)


def no_path_column(columns: Sequence[str], where: str) -> str:
    """Return the message for a table without images and paths."""
    named = ", ".join(map(one_line, columns[:SHOWN])) + ", …" * (len(columns) > SHOWN)
    return f"{where} has no column path: name the column of its paths so; its columns are {named or 'none'}"


def _features(schema: pyarrow.Schema) -> dict[str, str | list[str] | None]:
    """Return each column's type in Hugging Face's metadata, and in place of ClassLabel the names of its classes."""
    try:
        described = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return {
            name: feature["names"] if feature.get("_type") == "ClassLabel" else feature.get("_type")
            for name, feature in described.items()
        }
    except (TypeError, KeyError, ValueError, AttributeError):
        return {}


def _holds_images(kind: pyarrow.DataType) -> bool:
    if pyarrow.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind)


def _is_text(kind: pyarrow.DataType) -> bool:
    kind = kind.value_type if pyarrow.types.is_dictionary(kind) else kind
    types = pyarrow.types
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


@contextmanager
def _readable(where: str, kind: str) -> Iterator[None]:
    try:
        yield
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{where} can't be read as {kind} ({one_line(error)}): write it anew") from error


class ParquetTable:
    """A Parquet file. A row of a table of images is named by its number."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self._where = where
        with _readable(where, "Parquet"):
            # one page at a time, however large a row group is
            self._file = pyarrow.parquet.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20)
        self.columns = Columns.of(self._file.schema_arrow, where)
        groups = range(self._file.num_row_groups)
        self._starts = [*accumulate((self._file.metadata.row_group(group).num_rows for group in groups), initial=0)]
        self._group, self._first = -1, 0
        self._batch: pyarrow.RecordBatch | None = None
        self._batches: Iterator[pyarrow.RecordBatch] = iter(())

    def entries(self) -> Iterator[tuple[str, str | None]]:
        """Yield path or number, and label of each row. Raises UserError if the file is damaged."""
        columns = [name for name in (self.columns.label, self.columns.list_path) if name]
        if not columns:
            yield from ((str(row), None) for row in range(self._starts[-1]))
            return
        start = 0
        with _readable(self._where, "Parquet"):
            for batch in self._file.iter_batches(LABELS_AT_ONCE, columns=columns):
                yield from self.columns.entries(batch, start)
                start += len(batch)

    def image(self, row: int) -> bytes | str:
        """Return the content or path of a row's image; reading rows in order is fastest. Raises as `content_of`."""
        group = bisect_right(self._starts, row) - 1
        if self._batch is None or group != self._group or row < self._first:
            self._batches = self._file.iter_batches(ROWS_AT_ONCE, row_groups=[group], columns=[self.columns.image])
            self._group, self._first, self._batch = group, self._starts[group], next(self._batches)
        while row >= self._first + len(self._batch):
            self._first += len(self._batch)
            self._batch = next(self._batches)
        return content_of(self._batch.column(0)[row - self._first].as_py())


class ArrowTable:
    """An Arrow stream, as `save_to_disk` writes it. A row is named by its batch's place in the file and its number."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self._where = where
        with _readable(where, "an Arrow stream"):
            local = isinstance(file, BufferedReader)
            self._file = pyarrow.memory_map(file.name) if local else pyarrow.PythonFile(file, "r")
            self._schema = pyarrow.ipc.open_stream(self._file).schema
        self.columns = Columns.of(self._schema, where)
        self._held: tuple[int, pyarrow.RecordBatch] | None = None
        """The batch that was read last, and its place."""

    def entries(self) -> Iterator[tuple[str, str | None]]:
        """Yield path or place, and label of each row. Raises UserError if the file is damaged."""
        with _readable(self._where, "an Arrow stream"):
            self._file.seek(0)
            reader = pyarrow.ipc.open_stream(self._file)
            while True:
                place = self._file.tell()
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    return
                after = self._file.tell()
                for row, label in self.columns.entries(batch, 0):
                    yield (row if self.columns.list_path else f"{place}+{row}"), label
                self._file.seek(after)

    def image(self, place: int, row: int) -> bytes | str:
        """Return the content or path of a row's image. Raises as `content_of`."""
        if self._held is None or self._held[0] != place:
            self._file.seek(place)
            message = pyarrow.ipc.read_message(self._file)
            self._held = place, pyarrow.ipc.read_record_batch(message, self._schema)
        return content_of(self._held[1].column(self.columns.image)[row].as_py())


def content_of(image: dict | bytes | None) -> bytes | str:
    """Return the bytes that a cell holds, or the path that it names. Raises OSError if it holds nothing."""
    if isinstance(image, dict):
        image = image.get("bytes") or image.get("path")
    if not image:
        raise OSError("no image in this row")
    return image


LISTS: dict[str, Callable[..., polars.LazyFrame]] = {".csv": polars.scan_csv, ".jsonl": polars.scan_ndjson}


def list_of_paths(file: BinaryIO, suffix: str, where: str) -> polars.DataFrame:
    """Read paths and labels of a CSV or JSON Lines file as text columns `name` and `label`.

    Raises UserError if the file can't be read, has no column of paths, or has a row without a path.
    """
    options = {"infer_schema": False} if suffix == ".csv" else {}
    try:
        table = LISTS[suffix](file.read(), **options)
        columns = table.collect_schema().names()
        path = next((name for name in PATHS if name in columns), None)
        if path is None:
            raise UserError(no_path_column(columns, where))
        label = polars.col(LABEL).cast(polars.String) if LABEL in columns else polars.lit(None, polars.String)
        entries = table.select(name=polars.col(path), label=label).collect()
    except (polars.exceptions.PolarsError, OSError) as error:
        raise UserError(f"{where} can't be read as {suffix[1:].upper()} ({one_line(error)}): correct it") from error
    blank = entries["name"].fill_null("").str.strip_chars() == ""
    if blank.any():
        raise UserError(f"{where} has no path in row {blank.arg_true()[0] + 1}: write it, or delete the row")
    return entries
