import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from polars.testing import assert_frame_equal

from tasks.activations import extract as extraction
from tasks.activations import plan as planning
from tasks.activations.extract import extract, extract_shard, finish, plan
from tasks.activations.extractors import unit_extractor
from tasks.activations.shards import ActivationSet
from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.quarantine import in_quarantine
from tasks.settings import ROOT
from tasks.symmetry.action import transform_patches
from tasks.vision.images import ImagesConfig
from tasks.vision.networks import load_network
from tests.damage import flip
from tests.tasks.activations.test_cones import BRANCH_LAYERS, EARLY_LAYERS

MANIFEST = "manifest.json"


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in folder.rglob("*") if path.is_file()}


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def test_every_block_is_what_the_whole_frame_gives_with_the_turned_patch_in_its_place(small_template):
    acts = ActivationSet.open(*small_template)
    network, layer = load_network(acts.config.network), acts.plan.layer
    frames = {frame.image: acts.plan.images.load(i) for i, frame in enumerate(acts.plan.images.frames)}
    patch, largest_difference, scale = acts.plan.patch, 0.0, 0.0
    side = patch.side
    for shard in acts.shards:
        acts_rgc = acts.read(shard.index).float()
        for k, (row, image, y, x) in enumerate(acts.rows(shard.index).iter_rows()):
            top, left = y - side // 2, x - side // 2
            unit_y, unit_x = patch.units(np.array([y, x]))
            source = acts.patch(row)[None].float() / 255
            turned = transform_patches(source, acts.group.elements, acts.group, side)[0]
            whole = (frames[image].float() / 255).repeat(acts.group.order, 1, 1, 1)
            # The identity leaves the frame as it is: the row's position is the unit's.
            torch.testing.assert_close(turned[0], whole[0, :, top : top + side, left : left + side])
            whole[:, :, top : top + side, left : left + side] = turned
            expected_gc = network.activations(whole, layer.name)[:, :, unit_y, unit_x]
            largest_difference = max(largest_difference, (acts_rgc[k] - expected_gc).abs().max().item())
            scale = max(scale, expected_gc.abs().max().item())
    assert scale > 1
    # Half precision keeps 11 bits.
    assert largest_difference < scale / 1000


def untransformed(config, **changes):
    return config.model_copy(update={"n_rotations": 1, "reflections": False} | changes)


def test_untransformed_rows_are_the_frames_own(small_config, settings):
    acts = ActivationSet.open(extract(untransformed(small_config), settings), settings)
    network, layer = load_network(acts.config.network), acts.plan.layer
    for shard in acts.shards:
        acts_rgc = acts.read(shard.index)
        assert acts_rgc.shape == (shard.orbits, 1, layer.channels)
        for k, (_, image, y, x) in enumerate(acts.rows(shard.index).iter_rows()):
            unit_y, unit_x = acts.plan.patch.units(np.array([y, x]))
            whole = network.activations(acts.plan.frame(image)[None].float() / 255, layer.name)
            torch.testing.assert_close(acts_rgc[k, 0].float(), whole[0, :, unit_y, unit_x], atol=2e-3, rtol=2e-3)


def assert_frames_give_the_rows_of_cones(network, layer, settings, monkeypatch):
    for module in (planning, extraction):
        monkeypatch.setattr(module, "load_network", lambda *_: network)
    monkeypatch.setattr(
        extraction, "_extractor", lambda _network, _layer, centre, _folder: unit_extractor(network, layer, centre)
    )
    images = ImagesConfig(sources=("dead-leaves",), scenes=4)
    config = extraction.ExtractionConfig(
        layer=layer, images=images, n_rotations=1, reflections=False, orbits=40, orbits_per_shard=20
    )
    made = plan(config, settings)
    # one frame at a time, two, and a frame whose rows two shards share
    assert [made.shard_rows(shard)["image"].n_unique() for shard in range(made.shards)] == [2, 1, 1]
    for shard in range(made.shards):
        rows = made.shard_rows(shard)
        of_frames, of_cones = (
            way(made, rows, settings, lambda *_: None) for way in (extraction._units_of_frames, extraction._orbits)
        )
        assert of_frames.count_nonzero() > 0
        assert torch.equal(of_frames, of_cones)


@pytest.mark.parametrize("layer", EARLY_LAYERS + BRANCH_LAYERS)
def test_untransformed_rows_are_bit_for_bit_those_of_cones(random_bvlc, layer, settings, monkeypatch):
    assert_frames_give_the_rows_of_cones(random_bvlc, layer, settings, monkeypatch)


