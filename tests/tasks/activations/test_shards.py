import json
import re
import shutil
from pathlib import Path

import duckdb
import polars
import pytest
import safetensors
import torch

from tasks.activations.plan import plan
from tasks.activations.shards import ActivationSet, activation_tables, write_shard, written_shard
from tasks.checksums import Damaged, read_document, write_document
from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.settings import ROOT
from tasks.symmetry.action import source_side
from tests.damage import flip


def test_a_set_tells_what_it_holds(small_template, small_config):
    acts = ActivationSet.open(*small_template)
    assert acts.config == small_config
    assert (acts.channels, acts.group.order) == (96, 6)
    assert [info.index for info in acts.shards] == list(range(len(acts.shards)))
    assert sum(info.orbits for info in acts.shards) == 26
    assert [info.split for info in acts.shards] == sorted((info.split for info in acts.shards), reverse=True)
    for info in acts.shards:
        acts_rgc = acts.read(info.index)
        assert acts_rgc.shape == (info.orbits, 6, 96)
        assert acts_rgc.dtype == torch.float16
        assert acts.rows(info.index).columns == ["row", "image", "y", "x"]
        assert len(acts.rows(info.index)) == info.orbits


def test_the_manifest_tells_size_and_checksum_of_each_file(small_template):
    acts = ActivationSet.open(*small_template)
    for info in acts.shards:
        path = acts.plan.folder / f"shard-{info.index:05d}.safetensors"
        assert (path.stat().st_size, file_sha256(path)) == (info.bytes, info.sha256)
        with safetensors.safe_open(path, "pt") as file:
            assert list(file.keys()) == ["acts"]


def test_patches_come_in_the_order_asked_for(small_template):
    acts = ActivationSet.open(*small_template)
    rows = [25, 0, 7, 0, 12]
    patches = acts.patches(rows)
    side = source_side(acts.plan.layer.receptive_field + 2)  # the layer looks a pixel above its field's centre
    assert patches.shape == (5, 3, side, side)
    for patch, row in zip(patches, rows, strict=True):
        assert torch.equal(patch, acts.patch(row))
    assert torch.equal(patches[1], patches[3])
    assert not torch.equal(patches[0], patches[1])


def test_many_rows_of_an_image_decode_it_once(small_template, monkeypatch):
    acts = ActivationSet.open(*small_template)
    loaded = []
    load = type(acts.plan.images).load
    monkeypatch.setattr(type(acts.plan.images), "load", lambda self, i: loaded.append(i) or load(self, i))
    acts.patches([25, 0, 24, 1, 12, 13, 2])
    assert len(loaded) == len(set(loaded)) >= 2
    loaded.clear()
    for row in range(26):
        acts.patch(row)
    assert len(loaded) == len(set(loaded)) == 6


def damage(folder: Path, name: str, how: str) -> None:
    path = folder / name
    match how:
        case "flipped":
            flip(path, 4 * path.stat().st_size)
        case "truncated":
            path.write_bytes(path.read_bytes()[:-100])
        case "missing":
            path.unlink()


