"""The contract of every method and architecture: encode, decode and loss against the formulas written out densely."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.jumprelu import BANDWIDTH, UNIT
from tasks.dictionary.methods import OF_ONE_ATOM
from tasks.dictionary.metrics import cosine_matrix, random_stability, stability
from tasks.dictionary.store import create
from tasks.errors import UserError
from tasks.symmetry.fourier import fourier_basis
from tasks.symmetry.group import DihedralGroup

CHANNELS, FEATURES = 6, 10
NONE, D_2, D_3, D_4 = DihedralGroup(1, reflections=False), DihedralGroup(2), DihedralGroup(3), DihedralGroup(4)
C_4, C_5 = DihedralGroup(4, reflections=False), DihedralGroup(5, reflections=False)
SHAPES = {
    "sae": (D_2, {"architecture": "sae"}),
    "identity": (D_2, {"encode_from": "identity"}),
    "orbit": (D_2, {"encode_from": "orbit"}),
    "band, D_4": (D_4, {"harmonics": 1}),
    "band, D_3": (D_3, {"harmonics": 1}),
    "band, C_5": (C_5, {"harmonics": 1}),
    "band, from the orbit": (D_4, {"harmonics": 1, "encode_from": "orbit"}),
    "band, all harmonics": (C_4, {"harmonics": 2, "encode_from": "orbit"}),
}


@pytest.fixture(params=SHAPES)
def shape(request):
    return SHAPES[request.param]


@pytest.fixture(params=OF_ONE_ATOM)
def dictionary(request, shape):
    group, fields = shape
    return random_dictionary(group, method=request.param, **fields)


def random_dictionary(group, **fields):
    torch.manual_seed(0)
    config = DictionaryConfig(features=FEATURES, k=3, auxiliary_k=2, sparsity=0.3, **fields)
    dictionary = create(config, CHANNELS, group)
    for parameter in dictionary.parameters():
        torch.nn.init.normal_(parameter)
    dictionary.scale.fill_(0.7)
    return dictionary


def rows(dictionary, count=5):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(dictionary.block_count, count, CHANNELS, generator=generator)


def in_blocks(dictionary, rows):
    """[|G|, …] of an encoder's or decoder's [q, …]: coefficients times the basis, where the band is limited."""
    if dictionary.config.harmonics is None:
        return rows
    basis_gq = torch.from_numpy(fourier_basis(dictionary.group, dictionary.config.harmonics)).float()
    return torch.einsum("gq,q...->g...", basis_gq, rows)


def dense_pre_activations(dictionary, x_gbd):
    z_gbd, encoder = x_gbd * dictionary.scale, dictionary.encoder
    if dictionary.config.architecture == "sae":
        bias_d = dictionary.decoder.bias[0]
        if dictionary.config.method not in ("relu", "gated"):
            bias_d = bias_d.detach()
        return (z_gbd[0] - bias_d) @ encoder.weight.T + encoder.bias
    if dictionary.config.encode_from == "identity":
        return z_gbd[0] @ encoder.weight.T + encoder.bias
    return torch.einsum("gbd,gmd->bm", z_gbd, in_blocks(dictionary, encoder.weight)) + encoder.bias


def norms(dictionary):
    """[m], the root of the mean over blocks of the squared norms: what a unit of each feature contributes."""
    return in_blocks(dictionary, dictionary.decoder.weight).detach().square().sum(2).mean(0).sqrt()


def dense_top_k(pre_bm, k, norms_m=1.0):
    contribution_bm = pre_bm * norms_m
    kept = contribution_bm >= contribution_bm.topk(k, dim=1).values[:, -1:]
    return torch.where(kept, pre_bm, 0.0).relu()


def dense_batch_top_k(pre_bm, k, norms_m):
    contribution_bm = pre_bm * norms_m
    smallest = contribution_bm.flatten().topk(k * len(pre_bm)).values[-1]
    return torch.where(contribution_bm >= smallest, pre_bm, 0.0).relu()


class RectangleStep(torch.autograd.Function):
    @staticmethod
    def forward(ctx, distance, bandwidth):
        ctx.save_for_backward(distance)
        ctx.bandwidth = bandwidth
        return (distance > 0).float()

    @staticmethod
    def backward(ctx, gradient):
        [distance] = ctx.saved_tensors
        return gradient * (distance.abs() < ctx.bandwidth / 2) / ctx.bandwidth, None


def open_steps(dictionary, pre_bm):
    """The rectangle's gradient is the threshold's alone."""
    bandwidth = BANDWIDTH * (dictionary.group.order**0.5 if dictionary.config.encode_from == "orbit" else 1)
    return RectangleStep.apply(pre_bm.detach() - (UNIT * dictionary.log_threshold).exp(), bandwidth)


def dense_features(dictionary, pre_bm):
    """Features while training, with autograd's own gradients."""
    config = dictionary.config
    match config.method:
        case "topk":
            return dense_top_k(pre_bm, config.k, norms(dictionary))
        case "batchtopk" | "matryoshka":
            return dense_batch_top_k(pre_bm, config.k, norms(dictionary))
        case "relu":
            return pre_bm.relu()
        case "jumprelu":
            return pre_bm * open_steps(dictionary, pre_bm)
        case "gated":
            magnitude_bm = (pre_bm - dictionary.encoder.bias) * dictionary.magnitude_log_scale.exp()
            return (magnitude_bm + dictionary.magnitude_bias).relu() * (pre_bm > 0)


