"""Matching pursuit against scikit-learn's, on atoms written out block by block."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.linear_model import orthogonal_mp_gram

from tasks.activations.shards import ShardInfo
from tasks.dictionary import matching_pursuit as module
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.matching_pursuit import (
    check_products_fit,
    measure_matching_pursuit,
    orthogonal_matching_pursuit,
    products_of_features,
    pursuit_errors,
)
from tasks.dictionary.metrics import evaluate
from tasks.dictionary.orbit_prediction import whole_fvu
from tasks.dictionary.store import create, load_dictionary
from tasks.errors import UserError
from tasks.staging import read_staged
from tasks.symmetry.group import DihedralGroup
from tests.tasks.dictionary.small_analysis import small_analysis

GROUP, CHANNELS, ORBITS = DihedralGroup(3), 5, 20
KINDS = {
    "free blocks": {},
    "band-limited": {"harmonics": 1, "encode_from": "orbit"},
    "steerable": {"architecture": "steerable-crosscoder"},
    "band-limited steerable": {"architecture": "steerable-crosscoder", "harmonics": 0},
}


def orbits() -> SimpleNamespace:
    """An activation set in memory, with two shards of test orbits."""
    random = torch.Generator().manual_seed(0)
    acts = [torch.randn(ORBITS, GROUP.order, CHANNELS, generator=random) + 1 for _ in range(3)]
    shards = tuple(ShardInfo(index, split, ORBITS, 0, "") for index, split in enumerate(("train", "test", "test")))
    return SimpleNamespace(group=GROUP, channels=CHANNELS, shards=shards, read=lambda index: acts[index])


def random_dictionary(**fields):
    torch.manual_seed(1)
    dictionary = create(DictionaryConfig(features=4 * GROUP.order, k=2, **fields), CHANNELS, GROUP)
    for parameter in dictionary.parameters():
        torch.nn.init.normal_(parameter)
    dictionary.scale.fill_(0.7)
    return dictionary.requires_grad_(False)


def atoms_of(dictionary) -> tuple[np.ndarray, np.ndarray]:
    """[m, |G| d] the features' blocks, and their norms [m]."""
    atoms_mn = dictionary.blocks().flatten(1).double().numpy()
    return atoms_mn, np.linalg.norm(atoms_mn, axis=1)


def test_coefficients_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    atoms_mn = random.normal(size=(40, 24))
    atoms_mn /= np.linalg.norm(atoms_mn, axis=1)[:, None]
    gram_mm, cosines_bm = atoms_mn @ atoms_mn.T, random.normal(size=(30, 24)) @ atoms_mn.T
    values_bk, indices_bk = orthogonal_matching_pursuit(
        torch.from_numpy(cosines_bm).float(), torch.from_numpy(gram_mm).float(), 7
    )
    found_bm = np.zeros(cosines_bm.shape)
    np.put_along_axis(found_bm, indices_bk.numpy(), values_bk.numpy(), axis=1)
    expected_bm = orthogonal_mp_gram(gram_mm, cosines_bm.T, n_nonzero_coefs=7).T
    np.testing.assert_allclose(found_bm, expected_bm, atol=1e-4)
    assert (found_bm != 0).sum(1).tolist() == [7] * 30


