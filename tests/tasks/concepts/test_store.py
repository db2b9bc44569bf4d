"""Vectors on disk: what was saved comes back, a missing or damaged file is one line."""

import pytest
import torch

from tasks.checksums import COMMIT, Damaged, is_committed
from tasks.concepts.cav import Cav
from tasks.concepts.store import FILE, cavs_exist, load_cavs, save_cavs
from tasks.errors import UserError
from tasks.quarantine import in_quarantine
from tests.damage import flip

KEY, STRIPES, DOTS = "a" * 64, "1" * 64, "2" * 64


def cavs(seed: int, channels: int) -> list[Cav]:
    generator = torch.Generator().manual_seed(seed)
    rows_rd = torch.nn.functional.normalize(torch.randn(3, channels, generator=generator), dim=1)
    return [Cav(vector_d, -0.1 * place, 0.9) for place, vector_d in enumerate(rows_rd)]


def test_what_was_saved_comes_back(settings):
    saved = {("blocks.5", STRIPES): cavs(0, 4), ("blocks.5", DOTS): cavs(1, 4), ("odd/layer", STRIPES): cavs(2, 6)}
    assert not cavs_exist(KEY, settings)
    save_cavs(KEY, saved, settings)
    assert cavs_exist(KEY, settings)
    loaded = load_cavs(KEY, settings)
    assert loaded.keys() == saved.keys()
    for place, of_concept in saved.items():
        torch.testing.assert_close(loaded[place].vectors_rd, torch.stack([cav.vector_d for cav in of_concept]))
        assert loaded[place].intercepts_r.tolist() == pytest.approx([cav.intercept for cav in of_concept])
    assert not list(settings.cavs_dir.rglob(".tmp-*"))


def test_missing_and_damaged_files_are_one_line(settings):
    with pytest.raises(UserError, match=r"no vectors of analysis a{64}"):
        load_cavs(KEY, settings)
    save_cavs(KEY, {("conv", STRIPES): cavs(0, 4)}, settings)
    [file] = settings.cavs_dir.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(Damaged, match=r"cavs\.safetensors is damaged .* run the `concepts` flow again") as raised:
        load_cavs(KEY, settings)
    assert "\n" not in str(raised.value)


def test_damaged_vectors_are_set_aside(settings):
    save_cavs(KEY, {("conv", STRIPES): cavs(0, 4)}, settings)
    flip(settings.cavs_dir / KEY / FILE, 2_222)
    assert not cavs_exist(KEY, settings)
    assert [str(one.came_from) for one in in_quarantine(settings)] == [f"cavs/{KEY}"]


def test_vectors_from_before_checksums_get_them(settings):
    save_cavs(KEY, {("conv", STRIPES): cavs(0, 4)}, settings)
    (settings.cavs_dir / KEY / COMMIT).unlink()
    assert cavs_exist(KEY, settings)
    assert is_committed(settings.cavs_dir / KEY)
    assert list(load_cavs(KEY, settings)) == [("conv", STRIPES)]


@pytest.mark.parametrize("spoil", [lambda data: data[:-8], lambda data: data.replace(b"vectors", b"vextors")])
def test_those_that_can_not_be_read_are_set_aside(spoil, settings):
    save_cavs(KEY, {("conv", STRIPES): cavs(0, 4)}, settings)
    (settings.cavs_dir / KEY / COMMIT).unlink()
    file = settings.cavs_dir / KEY / FILE
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(Damaged, match=r"cavs\.safetensors can't be read"):
        load_cavs(KEY, settings)
    assert not cavs_exist(KEY, settings)
    assert len(in_quarantine(settings)) == 1
