"""Four labelled images as a folder, lists, tables, shards and a saved dataset: the sources of docs/images.md."""

import io
import json
import shlex
import tarfile
from pathlib import Path

import numpy as np
import polars
import pyarrow
import pyarrow.parquet
from PIL import Image

from tasks.settings import ROOT

SIDE = 70
LABELS = ("zebra", "zebra", "horse", "zebra")
CLASSES = ("horse", "zebra")
DOCUMENT = (ROOT / "docs" / "images.md").read_text()
ADDRESSES = [
    shlex.split(line)[-1].removeprefix("images.folder=")
    for line in DOCUMENT.splitlines()
    if line.startswith("kaleidoscope run extract --set ")
]
"""The examples of the document."""
FILES = tuple(f"{label}/{number}.png" for number, label in enumerate(LABELS))


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels(seed)).save(buffer, "PNG")
    return buffer.getvalue()


def write_tar(path: Path, members: dict[str, bytes]) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path.read_bytes()


def hugging_face_table() -> pyarrow.Table:
    """Return a table as `datasets` makes it."""
    features = {"image": {"_type": "Image"}, "label": {"names": list(CLASSES), "_type": "ClassLabel"}}
    return pyarrow.table(
        {
            "image": [{"bytes": png(seed), "path": None} for seed in range(len(FILES))],
            "label": [CLASSES.index(label) for label in LABELS],
        }
    ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def write_all(root: Path) -> None:
    """Write every source below `root`."""
    for seed, name in enumerate(FILES):
        (root / "photographs" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "photographs" / name).write_bytes(png(seed))
    table = polars.DataFrame({"path": FILES, "label": LABELS})
    table.write_csv(root / "photographs" / "list.csv")
    table.rename({"path": "file_name"}).write_ndjson(root / "photographs" / "metadata.jsonl")
    table.write_parquet(root / "photographs" / "list.parquet")
    (root / "hub" / "data").mkdir(parents=True)
    of_hub = root / "hub" / "data" / "train-00000-of-00001.parquet"
    pyarrow.parquet.write_table(hugging_face_table(), of_hub, row_group_size=3)
    (root / "saved" / "train").mkdir(parents=True)
    table = hugging_face_table()
    with pyarrow.ipc.new_stream(root / "saved" / "train" / "data-00000-of-00001.arrow", table.schema) as stream:
        stream.write_table(table, max_chunksize=3)
    for shard in range(2):
        members = {}
        for seed in (2 * shard, 2 * shard + 1):
            members |= {f"{seed:04}.png": png(seed), f"{seed:04}.cls": LABELS[seed].encode()}
        write_tar(root / "shards" / f"train-{shard:03}.tar", members)
