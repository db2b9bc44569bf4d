"""Parquet, Arrow and lists: which columns are read, and what is refused."""

import io

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from tasks.errors import UserError
from tasks.vision.image_tables import ArrowTable, Columns, ParquetTable, list_of_paths
from tasks.vision.images import ImagesConfig, open_frames
from tests.tasks.vision.many_sources import CLASSES, LABELS, hugging_face_table, pixels, png


def parquet(table: pyarrow.Table, **options) -> ParquetTable:
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, **options)
    return ParquetTable(buffer, "a.parquet")


@pytest.mark.parametrize("group", [1, 3, 100])
def test_rows_are_read_in_any_order(group):
    contents = [bytes([number]) * 40 for number in range(50)]
    table = parquet(pyarrow.table({"image": [{"bytes": content} for content in contents]}), row_group_size=group)
    assert list(table.entries()) == [(str(row), None) for row in range(50)]
    for row in [*range(50), *np.random.default_rng(0).permutation(50).tolist()]:
        assert table.image(row) == contents[row]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"image": [b"x"], "label": ["zebra"]}, ("image", None, "label")),
        ({"img": [{"bytes": b"x", "path": None}], "label": [3]}, ("img", None, "label")),
        ({"path": ["a.png"], "image": [b"x"]}, ("image", "path", None)),
        ({"file_name": ["a.png"], "image": ["a.png"], "label": [3]}, (None, "file_name", "label")),
    ],
)
def test_columns_are_found(columns, expected):
    found = Columns.of(pyarrow.table(columns).schema, "a.parquet")
    assert (found.image, found.path, found.label) == expected


def test_the_metadata_of_hugging_face_names_columns_and_classes():
    table = hugging_face_table()
    found = Columns.of(table.schema, "a.parquet")
    assert (found.image, found.label, found.classes) == ("image", "label", list(CLASSES))
    assert found.labels(pyarrow.array([1, 0, -1, 2, None])) == ["zebra", "horse", None, None, None]
    renamed = table.schema.metadata[b"huggingface"].replace(b'"image"', b'"pixels"').replace(b'"label"', b'"kind"')
    schema = table.rename_columns(["pixels", "kind"]).replace_schema_metadata({"huggingface": renamed}).schema
    found = Columns.of(schema, "a.parquet")
    assert (found.image, found.label, found.classes) == ("pixels", "kind", list(CLASSES))
    for broken in (b"{", b"[]", b'{"info": {"features": {"image": 3}}}', b'{"info": null}'):
        damaged = table.replace_schema_metadata({"huggingface": broken})
        assert Columns.of(damaged.schema, "a.parquet").classes is None


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (pyarrow.array([3, None]), ["3", None]),
        (pyarrow.array(["zebra", None]), ["zebra", None]),
        (pyarrow.array(["zebra", "zebra"]).dictionary_encode(), ["zebra", "zebra"]),
        (pyarrow.array([0.5, 1.0]), [None, None]),
        (pyarrow.array([[1], [2]]), [None, None]),
    ],
)
def test_labels_are_text(values, labels):
    assert Columns("image", None, "label", None).labels(values) == labels


@pytest.mark.parametrize(
    ("cell", "content"), [({"bytes": b"x", "path": "a.png"}, b"x"), ({"bytes": None, "path": "a.png"}, "a.png")]
)
def test_a_cell_holds_an_image_or_its_path(cell, content):
    assert parquet(pyarrow.table({"image": [cell]})).image(0) == content


def test_a_cell_without_an_image_is_said():
    table = parquet(pyarrow.table({"image": [{"bytes": b"x", "path": "a"}, {"bytes": None, "path": None}, None]}))
    for row in (1, 2):
        with pytest.raises(OSError, match="no image in this row"):
            table.image(row)


@pytest.mark.parametrize("columns", [{"x": [1], "y": [2]}, {"image": ["a.png"]}])
def test_a_table_without_images_and_paths_is_refused(columns):
    with pytest.raises(UserError, match=r"a\.parquet has no column path: .* its columns are (x, y|image)$"):
        parquet(pyarrow.table(columns))


