"""Rows in bfloat16 against those in float32: the same positions, other rounding."""

import pytest
import torch
from polars.testing import assert_frame_equal

from tasks.activations.extract import extract, extract_shard, plan
from tasks.activations.extractors import unit_extractor
from tasks.activations.precision import INSTRUCTIONS, check_precision, computing_in
from tasks.activations.shards import ActivationSet
from tasks.errors import UserError
from tests.tasks.activations.units_of_frames import natural_frames, units_and_patches


@pytest.fixture
def processor(monkeypatch):
    """Function that says what instructions the processor has; PyTorch computes bfloat16 without any, but slowly."""
    return lambda *names: monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(names, True))


def in_bfloat16(config, **changes):
    return config.model_copy(update={"precision": "bfloat16"} | changes)


def unexplained(exact_nd, rounded_nd) -> float:
    """Fraction of the variance of the exact rows about their mean that the rounded rows leave unexplained."""
    exact_nd, rounded_nd = exact_nd.double(), rounded_nd.double()
    return (((exact_nd - rounded_nd) ** 2).sum() / ((exact_nd - exact_nd.mean(0)) ** 2).sum()).item()


def relative_errors(exact_nd, rounded_nd) -> torch.Tensor:
    return (exact_nd.double() - rounded_nd.double()).norm(dim=1) / exact_nd.double().norm(dim=1)


def assert_rows_are_rounded(network, layer, largest_fvu, largest_median):
    """The errors aren't zero either: then the network would have computed in float32."""
    extractor = unit_extractor(network, layer)
    _, patches = units_and_patches(network, layer, natural_frames(4), count=48)
    exact = extractor(patches)
    with computing_in("bfloat16"):
        rounded = extractor(patches)
    assert rounded.dtype == torch.bfloat16
    assert largest_fvu / 50 < unexplained(exact, rounded) < largest_fvu
    assert largest_median / 10 < relative_errors(exact, rounded).median().item() < largest_median
    with computing_in("float32"):
        assert torch.equal(extractor(patches), exact)


@pytest.mark.parametrize(
    ("layer", "fvu", "median"),
    [("conv2d0", 2e-5, 0.006), ("conv2d2", 2e-4, 0.012), ("mixed3a", 2e-4, 0.015), ("mixed3b", 2e-4, 0.015)],
)
def test_rows_of_inception_v1_differ_by_a_percent(bvlc, layer, fvu, median):
    assert_rows_are_rounded(bvlc, layer, fvu, median)


@pytest.mark.parametrize("layer", ["block1_expand", "block2", "block5_expand", "block5", "block7"])
def test_rows_of_the_embedded_network_by_a_few_percent(lite0, layer):
    assert_rows_are_rounded(lite0, layer, 0.01, 0.1)


@pytest.mark.parametrize("changes", [{}, {"n_rotations": 1, "reflections": False}], ids=["orbits", "whole frames"])
def test_a_set_in_bfloat16_has_the_rows_of_one_in_float32_to_rounding(small_config, settings, processor, changes):
    processor("avx512_bf16")
    config = small_config.model_copy(update=changes)
    exact, rounded = (ActivationSet.open(extract(c, settings), settings) for c in (config, in_bfloat16(config)))
    assert exact.key != rounded.key
    assert "precision" not in config.model_dump()
    assert rounded.config.precision == "bfloat16"
    assert_frame_equal(exact.plan.rows, rounded.plan.rows)
    exact_nd, rounded_nd = (torch.cat([a.read(s.index) for s in a.shards]).flatten(0, 1) for a in (exact, rounded))
    assert 1e-6 < unexplained(exact_nd, rounded_nd) < 0.01
    assert torch.equal(rounded_nd, rounded_nd.bfloat16().half())  # 8 bits: the network's results were rounded


@pytest.mark.parametrize("names", [(), ("avx2", "avx512_f", "neon")])
def test_a_processor_without_it_is_refused_before_anything_is_written(small_config, settings, processor, names):
    processor(*names)
    with pytest.raises(UserError, match=r"precision=bfloat16 needs a processor .*: use float32$") as refusal:
        plan(in_bfloat16(small_config), settings)
    assert "\n" not in str(refusal.value)
    assert not settings.activations_dir.exists()
    check_precision("float32")


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_any_of_the_instructions_will_do(processor, name):
    processor(name)
    check_precision("bfloat16")


def test_so_is_another_machine_that_gets_a_shard(small_config, settings, processor):
    processor("avx512_bf16")
    key = plan(in_bfloat16(small_config), settings).key
    processor()
    with pytest.raises(UserError, match="precision=bfloat16 needs"):
        extract_shard(key, 0, settings)
    assert not list((settings.activations_dir / key).glob("shard-*"))
