import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import UserError
from tasks.symmetry.group import DihedralGroup

ROTATIONS = [1, 2, 3, 4, 5, 8, 12, 32]


@st.composite
def group_and_elements(draw, count):
    group = DihedralGroup(draw(st.integers(1, 48)), draw(st.booleans()))
    return group, *(draw(st.integers(0, group.order - 1)) for _ in range(count))


@pytest.mark.parametrize("reflections", [True, False])
@pytest.mark.parametrize("n_rotations", ROTATIONS)
def test_cayley_table_is_the_product_of_the_matrices(n_rotations, reflections):
    group = DihedralGroup(n_rotations, reflections)
    matrices = np.stack([group.matrix(g) for g in group.elements])
    products = np.einsum("gij,hjk->ghik", matrices, matrices)
    np.testing.assert_allclose(products, matrices[group.cayley], atol=1e-12)


@pytest.mark.parametrize("reflections", [True, False])
@pytest.mark.parametrize("n_rotations", ROTATIONS)
def test_elements_are_distinct_and_every_row_and_column_holds_each_once(n_rotations, reflections):
    group = DihedralGroup(n_rotations, reflections)
    assert group.order == (2 if reflections else 1) * n_rotations
    assert group.name == f"{'D' if reflections else 'C'}_{n_rotations}"
    assert group.is_reflection(group.elements).sum() == (n_rotations if reflections else 0)
    matrices = {tuple(np.round(group.matrix(g), 9).ravel() + 0.0) for g in group.elements}
    assert len(matrices) == group.order
    for row, column in zip(group.cayley, group.cayley.T, strict=True):
        assert sorted(row) == sorted(column) == list(range(group.order))


@given(group_and_elements(3))
def test_group_laws(drawn):
    group, g, h, k = drawn
    assert group.compose(group.compose(g, h), k) == group.compose(g, group.compose(h, k))
    assert group.compose(g, 0) == g == group.compose(0, g)
    assert group.compose(g, group.inverse(g)) == 0 == group.compose(group.inverse(g), g)
    assert group.is_reflection(group.compose(g, h)) == (group.is_reflection(g) != group.is_reflection(h))


@pytest.mark.parametrize("n_rotations", ROTATIONS)
def test_without_reflections_it_is_the_subgroup_of_the_rotations(n_rotations):
    whole, rotations = DihedralGroup(n_rotations), DihedralGroup(n_rotations, reflections=False)
    n = n_rotations
    np.testing.assert_array_equal(rotations.cayley, whole.cayley[:n, :n])
    np.testing.assert_array_equal(rotations.inverses, whole.inverses[:n])
    for g in rotations.elements:
        np.testing.assert_array_equal(rotations.matrix(g), whole.matrix(g))
        np.testing.assert_array_equal(rotations.reuse_permutation(g), whole.reuse_permutation(g)[:n])


def test_the_group_of_one_element_is_the_identity():
    group = DihedralGroup(1, reflections=False)
    assert (group.order, group.elements.tolist(), group.cayley.tolist()) == (1, [0], [[0]])
    np.testing.assert_array_equal(group.matrix(0), np.eye(2))


@given(group_and_elements(1))
def test_matrices_are_orthogonal_with_the_determinant_of_their_kind(drawn):
    group, g = drawn
    matrix = group.matrix(g)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(2), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(-1 if group.is_reflection(g) else 1)


def test_the_rotation_turns_counter_clockwise_and_the_mirror_swaps_left_and_right():
    group = DihedralGroup(4)
    np.testing.assert_array_equal(group.matrix(1) @ [1, 0], [0, 1])
    np.testing.assert_array_equal(group.matrix(4) @ [1, 0], [-1, 0])
    np.testing.assert_array_equal(group.matrix(4) @ [0, 1], [0, 1])
    np.testing.assert_array_equal(group.rotation_degrees(group.elements), [0, 90, 180, 270, 0, 90, 180, 270])


@given(group_and_elements(2))
def test_reusing_twice_is_reusing_once_by_the_product(drawn):
    group, g0, h0 = drawn
    orbit = np.random.default_rng(0).normal(size=(group.order, 3))
    # The orbit of h0·(g0·x), step by step, is the orbit of (h0 g0)·x.
    step_by_step = orbit[group.reuse_permutation(g0)][group.reuse_permutation(h0)]
    np.testing.assert_array_equal(step_by_step, orbit[group.reuse_permutation(group.compose(h0, g0))])


@given(group_and_elements(2))
def test_compose_works_on_arrays_as_on_single_elements(drawn):
    group, g, _ = drawn
    expected = [group.compose(g, h) for h in group.elements]
    np.testing.assert_array_equal(group.compose(g, group.elements), expected)
    np.testing.assert_array_equal(group.inverse(group.elements), [group.inverse(h) for h in group.elements])


@pytest.mark.parametrize("n_rotations", [0, -3])
def test_a_group_without_rotations_is_refused(n_rotations):
    with pytest.raises(UserError, match=rf"n_rotations = {n_rotations}\b"):
        DihedralGroup(n_rotations)


@given(group_and_elements(0), st.integers(1, 48))
def test_a_subgroup_multiplies_as_its_elements_do(group, n_rotations):
    [group] = group
    if group.n_rotations % n_rotations:
        with pytest.raises(
            UserError, match=f"does not divide the {group.n_rotations} rotations of {group.name}: choose 1"
        ):
            group.subgroup(n_rotations)
        return
    part, elements = group.subgroup(n_rotations)
    assert (part.n_rotations, part.reflections) == (n_rotations, group.reflections)
    np.testing.assert_array_equal(elements[part.cayley], group.cayley[elements[:, None], elements])
    for g, in_group in zip(part.elements, elements, strict=True):
        np.testing.assert_allclose(part.matrix(g), group.matrix(in_group), atol=1e-12)
