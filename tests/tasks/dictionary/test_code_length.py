"""Bits at a given error, on codes whose length can be computed by hand."""

import math

import pytest
import torch

from tasks.dictionary.code_length import _length, code_length
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.store import create
from tasks.symmetry.group import DihedralGroup

NONE = DihedralGroup(1, reflections=False)


def axes(channels=8, k=1, **fields):
    """A dictionary whose atoms are the axes."""
    features = channels // fields.get("atom_dimension", 1)
    config = DictionaryConfig(**{"architecture": "sae", "method": "topk", "features": features, "k": k, **fields})
    dictionary = create(config, channels, NONE).requires_grad_(False)
    dictionary.encoder.weight.copy_(torch.eye(channels))
    dictionary.decoder.weight.copy_(torch.eye(channels))
    return dictionary


def test_the_length_of_codes_by_hand():
    """Of eight features of two numbers each, one or two are sent, and one of four levels for each number."""
    one, two = [[1, 2], [0, 0]], [[3, 4], [2, 1]]
    length = _length(torch.tensor([one, two, [[3, 4], [0, 0]], [[4, 3], [1, 2]]]), 8, 0.5)
    of_features = (math.log2(8) + math.log2(28)) / 2 + 1  # 1 bit for how many: one half of the rows sends two
    assert length.bits_of_features == pytest.approx(of_features)
    assert length.bits_of_numbers == pytest.approx(3 * 2)
    assert length.bits == pytest.approx(of_features + 6)
    assert (length.features, length.numbers, length.step) == (1.5, 3, 0.5)


def test_the_step_gives_the_wanted_error_and_halving_it_costs_a_bit():
    rows_bd = torch.eye(8).repeat(4000, 1) * (5 + torch.rand(32000, 1, generator=torch.Generator().manual_seed(0)))
    coarse = code_length(axes(), rows_bd, 1e-4)
    variance = (rows_bd - rows_bd.mean(0)).square().sum(1).mean().item()
    # the error of rounding to a step is uniform: its variance is step² / 12
    assert coarse.step == pytest.approx(math.sqrt(12 * 1e-4 * variance), rel=0.05)
    fine = code_length(axes(), rows_bd, 1e-4 / 4)
    assert fine.bits_of_numbers - coarse.bits_of_numbers == pytest.approx(1, abs=0.15)
    assert fine.bits_of_features == coarse.bits_of_features


def test_a_circle_takes_one_block_of_two_and_more_bits_of_single_directions():
    """The same plane as one feature of two atoms, and as four half-axes, of which two are active."""
    angle_b = 2 * math.pi * torch.rand(20000, generator=torch.Generator().manual_seed(0))
    rows_bd = torch.zeros(20000, 8)
    rows_bd[:, 0], rows_bd[:, 1] = angle_b.cos(), angle_b.sin()
    block = axes(method="block-topk", atom_dimension=2)
    halves = create(DictionaryConfig(architecture="sae", method="topk", features=16, k=2), 8, NONE).requires_grad_(
        False
    )
    halves.encoder.weight.copy_(torch.cat([torch.eye(8), -torch.eye(8)]))
    halves.decoder.weight.copy_(halves.encoder.weight)
    of_block, of_halves = code_length(block, rows_bd, 0.01), code_length(halves, rows_bd, 0.01)
    assert of_block.step == pytest.approx(of_halves.step, rel=0.05)
    assert of_block.bits_of_features == pytest.approx(math.log2(4))
    assert of_block.bits < of_halves.bits


def test_the_basis_of_a_span_that_is_not_orthonormal_changes_nothing_of_the_error():
    block = axes(method="block-topk", atom_dimension=2)
    rows_bd = torch.randn(500, 8, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 1.0] + 6 * [0.0])
    expected = code_length(block, rows_bd, 0.01)
    skewed = torch.tensor([[2.0, 0.0], [3.0, 0.5]])
    block.decoder.weight[0, :2, :2] = skewed
    block.encoder.weight[:2, :2] = torch.linalg.inv(skewed).T
    found = code_length(block, rows_bd, 0.01)
    assert found.bits == pytest.approx(expected.bits, rel=0.02)
    assert found.step == pytest.approx(expected.step, rel=0.02)


def test_an_error_that_the_dictionary_does_not_reach_has_no_code():
    rows_bd = torch.randn(100, 8, generator=torch.Generator().manual_seed(0))
    assert code_length(axes(), rows_bd, 0.05) is None
    with pytest.raises(ValueError, match="describes orbits"):
        code_length(create(DictionaryConfig(features=8, k=1), 8, DihedralGroup(2)), rows_bd, 0.5)