@pytest.mark.parametrize("layer", [*EARLY_LAYERS, "mixed3b_5x5"])
def test_so_they_are_with_trained_weights(bvlc, layer, settings, monkeypatch):
    assert_frames_give_the_rows_of_cones(bvlc, layer, settings, monkeypatch)


def test_each_frame_is_passed_once_a_shard(small_config, settings, monkeypatch):
    made = plan(untransformed(small_config, orbits_per_shard=26), settings)
    network, passed = load_network(small_config.network), []
    activations = network.activations
    monkeypatch.setattr(
        network, "activations", lambda frames, layer: passed.append(len(frames)) or activations(frames, layer)
    )
    monkeypatch.setattr(extraction, "load_network", lambda *_: network)
    told = []
    for shard in range(made.shards):
        extract_shard(made.key, shard, settings, lambda done, total: told.append((done, total)))
    assert passed == [4, 2]
    assert told[-1][0] == told[-1][1]


def test_rows_do_not_depend_on_the_layout_of_shards(small_config, small_template, settings):
    rows = plan(small_config, settings).rows.drop("shard")
    other = small_config.model_copy(update={"orbits_per_shard": 11})
    assert_frame_equal(rows, plan(other, settings).rows.drop("shard"))
    acts, other_acts = (ActivationSet.open(extract(c, settings), settings) for c in (small_config, other))
    assert acts.key == small_template[0] != other_acts.key
    whole, other_whole = (torch.cat([a.read(s.index) for s in a.shards]).float() for a in (acts, other_acts))
    torch.testing.assert_close(whole, other_whole, atol=2e-3, rtol=2e-3)