@pytest.mark.parametrize("kind", [ParquetTable, ArrowTable])
@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 500])
def test_what_is_no_table_is_refused(kind, content):
    with pytest.raises(UserError, match=r"a\.x can't be read as (Parquet|an Arrow stream) \(.+\): write it anew"):
        kind(io.BytesIO(content), "a.x")


def test_a_truncated_stream_is_refused():
    buffer = io.BytesIO()
    with pyarrow.ipc.new_stream(buffer, hugging_face_table().schema) as stream:
        stream.write_table(hugging_face_table(), max_chunksize=2)
    whole = ArrowTable(io.BytesIO(buffer.getvalue()), "a.arrow")
    assert [label for _, label in whole.entries()] == list(LABELS)
    places = [tuple(map(int, place.split("+"))) for place, _ in whole.entries()]
    assert [whole.image(*place) for place in reversed(places)] == [png(seed) for seed in (3, 2, 1, 0)]
    with pytest.raises(UserError, match=r"a\.arrow can't be read as an Arrow stream"):
        list(ArrowTable(io.BytesIO(buffer.getvalue()[:-9000]), "a.arrow").entries())


@pytest.mark.parametrize(
    ("suffix", "content", "names", "labels"),
    [
        (".csv", b"path,label\na.png,zebra\nb.png,\n", ["a.png", "b.png"], ["zebra", None]),
        (".csv", b"\xef\xbb\xbflabel,x,path\r\n7,y,a.png\r\n", ["a.png"], ["7"]),
        (".csv", b'file_name\n"a, b.png"\n', ["a, b.png"], [None]),
        (".csv", b"path,label\n1.png,01440764\n", ["1.png"], ["01440764"]),
        (".jsonl", b'{"file_name": "a.png", "label": 3}\n{"file_name": "b.png"}\n', ["a.png", "b.png"], ["3", None]),
    ],
)
def test_lists_of_paths(suffix, content, names, labels):
    table = list_of_paths(io.BytesIO(content), suffix, "list")
    assert table.to_dict(as_series=False) == {"name": names, "label": labels}


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        (
            ".csv",
            b"name,label\na,b\n",
            "list has no column path: name .* its columns are name, label$",
        ),
        (".csv", b",".join(b"c%d" % number for number in range(99)) + b"\n", "c10, c11, …$"),
        (".csv", b"", r"list can't be read as CSV \(empty CSV\): correct it"),
        (".csv", b"path\n\xff\n", "list can't be read as CSV .*utf-8"),
        (".csv", b"path,label\na,b,c\n", "list can't be read as CSV"),
        (".csv", b"path,label\na.png,1\n ,2\n", "list has no path in row 2: write it, or delete the row"),
        (".jsonl", b'{"path": "a.png"', "list can't be read as JSONL"),
        (".jsonl", b'{"path": "a.png"}\n{"label": 1}\n', "list has no path in row 2"),
    ],
)
def test_a_list_with_a_mistake_is_one_line(suffix, content, message):
    with pytest.raises(UserError, match=message) as refusal:
        list_of_paths(io.BytesIO(content), suffix, "list")
    assert "\n" not in str(refusal.value)


def test_what_datasets_writes_is_read(tmp_path, settings):
    datasets = pytest.importorskip("datasets", reason="Hugging Face's datasets is not installed")
    datasets.disable_progress_bars()
    columns = {"image": [Image.fromarray(pixels(seed)) for seed in range(4)], "label": [1, 1, 0, -1]}
    features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=list(CLASSES)))
    dataset = datasets.Dataset.from_dict(columns, features=features)
    dataset.to_parquet(tmp_path / "hub" / "train.parquet")
    datasets.DatasetDict({"train": dataset}).save_to_disk(tmp_path / "saved")
    for address in ("hub", "saved", "saved/train"):
        found = open_frames(ImagesConfig(sources=("folder",), folder=tmp_path / address), settings)
        assert [frame.label for frame in found.frames] == ["zebra", "zebra", "horse", None]
        assert all(found.read(seed).tobytes() == pixels(seed).tobytes() for seed in range(4))