def test_atoms_that_are_equal_or_zero_add_nothing():
    atoms_mn = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0.6, 0.8, 0], [0, 0, 0]])
    rows_bn = torch.tensor([[2.0, 1.0, 5.0], [0.0, 0.0, 3.0]])
    values_bk, indices_bk = orthogonal_matching_pursuit(rows_bn @ atoms_mn.T, atoms_mn @ atoms_mn.T, 9)
    code_bm = torch.zeros(2, 4).scatter_(1, indices_bk, values_bk)
    assert [sorted(each) for each in indices_bk.tolist()] == [[0, 1, 2, 3]] * 2
    torch.testing.assert_close(code_bm @ atoms_mn, torch.tensor([[2.0, 1, 0], [0, 0, 0]]))
    assert (code_bm != 0).sum(1).tolist() == [2, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_products_of_features_are_those_of_their_blocks(kind):
    dictionary = random_dictionary(**KINDS[kind])
    atoms_mn, _ = atoms_of(dictionary)
    np.testing.assert_allclose(products_of_features(dictionary), atoms_mn @ atoms_mn.T, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reuse", [True, False])
def test_errors_are_those_of_scikit_learns_codes(kind, reuse, monkeypatch):
    """What lies beyond the band counts, and so do bias and scale."""
    monkeypatch.setattr(module, "BATCH", 7)
    dictionary, acts, seen = random_dictionary(**KINDS[kind], orbit_reuse=reuse), orbits(), []
    error_g, variance_g = pursuit_errors(dictionary, acts, 3, lambda *counts: seen.append(counts))
    stand_ins = GROUP.elements if reuse else [0]
    rows = [acts.read(index)[:, GROUP.reuse_permutation(g0)].numpy() for index in (1, 2) for g0 in stand_ins]
    rows_bgd = np.concatenate(rows).astype(np.float64)
    atoms_mn, norm_m = atoms_of(dictionary)
    bias_gd = dictionary.decoder_blocks()[1].numpy()
    centred_bn = (0.7 * rows_bgd - bias_gd).reshape(len(rows_bgd), -1)
    unit_mn = atoms_mn / norm_m[:, None]
    code_mb = orthogonal_mp_gram(unit_mn @ unit_mn.T, unit_mn @ centred_bn.T, n_nonzero_coefs=3)
    decoded_bgd = dictionary.decode(torch.from_numpy(code_mb.T / norm_m).float()).numpy()
    np.testing.assert_allclose(error_g, ((rows_bgd - decoded_bgd) ** 2).mean(0).sum(1), rtol=1e-4)
    np.testing.assert_allclose(variance_g, rows_bgd.var(0).sum(1), rtol=1e-5)
    assert seen[-1] == (len(rows_bgd),) * 2


def test_of_many_rows_a_few_at_even_distances_are_read(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 40)
    dictionary, acts = random_dictionary(), orbits()
    _, variance_g = pursuit_errors(dictionary, acts, 1)
    rows_bgd = torch.cat([acts.read(index)[:, GROUP.reuse_permutation(g0)] for index in (1, 2) for g0 in range(6)])
    chosen = rows_bgd[np.linspace(0, 239, 40).round()].double().numpy()
    np.testing.assert_allclose(variance_g, chosen.var(0).sum(1))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_analysis(tmp_path_factory.mktemp("small"))


def test_the_pursuit_does_better_than_the_encoder_and_is_staged_once(small, monkeypatch):
    key = measure_matching_pursuit(small.crosscoder, small.settings)
    table = read_staged(key, small.settings)["orbit_predictions"]
    assert table["element"].to_list() == list(range(small.acts.group.order))
    assert table.select("dictionary_id", "predictor", "steps").unique().rows() == [
        (small.crosscoder, "matching-pursuit", 0)
    ]
    assert 0 < whole_fvu(table) < evaluate(load_dictionary(small.crosscoder, small.settings), small.acts).fvu
    monkeypatch.setattr(module, "pursuit_errors", lambda *rest: pytest.fail("measured again"))
    assert measure_matching_pursuit(small.crosscoder, small.settings) == key


def test_what_cannot_be_pursued_is_refused(small, monkeypatch):
    with pytest.raises(UserError, match="is no crosscoder"):
        measure_matching_pursuit(small.sae, small.settings)
    check_products_fit(16_000)
    with pytest.raises(UserError, match="for at most 16,000 features, not 16,001"):
        check_products_fit(16_001)
    monkeypatch.setattr(module.psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    with pytest.raises(UserError, match=r"with 100 features needs .* GiB of memory"):
        check_products_fit(100)
