"""The contract of both dictionaries: encode, decode and loss against the formulas written out densely."""

import pytest
import torch
from pydantic import ValidationError

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.metrics import cosine_matrix, random_stability, stability
from tasks.dictionary.store import create

CHANNELS, GROUP_ORDER, FEATURES = 6, 4, 10
CASES = {
    "topk-sae": {"method": "topk-sae"},
    "identity": {"method": "group-crosscoder", "encode_from": "identity"},
    "orbit": {"method": "group-crosscoder", "encode_from": "orbit"},
}


@pytest.fixture(params=CASES, ids=list(CASES))
def dictionary(request):
    torch.manual_seed(0)
    config = DictionaryConfig(features=FEATURES, k=3, auxiliary_k=2, **CASES[request.param])
    dictionary = create(config, CHANNELS, GROUP_ORDER)
    for parameter in dictionary.parameters():
        torch.nn.init.normal_(parameter)
    dictionary.scale.fill_(0.7)
    return dictionary


def rows(dictionary, count=5):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(dictionary.block_count, count, CHANNELS, generator=generator)


def dense_pre_activations(dictionary, x_gbd):
    z_gbd, encoder = x_gbd * dictionary.scale, dictionary.encoder
    if dictionary.config.method == "topk-sae":
        return (z_gbd[0] - dictionary.decoder.bias[0].detach()) @ encoder.weight.T + encoder.bias
    if dictionary.config.encode_from == "identity":
        return z_gbd[0] @ encoder.weight.T + encoder.bias
    return torch.einsum("gbd,gmd->bm", z_gbd, encoder.weight) + encoder.bias


def dense_top_k(pre_bm, k):
    kept = pre_bm >= pre_bm.topk(k, dim=1).values[:, -1:]
    return torch.where(kept, pre_bm, 0.0).relu()


def dense_loss(dictionary, x_gbd, dead_m):
    """The loss as methods §3 writes it, with dense matrices and autograd's own gradients."""
    z_gbd, weight = x_gbd * dictionary.scale, dictionary.decoder.weight
    pre_bm = dense_pre_activations(dictionary, x_gbd)
    codes_bm = dense_top_k(pre_bm, dictionary.config.k)
    error_gbd = z_gbd - codes_bm @ weight - dictionary.decoder.bias[:, None]
    dead_bm = dense_top_k(pre_bm.masked_fill(~dead_m, -1e9), dictionary.config.auxiliary_k)
    auxiliary = (error_gbd.detach() - dead_bm @ weight).square().mean()
    return error_gbd.square().mean() + dictionary.config.auxiliary_coefficient * auxiliary


def public_rows(dictionary, x_gbd):
    return x_gbd[0] if dictionary.config.method == "topk-sae" else x_gbd.transpose(0, 1)


def test_encode_and_decode_equal_the_formulas(dictionary):
    x_gbd = rows(dictionary)
    expected_bm = dense_top_k(dense_pre_activations(dictionary, x_gbd), dictionary.config.k)
    f_bm = dictionary.encode(public_rows(dictionary, x_gbd))
    torch.testing.assert_close(f_bm, expected_bm)
    for g in range(dictionary.block_count):
        expected_bd = (f_bm @ dictionary.decoder.weight[g] + dictionary.decoder.bias[g]) / dictionary.scale
        torch.testing.assert_close(dictionary.decode(f_bm)[:, g], expected_bd)


def test_loss_and_gradients_equal_the_dense_form(dictionary):
    x_gbd, dead_m = rows(dictionary), torch.arange(FEATURES) % 3 == 0
    parameters = list(dictionary.parameters())
    ours, reference = dictionary.loss(x_gbd, dead_m).total, dense_loss(dictionary, x_gbd, dead_m)
    torch.testing.assert_close(ours, reference)
    for our, dense in zip(
        torch.autograd.grad(ours, parameters), torch.autograd.grad(reference, parameters), strict=True
    ):
        torch.testing.assert_close(our, dense, rtol=1e-4, atol=1e-6)


def test_no_auxiliary_loss_without_dead_features(dictionary):
    loss = dictionary.loss(rows(dictionary), torch.zeros(FEATURES, dtype=torch.bool))
    assert loss.auxiliary == 0
    torch.testing.assert_close(loss.total, loss.reconstruction)


def test_initial_features_are_the_rows_they_came_from(dictionary):
    x_gbd = rows(dictionary, FEATURES)
    dictionary.initialise(x_gbd)
    torch.testing.assert_close((x_gbd * dictionary.scale).norm(dim=2).mean(), torch.tensor(CHANNELS**0.5))
    deviation_mgd = (x_gbd - x_gbd.mean(1, keepdim=True)).transpose(0, 1)
    torch.testing.assert_close(cosine_matrix(dictionary.blocks(), deviation_mgd).diagonal(), torch.ones(FEATURES))
    error = dictionary.loss(x_gbd).reconstruction
    variance = (x_gbd * dictionary.scale - dictionary.decoder.bias[:, None]).square().mean()
    assert error < variance


def test_k_beyond_the_features_is_refused_in_one_line():
    with pytest.raises(ValidationError, match="k = 11 is more than the 10 features; lower k or raise features"):
        DictionaryConfig(features=10, k=11)


def test_stability_is_one_for_the_same_features_in_another_order_and_chance_for_random_ones():
    blocks_mgd = torch.randn(30, 3, 20, generator=torch.Generator().manual_seed(0))
    shuffled = blocks_mgd[torch.randperm(30, generator=torch.Generator().manual_seed(1))] * 2.5
    assert stability(blocks_mgd, shuffled) == pytest.approx(1.0, abs=1e-5)
    assert random_stability(blocks_mgd, seed=7) < 0.5
