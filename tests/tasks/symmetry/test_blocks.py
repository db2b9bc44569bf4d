import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import UserError
from tasks.settings import ROOT
from tasks.symmetry import blocks as block_analysis
from tasks.symmetry.blocks import (
    analyse_blocks,
    best_mirror,
    block_norms,
    block_profiles,
    profile_harmonics,
    stabiliser,
    stabiliser_name,
    symmetry_tables,
    type_name,
)
from tasks.symmetry.group import DihedralGroup
from tests.planted import KINDS, mirrored_blocks, planted_blocks, unstructured_blocks, with_noise

ROTATIONS = [1, 2, 3, 5, 8, 12, 32]
STATED_NOISE = 1.0
"""Norm of the noise over the norm of the signal up to which 95 % of types must be right, from 8 rotations on."""


def kinds_on(group):
    """The planted kinds whose fold fits the group's grid and is not all of it."""
    n = group.n_rotations
    return {name: kind for name, kind in KINDS.items() if kind.fold == 0 or (n % kind.fold == 0 and kind.fold < n)}


def types_of(found, group):
    return [type_name(k, group) for k in found.rotation_symmetry]


def names_of(found, group):
    return [stabiliser_name(members, group) for members in found.stabilisers]


@st.composite
def group_and_blocks(draw):
    group = DihedralGroup(draw(st.integers(1, 12)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(list(kinds_on(group).values())))
    noise = draw(st.sampled_from([0.0, 0.5, 1.5, 5.0]))
    return group, planted_blocks(kind, group, 3, rng, noise)


def is_subgroup(members, group):
    elements = np.flatnonzero(members)
    return members[0] and members[group.cayley[np.ix_(elements, elements)]].all()


@pytest.mark.parametrize("n_rotations", [8, 12, 16, 32])
@pytest.mark.parametrize("noise", [0.0, 0.5, STATED_NOISE])
def test_planted_types_are_found_up_to_the_stated_noise(n_rotations, noise):
    group = DihedralGroup(n_rotations)
    right = []
    for kind in kinds_on(group).values():
        found = analyse_blocks(planted_blocks(kind, group, 24, np.random.default_rng(1), noise), group)
        right += [name == kind.type for name in types_of(found, group)]
    assert np.mean(right) >= 0.95


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("n_rotations", [12, 24])
def test_planted_features_on_the_grid_give_period_order_stabiliser_and_mirror(kind, n_rotations):
    group = DihedralGroup(n_rotations)
    found = analyse_blocks(planted_blocks(kind, group, 12, np.random.default_rng(2), 0.25, on_grid=True), group)
    assert set(types_of(found, group)) == {kind.type}
    assert set(names_of(found, group)) == {kind.stabiliser(n_rotations)}
    assert set(found.rotational_orders) == {kind.fold}
    if kind.chiral:
        assert found.mirror.max() < 0.75
    else:
        assert found.mirror.min() > 0.85
        assert found.stabilisers[np.arange(12), found.mirror_elements].mean() > 0.9
    if kind.type == "invariant" and not kind.chiral:
        assert found.invariance.min() > 0.9


@pytest.mark.parametrize("n_rotations", [2, 3, 4, 5])
def test_small_groups_read_clean_features_off_their_exact_symmetries(n_rotations):
    group = DihedralGroup(n_rotations)
    for kind in kinds_on(group).values():
        found = analyse_blocks(planted_blocks(kind, group, 8, np.random.default_rng(3), 0.05, on_grid=True), group)
        assert set(names_of(found, group)) == {kind.stabiliser(n_rotations)}


def test_one_rotation_knows_the_mirror_only():
    group = DihedralGroup(1)
    same = np.ones((1, 2, 4), np.float32)
    unlike = np.eye(2, 4, dtype=np.float32)[None]
    found = analyse_blocks(np.concatenate([same, unlike]), group)
    assert types_of(found, group) == ["period-360", "mixed"]
    assert names_of(found, group) == ["full", "trivial"]
    np.testing.assert_array_equal(found.harmonics, [[1.0], [1.0]])
    np.testing.assert_array_equal(found.rotational_orders, [0, 0])


@pytest.mark.parametrize("n_rotations", [8, 32])
def test_unstructured_features_are_mixed_and_trivial(n_rotations):
    group = DihedralGroup(n_rotations)
    found = analyse_blocks(unstructured_blocks(group, 20, np.random.default_rng(4)), group)
    assert set(types_of(found, group)) == {"mixed"}
    assert set(names_of(found, group)) == {"trivial"}
    assert found.confidence.min() > 0.9
    assert np.abs(found.invariance - 1 / group.order).max() < 0.05


@pytest.mark.parametrize("noise", [0.0, 0.5, STATED_NOISE])
def test_a_lone_mirror_is_found_with_its_element(noise):
    group, mirror = DihedralGroup(16), 21
    found = analyse_blocks(mirrored_blocks(group, 20, mirror, np.random.default_rng(5), noise), group)
    assert set(types_of(found, group)) == {"period-360"}
    assert set(names_of(found, group)) == {"D_1"}
    assert set(found.mirror_elements) == {mirror}
    assert found.stabilisers[:, mirror].all()


@pytest.mark.parametrize("n_rotations", [8, 32])
def test_confidence_falls_as_noise_rises_and_high_confidence_is_right(n_rotations):
    group = DihedralGroup(n_rotations)
    support, sure_and_right = [], []
    for noise in (0.0, 1.0, 1.25, 1.5, 2.0):
        right, confidence = [], []
        for kind in kinds_on(group).values():
            found = analyse_blocks(planted_blocks(kind, group, 12, np.random.default_rng(6), noise), group)
            right += [name == kind.type for name in types_of(found, group)]
            confidence += list(found.confidence)
        right, confidence = np.array(right), np.array(confidence)
        support.append(np.where(right, confidence, 1 - confidence).mean())
        if noise <= STATED_NOISE:
            sure_and_right += list(right[confidence >= 0.8])
    assert support == sorted(support, reverse=True)
    assert support[0] > 0.98
    assert support[-1] < 0.3
    assert np.mean(sure_and_right) >= 0.98


def test_confidence_dips_where_a_curve_turns_into_a_line():
    group, rng = DihedralGroup(24), np.random.default_rng(7)
    curve = planted_blocks(KINDS["curve"], group, 30, rng, least_sharpness=3)
    opposite = curve[:, group.reuse_permutation(group.n_rotations // 2)]
    shares = np.linspace(0, 1, 11)
    found = [analyse_blocks(curve + share * opposite, group) for share in shares]
    types = [types_of(at, group) for at in found]
    confidence = np.array([at.confidence.mean() for at in found])
    assert set(types[0]) == {"period-360"}
    assert set(types[-1]) == {"period-180"}
    assert confidence[[0, -1]].min() > 0.95
    assert confidence.min() < 0.8


def test_noise_is_told_from_tuning_by_the_ceiling():
    """With noise as large as the signal no block reaches τ beside another, yet the line is found."""
    group = DihedralGroup(32)
    found = analyse_blocks(planted_blocks(KINDS["line"], group, 20, np.random.default_rng(8), 1.0), group)
    assert found.similarity[:, 1:].max() < block_analysis.SIMILARITY_THRESHOLD
    assert set(types_of(found, group)) == {"period-180"}


@settings(max_examples=25, deadline=None)
@given(group_and_blocks(), st.integers(-40, 40))
def test_scaling_the_blocks_changes_only_the_norms(drawn, exponent):
    group, blocks = drawn
    factor = np.float32(2.0**exponent)  # a power of two: no rounding, so equality is exact
    found, scaled = vars(analyse_blocks(blocks, group)), vars(analyse_blocks(blocks * factor, group))
    np.testing.assert_array_equal(scaled.pop("norms"), found.pop("norms") * factor)
    for name, values in found.items():
        np.testing.assert_array_equal(scaled[name], values)


@settings(max_examples=25, deadline=None)
@given(group_and_blocks())
def test_stabilisers_and_shares_keep_their_laws(drawn):
    group, blocks = drawn
    found = analyse_blocks(blocks, group)
    assert all(is_subgroup(members, group) for members in found.stabilisers)
    np.testing.assert_allclose(found.harmonics.sum(axis=1), 1.0)
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
    decided = found.rotation_symmetry > 0
    rotations_kept = found.stabilisers[:, : group.n_rotations].sum(axis=1)
    np.testing.assert_array_equal(found.rotation_symmetry[decided], rotations_kept[decided])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 24), st.booleans(), st.integers(0, 2**32 - 1), st.floats(-1, 1))
def test_what_is_read_out_of_any_set_is_a_subgroup_inside_it(n_rotations, reflections, seed, threshold):
    group = DihedralGroup(n_rotations, reflections)
    similarity = np.random.default_rng(seed).uniform(-1, 1, (6, group.order))
    similarity[:, 0] = 1.0
    members = stabiliser(similarity, group, threshold)
    assert all(is_subgroup(row, group) for row in members)
    assert (similarity[members] >= threshold).all()


@pytest.mark.parametrize("n_rotations", [1, 2, 3, 4, 6, 12])
def test_every_subgroup_is_read_back_from_its_own_similarity(n_rotations):
    group = DihedralGroup(n_rotations)
    n = n_rotations
    for k in (k for k in range(1, n + 1) if n % k == 0):
        rotations = np.arange(0, n, n // k)
        for reflections in [np.array([], int), *(n + axis + rotations for axis in range(n // k))]:
            members = np.isin(group.elements, [*rotations, *reflections])
            assert is_subgroup(members, group)
            read = stabiliser(np.where(members, 1.0, 0.5)[None], group, 0.85)[0]
            np.testing.assert_array_equal(read, members)
            named = "D" if len(reflections) else "C"
            expected = {f"C_{1}": "trivial", f"D_{n}": "full"}.get(f"{named}_{k}", f"{named}_{k}")
            assert stabiliser_name(members, group) == expected


@pytest.mark.parametrize("n_rotations", ROTATIONS)
def test_norms_profile_and_similarity_equal_the_plain_loops(n_rotations):
    group, rng = DihedralGroup(n_rotations), np.random.default_rng(9)
    blocks = rng.standard_normal((2, group.order, 6)).astype(np.float32)
    found = analyse_blocks(blocks, group)
    for feature, of in enumerate(blocks.astype(float)):
        for g in group.elements:
            assert found.norms[feature, g] == pytest.approx(np.linalg.norm(of[g]))
            cosine = of[0] @ of[g] / (np.linalg.norm(of[0]) * np.linalg.norm(of[g]))
            assert found.profiles[feature, g] == pytest.approx(cosine)
            pairs = [(of[h], of[group.compose(h, g)]) for h in group.elements]
            dots = sum(left @ right for left, right in pairs)
            norms = sum(np.linalg.norm(left) * np.linalg.norm(right) for left, right in pairs)
            assert found.similarity[feature, g] == pytest.approx(dots / norms)


@pytest.mark.parametrize("n_rotations", ROTATIONS)
def test_harmonics_equal_the_whole_fourier_transform(n_rotations):
    group = DihedralGroup(n_rotations)
    profiles = np.random.default_rng(10).uniform(-1, 1, (4, group.order))
    energy = np.abs(np.fft.fft(profiles[:, :n_rotations])) ** 2
    expected = np.zeros((4, n_rotations // 2 + 1))
    for k in range(n_rotations):
        expected[:, min(k, n_rotations - k)] += energy[:, k]
    expected /= energy.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(profile_harmonics(profiles, group), expected, atol=1e-12)


def test_a_cosine_profile_has_its_energy_in_its_own_harmonic():
    group = DihedralGroup(16)
    profile = np.cos(3 * np.radians(group.rotation_degrees(group.elements)))[None]
    np.testing.assert_allclose(profile_harmonics(profile, group), [np.eye(9)[3]], atol=1e-12)
    assert best_mirror(profile, group) == (pytest.approx([1.0]), [16])


@settings(max_examples=25, deadline=None)
@given(group_and_blocks(), st.integers(0, 23))
def test_orbit_reuse_conjugates_the_similarity_and_keeps_the_type(drawn, choice):
    """x' = g0·x has blocks d'^g = d^(g g0), hence s'(g) = s(g0⁻¹ g g0): turning the feature leaves its type."""
    group, blocks = drawn
    g0 = choice % group.order
    found = analyse_blocks(blocks, group)
    reused = analyse_blocks(blocks[:, group.reuse_permutation(g0)], group)
    conjugate = group.compose(group.compose(group.inverse(g0), group.elements), g0)
    np.testing.assert_allclose(reused.similarity, found.similarity[:, conjugate], atol=1e-9)
    np.testing.assert_allclose(reused.profiles, block_profiles(blocks[:, group.reuse_permutation(g0)]))
    sure = (found.confidence > 0.95) & (reused.confidence > 0.95)
    np.testing.assert_array_equal(reused.rotation_symmetry[sure], found.rotation_symmetry[sure])


def test_chunks_do_not_show_in_the_result(monkeypatch):
    group = DihedralGroup(8)
    blocks = planted_blocks(KINDS["cross"], group, 11, np.random.default_rng(11), 0.5)
    whole = analyse_blocks(blocks, group)
    monkeypatch.setattr(block_analysis, "CHUNK_BYTES", 8 * group.order * blocks.shape[2] * 4)
    for name, values in vars(analyse_blocks(blocks, group)).items():
        np.testing.assert_allclose(values, getattr(whole, name), atol=1e-12)


def test_zero_blocks_give_finite_rows():
    group = DihedralGroup(4)
    blocks = np.zeros((2, 8, 5), np.float32)
    blocks[1, 0] = 1.0  # expressed in the identity block only
    found = analyse_blocks(blocks, group)
    np.testing.assert_array_equal(block_norms(blocks)[1], [np.sqrt(5)] + [0] * 7)
    np.testing.assert_array_equal(found.profiles, [[1.0] + [0.0] * 7] * 2)
    assert types_of(found, group) == ["mixed", "mixed"]
    assert all(np.isfinite(values).all() for values in vars(found).values())


def test_tables_fill_the_schema_for_live_features_only():
    group = DihedralGroup(8)
    rng = np.random.default_rng(12)
    blocks = np.concatenate([
        planted_blocks(KINDS["line"], group, 2, rng, 0.1, on_grid=True),
        np.zeros((1, group.order, 192), np.float32),
        planted_blocks(KINDS["centre-surround"], group, 1, rng, 0.1),
        with_noise(unstructured_blocks(group, 1, rng), 0.1, rng),
    ])  # fmt: skip
    live = np.array([True, True, False, True, True])
    tables = symmetry_tables("a key", blocks, group, live)

    with duckdb.connect() as database:
        for part in ("01", "02", "03", "04"):
            (file,) = (ROOT / "sql" / "schema").glob(f"{part}_*.sql")
            database.execute(file.read_text())
        for table, rows in tables.items():
            described = database.execute(f"DESCRIBE {table}").fetchall()
            assert rows.columns == [row[0] for row in described]
            stored = database.execute("DESCRIBE SELECT * FROM rows").fetchall()
            assert [row[1] for row in stored] == [row[1] for row in described]

    assert tables["transform_blocks"].height == 4 * 16
    assert tables["feature_harmonics"].height == 4 * 5
    found = tables["feature_symmetry"]
    assert found["feature"].to_list() == [0, 1, 3, 4]
    assert found["type"].to_list() == ["period-180", "period-180", "invariant", "mixed"]
    assert found["period_degrees"].to_list() == [180.0, 180.0, None, None]
    assert found["stabiliser"].to_list() == ["D_2", "D_2", "full", "trivial"]
    assert found["stabiliser_order"].to_list() == [4, 4, 16, 1]
    turned = tables["transform_blocks"].row(16 + 11, named=True)
    assert [turned[name] for name in ("feature", "element", "rotation_degrees", "mirrored")] == [1, 11, 135.0, True]


@pytest.mark.parametrize("n_rotations", [8, 12, 16])
def test_without_reflections_types_are_read_as_with_them_and_there_is_no_mirror(n_rotations):
    group, rotations = DihedralGroup(n_rotations), DihedralGroup(n_rotations, reflections=False)
    for kind in kinds_on(group).values():
        blocks = planted_blocks(kind, group, 6, np.random.default_rng(11))[:, :n_rotations]
        found = symmetry_tables("key", blocks, rotations, np.ones(6, bool))["feature_symmetry"]
        assert set(found["type"]) == {kind.type}
        assert set(found["stabiliser"]) == {kind.stabiliser_of_rotations(n_rotations)}
        assert found["mirror"].null_count() == found["mirror_element"].null_count() == 6


def test_one_transform_has_no_symmetry_to_read():
    with pytest.raises(UserError, match="blocks of a single transform"):
        analyse_blocks(np.ones((2, 1, 4), np.float32), DihedralGroup(1, reflections=False))


def test_blocks_of_another_group_are_refused():
    with pytest.raises(UserError, match=r"\(2, 6, 4\).*expected \[features, 16, channels\]"):
        analyse_blocks(np.ones((2, 6, 4), np.float32), DihedralGroup(8))


def test_blocks_that_are_not_finite_are_refused_by_feature():
    blocks = np.ones((3, 16, 4), np.float32)
    blocks[2, 5, 1] = np.nan
    with pytest.raises(UserError, match="feature 2 are not finite"):
        analyse_blocks(blocks, DihedralGroup(8))
