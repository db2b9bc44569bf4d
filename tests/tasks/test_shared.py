"""The shared store, in a folder and in an S3-compatible store: two machines with a data folder each."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from polars.testing import assert_frame_equal

from tasks import shared
from tasks.activations.extract import extract, extract_shard, finish, plan
from tasks.activations.plan import PLAN_FILE, ExtractionPlan
from tasks.activations.shards import ActivationSet
from tasks.checksums import COMMIT, Damaged, commit_folder, read_document, write_document
from tasks.dictionary import store as store_of_dictionaries
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.store import FILES
from tasks.dictionary.train import train
from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.maintenance.backup import back_up
from tasks.maintenance.verify import verify
from tasks.quarantine import in_quarantine, set_aside
from tasks.settings import ROOT, Settings
from tasks.shared import SharedStore, shared_store
from tasks.staging import fetch_staged, is_staged, read_staged, stage_tables, staged_keys
from tests.damage import flip
from tests.s3 import s3_server
from tests.tasks.activations.small_set import SMALL
from tests.tasks.test_staging import KEY, TABLES


@pytest.fixture(scope="module")
def small_template(tmp_path_factory) -> tuple[str, Settings]:
    """Key of the small set, and the settings under which it was extracted without a store; for reading only."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("small"))
    return extract(SMALL, settings), settings


@pytest.fixture(params=["folder", "s3"])
def address(request, tmp_path, monkeypatch) -> Iterator[str]:
    """Address of an empty store."""
    shared._at.cache_clear()
    if request.param == "folder":
        yield str(tmp_path / "shared")
    else:
        with s3_server(monkeypatch):
            yield "s3://bucket/of machines"
    shared._at.cache_clear()


@pytest.fixture
def machines(address, tmp_path) -> tuple[Settings, Settings]:
    a, b = (Settings(data_dir=tmp_path / name, shared_store=address) for name in "ab")
    return a, b


@pytest.fixture
def store(machines) -> SharedStore:
    found = shared_store(machines[0])
    assert found is not None
    return found


def contents(settings: Settings, key: str) -> dict[str, str]:
    folder = settings.activations_dir / key
    return {file.name: file_sha256(file) for file in folder.iterdir() if file.name != ".writers"}


def with_small_set(settings: Settings, template: tuple[str, Settings]) -> str:
    """Put the small set into a data folder as its extraction did, and share it; return its key."""
    shutil.copytree(template[1].data_dir, settings.data_dir)
    assert extract(SMALL, settings) == template[0]
    return template[0]


def test_a_set_of_one_machine_is_read_on_another(machines, small_template):
    a, b = machines
    key = with_small_set(a, small_template)
    here, there = ActivationSet.open(key, a), ActivationSet.open(key, b)
    assert there.shards == here.shards
    assert not list(b.activations_dir.glob("*/*.safetensors")), "shards are copied when they are read"
    for info in here.shards:
        assert torch.equal(there.read(info.index), here.read(info.index))
        assert_frame_equal(there.rows(info.index), here.rows(info.index))
    of_a = contents(a, key)
    assert contents(b, key).items() <= of_a.items()


def test_shards_of_another_machine_complete_a_set(machines, small_template):
    """One machine plans and finishes, the other extracts: the bytes are those of one machine alone."""
    a, b = machines
    planned = plan(SMALL, a)
    for shard in range(planned.shards):
        extract_shard(planned.key, shard, b if shard % 2 else a)
    finish(planned.key, a)
    acts = ActivationSet.open(planned.key, a)
    for info in acts.shards:
        acts.read(info.index)
    expected = contents(small_template[1], planned.key)
    receipts_of_b = {f"shard-{shard:05}.json" for shard in range(1, planned.shards, 2)}
    assert contents(a, planned.key) == {name: of for name, of in expected.items() if name not in receipts_of_b}


