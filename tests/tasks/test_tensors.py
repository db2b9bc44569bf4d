"""Damaged and hostile safetensors files, as somebody might leave them with checksums that fit: one line, no crash."""

import json
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import save

from tasks.checksums import Damaged
from tasks.tensors import read_about, read_tensors

TENSORS = {"vectors": torch.arange(6.0).reshape(2, 3), "step": torch.tensor(4)}
WHOLE = save(TENSORS, {"about": json.dumps({"key": "abc", "step": 4})})


def with_header(header: bytes, data: bytes = bytes(24)) -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def one(dtype="F32", shape=(2, 3), offsets=(0, 24), **others) -> bytes:
    return with_header(json.dumps({"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}, **others}).encode())


HOSTILE = {
    "nothing": b"",
    "half a length": b"\x08\0\0",
    "no header": struct.pack("<Q", 0),
    "longer than the file": struct.pack("<Q", 10**6) + b"{}",
    "longest": struct.pack("<Q", 2**64 - 1) + b"{}",
    "no JSON": with_header(b"letters"),
    "no UTF-8": with_header(b'{"\xff": 1}'),
    "a list": with_header(b"[]"),
    "deep": with_header(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "unknown type": one(dtype="PICKLE"),
    "type of another size": one(dtype="F64"),
    "negative shape": one(shape=(-2, 3)),
    "shape that overflows": one(shape=(2**62, 4)),
    "more than there is": one(shape=(2**31, 2**31), offsets=(0, 2**64 - 1)),
    "offsets beyond the end": one(offsets=(8, 32)),
    "offsets the wrong way": one(offsets=(24, 0)),
    "negative offset": one(offsets=(-24, 0)),
    "overlapping": one(b={"dtype": "F32", "shape": [3], "data_offsets": [12, 24]}),
    "with a hole": one(shape=(3,), offsets=(12, 24)),
    "metadata of numbers": one(__metadata__={"about": 3}),
    "bytes behind the end": WHOLE + b"more",
    "truncated": WHOLE[:-1],
    "a pickle": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_damaged(tmp_path, name):
    file = tmp_path / "hostile.safetensors"
    file.write_bytes(HOSTILE[name])
    for read in (read_tensors, read_about):
        with pytest.raises(Damaged, match=r"hostile\.safetensors can't be read \(\w+\): make it again") as refusal:
            read(file, "make it again")
        assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    "metadata", [None, {}, {"about": "letters"}, {"about": "[1]"}, {"about": "[" * 100_000}, {"other": "{}"}]
)
def test_metadata_without_an_object_is_damaged(tmp_path, metadata):
    file = tmp_path / "a.safetensors"
    file.write_bytes(save(TENSORS, metadata))
    with pytest.raises(Damaged, match="can't be read"):
        read_about(file, "make it again")


def test_whole_files_are_read(tmp_path):
    file = tmp_path / "whole.safetensors"
    file.write_bytes(WHOLE)
    assert read_about(file, "") == {"key": "abc", "step": 4}
    read = read_tensors(file, "")
    assert read.keys() == TENSORS.keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in TENSORS.items())


def test_files_with_flipped_bits_are_read_or_damaged(tmp_path):
    rng = np.random.default_rng(0)
    header = 8 + struct.unpack("<Q", WHOLE[:8])[0]
    refused = 0
    for number in range(400):
        damaged = bytearray(WHOLE)
        for place in rng.integers(0, 8 * header, size=rng.integers(1, 6)):
            damaged[place // 8] ^= 1 << place % 8
        file = tmp_path / f"{number}.safetensors"
        file.write_bytes(damaged)
        try:
            tensors, _ = read_tensors(file, ""), read_about(file, "")
            assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())
        except Damaged:
            refused += 1
    assert 200 < refused < 400