def test_killed_runs_end_in_the_bytes_of_an_undisturbed_one(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "tests.tasks.activations.small_set", str(tmp_path), "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    killed, leftovers = map(int, run.stdout.split())
    assert killed >= 5
    assert leftovers >= 1
    assert contents(tmp_path / "killed") == contents(tmp_path / "undisturbed")


def test_a_rerun_changes_nothing(small_key, small_config, settings):
    before = times(settings.data_dir)
    assert extract(small_config, settings) == small_key
    assert times(settings.data_dir) == before


def test_what_was_lost_is_made_anew_byte_for_byte(small_key, small_config, settings):
    folder = settings.activations_dir / small_key
    before = contents(folder)
    (folder / "shard-00002.json").unlink()
    (folder / "shard-00003.safetensors").unlink()
    (folder / "rows.parquet").write_bytes(b"")
    (folder / "manifest.json").write_text("[]")
    (folder / ".tmp-0123-shard-00003.safetensors").write_bytes(b"half")
    extract(small_config, settings)
    assert contents(folder) == before


@pytest.mark.parametrize(
    "name",
    ["plan.json", "rows.parquet", "images.parquet", "shard-00001.safetensors", "shard-00002.json", "manifest.json"],
)
def test_what_was_damaged_is_set_aside_and_made_anew_byte_for_byte(small_key, small_config, settings, caplog, name):
    folder = settings.activations_dir / small_key
    whole = contents(folder)
    flip(folder / name, 1_000)
    damaged = file_sha256(folder / name)
    extract(small_config, settings)
    assert contents(folder) == whole
    [aside] = in_quarantine(settings)
    assert str(aside.came_from) == f"activations/{small_key}/{name}"
    assert file_sha256(aside.path) == damaged
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_manifest_follows_shards_that_come_out_otherwise(small_key, small_config, settings, monkeypatch, caplog):
    """As on another machine: what is remade has other bytes, and the set is whole again with them."""
    folder = settings.activations_dir / small_key
    before = ActivationSet.open(small_key, settings)
    flip(folder / "shard-00001.safetensors", 1_000)
    orbits = extraction._orbits
    monkeypatch.setattr(extraction, "_orbits", lambda *arguments: orbits(*arguments) + 1)
    extract_shard(small_key, 1, settings)
    with pytest.raises(UserError, match=r"shard-00001\.safetensors is damaged"):
        ActivationSet.open(small_key, settings).read(1)  # the manifest vouches for other bytes
    finish(small_key, settings)
    assert "manifest.json is written again: replaced rows or shards have other bytes than before" in caplog.text
    after = ActivationSet.open(small_key, settings)
    assert after.read(1).isfinite().all()
    assert [one.index for one in before.shards if one not in after.shards] == [1]


def test_shards_are_made_again_where_the_plan_comes_out_otherwise(small_key, small_config, settings, monkeypatch):
    """As on another machine, where norms differ in the last bit: other rows, and no shard of the old ones counts."""
    folder = settings.activations_dir / small_key
    before = ActivationSet.open(small_key, settings).plan.rows
    flip(folder / "rows.parquet", 1_000)
    norms = planning._norms_byx
    monkeypatch.setattr(planning, "_norms_byx", lambda *arguments: 1 / norms(*arguments))
    assert extract(small_config, settings) == small_key
    after = ActivationSet.open(small_key, settings)
    assert not after.plan.rows.equals(before)
    assert len(in_quarantine(settings)) == 1 + after.plan.shards  # their receipts are of another plan
    monkeypatch.setattr(planning, "_norms_byx", norms)
    other = settings.model_copy(update={"data_dir": settings.data_dir / "other"})
    shutil.copytree(folder, other.activations_dir / small_key)
    for file in (other.activations_dir / small_key).glob("shard-*"):
        file.unlink()
    for index in range(after.plan.shards):
        assert extract_shard(small_key, index, other) == after.shards[index]  # the shards are those of the new rows


def test_shards_in_any_order_and_in_threads_are_the_same(small_template, small_config, settings):
    planned = plan(small_config, settings)
    with ThreadPoolExecutor(3) as pool:
        infos = list(pool.map(lambda k: extract_shard(planned.key, k, settings), reversed(range(planned.shards))))
    finish(planned.key, settings)
    assert [info.index for info in infos] == list(reversed(range(planned.shards)))
    assert contents(settings.activations_dir) == contents(small_template[1].activations_dir)


def test_finish_waits_for_every_shard(small_config, settings):
    planned = plan(small_config, settings)
    extract_shard(planned.key, 0, settings)
    with pytest.raises(UserError, match=r"shard-00001\.safetensors is missing"):
        finish(planned.key, settings)
    with pytest.raises(UserError, match="is not finished"):
        ActivationSet.open(planned.key, settings)


def test_progress_counts_orbits_to_the_end(small_config, settings):
    told = []
    extract(small_config, settings, lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (26, 26)


@pytest.mark.parametrize("value", [70_000.0, float("nan")])
def test_an_activation_beyond_half_precision_is_refused(small_config, settings, monkeypatch, value):
    planned = plan(small_config, settings)
    real = unit_extractor(load_network(small_config.network), small_config.layer)

    class TooLarge:
        side = real.side

        def __call__(self, patches):
            return torch.full((len(patches), real.channels), value)

    monkeypatch.setattr(extraction, "_extractor", lambda *_: TooLarge())
    with pytest.raises(UserError, match=r"block1_depthwise of efficientnet_lite0 reaches .* 65504"):
        extract_shard(planned.key, 0, settings)
    assert not list(planned.folder.glob("*shard*"))


def test_so_it_is_in_a_frame(small_config, settings, monkeypatch):
    planned = plan(untransformed(small_config), settings)
    network = load_network(small_config.network)
    activations = network.activations
    monkeypatch.setattr(network, "activations", lambda frames, layer: 1e6 * activations(frames, layer))
    monkeypatch.setattr(extraction, "load_network", lambda *_: network)
    with pytest.raises(UserError, match=r"block1_depthwise of efficientnet_lite0 reaches .* 65504"):
        extract_shard(planned.key, 0, settings)


def test_unknown_sets_and_shards_are_refused(small_key, settings):
    with pytest.raises(UserError, match="there is no activation set 0000"):
        extract_shard("0000", 0, settings)
    with pytest.raises(UserError, match="has shards 0 to 5, not 6"):
        extract_shard(small_key, 6, settings)


@pytest.fixture
def small_disk(tmp_path):
    """Function that gives the disk under `tmp_path / "disk"` a size in bytes."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(*options: str) -> subprocess.CompletedProcess:
        return subprocess.run(["mount", *options, str(disk)], capture_output=True, text=True, check=False)

    if (mounted := mount("-t", "tmpfs", "-o", "size=1m", "tmpfs")).returncode:
        pytest.skip(f"a tmpfs can't be mounted here: {mounted.stderr.strip()}")
    yield lambda size: mount("-o", f"remount,size={size}")
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("size", [4096, 32 * 1024, 56 * 1024])
def test_a_full_disk_is_told_and_the_run_goes_on_once_there_is_space(
    small_disk, small_template, small_config, settings, tmp_path, size
):
    settings = settings.model_copy(update={"data_dir": tmp_path / "disk"})
    assert small_disk(size).returncode == 0
    with pytest.raises(UserError, match=r"no space left to write .*: free some and run again") as refusal:
        extract(small_config, settings)
    assert "\n" not in str(refusal.value)
    assert not list(settings.data_dir.rglob(".tmp-*"))
    whole = contents(small_template[1].data_dir)
    there = contents(settings.data_dir)
    assert {name: whole[name] for name in there if there} == there
    assert small_disk(1 << 20).returncode == 0
    extract(small_config, settings)
    assert contents(settings.data_dir) == whole
