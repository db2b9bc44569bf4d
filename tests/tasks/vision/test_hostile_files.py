"""A seeded corpus of damaged and hostile files: set aside, or one line; never a crash, a hang or a heap of memory."""

import io
import resource
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tasks.concepts.exemplars import read_exemplars, write_exemplars
from tasks.errors import UserError
from tasks.vision.frozen_graph import LARGEST, graph_def_class, read_frozen_graph
from tasks.vision.images import ImagesConfig, open_frames
from tests.tasks.vision.png import chunk

KINDS = b"IHDR PLTE tRNS IDAT IEND iCCP zTXt iTXt eXIf acTL fcTL fdAT gAMA".split()
BOMB = zlib.compress(bytes(200 << 20), 9)
"""200 MiB of zeros."""


def whole(file_format: str, seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, size=(80, 96, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, file_format)
    return buffer.getvalue()


def truncated(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: rng.integers(len(data))]


def flipped(data: bytes, rng: np.random.Generator) -> bytes:
    damaged = bytearray(data)
    for place in rng.integers(0, 8 * len(data), size=rng.integers(1, 40)):
        damaged[place // 8] ^= 1 << place % 8
    return bytes(damaged)


def shuffled(data: bytes, rng: np.random.Generator) -> bytes:
    cuts = sorted(rng.integers(0, len(data), size=6))
    parts = [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return parts[0] + b"".join(parts[1 + place] for place in rng.permutation(6))


def of_random_chunks(data: bytes, rng: np.random.Generator) -> bytes:
    """PNG chunks with right checksums and senseless contents, after a header that is right."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 70, 70, 8, 2, 0, 0, 0))
    body = [chunk(KINDS[rng.integers(len(KINDS))], rng.bytes(rng.integers(0, 300))) for _ in range(rng.integers(1, 9))]
    return data[:8] + header + b"".join(body) + data[33:]


def bombs() -> dict[str, bytes]:
    data = whole("PNG", 0)
    before, after = data[:33], data[33:]
    return {
        "text": before + chunk(b"zTXt", b"k\0\0" + BOMB) + after,
        "profile": before + chunk(b"iCCP", b"k\0\0" + BOMB) + after,
        "pixels": data[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 16, 6, 0, 0, 0)) + after,
        "too much data": before + chunk(b"IDAT", BOMB) + chunk(b"IEND", b""),
        "endless chunk": before + struct.pack(">I", 2**31 - 1) + b"IDAT" + after,
    }


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("damage", [truncated, flipped, shuffled, of_random_chunks])
def test_damaged_images_are_frames_or_set_aside(tmp_path, settings, file_format, damage):
    rng = np.random.default_rng([len(file_format), ord(damage.__name__[0])])
    (tmp_path / "good.png").write_bytes(whole("PNG", 999))
    for place in range(40):
        (tmp_path / f"{place}.png").write_bytes(damage(whole(file_format, place), rng))
    found = open_frames(ImagesConfig(sources=("folder",), folder=tmp_path), settings)
    assert len(found) + len(found.quarantine) == 41
    assert "good.png" in {frame.name for frame in found.frames}
    assert all(reason and reason.isprintable() for _, reason in found.quarantine)
    for index in range(len(found)):
        assert found.load(index).shape == (3, 224, 224)


def test_bombs_take_little_memory(tmp_path, settings):
    (tmp_path / "good.png").write_bytes(whole("PNG", 999))
    for name, data in bombs().items():
        (tmp_path / f"{name}.png").write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = open_frames(ImagesConfig(sources=("folder",), folder=tmp_path), settings)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < 128 << 20
    assert "pixels.png" in dict(found.quarantine)
    assert len(found) + len(found.quarantine) == 6


def frozen_graph() -> bytes:
    graph = graph_def_class()()
    node = graph.node.add(name="a", op="Const")
    entry = node.attr.add(key="value")
    entry.value.tensor.dtype = 1
    for size in (2, 3):
        entry.value.tensor.tensor_shape.dim.add(size=size)
    entry.value.tensor.tensor_content = np.arange(6, dtype="<f4").tobytes()
    return graph.SerializeToString()


def test_damaged_frozen_graphs_are_read_or_one_line():
    rng = np.random.default_rng(0)
    refused = []
    assert read_frozen_graph(frozen_graph()).constants["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    for damage in [truncated, flipped, shuffled] * 60:
        try:
            read_frozen_graph(damage(frozen_graph(), rng))
        except UserError as error:
            refused.append(str(error))
    assert len(refused) > 40
    assert all(line.isprintable() for line in refused)


@pytest.mark.parametrize("sizes", [(LARGEST + 1,), (2**31, 2**31), (-1,), (2, -3)])
def test_a_frozen_graph_that_promises_too_much_is_refused(sizes):
    graph = graph_def_class()()
    graph.ParseFromString(frozen_graph())
    tensor = graph.node[0].attr[0].value.tensor
    tensor.tensor_content = b""
    tensor.float_val.append(1.0)
    del tensor.tensor_shape.dim[:]
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)
    with pytest.raises(UserError, match="a tensor of shape"):
        read_frozen_graph(graph.SerializeToString())


def test_a_frozen_graph_without_values_is_refused():
    graph = graph_def_class()()
    graph.node.add(name="a", op="Const")
    with pytest.raises(UserError, match="not a frozen graph, or a damaged one: KeyError"):
        read_frozen_graph(graph.SerializeToString())


@pytest.mark.parametrize(
    "name", ["[red]x", "[/x]", "<script>alert(1)</script>", "a\nb", "é" * 120, "x" * 250, "%2e%2e"]
)
def test_odd_names_of_exemplars(tmp_path, name):
    """As files' names they are written again, read again, and are the same set."""
    folder = tmp_path / "concept"
    folder.mkdir()
    name = name.replace("/", "\u2215")
    for place in range(2):
        pixels = np.random.default_rng(place).integers(0, 256, size=(230, 230, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / (f"{name}.png" if place else "0.png"))
    read = read_exemplars(folder, "concept", 224)
    assert f"{name}.png" in read.names
    write_exemplars(read, tmp_path / "again")
    assert read_exemplars(tmp_path / "again", "concept", 224).key == read.key