def test_shards_that_only_the_store_has_are_verified_and_backed_up(machines, small_template, tmp_path):
    a, b = machines
    key = with_small_set(a, small_template)
    ActivationSet.open(key, b)
    assert [finding.where for finding in verify(b) if finding.state == "wrong"] == []
    back_up(tmp_path / "backup", b, activations=True, say=lambda _: None)
    kept = tmp_path / "backup" / "activations" / key
    assert {file.name: file_sha256(file) for file in kept.iterdir()} == contents(a, key)
    store = shared_store(b)
    assert store is not None
    store.delete(f"activations/{key}/shard-00001.safetensors")
    (b.activations_dir / key / "shard-00001.safetensors").unlink()
    found = [Path(finding.where).name for finding in verify(b) if finding.state == "wrong"]
    assert found == ["shard-00001.safetensors"]


def test_what_is_shared_is_not_extracted_again(machines, small_template, monkeypatch):
    a, b = machines
    key = with_small_set(a, small_template)
    monkeypatch.setattr("tasks.activations.extract.write_shard", None)
    assert extract(SMALL, b) == key
    assert ActivationSet.open(key, b).shards == ActivationSet.open(key, a).shards


@pytest.mark.parametrize("damage", ["flipped", "missing", "cut off"])
def test_a_damaged_shard_of_the_store_is_read_by_nobody_and_made_again(machines, store, small_template, damage):
    a, b = machines
    key = with_small_set(a, small_template)
    shard = a.activations_dir / key / "shard-00002.safetensors"
    name = shared.name_of(shard, a)
    if damage == "missing":
        store.delete(name)
    else:
        spoilt = a.data_dir / "spoilt"
        content = shard.read_bytes()
        spoilt.write_bytes(content[:-1] if damage == "cut off" else bytes([*content[:-1], content[-1] ^ 1]))
        store.put(name, spoilt)
    with pytest.raises(Damaged, match=r"shard-00002\.safetensors is missing"):
        ActivationSet.open(key, b).read(2)
    assert not (b.activations_dir / key / shard.name).exists()
    assert extract(SMALL, b) == key
    assert torch.equal(ActivationSet.open(key, b).read(2), ActivationSet.open(key, a).read(2))
    assert store.read(name) == shard.read_bytes(), "the store's is replaced"


def test_the_plan_of_the_store_is_used_everywhere(machines, small_template):
    """Two machines can choose other rows, as a norm's last bit depends on the processor."""
    a, b = machines
    key = with_small_set(a, small_template)
    alone = Settings(data_dir=b.data_dir)
    other = plan(SMALL, alone)
    document = other.folder / PLAN_FILE
    shutil.copy(other.folder / "images.parquet", other.folder / "rows.parquet")
    content = read_document(document, "")
    content["files"]["rows.parquet"] = content["files"]["images.parquet"]
    write_document(document, content)
    assert plan(SMALL, b).sha256 == ExtractionPlan.open(key, a).sha256
    assert_frame_equal(ExtractionPlan.open(key, b).rows, ExtractionPlan.open(key, a).rows)


def test_tables_of_one_machine_are_read_and_listed_on_another(machines):
    a, b = machines
    stage_tables(KEY, TABLES, a)
    assert is_staged(KEY, b)
    assert read_staged(KEY, b).keys() == TABLES.keys()
    stage_tables("b" * 64, TABLES, a)
    assert staged_keys(b) == [KEY]
    fetch_staged(b)
    assert staged_keys(b) == [KEY, "b" * 64]
    for table, rows in TABLES.items():
        assert_frame_equal(read_staged("b" * 64, b)[table], rows)


@pytest.fixture(scope="module")
def dictionary_template(small_template) -> tuple[str, Settings]:
    """Key of a dictionary that was trained on the small set without a store, and its settings; for reading only."""
    activation_set, settings = small_template
    config = DictionaryConfig(features=8, k=2, steps=2, batch_size=4)
    return train(activation_set, config, settings), settings


def with_dictionary(settings: Settings, template: tuple[str, Settings]) -> str:
    """Put the dictionary into a data folder as its training did, and share it; return its key."""
    key, trained_with = template
    shutil.copytree(store_of_dictionaries.folder_of(key, trained_with), store_of_dictionaries.folder_of(key, settings))
    assert store_of_dictionaries.is_whole(key, settings)
    return key


