"""Sparse arithmetic against the dense matrix products it stands for, gradients included."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.dictionary.sparse import pre_activations_at, residual, to_dense, top_k

TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


@st.composite
def problems(draw):
    blocks, batch, features, channels = (draw(st.integers(1, high)) for high in (4, 9, 12, 7))
    k = draw(st.integers(1, features))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    return {
        "x": normal(blocks, batch, channels),
        "weight": normal(blocks, features, channels).requires_grad_(),
        "bias": normal(blocks, channels).requires_grad_(),
        "encoder_bias": normal(features).requires_grad_(),
        "pre": normal(batch, features),
        "k": k,
    }


def gradients(output, inputs):
    weights = torch.linspace(-1, 2, output.numel()).view_as(output)
    return torch.autograd.grad((output * weights).sum(), inputs)


@given(problems())
@settings(deadline=None, max_examples=40)
def test_residual_equals_dense(problem):
    values, indices = top_k(problem["pre"], problem["k"])
    values.requires_grad_()
    inputs = (values, problem["weight"], problem["bias"])
    sparse = residual(problem["x"], values, indices, problem["weight"], problem["bias"])
    codes = to_dense(values, indices, problem["weight"].shape[1])
    dense = problem["x"] - (codes @ problem["weight"] + problem["bias"][:, None])
    torch.testing.assert_close(sparse, dense, **TOLERANCE)
    for ours, reference in zip(gradients(sparse, inputs), gradients(dense, inputs), strict=True):
        torch.testing.assert_close(ours, reference, **TOLERANCE)


@given(problems())
@settings(deadline=None, max_examples=40)
def test_pre_activations_at_equals_dense(problem):
    x, weight, bias = problem["x"], problem["weight"], problem["encoder_bias"]
    dense = torch.einsum("gbd,gmd->bm", x, weight) + bias
    _, indices = top_k(dense.detach(), problem["k"])
    sparse = pre_activations_at(x, weight, bias, dense.detach(), indices)
    torch.testing.assert_close(sparse, dense.gather(1, indices))
    for ours, reference in zip(
        gradients(sparse, (weight, bias)), gradients(dense.gather(1, indices), (weight, bias)), strict=True
    ):
        torch.testing.assert_close(ours, reference, **TOLERANCE)


@given(problems())
@settings(deadline=None, max_examples=20)
def test_top_k_keeps_the_largest(problem):
    values, _ = top_k(problem["pre"], problem["k"])
    expected = problem["pre"].sort(dim=1, descending=True).values[:, : problem["k"]]
    torch.testing.assert_close(values.sort(dim=1, descending=True).values, expected, rtol=0, atol=0)
