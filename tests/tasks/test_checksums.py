import copy
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.checksums import (
    COMMIT,
    Damaged,
    check_file,
    commit_folder,
    committed_file,
    is_committed,
    read_commit,
    read_document,
    write_document,
)
from tasks.keys import file_sha256
from tests.damage import flipped

DOCUMENTS = st.dictionaries(
    st.text(max_size=5).filter(lambda name: name != "sha256"),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=5,
    ),
    max_size=4,
)


@given(document=DOCUMENTS)
def test_a_document_is_read_as_it_was_written(document, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "document.json"
    write_document(path, document)
    assert read_document(path, "write it again") == document


@given(document=DOCUMENTS, data=st.data())
def test_a_flipped_bit_is_found_or_changes_nothing(document, data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "flipped.json"
    write_document(path, document)
    whole = path.read_bytes()
    path.write_bytes(flipped(whole, data.draw(st.integers(0, 8 * len(whole) - 1))))
    with suppress(Damaged):
        assert read_document(path, "write it again") == document


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"a": 1}', '{"sha256": 5}', "[" * 100_000, "\0"])
def test_what_is_no_document_is_damaged(text, tmp_path):
    (tmp_path / "document.json").write_text(text)
    with pytest.raises(Damaged, match="write it again"):
        read_document(tmp_path / "document.json", "write it again")


def test_a_missing_document_is_missing(tmp_path):
    with pytest.raises(Damaged, match="is missing: write it again"):
        read_document(tmp_path / "document.json", "write it again")


def test_a_folder_counts_once_it_is_committed(tmp_path):
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    assert not is_committed(tmp_path)
    commit_folder(tmp_path, ["a", "b"], version=3)
    assert is_committed(tmp_path)
    assert read_commit(tmp_path, "again") == {
        "key": tmp_path.name,
        "files": {name: file_sha256(tmp_path / name) for name in "ab"},
        "version": 3,
    }


def test_one_file_is_checked_alone(tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(b"one")
    commit_folder(tmp_path, "ab")
    (tmp_path / "b").write_bytes(b"two")
    (tmp_path / "c").write_bytes(b"one")
    assert committed_file(tmp_path, "a", "again") == tmp_path / "a"
    with pytest.raises(Damaged, match="b is damaged"):
        committed_file(tmp_path, "b", "again")
    with pytest.raises(Damaged, match="c was not committed"):
        committed_file(tmp_path, "c", "again")


def test_a_folder_under_another_name_is_damaged(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "a").write_bytes(b"one")
    commit_folder(folder, ["a"])
    folder.rename(tmp_path / "two")
    with pytest.raises(Damaged, match=r"checksums\.json belongs to one: again"):
        read_commit(tmp_path / "two", "again")


def test_a_folder_in_the_place_of_a_document_is_damaged(tmp_path):
    (tmp_path / "document.json").mkdir()
    with pytest.raises(Damaged, match="a folder instead of a document"):
        read_document(tmp_path / "document.json", "write it again")


@pytest.mark.parametrize("spoil", [lambda file: file.write_bytes(b"twp"), lambda file: file.unlink()])
def test_a_folder_with_a_changed_or_missing_file_is_damaged(spoil, tmp_path):
    (tmp_path / "b").write_bytes(b"two")
    commit_folder(tmp_path, ["b"])
    read_commit(tmp_path, "again")  # what was checked once is checked again when it changes
    spoil(tmp_path / "b")
    with pytest.raises(Damaged, match=f"{tmp_path}/b is (damaged|missing).*: again"):
        read_commit(tmp_path, "again")


def test_a_changed_checksum_is_damage(tmp_path):
    (tmp_path / "b").write_bytes(b"two")
    commit_folder(tmp_path, ["b"])
    document = json.loads((tmp_path / COMMIT).read_text())
    document["files"]["b"] = "0" * 64
    (tmp_path / COMMIT).write_text(json.dumps(document))
    with pytest.raises(Damaged, match=COMMIT):
        read_commit(tmp_path, "again")


def test_check_file(tmp_path):
    (tmp_path / "a").write_bytes(b"one")
    check_file(tmp_path / "a", file_sha256(tmp_path / "a"), "again")
    with pytest.raises(Damaged, match="its checksum is wrong"):
        check_file(tmp_path / "a", "0" * 64, "again")


def test_damage_is_the_same_in_another_process(tmp_path):
    damaged = copy.copy(Damaged(tmp_path / "a", "is missing", "make it"))  # as task runners hand it over
    assert (str(damaged), damaged.path, damaged.reason) == (
        f"{tmp_path}/a is missing: make it",
        tmp_path / "a",
        "is missing",
    )
