"""WebDataset shards: labels of samples, and damage that is never taken for the end."""

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest

from tasks.errors import UserError
from tasks.vision.tar_shards import BLOCK, read_member, shard_entries
from tests.tasks.vision.many_sources import png, write_tar


def entries(content: bytes) -> list[tuple[str, str | None]]:
    """Member and label of each image."""
    found = list(shard_entries(io.BytesIO(content), "a.tar"))
    return [(name.partition("/")[2], label) for name, label in found]


@pytest.mark.parametrize(
    ("members", "labels"),
    [
        ({"0.cls": b"340", "0.jpg": b"", "1.jpg": b"", "1.cls": b" zebra\n"}, {"0.jpg": "340", "1.jpg": "zebra"}),
        ({"0.jpg": b"", "0.cls": b"1", "0.json": b'{"label": 2}', "0.txt": b"3"}, {"0.jpg": "1"}),
        ({"0.jpg": b"", "0.json": b'{"cls": 2, "x": {}}', "0.txt": b"3"}, {"0.jpg": "2"}),
        ({"0.jpg": b"", "0.json": b"{", "0.txt": b"3"}, {"0.jpg": "3"}),
        ({"0.jpg": b"", "0.json": b"[2]", "0.cls": b"\xff"}, {"0.jpg": None}),
        ({"0.jpg": b"", "0.txt": b"a long description " * 20}, {"0.jpg": None}),
        ({"0.left.PNG": b"", "0.right.png": b"", "0.cls": b"1"}, {"0.left.PNG": "1", "0.right.png": "1"}),
        ({"a/0.jpg": b"", "b/0.cls": b"1", "b/0.webp": b"", "0.seg.npy": b""}, {"a/0.jpg": None, "b/0.webp": "1"}),
    ],
)
def test_a_label_is_that_of_its_sample(tmp_path, members, labels):
    assert entries(write_tar(tmp_path / "a.tar", members)) == list(labels.items())


def test_an_image_is_read_at_its_place(tmp_path):
    content = write_tar(tmp_path / "a.tar", {"long/" * 40 + "é.png": png(1), "0.txt": b"x", "1.png": png(2)})
    found = [name for name, _ in shard_entries(io.BytesIO(content), "a.tar")]
    places = [name.partition("/")[0].split("+") for name in found]
    assert [read_member(io.BytesIO(content), int(offset), int(size)) for offset, size in places] == [png(1), png(2)]
    with pytest.raises(OSError, match="the shard ends before the image does"):
        read_member(io.BytesIO(content[:-12_000]), int(places[1][0]), int(places[1][1]))


@pytest.fixture
def shard(tmp_path) -> bytes:
    members = {"0.jpg": bytes(700), "0.json": json.dumps({"label": "zebra"}).encode(), "1.jpg": bytes(512)}
    return write_tar(tmp_path / "a.tar", members)


def test_a_shard_that_is_cut_anywhere_is_refused(shard):
    """But for its end, which is filled up with zeros."""
    end = 3 * BLOCK + 2 * BLOCK + 2 * BLOCK
    assert not any(shard[end:])
    for length in range(0, end + BLOCK, 100):
        with pytest.raises(UserError, match=r"a\.tar is (damaged after|not an uncompressed tar file)") as refusal:
            entries(shard[:length])
        assert "\n" not in str(refusal.value)
    assert len(entries(shard[: end + BLOCK])) == 2


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (0, r"a.tar is not an uncompressed tar file \(bad checksum\): write it anew"),
        (3 * BLOCK, r"a.tar is damaged after 0.jpg \(no header of a member\): write it anew"),
        (5 * BLOCK, r"a.tar is damaged after 0.json \(no header of a member\): write it anew"),
    ],
)
def test_a_damaged_header_names_the_last_whole_member(shard, first, message):
    damaged = bytearray(shard)
    damaged[first : first + 100] = np.random.default_rng(0).bytes(100)
    with pytest.raises(UserError, match=message):
        entries(bytes(damaged))


@pytest.mark.parametrize("content", [b"", b"x" * 2000, gzip.compress(bytes(5000), mtime=0)])
def test_what_is_no_tar_is_refused(content):
    with pytest.raises(UserError, match=r"a\.tar is not an uncompressed tar file"):
        entries(content)


def test_a_member_larger_than_the_limit_is_not_read():
    with pytest.raises(ValueError, match="larger than 256 MiB"):
        read_member(io.BytesIO(), 0, 1 << 40)


def test_memory_does_not_grow_with_the_members(tmp_path: Path):
    import tracemalloc

    content = write_tar(tmp_path / "a.tar", {f"{number:05}.jpg": b"" for number in range(4000)})
    tracemalloc.start()
    assert sum(1 for _ in shard_entries(io.BytesIO(content), "a.tar")) == 4000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 600_000  # the headers of all members take 1.8 MB
