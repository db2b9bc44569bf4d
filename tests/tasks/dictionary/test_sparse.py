"""Sparse arithmetic against the dense matrix products it stands for, gradients included."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.dictionary.sparse import GROUPS_PER_K, _candidates, at_active, pre_activations_at, residual, to_dense, top_k

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


def test_products_without_mkl(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    rows, weight = torch.randn(300, 5, generator=generator), torch.randn(12, 5, generator=generator)
    indices = torch.randint(12, (300, 3), generator=generator)
    expected = (rows @ weight.T).gather(1, indices)
    torch.testing.assert_close(at_active(rows, weight, indices), expected, **TOLERANCE)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    torch.testing.assert_close(at_active(rows, weight, indices), expected, **TOLERANCE)


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


@st.composite
def rows_and_k(draw):
    """Rows whose elements are all different, or mostly equal; k from few of the features to all."""
    batch, features = draw(st.integers(1, 6)), draw(st.integers(1, 90))
    k = draw(st.integers(1, max(1, features // draw(st.sampled_from([1, 2 * GROUPS_PER_K, 4 * GROUPS_PER_K])))))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    pre = torch.randn(batch, features, generator=generator)
    return pre.round() if draw(st.booleans()) else pre, k


@given(rows_and_k())
@settings(deadline=None, max_examples=200)
def test_top_k_keeps_the_largest(case):
    pre, k = case
    values, indices = top_k(pre, k)
    expected = pre.sort(dim=1, descending=True).values[:, :k]
    torch.testing.assert_close(values.sort(dim=1, descending=True).values, expected, rtol=0, atol=0)
    torch.testing.assert_close(pre.gather(1, indices), values, rtol=0, atol=0)
    assert all(len(set(row)) == k for row in indices.tolist())


def test_candidates_are_few():
    """The short way is taken where features are many, and holds little more than k of them."""
    pre = torch.randn(64, 640, generator=torch.Generator().manual_seed(0))
    values, indices = _candidates(pre, 5)
    assert 5 <= values.shape[1] <= 12
    real = values.isfinite()
    assert real.sum(1).min() >= 5
    torch.testing.assert_close(pre.gather(1, indices)[real], values[real], rtol=0, atol=0)


@pytest.mark.parametrize("column", [0, 300, 644])
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_top_k_of_what_is_not_finite(column, value):
    """As torch.topk: what is not a number is the largest, so that a training which diverged is seen to."""
    pre = torch.randn(8, 645, generator=torch.Generator().manual_seed(0))
    pre[3, column] = value
    values, _ = top_k(pre, 5)
    expected = pre.topk(5, dim=1).values
    torch.testing.assert_close(values.sort(1, descending=True).values, expected, rtol=0, atol=0, equal_nan=True)