@pytest.mark.parametrize("how", ["flipped", "truncated", "missing"])
@pytest.mark.parametrize("name", ["shard-00001.safetensors", "rows.parquet", "images.parquet"])
def test_a_file_that_is_not_what_was_written_is_refused_by_name(small_key, settings, name, how):
    # Read once whole: the damage is seen by a process that knew the file.
    assert ActivationSet.open(small_key, settings).read(1).isfinite().all()
    damage(settings.activations_dir / small_key, name, how)
    word = "missing" if how == "missing" else "damaged"
    remedy = "run the extraction again, which sets it aside and makes a new one"
    with pytest.raises(Damaged, match=rf"{re.escape(name)} is {word}.*: {remedy}") as refusal:
        ActivationSet.open(small_key, settings).read(1)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["plan.json", "manifest.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_a_damaged_json_file_is_refused_by_name(small_key, settings, name, content):
    (settings.activations_dir / small_key / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{re.escape(name)} is damaged"):
        ActivationSet.open(small_key, settings)


def test_a_plan_that_was_edited_is_refused(small_key, settings):
    path = settings.activations_dir / small_key / "plan.json"
    document = json.loads(path.read_text())
    document["config"]["seed"] = 7
    path.write_text(json.dumps(document))
    with pytest.raises(UserError, match=r"plan\.json is damaged"):
        ActivationSet.open(small_key, settings)


def test_a_shard_that_is_not_in_the_manifest_is_refused(small_key, settings):
    folder = settings.activations_dir / small_key
    (folder / "shard-00077.safetensors").write_bytes((folder / "shard-00000.safetensors").read_bytes())
    with pytest.raises(UserError, match="has shards 0 to 5, not 77"):
        ActivationSet.open(small_key, settings).read(77)


def test_a_set_without_manifest_is_not_there(small_key, settings):
    (settings.activations_dir / small_key / "manifest.json").unlink()
    with pytest.raises(UserError, match="is not finished"):
        ActivationSet.open(small_key, settings)
    with pytest.raises(UserError, match="there is no activation set"):
        ActivationSet.open("0" * 64, settings)


def test_a_plan_or_manifest_of_another_set_is_refused(small_key, settings):
    folder = settings.activations_dir / small_key
    other = folder.with_name("0" * 64)
    shutil.copytree(folder, other)
    with pytest.raises(Damaged, match=r"plan\.json is not the plan of 0{64}"):
        ActivationSet.open(other.name, settings)
    manifest = read_document(folder / "manifest.json", "")
    write_document(folder / "manifest.json", manifest | {"plan_sha256": "0" * 64})
    with pytest.raises(Damaged, match=r"manifest\.json was written for another plan"):
        ActivationSet.open(small_key, settings)


def test_a_shard_counts_from_its_receipt_on(small_config, settings):
    made = plan(small_config, settings)
    acts_rgc = torch.arange(24).reshape(2, 3, 4).half()
    info = write_shard(made, 3, acts_rgc)
    assert written_shard(made, 3) == info
    assert written_shard(made, 2) is None
    receipt, shard = made.folder / "shard-00003.json", made.folder / "shard-00003.safetensors"
    receipt.unlink()
    assert written_shard(made, 3) is None
    assert write_shard(made, 3, acts_rgc) == info
    flip(shard, 444)
    with pytest.raises(Damaged, match=r"shard-00003\.safetensors is damaged"):
        written_shard(made, 3)


@pytest.mark.parametrize("changed", [{"plan_sha256": "0" * 64}, {"shard": {"index": 2}}, {"plan_sha256": None}])
def test_a_receipt_of_another_shard_or_plan_is_none(small_key, settings, changed):
    acts = ActivationSet.open(small_key, settings)
    path = acts.plan.folder / "shard-00003.json"
    write_document(path, read_document(path, "") | changed)
    with pytest.raises(Damaged, match=r"shard-00003\.json belongs to another shard or plan"):
        written_shard(acts.plan, 3)


def test_tables_fit_the_schema(small_template):
    acts = ActivationSet.open(*small_template)
    tables = activation_tables(acts)
    con = duckdb.connect()
    for schema in ("01_sources", "02_activations"):
        con.execute((ROOT / "sql" / "schema" / f"{schema}.sql").read_text())
    for table, rows in tables.items():
        described = con.execute(f"DESCRIBE {table}").pl()
        assert rows.columns == described["column_name"].to_list()
        con.register("made", rows.to_arrow())
        types = con.execute("DESCRIBE made").pl()["column_type"].to_list()
        assert types == described["column_type"].str.replace("JSON", "VARCHAR").to_list()
        con.execute(f"INSERT INTO {table} SELECT * FROM made")
        con.unregister("made")
    assert con.sql("SELECT orbits, group_order FROM activation_sets").fetchone() == (26, 6)
    assert con.sql("SELECT config->>'$.images.sources[0]' FROM activation_sets").fetchone() == ("dead-leaves",)
    assert con.sql("SELECT sum(orbits), min(shard), max(shard) FROM shards").fetchone() == (26, 0, 5)
    assert con.sql("SELECT count(*) FROM images").fetchone() == (6,)
    assert set(acts.plan.rows["image"]) == set(tables["images"]["image_id"])
    assert tables["quarantine"].schema == dict.fromkeys(("activation_set_id", "name", "reason"), polars.String)
