"""Shares of the representations against projections built from characters, and the laws that they must obey."""

import numpy as np
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.dimensions.harmonics import IrrepEnergies
from tasks.symmetry.fourier import fourier_basis
from tasks.symmetry.group import DihedralGroup

GROUPS = st.builds(DihedralGroup, st.integers(1, 9), st.booleans())


def shares(group: DihedralGroup, *batches_rgk: np.ndarray) -> polars.DataFrame:
    energies = IrrepEnergies(group, batches_rgk[0].shape[-1])
    for batch_rgk in batches_rgk:
        energies.add(batch_rgk)
    return energies.shares()


def share_table(found: polars.DataFrame) -> dict[str, list[float]]:
    return {irrep: rows["share"].to_list() for (irrep,), rows in found.group_by("irrep", maintain_order=True)}


def random_scores(group: DihedralGroup, seed: int, orbits: int = 5, dimensions: int = 3) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(orbits, group.order, dimensions)) + generator.normal(size=dimensions)


def characters(group: DihedralGroup) -> dict[str, list[tuple[int, np.ndarray]]]:
    """irrep -> (dimension, character [|G|]) of the real irreducible representations under that name.

    D_n from the textbook's table; of C_n's E_k the two complex ones, k and −k.
    """
    n, turn = group.n_rotations, np.arange(group.n_rotations)
    alternating = (-1.0) ** turn

    def of_dihedral(rotations, reflections):
        return np.concatenate([rotations, reflections * np.ones(n)]) if group.reflections else rotations

    table = {"A1": [(1, of_dihedral(np.ones(n), 1))]}
    if group.reflections:
        table["A2"] = [(1, of_dihedral(np.ones(n), -1))]
    for k in range(1, (n - 1) // 2 + 1):
        if group.reflections:
            table[f"E{k}"] = [(2, of_dihedral(2 * np.cos(2 * np.pi * k * turn / n), 0))]
        else:
            table[f"E{k}"] = [(1, np.exp(sign * 2j * np.pi * k * turn / n)) for sign in (1, -1)]
    if n % 2 == 0:
        signs = (1, -1) if group.reflections else (1,)
        table["B"] = [(1, of_dihedral(alternating, sign * alternating)) for sign in signs]
    return table


def by_projection(group: DihedralGroup, scores_rgk: np.ndarray) -> dict[str, list[float]]:
    """P_χ = d_χ / |G| Σ_g χ(g)* ρ(g) with (ρ(g) f)(h) = f(g⁻¹ h), applied to the scores less their mean."""
    translations_ghh = np.zeros((group.order,) * 3)
    for g in group.elements:
        for h in group.elements:
            translations_ghh[g, h, group.compose(group.inverse(g), h)] = 1
    centred_rgk = scores_rgk - scores_rgk.mean((0, 1))
    energy = {}
    for irrep, members in characters(group).items():
        projection_hh = sum(
            size / group.order * np.einsum("g,ghi->hi", character.conj(), translations_ghh)
            for size, character in members
        )
        energy[irrep] = (np.abs(np.einsum("hi,rik->rhk", projection_hh, centred_rgk)) ** 2).sum((0, 1))
    total_k = (centred_rgk**2).sum((0, 1))
    return {irrep: (energy_k / total_k).tolist() for irrep, energy_k in energy.items()}


@given(GROUPS, st.integers(0, 100))
def test_shares_are_those_of_the_characters_projections_and_sum_to_1(group, seed):
    scores_rgk = random_scores(group, seed)
    found = shares(group, scores_rgk)
    expected = by_projection(group, scores_rgk)
    assert share_table(found).keys() == expected.keys()
    for irrep, share_k in share_table(found).items():
        np.testing.assert_allclose(share_k, expected[irrep], atol=1e-12)
    np.testing.assert_allclose(found.group_by("dimension").agg(polars.col("share").sum())["share"], 1)


@given(GROUPS, st.integers(0, 100), st.data())
def test_no_transform_of_the_orbit_leads_out_of_a_representation(group, seed, data):
    scores_rgk = random_scores(group, seed)
    expected = share_table(shares(group, scores_rgk))
    h = data.draw(st.sampled_from(group.elements.tolist()))
    for moved in (group.compose(h, group.elements), group.compose(group.elements, h)):
        for irrep, share_k in share_table(shares(group, scores_rgk[:, moved])).items():
            np.testing.assert_allclose(share_k, expected[irrep], atol=1e-12)


@given(GROUPS, st.integers(0, 100), st.lists(st.integers(0, 7), max_size=3), st.floats(-1e3, 1e3))
def test_batches_and_an_added_constant_make_no_difference(group, seed, cuts, constant):
    scores_rgk = random_scores(group, seed, orbits=7)
    whole = shares(group, scores_rgk)
    batches = np.split(scores_rgk + constant, sorted(cuts))
    np.testing.assert_allclose(shares(group, *batches)["share"], whole["share"], atol=1e-9)


@pytest.mark.parametrize("reflections", [True, False])
@pytest.mark.parametrize("n", [8, 9])
def test_a_band_of_harmonics_has_their_representations_and_no_others(n, reflections):
    group = DihedralGroup(n, reflections)
    coefficients_rq = np.random.default_rng(0).normal(size=(6, fourier_basis(group, 2).shape[1]))
    found = shares(group, (coefficients_rq @ fourier_basis(group, 2).T)[..., None])
    above = found.filter(polars.col("waves_per_turn") > 2)["share"]
    assert len(above) > 0
    np.testing.assert_allclose(above, 0, atol=1e-12)
    assert (found.filter(polars.col("waves_per_turn") <= 2)["share"] > 1e-3).all()


def test_a_bar_makes_two_waves_a_turn_a_level_none_and_handedness_turns_with_the_mirror():
    group = DihedralGroup(8)
    angle_g, mirrored_g = group.rotation_degrees(group.elements), group.is_reflection(group.elements)
    at_r1 = np.random.default_rng(1).uniform(0, 180, size=(9, 1))
    # the left-right mirror of a bar at some angle stands at 180° less that
    bar_rg = np.cos(np.radians(2 * (angle_g + np.where(mirrored_g, 180 - at_r1, at_r1))))
    level_rg = at_r1 + 0 * bar_rg
    handed_rg = at_r1 * np.where(mirrored_g, -1, 1)
    scores_rgk = np.stack([bar_rg, level_rg, handed_rg, bar_rg + handed_rg], axis=-1)
    found = shares(group, scores_rgk).filter(polars.col("share") > 1e-9).select("dimension", "irrep", "waves_per_turn")
    assert found.rows() == [(0, "E2", 2), (1, "A1", 0), (2, "A2", 0), (3, "A2", 0), (3, "E2", 2)]


@pytest.mark.parametrize("value", [0.0, 0.1, -1e5])
def test_a_score_that_never_changes_is_the_same_under_the_whole_group(value):
    constant_rgk = np.full((4, 10, 1), value)
    assert share_table(shares(DihedralGroup(5), constant_rgk, constant_rgk)) == {
        "A1": [1.0], "A2": [0.0], "E1": [0.0], "E2": [0.0],
    }  # fmt: skip
