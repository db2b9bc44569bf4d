"""Vectors on disk: what was saved comes back, a missing or damaged file is one line."""

import pytest
import torch

from tasks.concepts.cav import Cav
from tasks.concepts.store import cavs_exist, load_cavs, save_cavs
from tasks.errors import UserError

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
    with pytest.raises(UserError, match=r"cavs\.safetensors is damaged .* run the `concepts` flow again") as raised:
        load_cavs(KEY, settings)
    assert "\n" not in str(raised.value)