def test_a_dictionary_of_one_machine_is_used_on_another(machines, store, dictionary_template):
    a, b = machines
    key = with_dictionary(a, dictionary_template)
    assert store_of_dictionaries.key_of(key[:8], b) == key
    here, there = (store_of_dictionaries.load_dictionary(key, settings).state_dict() for settings in machines)
    assert all(torch.equal(there[name], here[name]) for name in here)
    for name in (*FILES, COMMIT):
        file = store_of_dictionaries.folder_of(key, b) / name
        assert file.read_bytes() == (store_of_dictionaries.folder_of(key, a) / name).read_bytes()
    assert store_of_dictionaries.trained(b) == (key,)
    activation_set = store_of_dictionaries.describe(key, a)["activation_set"]
    wrong = [finding.what for finding in verify(b) if finding.state == "wrong"]
    assert wrong == [f"its activation set {activation_set} is missing"]
    plan_file = dictionary_template[1].activations_dir / activation_set / PLAN_FILE
    store.put(f"activations/{activation_set}/{PLAN_FILE}", plan_file)
    assert [finding.what for finding in verify(b) if finding.state == "wrong"] == []


def test_a_shared_dictionary_is_not_trained_again(machines, small_template, monkeypatch):
    a, b = machines
    activation_set, config = with_small_set(a, small_template), DictionaryConfig(features=8, k=2, steps=2, batch_size=4)
    key = train(activation_set, config, a)
    monkeypatch.setattr("tasks.dictionary.train._fit", None)
    assert train(activation_set, config, b) == key
    assert store_of_dictionaries.read_metrics(key, b) == store_of_dictionaries.read_metrics(key, a)


def test_of_two_machines_that_train_a_dictionary_the_first_one_is_shared(machines, store, dictionary_template):
    a, b = machines
    key = with_dictionary(a, dictionary_template)
    folder = store_of_dictionaries.folder_of(key, b)
    shutil.copytree(store_of_dictionaries.folder_of(key, a), folder)
    metrics = json.loads((folder / "metrics.json").read_bytes())
    (folder / "metrics.json").write_text(json.dumps(metrics | {"train_seconds": 99.0}))
    commit_folder(folder, FILES)
    for settings in (b, a):
        assert store_of_dictionaries.is_whole(key, settings)
    commit = store_of_dictionaries.folder_of(key, a) / COMMIT
    assert store.read(shared.name_of(commit, a)) == commit.read_bytes()
    assert store_of_dictionaries.read_metrics(key, b)["train_seconds"] == 99.0


@pytest.mark.parametrize("damage", ["flipped", "missing"])
def test_a_damaged_dictionary_of_the_store_is_used_by_nobody_and_shared_again(
    machines, store, dictionary_template, damage
):
    a, b = machines
    key = with_dictionary(a, dictionary_template)
    model = store_of_dictionaries.folder_of(key, a) / "model.safetensors"
    name = shared.name_of(model, a)
    if damage == "missing":
        store.delete(name)
    else:
        spoilt = a.data_dir / "spoilt"
        spoilt.write_bytes(bytes([*model.read_bytes()[:-1], model.read_bytes()[-1] ^ 1]))
        store.put(name, spoilt)
    with pytest.raises(UserError, match="no trained dictionary"):
        store_of_dictionaries.load_dictionary(key, b)
    assert not store_of_dictionaries.is_whole(key, b)
    assert store_of_dictionaries.is_whole(key, a)
    assert store.read(name) == model.read_bytes()
    assert store_of_dictionaries.is_whole(key, b)


def test_a_dictionary_that_is_damaged_here_is_copied_again(machines, dictionary_template):
    a, b = machines
    key = with_dictionary(a, dictionary_template)
    assert store_of_dictionaries.is_whole(key, b)
    model = store_of_dictionaries.folder_of(key, b) / "model.safetensors"
    flip(model, 8 * (model.stat().st_size - 1))
    assert store_of_dictionaries.is_whole(key, b)
    assert model.read_bytes() == (store_of_dictionaries.folder_of(key, a) / model.name).read_bytes()
    assert len(in_quarantine(b)) == 1


def test_a_file_that_no_commit_lists_is_not_read(machines, store):
    a, b = machines
    stage_tables(KEY, TABLES, a)
    commit = a.staging_dir / KEY / COMMIT
    store.delete(shared.name_of(commit, a))
    assert not is_staged(KEY, b)
    with pytest.raises(UserError, match="run the stage that makes them first"):
        read_staged(KEY, b)
    fetch_staged(b)
    assert staged_keys(b) == []
    stage_tables(KEY, TABLES, a)
    assert is_staged(KEY, b)