def dense_loss(dictionary, x_gbd, dead_m):
    """The loss as methods §3 and the methods' papers write it, with dense matrices and autograd's own gradients."""
    config, weight = dictionary.config, in_blocks(dictionary, dictionary.decoder.weight)
    bias = in_blocks(dictionary, dictionary.decoder.bias)
    z_gbd = x_gbd * dictionary.scale
    pre_bm = dense_pre_activations(dictionary, x_gbd)
    f_bm = dense_features(dictionary, pre_bm)
    norms_m = weight.square().sum(2).sqrt().sum(0)
    size = dictionary.block_count * CHANNELS

    def mean_squared_error(codes_bm, decoder_weight=weight, decoder_bias=bias):
        return (z_gbd - codes_bm @ decoder_weight - decoder_bias[:, None]).square().mean()

    loss = mean_squared_error(f_bm)
    match config.method:
        case "relu":
            return loss + config.sparsity * (f_bm * norms_m).sum(1).mean() / size
        case "jumprelu":
            return loss + config.sparsity * open_steps(dictionary, pre_bm).sum(1).mean() / CHANNELS
        case "gated":
            open_bm = pre_bm.relu()
            penalty = (open_bm * norms_m.detach()).sum(1).mean() / size
            by_gate = mean_squared_error(open_bm, weight.detach(), bias.detach())
            return loss + config.sparsity * penalty + by_gate
        case "matryoshka":
            prefixes = [f_bm * (torch.arange(FEATURES) < size) for size in (1, 2, 5, 10)]
            loss = torch.stack([mean_squared_error(codes_bm) for codes_bm in prefixes]).mean()
    error_gbd = z_gbd - f_bm @ weight - bias[:, None]
    dead_bm = dense_top_k(pre_bm.masked_fill(~dead_m, -1e9), config.auxiliary_k, norms(dictionary))
    return loss + config.auxiliary_coefficient * (error_gbd.detach() - dead_bm @ weight).square().mean()


def public_rows(dictionary, x_gbd):
    return x_gbd[0] if dictionary.config.architecture == "sae" else x_gbd.transpose(0, 1)


def test_encode_and_decode_equal_the_formulas(dictionary):
    x_gbd = rows(dictionary)
    pre_bm = dense_pre_activations(dictionary, x_gbd)
    if dictionary.config.method in ("batchtopk", "matryoshka"):
        dictionary.threshold.fill_(0.8)
        expected_bm = torch.where(pre_bm > 0.8, pre_bm, 0.0)
    elif dictionary.config.method == "topk":
        expected_bm = dense_top_k(pre_bm, dictionary.config.k)
    else:
        expected_bm = dense_features(dictionary, pre_bm)
    f_bm = dictionary.encode(public_rows(dictionary, x_gbd))
    torch.testing.assert_close(f_bm, expected_bm)
    weight_gmd = in_blocks(dictionary, dictionary.decoder.weight)
    bias_gd = in_blocks(dictionary, dictionary.decoder.bias)
    for g in range(dictionary.block_count):
        expected_bd = (f_bm @ weight_gmd[g] + bias_gd[g]) / dictionary.scale
        torch.testing.assert_close(dictionary.decode(f_bm)[:, g], expected_bd)


def test_loss_and_gradients_equal_the_dense_form(dictionary):
    x_gbd, dead_m = rows(dictionary), torch.arange(FEATURES) % 3 == 0
    parameters = list(dictionary.parameters())
    ours, reference = dictionary.loss(x_gbd, dead_m), dense_loss(dictionary, x_gbd, dead_m)
    torch.testing.assert_close(ours.total, reference)
    for our, dense in zip(
        torch.autograd.grad(ours.total, parameters), torch.autograd.grad(reference, parameters), strict=True
    ):
        torch.testing.assert_close(our, dense, rtol=1e-4, atol=1e-6)
    active_bm = dense_features(dictionary, dense_pre_activations(dictionary, x_gbd)) > 0
    assert ours.l0 == active_bm.sum(1).float().mean()
    assert torch.equal(ours.fired_m, active_bm.any(0))


