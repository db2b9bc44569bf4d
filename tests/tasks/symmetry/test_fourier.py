"""The basis against numpy's Fourier transform, and the laws it must keep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import UserError
from tasks.symmetry.fourier import fourier_basis, irreducible_representations
from tasks.symmetry.group import DihedralGroup


@st.composite
def groups_and_harmonics(draw):
    group = DihedralGroup(draw(st.integers(1, 40)), draw(st.booleans()))
    return group, draw(st.integers(0, group.n_rotations // 2))


@given(groups_and_harmonics())
def test_columns_are_orthonormal_and_as_many_as_said(drawn):
    group, harmonics = drawn
    basis_gq = fourier_basis(group, harmonics)
    nyquist = 2 * harmonics == group.n_rotations
    series = 1 + 2 * harmonics - nyquist
    assert basis_gq.shape == (group.order, series * (2 if group.reflections else 1))
    np.testing.assert_allclose(basis_gq.T @ basis_gq, np.eye(basis_gq.shape[1]), atol=1e-12)


@given(groups_and_harmonics())
def test_projecting_is_cutting_off_the_fourier_transform_of_each_half(drawn):
    group, harmonics = drawn
    basis_gq = fourier_basis(group, harmonics)
    values_g = np.random.default_rng(0).normal(size=group.order)
    spectrum = np.fft.rfft(values_g.reshape(-1, group.n_rotations), axis=1)
    spectrum[:, harmonics + 1 :] = 0
    expected = np.fft.irfft(spectrum, n=group.n_rotations, axis=1).ravel()
    np.testing.assert_allclose(basis_gq @ (basis_gq.T @ values_g), expected, atol=1e-12)


@given(groups_and_harmonics())
def test_the_band_is_the_same_seen_from_any_element(drawn):
    """An orbit that starts elsewhere is as band-limited: orbit reuse stays within the band."""
    group, harmonics = drawn
    basis_gq = fourier_basis(group, harmonics)
    projection_gg = basis_gq @ basis_gq.T
    for g0 in group.elements:
        reuse = group.reuse_permutation(g0)
        np.testing.assert_allclose(projection_gg[reuse][:, reuse], projection_gg, atol=1e-12)


@pytest.mark.parametrize("group", [DihedralGroup(5), DihedralGroup(8, reflections=False), DihedralGroup(1)])
def test_all_harmonics_are_complete_and_more_are_refused(group):
    most = group.n_rotations // 2
    assert fourier_basis(group, most).shape == (group.order, group.order)
    with pytest.raises(
        UserError, match=f"harmonics = {most + 1} is more than {group.n_rotations} rotations can represent"
    ):
        fourier_basis(group, most + 1)


@given(st.integers(1, 12), st.booleans())
def test_representations_keep_the_group_law_and_their_entries_are_a_unitary_basis(n, reflections):
    group = DihedralGroup(n, reflections)
    functions = []
    for matrices_gij in irreducible_representations(group):
        for g in group.elements:
            products_hij = matrices_gij[g] @ matrices_gij
            np.testing.assert_allclose(products_hij, matrices_gij[group.cayley[g]], atol=1e-12)
        dimension = matrices_gij.shape[1]
        functions.append(np.sqrt(dimension / group.order) * matrices_gij.reshape(group.order, -1))
    basis_gq = np.concatenate(functions, axis=1)
    assert basis_gq.shape == (group.order, group.order)
    np.testing.assert_allclose(basis_gq.conj().T @ basis_gq, np.eye(group.order), atol=1e-12)
    np.testing.assert_array_equal(irreducible_representations(group)[0].ravel(), np.ones(group.order))