def test_a_damaged_commit_of_the_store_is_not_read(machines, store, caplog):
    a, b = machines
    stage_tables(KEY, TABLES, a)
    commit = a.staging_dir / KEY / COMMIT
    spoilt = a.data_dir / "spoilt"
    spoilt.write_bytes(commit.read_bytes().replace(b"networks", b"networkz"))
    store.put(shared.name_of(commit, a), spoilt)
    assert not is_staged(KEY, b)
    assert "in the shared store is damaged, and is not used" in caplog.text
    stage_tables(KEY, TABLES, b)
    fetch_staged(a)
    assert is_staged(KEY, Settings(data_dir=a.data_dir.with_name("c"), shared_store=a.shared_store))


def test_a_commit_that_leads_out_of_its_folder_is_not_read(machines, store, tmp_path, caplog):
    a, b = machines
    stray = a.staging_dir / "stray.parquet"
    stray.parent.mkdir(parents=True)
    TABLES["layers"].write_parquet(stray)
    store.put(shared.name_of(stray, a), stray)
    commit = tmp_path / "commit"
    write_document(commit, {"key": KEY, "files": {"../stray.parquet": file_sha256(stray)}, "schema_version": 1})
    store.put(f"{b.staging_dir.name}/{KEY}/{COMMIT}", commit)
    assert not is_staged(KEY, b)
    assert "lists files of other folders, and is not used" in caplog.text
    assert not (b.staging_dir / stray.name).exists()


def test_what_was_set_aside_here_stays_away_until_it_is_made_again(machines):
    a, b = machines
    stage_tables(KEY, TABLES, a)
    fetch_staged(b)
    set_aside(b.staging_dir / KEY, "its rows fail audits", b)
    fetch_staged(b)
    assert staged_keys(b) == []
    stage_tables(KEY, {"networks": TABLES["networks"]}, a)
    fetch_staged(b)
    assert read_staged(KEY, b).keys() == {"networks"}


KILLED = """
import os, signal, sys
from tasks.settings import Settings
from tasks.shared import SharedStore
from tasks.staging import stage_tables
from tests.tasks.test_staging import KEY, TABLES

put, left = SharedStore.put, int(sys.argv[1])

def counted(self, name, file):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    put(self, name, file)

SharedStore.put = counted
stage_tables(KEY, TABLES, Settings())
"""


@pytest.mark.parametrize("copied", [1, 2])
def test_what_a_killed_writer_left_is_read_by_nobody_and_completed(machines, copied):
    """Killed after so many of the two tables, before the commit."""
    a, b = machines
    environment = os.environ | {"KALEIDOSCOPE_DATA_DIR": str(a.data_dir), "KALEIDOSCOPE_SHARED_STORE": a.shared_store}
    ended = subprocess.run([sys.executable, "-c", KILLED, str(copied)], cwd=ROOT, env=environment)
    assert ended.returncode == -signal.SIGKILL
    assert not is_staged(KEY, b)
    fetch_staged(b)
    assert staged_keys(b) == []
    stage_tables(KEY, TABLES, a)
    assert is_staged(KEY, b)


def test_a_store_that_does_not_answer_is_one_line(tmp_path, monkeypatch):
    s3fs = pytest.importorskip("s3fs")
    shared._at.cache_clear()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    settings = Settings(data_dir=tmp_path / "a", shared_store="s3://bucket/x")
    with pytest.raises(UserError, match=r"^s3://bucket/x/frames/a+/checksums\.json can't be read .*: check address"):
        is_staged(KEY, settings)
    shared._at.cache_clear()
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_protocol_that_nobody_knows_is_one_line(tmp_path):
    settings = Settings(data_dir=tmp_path / "a", shared_store="nosuch://bucket/x")
    with pytest.raises(UserError, match=r"^nosuch://bucket/x can't be opened: Protocol not known: nosuch"):
        is_staged(KEY, settings)
    assert not Path(settings.staging_dir).exists()