def test_the_stored_form_keeps_the_features_that_training_chooses(dictionary):
    """Afterwards a row is encoded and reconstructed as it was in training, by pre-activations alone."""
    x_gbd, config = rows(dictionary), dictionary.config
    pre_bm = dense_pre_activations(dictionary, x_gbd)
    trained_bm = dense_features(dictionary, pre_bm).detach()
    if config.method in ("batchtopk", "matryoshka"):
        dictionary.threshold.fill_(0.8)
        trained_bm = torch.where(pre_bm * norms(dictionary) > 0.8, pre_bm, 0.0).detach()
    trained_bgd = dictionary.decode(trained_bm).detach()
    dictionary.finish()
    f_bm = dictionary.encode(public_rows(dictionary, x_gbd))
    torch.testing.assert_close(f_bm > 0, trained_bm > 0)
    torch.testing.assert_close(dictionary.decode(f_bm), trained_bgd)
    if config.has_k:
        torch.testing.assert_close(norms(dictionary), torch.ones(FEATURES))


def test_bfloat16_products_change_the_loss_little(dictionary):
    x_gbd = rows(dictionary, 200)
    exact = dictionary.loss(x_gbd).reconstruction
    with torch.autocast("cpu", torch.bfloat16):
        loss = dictionary.loss(x_gbd)
    loss.total.backward()
    assert loss.total.dtype == torch.float32
    assert loss.reconstruction == pytest.approx(exact.item(), rel=0.03)


def test_the_threshold_of_batchtopk_is_the_running_mean_of_the_smallest_kept():
    torch.manual_seed(0)
    config = DictionaryConfig(architecture="sae", method="batchtopk", features=FEATURES, k=2)
    dictionary = create(config, CHANNELS, NONE)
    torch.nn.init.normal_(dictionary.encoder.weight)
    torch.nn.init.normal_(dictionary.decoder.weight)
    smallest = []
    for seed in (0, 1):
        x_gbd = torch.randn(1, 50, CHANNELS, generator=torch.Generator().manual_seed(seed))
        dictionary.loss(x_gbd)
        contribution_bm = dense_pre_activations(dictionary, x_gbd) * norms(dictionary)
        smallest.append(contribution_bm.flatten().topk(100).values[-1].item())
    assert dictionary.threshold.item() == pytest.approx(0.99 * smallest[0] + 0.01 * smallest[1], rel=1e-5)
    before = dictionary.threshold.clone()
    dictionary.eval().loss(x_gbd)
    assert dictionary.threshold == before


def test_no_auxiliary_loss_without_dead_features(shape):
    group, fields = shape
    dictionary = create(DictionaryConfig(features=FEATURES, k=3, **fields), CHANNELS, group)
    loss = dictionary.loss(rows(dictionary), torch.zeros(FEATURES, dtype=torch.bool))
    assert loss.auxiliary == 0
    torch.testing.assert_close(loss.total, loss.reconstruction)


@pytest.mark.parametrize("method", ["relu", "gated", "jumprelu"])
def test_the_penalty_grows_over_the_first_twentieth(method):
    torch.manual_seed(0)
    dictionary = create(DictionaryConfig(method=method, architecture="sae", features=FEATURES, k=3), CHANNELS, NONE)
    torch.nn.init.normal_(dictionary.encoder.weight)
    torch.nn.init.normal_(dictionary.decoder.weight)
    x_gbd = rows(dictionary)
    none, half, whole, late = (dictionary.loss(x_gbd, done=done).total for done in (0, 0.025, 0.05, 0.9))
    assert none < half < whole
    torch.testing.assert_close(half - none, whole - half)
    assert whole == late


def in_band(dictionary, rows_gbd):
    """What of rows a decoder can write, by numpy's Fourier transform of each half of the group."""
    harmonics, n = dictionary.config.harmonics, dictionary.group.n_rotations
    if harmonics is None:
        return rows_gbd
    spectrum = np.fft.rfft(rows_gbd.numpy().reshape(-1, n, *rows_gbd.shape[1:]), axis=1)
    spectrum[:, harmonics + 1 :] = 0
    return torch.from_numpy(np.fft.irfft(spectrum, n=n, axis=1)).float().reshape(rows_gbd.shape)


