"""Separation scores against definitions written out, and controls that score by chance."""

import numpy as np
import pytest
import torch

from tasks.families import separation as separation_module
from tasks.families.feature_responses import UNCLEAR
from tasks.families.grouping import shuffled
from tasks.families.separation import NEIGHBOURS, distance_scores, family_scores

RNG = np.random.default_rng(0)


def points(centres: np.ndarray, spread: float) -> np.ndarray:
    """Distances between points about their centres."""
    places = centres + spread * RNG.standard_normal(centres.shape)
    return np.linalg.norm(places[:, None] - places[None], axis=2)


def separation(distance_mm: np.ndarray, family_m: np.ndarray, kinds_m: np.ndarray) -> dict[str, float]:
    return family_scores(family_m, kinds_m) | distance_scores(distance_mm, kinds_m)


KINDS = np.repeat(np.array(["curve", "line", "grating"], dtype=object), 20)
CENTRES = np.repeat(np.array([[0.0, 0], [9, 0], [0, 9]]), 20, axis=0)


def test_families_that_are_the_kinds_score_1():
    family = np.repeat([2, 0, 1], 20)
    found = separation(points(CENTRES, 0.1), family, KINDS)
    assert found["adjusted_rand"] == found["purity"] == found["neighbour_agreement"] == found["clustered"] == 1
    assert found["silhouette"] > 0.9
    assert found["neighbour_chance"] == pytest.approx(1 / 3)
    assert (found["features"], found["families"]) == (60, 3)


def test_scores_are_those_of_the_definitions_written_out():
    distance = points(CENTRES, 6.0)
    family = RNG.integers(-1, 4, 60)
    found = separation(distance, family, KINDS)
    agreement = []
    for i in range(60):
        nearest = [j for j in np.argsort(distance[i]) if j != i][:NEIGHBOURS]
        agreement.append(np.mean(KINDS[nearest] == KINDS[i]))
    assert found["neighbour_agreement"] == pytest.approx(np.mean(agreement))
    commonest = sum(max(np.sum(KINDS[family == f] == kind) for kind in set(KINDS)) for f in range(4))
    assert found["purity"] == pytest.approx(commonest / (family >= 0).sum())
    width = []
    for i in range(60):
        mine = KINDS[i] == KINDS
        within = distance[i, mine & (np.arange(60) != i)].mean()
        beyond = min(distance[i, kind == KINDS].mean() for kind in set(KINDS[~mine]))
        width.append((beyond - within) / max(within, beyond))
    assert found["silhouette"] == pytest.approx(np.mean(width))
    assert found["clustered"] == pytest.approx((family >= 0).mean())


def test_features_without_a_clear_kind_are_not_scored():
    family, distance = np.repeat([0, 1, 2], 20), points(CENTRES, 3.0)
    unclear = KINDS.copy()
    unclear[::3] = UNCLEAR[0]
    unclear[1::3] = UNCLEAR[1]
    kept = np.arange(2, 60, 3)
    expected = separation(distance[np.ix_(kept, kept)], family[kept], KINDS[kept])
    assert separation(distance, family, unclear) == pytest.approx(expected)


def test_leaving_features_out_wins_nothing():
    distance = points(CENTRES, 0.1)
    nearly_all_out = np.full(60, -1)
    nearly_all_out[:5] = 0
    assert separation(distance, nearly_all_out, KINDS)["adjusted_rand"] < 0.2
    assert "purity" not in separation(distance, np.full(60, -1), KINDS)


@pytest.mark.parametrize("kinds", [np.full(60, "curve"), np.full(60, "other")])
def test_nothing_to_separate_is_said_by_counts_alone(kinds):
    found = separation(points(CENTRES, 1.0), np.zeros(60, int), kinds.astype(object))
    assert found.keys() == {"features", "families"}


def test_shuffled_blocks_are_the_same_blocks_in_another_order():
    blocks = torch.randn(30, 8, 5, generator=torch.Generator().manual_seed(0))
    dealt = shuffled(blocks, seed=1)
    assert not torch.equal(dealt, blocks)
    assert torch.equal(dealt.sum(2).sort(1).values, blocks.sum(2).sort(1).values)
    assert torch.equal(dealt, shuffled(blocks, seed=1))
    orders = {tuple((dealt[i, :, None] == blocks[i, None]).all(2).nonzero()[:, 1].tolist()) for i in range(30)}
    assert len(orders) > 20  # each feature in an order of its own


@pytest.mark.parametrize("alone", [0, 1])
def test_silhouettes_in_tiles_are_those_of_scikit_learn(alone, monkeypatch):
    from sklearn.metrics import silhouette_score

    monkeypatch.setattr(separation_module, "TILE", 7)
    distance, kinds = points(CENTRES, 4.0), KINDS.copy()
    kinds[:alone] = "hatch"  # the only one of its kind
    found = distance_scores(distance, kinds)["silhouette"]
    assert found == pytest.approx(silhouette_score(distance, kinds.astype(str), metric="precomputed"))
