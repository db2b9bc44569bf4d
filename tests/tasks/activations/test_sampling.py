import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.activations.sampling import assign_shards, choose_positions, choose_test, spread
from tasks.errors import UserError


@given(st.integers(1, 500), st.integers(1, 60))
def test_orbits_are_spread_evenly(orbits, images):
    counts = spread(orbits, images)
    assert counts.sum() == orbits
    assert counts.max() - counts.min() <= 1


@given(st.lists(st.integers(0, 8), min_size=2, max_size=60), st.floats(0.01, 0.5), st.integers(0, 99))
def test_no_origin_stands_on_both_sides_of_the_split(numbers, test_share, seed):
    origins = [f"photograph {number}" for number in numbers]
    rng = np.random.default_rng(seed)
    if len(set(origins)) == 1:
        with pytest.raises(UserError, match="can't be split"):
            choose_test(origins, test_share, rng)
        return
    test = choose_test(origins, test_share, rng)
    assert 0 < test.sum() < len(origins)
    sides = {(origin, bool(side)) for origin, side in zip(origins, test, strict=True)}
    assert len(sides) == len(set(origins))


def test_the_test_split_has_its_share():
    origins = [f"photograph {number}" for number in range(200)]
    assert choose_test(origins, 0.1, np.random.default_rng(0)).sum() == 20
    assert choose_test(origins, 0, np.random.default_rng(0)).sum() == 0


@given(st.integers(1, 300), st.integers(0, 300), st.integers(1, 50))
def test_a_shard_is_full_but_for_the_last_of_its_split_and_never_both_train_and_test(train, test, orbits_per_shard):
    shards = assign_shards(train, test, orbits_per_shard)
    assert (np.diff(shards) >= 0).all()
    assert (np.diff(shards) <= 1).all()
    train_sizes = np.bincount(shards[:train])
    test_sizes = np.bincount(shards[train:])[len(train_sizes) :]
    assert train_sizes.sum() + test_sizes.sum() == train + test
    for sizes in filter(len, (train_sizes, test_sizes)):
        assert (sizes[:-1] == orbits_per_shard).all()
        assert 0 < sizes[-1] <= orbits_per_shard


@given(st.integers(1, 25), st.integers(0, 2**31 - 1), st.binary(min_size=32, max_size=32), st.booleans())
def test_positions_are_different_units_and_follow_from_seed_and_image(count, seed, digest, by_norm):
    units = np.arange(3, 8), np.arange(1, 7)
    norms_yx = np.random.default_rng(1).random((5, 6)) if by_norm else None
    chosen = choose_positions(count, units, norms_yx, digest.hex(), seed)
    assert len(np.unique(chosen, axis=0)) == len(chosen) == count
    assert all(np.isin(along, of_axis).all() for along, of_axis in zip(chosen.T, units, strict=True))
    np.testing.assert_array_equal(chosen, choose_positions(count, units, norms_yx, digest.hex(), seed))


@pytest.mark.parametrize("norms_yx", [None, np.array([[0.0, 1.0], [2.0, 5.0]])])
def test_a_position_is_drawn_as_often_as_its_norm_says(norms_yx):
    draws = 4000
    counts = np.zeros((2, 2))
    for image in range(draws):
        y, x = choose_positions(1, (np.arange(2),) * 2, norms_yx, f"{image:064x}", seed=0)[0]
        counts[y, x] += 1
    expected = np.full((2, 2), 0.25) if norms_yx is None else norms_yx / norms_yx.sum()
    # Five standard deviations of a binomial share.
    assert (np.abs(counts / draws - expected) <= 5 * np.sqrt(expected * (1 - expected) / draws)).all()


def test_silent_positions_come_only_when_all_others_are_taken():
    norms_yx = np.zeros((3, 3))
    norms_yx[1, 2], norms_yx[0, 0] = 2.0, 0.01
    for seed in range(30):
        chosen = {tuple(position) for position in choose_positions(3, (np.arange(3),) * 2, norms_yx, "ab", seed)}
        assert {(1, 2), (0, 0)} < chosen
    assert len(choose_positions(4, (np.arange(3),) * 2, np.zeros((3, 3)), "ab", seed=0)) == 4


def test_more_orbits_than_positions_are_refused():
    with pytest.raises(UserError, match=r"10 orbits are needed from each image, but only 9 units"):
        choose_positions(10, (np.arange(3),) * 2, None, "ab", seed=0)
