"""Formats of a shard's numbers: each against its definition, and what is read back from a set stored in it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from flows.config import read_config
from tasks.activations.extract import ExtractionConfig, extract, extract_shard, plan
from tasks.activations.number_formats import check_format, computed_as, decode, encode, largest
from tasks.activations.shards import ActivationSet
from tasks.errors import UserError
from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.scales import ScaleRange

HALF = 2.0**-11
"""Largest relative error of rounding to half precision."""
GROUPS = st.builds(DihedralGroup, st.integers(2, 13), st.booleans())


def random_acts(group: DihedralGroup, seed: int, orbits: int = 3, channels: int = 4) -> torch.Tensor:
    """Float32 [orbits, |G|, channels] of sizes between 0.001 and 1000."""
    rng = np.random.default_rng(seed)
    acts = rng.standard_normal((orbits, group.order, channels)) * 10.0 ** rng.uniform(-3, 3, (orbits, 1, channels))
    return torch.from_numpy(acts).float()


def read_back(acts_rgc: torch.Tensor, number_format: str, group: DihedralGroup) -> torch.Tensor:
    return decode(encode(acts_rgc, number_format, group), number_format, group)


def low_passed(acts_rgc: torch.Tensor, group: DihedralGroup, order: int) -> torch.Tensor:
    """The plain reference: NumPy's FFT over the rotations, and over the reflections if there are any."""
    halves = np.split(acts_rgc.double().numpy(), group.order // group.n_rotations, axis=1)
    spectra = [np.fft.rfft(half, axis=1) for half in halves]
    for spectrum in spectra:
        spectrum[:, order + 1 :] = 0
    return torch.from_numpy(np.concatenate([np.fft.irfft(s, group.n_rotations, axis=1) for s in spectra], axis=1))


numbers = st.floats(-1e6, 1e6, width=32)


@given(arrays.arrays(np.float32, st.tuples(st.integers(1, 4), st.just(6), st.integers(1, 3)), elements=numbers))
def test_int8_changes_an_activation_by_at_most_half_a_step_of_its_channel(acts):
    acts_rgc, group = torch.from_numpy(acts), DihedralGroup(3)
    stored = encode(acts_rgc, "int8", group)
    assert (stored["acts"].dtype, stored["step_c"].dtype) == (torch.int8, torch.float32)
    step_c = acts_rgc.double().abs().amax((0, 1)) / 127
    error_rgc = (decode(stored, "int8", group).double() - acts_rgc.double()).abs()
    # float32 rounds the step, the quotient and the product; below the smallest normal number it is coarser
    assert (error_rgc <= step_c / 2 * (1 + 1e-4) + 1e-37).all()


def test_a_channel_that_never_fires_stays_zero_in_int8():
    acts_rgc = torch.tensor([0.0, 0.0, -3.0, 3.0]).reshape(1, 2, 2).transpose(1, 2)
    assert torch.equal(read_back(acts_rgc, "int8", DihedralGroup(2, reflections=False)), acts_rgc)


@given(GROUPS, st.integers(0, 2**32), st.integers(0, 6))
def test_fourier_keeps_the_waves_up_to_its_order_of_rotations_and_of_reflections(group, seed, order):
    order = min(order, group.n_rotations // 2)
    acts_rgc = random_acts(group, seed)
    stored = encode(acts_rgc, f"fourier-{order}", group)["coefficients"]
    waves = 2 * order + 1 - (2 * order == group.n_rotations)
    assert stored.shape == (3, waves * group.order // group.n_rotations, 4)
    assert stored.dtype == torch.float16
    error_rgc = decode({"coefficients": stored}, f"fourier-{order}", group) - low_passed(acts_rgc, group, order)
    # the basis is orthonormal: the coefficients' rounding is the error over the orbit
    assert (error_rgc.norm(dim=1) <= HALF * 1.01 * acts_rgc.norm(dim=1) + 1e-5).all()


@given(GROUPS, st.integers(0, 2**32))
def test_fourier_of_the_highest_order_is_exact_up_to_half_precision(group, seed):
    acts_rgc = random_acts(group, seed)
    error_rgc = read_back(acts_rgc, f"fourier-{group.n_rotations // 2}", group) - acts_rgc
    assert (error_rgc.norm(dim=1) <= HALF * 1.01 * acts_rgc.norm(dim=1) + 1e-5).all()


@given(GROUPS, st.integers(0, 2**32), st.data())
def test_another_transform_in_the_place_of_the_identity_gives_the_same_waves(group, seed, data):
    """Orbit reuse of a band-limited orbit is the band limit of the reused orbit, also under reflections."""
    order = data.draw(st.integers(0, group.n_rotations // 2))
    turned = torch.from_numpy(group.reuse_permutation(data.draw(st.integers(0, group.order - 1))))
    acts_rgc = random_acts(group, seed)
    one = read_back(acts_rgc[:, turned], f"fourier-{order}", group)
    other = read_back(acts_rgc, f"fourier-{order}", group)[:, turned]
    assert ((one - other).norm(dim=1) <= 2 * HALF * 1.01 * acts_rgc.norm(dim=1) + 2e-5).all()


@given(GROUPS, st.integers(0, 2**32))
def test_what_is_called_storable_is_stored_finite(group, seed):
    for number_format in ("float16", "float32", "int8", f"fourier-{group.n_rotations // 2}"):
        signs = torch.from_numpy(np.random.default_rng(seed).choice([-1.0, 1.0], (2, group.order, 3))).float()
        acts_rgc = signs * largest(number_format, group)
        stored_rgc = acts_rgc.to(computed_as(number_format))
        assert read_back(stored_rgc, number_format, group).isfinite().all()


@pytest.mark.parametrize("number_format", ["float32", "int8", "fourier-1", "fourier-0"])
def test_a_set_is_read_back_as_its_format_says(number_format, small_config, small_template, settings):
    config = ExtractionConfig.model_validate(small_config.model_dump() | {"storage": number_format})
    key = extract(config, settings)
    half, found = ActivationSet.open(*small_template), ActivationSet.open(key, settings)
    assert (key != half.key, found.config.storage) == (True, number_format)
    group, order = found.group, {"fourier-0": 0, "fourier-1": 1}.get(number_format)
    for info, before in zip(found.shards, half.shards, strict=True):
        assert found.rows(info.index).equals(half.rows(before.index))
        acts_rgc, half_rgc = found.read(info.index), half.read(info.index).float()
        assert (acts_rgc.dtype, acts_rgc.shape) == (torch.float32, half_rgc.shape)
        if number_format == "float32":
            assert torch.equal(acts_rgc.half().float(), half_rgc)
            assert not torch.equal(acts_rgc, half_rgc)
        elif number_format == "int8":
            step_c = half_rgc.abs().amax((0, 1)) / 127
            assert ((acts_rgc - half_rgc).abs() <= step_c * 0.5 + half_rgc.abs() * 2 * HALF + 1e-6).all()
            assert info.bytes < 0.7 * before.bytes
        else:
            expected_rgc = low_passed(half_rgc, group, order)
            assert ((acts_rgc - expected_rgc).norm(dim=1) <= 3 * HALF * half_rgc.norm(dim=1) + 1e-5).all()


def test_numbers_beyond_half_precision_fit_into_float32(small_config, settings, monkeypatch):
    from tasks.activations import extract as extraction

    class Large:
        side = 5  # patches small enough for every position

        def __call__(self, patches):
            return torch.full((len(patches), 96), 70_000.0)

    monkeypatch.setattr(extraction, "_extractor", lambda *_: Large())
    for number_format in ("float32", "int8"):
        planned = plan(small_config.model_copy(update={"storage": number_format}), settings)
        extract_shard(planned.key, 0, settings)
    refused = plan(small_config.model_copy(update={"storage": "fourier-1"}), settings)
    with pytest.raises(UserError, match=r"reaches 7e\+04, but shards of fourier-1 hold numbers up to 37819: set"):
        extract_shard(refused.key, 0, settings)


def test_a_set_in_half_precision_is_stored_as_before(small_config):
    assert "storage" not in small_config.model_dump(mode="json")
    assert ExtractionConfig.model_validate(small_config.model_dump()).storage == "float16"
    stored = small_config.model_copy(update={"storage": "int8"}).model_dump(mode="json")
    assert ExtractionConfig.model_validate(stored).storage == "int8"


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["storage=int4"], "storage = int4 is unknown: set float16, float32, int8 or fourier-K, as fourier-4"),
        (["storage=fourier-04"], "storage = fourier-04 is unknown"),
        (["storage=fourier-9"], "storage = fourier-9 is more than 16 rotations can represent: set at most fourier-8"),
        (["storage=fourier-3", "n_rotations=5"], "storage = fourier-3 is more than 5 .* at most fourier-2"),
        (["storage=fourier-0", "n_rotations=1", "reflections=false"], "storage = fourier-0 is for rotations, and here"),
        (["storage=fourier-0", "n_rotations=1"], "storage = fourier-0 is for rotations, and here are none"),
        (["storage=fourier-1", "transformations=scale"], "storage = fourier-1 is for rotations, and here are none"),
    ],
)
def test_a_format_that_does_not_fit_is_one_line(assignments, message):
    with pytest.raises(UserError, match=message) as refused:
        read_config(ExtractionConfig, None, assignments)
    assert "\n" not in str(refused.value)


def test_hue_has_fourier_coefficients_and_scale_none():
    hue = ExtractionConfig(transformations="hue", n_rotations=4, storage="fourier-2")
    check_format(hue.storage, hue.group)
    with pytest.raises(UserError, match="for rotations"):
        check_format("fourier-2", ScaleRange(1, 4))