def test_initial_features_are_the_rows_they_came_from(dictionary):
    x_gbd = rows(dictionary, FEATURES)
    dictionary.set_scale(x_gbd)
    dictionary.initialise(x_gbd)
    torch.testing.assert_close((x_gbd * dictionary.scale).norm(dim=2).mean(), torch.tensor(CHANNELS**0.5))
    deviation_gmd = in_band(dictionary, x_gbd - x_gbd.mean(1, keepdim=True))
    deviation_mgd = deviation_gmd.transpose(0, 1)
    torch.testing.assert_close(cosine_matrix(dictionary.blocks(), deviation_mgd).diagonal(), torch.ones(FEATURES))
    error = dictionary.loss(x_gbd).reconstruction
    variance = (dictionary.scale * (x_gbd - x_gbd.mean(1, keepdim=True))).square().mean()
    if dictionary.config.method == "relu":  # starts small
        torch.testing.assert_close(dictionary.contributions(), torch.full((FEATURES,), 0.1))
        norms_m = dictionary.encoder.weight.reshape(-1, FEATURES, CHANNELS).square().sum((0, 2)).sqrt()
        torch.testing.assert_close(norms_m.detach(), torch.full((FEATURES,), 0.1))
    else:
        assert error < variance


@pytest.mark.parametrize("method", OF_ONE_ATOM)
@given(st.integers(1, 7), st.booleans(), st.sampled_from(["identity", "orbit"]))
@settings(max_examples=15)
def test_all_harmonics_are_the_free_blocks_in_other_coordinates(method, n_rotations, reflections, encode_from):
    """The same loss, and gradients that the basis carries over."""
    group = DihedralGroup(n_rotations, reflections)
    fields = {"method": method, "encode_from": encode_from}
    limited, free = random_dictionary(group, harmonics=n_rotations // 2, **fields), random_dictionary(group, **fields)
    turned = {"decoder.weight", "decoder.bias"} | ({"encoder.weight"} if encode_from == "orbit" else set())
    with torch.no_grad():
        for name, parameter in free.named_parameters():
            ours = limited.get_parameter(name)
            parameter.copy_(in_blocks(limited, ours) if name in turned else ours)
    x_gbd, dead_m = rows(free), torch.arange(FEATURES) % 3 == 0
    losses = [each.loss(x_gbd, dead_m).total for each in (limited, free)]
    torch.testing.assert_close(*losses)
    for loss in losses:
        loss.backward()
    for name, parameter in free.named_parameters():
        ours = limited.get_parameter(name).grad
        ours = in_blocks(limited, ours) if name in turned else ours
        torch.testing.assert_close(ours, parameter.grad, rtol=1e-3, atol=1e-5)


def test_the_blocks_of_a_band_limited_dictionary_are_the_exact_inverse_transform():
    dictionary = random_dictionary(DihedralGroup(8), harmonics=2)
    blocks_mgd = dictionary.blocks()
    assert dictionary.decoder.weight.shape == (10, FEATURES, CHANNELS)
    assert blocks_mgd.shape == (FEATURES, 16, CHANNELS)
    torch.testing.assert_close(blocks_mgd, in_blocks(dictionary, dictionary.decoder.weight).detach().transpose(0, 1))
    torch.testing.assert_close(dictionary.in_band(blocks_mgd.transpose(0, 1)), dictionary.decoder.weight.detach())
    torch.testing.assert_close(in_band(dictionary, blocks_mgd.transpose(0, 1)), blocks_mgd.transpose(0, 1))
    weight_gmd, bias_gd = dictionary.decoder_blocks(1)
    torch.testing.assert_close(weight_gmd[0], blocks_mgd[:, 0])
    torch.testing.assert_close(bias_gd, in_blocks(dictionary, dictionary.decoder.bias)[:1])


def test_harmonics_that_do_not_fit_are_refused_in_one_line():
    with pytest.raises(UserError, match="harmonics = 3 is more than 4 rotations can represent: set at most 2"):
        create(DictionaryConfig(harmonics=3), CHANNELS, D_4)
    with pytest.raises(ValidationError, match="harmonics = 2 is for a group crosscoder; leave it out with an sae"):
        DictionaryConfig(architecture="sae", harmonics=2)


def test_k_beyond_the_features_is_refused_in_one_line():
    with pytest.raises(ValidationError, match="k = 11 is more than the 10 features; lower k or raise features"):
        DictionaryConfig(features=10, k=11)


def test_stability_is_one_for_the_same_features_in_another_order_and_chance_for_random_ones():
    blocks_mgd = torch.randn(30, 3, 20, generator=torch.Generator().manual_seed(0))
    shuffled = blocks_mgd[torch.randperm(30, generator=torch.Generator().manual_seed(1))] * 2.5
    assert stability(blocks_mgd, shuffled, cosine_matrix) == pytest.approx(1.0, abs=1e-5)
    assert random_stability(blocks_mgd, 7, cosine_matrix) < 0.5
