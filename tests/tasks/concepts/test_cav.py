"""Concept vectors: planted directions, plain references, and what must not matter."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, SGDClassifier

from tasks.concepts.cav import fit_cav, layer_activations, split
from tasks.concepts.config import CavConfig
from tasks.concepts.synthetic_patterns import draw_pattern
from tasks.errors import UserError

CLASSIFIERS = ("logistic", "sgd", "mean-difference")


def planted(channels: int, count: int = 20, shift: float = 6.0, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Concept and random rows: Gaussian noise about 1, the concept's moved along the first axis."""
    generator = torch.Generator().manual_seed(seed)
    concept_nd, random_nd = 1 + torch.randn(2, count, channels, generator=generator)
    concept_nd[:, 0] += shift
    return concept_nd, random_nd


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_a_planted_direction_is_found(classifier):
    cav = fit_cav(*planted(10), CavConfig(classifier=classifier))
    assert cav.vector_d.dtype == torch.float32
    assert cav.vector_d.norm().item() == pytest.approx(1, abs=1e-6)
    assert cav.vector_d[0] > 0.9
    assert cav.accuracy == 1


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_where_there_is_nothing_to_find_held_out_exemplars_tell(classifier):
    cav = fit_cav(*planted(500, count=40, shift=0), CavConfig(classifier=classifier))
    assert 0.2 < cav.accuracy < 0.8


def test_the_mean_difference_is_the_difference_of_the_fitted_means_and_lies_half_way():
    concept_nd, random_nd = planted(7)
    cav = fit_cav(concept_nd, random_nd, config := CavConfig(classifier="mean-difference"))
    fitted, _ = split(len(concept_nd), config)
    concept_d, random_d = concept_nd[fitted].mean(0), random_nd[fitted].mean(0)
    torch.testing.assert_close(cav.vector_d, torch.nn.functional.normalize(concept_d - random_d, dim=0))
    half_way = cav.vector_d @ (concept_d + random_d) / 2 + cav.intercept
    assert half_way.item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("channels", [6, 300], ids=["fewer channels than rows", "more channels than rows"])
@pytest.mark.parametrize("classifier", ["logistic", "sgd"])
def test_the_basis_of_the_rows_changes_nothing(classifier, channels):
    concept_nd, random_nd = planted(channels, shift=2.0)
    config = CavConfig(classifier=classifier, seed=3)
    fitted, _ = split(20, config)
    rows_nd = torch.cat([concept_nd[fitted], random_nd[fitted]]).double().numpy()
    if classifier == "sgd":
        scale, plain = 1.0, SGDClassifier(alpha=0.01, random_state=3)
    else:
        scale, plain = rows_nd.var(0).sum() ** 0.5, LogisticRegression(C=100 / 30, tol=1e-9, max_iter=10_000)
    plain.fit(rows_nd / scale, [1] * 15 + [0] * 15)
    normal_d = torch.from_numpy(plain.coef_[0])
    cav = fit_cav(concept_nd, random_nd, config)
    torch.testing.assert_close(cav.vector_d, (normal_d / normal_d.norm()).float(), atol=1e-4, rtol=0)
    assert cav.intercept == pytest.approx(plain.intercept_[0] * scale / normal_d.norm().item(), abs=1e-3)


@given(seed=st.integers(0, 1000), classifier=st.sampled_from(["logistic", "mean-difference"]))
def test_sets_that_change_places_turn_the_vector_round(seed, classifier):
    concept_nd, random_nd = planted(12, shift=1.0, seed=seed)
    config = CavConfig(classifier=classifier)
    there, back = fit_cav(concept_nd, random_nd, config), fit_cav(random_nd, concept_nd, config)
    torch.testing.assert_close(there.vector_d, -back.vector_d, atol=1e-4, rtol=0)
    assert there.intercept == pytest.approx(-back.intercept, abs=1e-3)
    assert there.accuracy == back.accuracy


@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100))
def test_rotated_and_scaled_activations_rotate_the_vector(seed, scale):
    concept_nd, random_nd = planted(12, shift=1.0, seed=seed)
    rotation_dd = torch.linalg.qr(torch.randn(12, 12, generator=torch.Generator().manual_seed(seed)))[0]
    plain = fit_cav(concept_nd, random_nd, CavConfig())
    turned = fit_cav(scale * concept_nd @ rotation_dd, scale * random_nd @ rotation_dd, CavConfig())
    torch.testing.assert_close(turned.vector_d, plain.vector_d @ rotation_dd, atol=1e-3, rtol=0)
    assert turned.intercept == pytest.approx(scale * plain.intercept, rel=1e-2, abs=1e-2 * scale)


def test_what_is_held_out_has_no_say_in_the_vector():
    concept_nd, random_nd = planted(10)
    before = fit_cav(concept_nd, random_nd, config := CavConfig())
    _, held_out = split(len(concept_nd), config)
    concept_nd[held_out] -= 100
    after = fit_cav(concept_nd, random_nd, config)
    assert torch.equal(before.vector_d, after.vector_d)
    assert (before.accuracy, after.accuracy) == (1, 0.5)


@given(count=st.integers(2, 60), held_out=st.floats(0.01, 0.99), seed=st.integers(0, 50))
def test_a_split_takes_every_exemplar_once(count, held_out, seed):
    fitted, held = split(count, CavConfig(held_out=held_out, seed=seed))
    assert sorted([*fitted.tolist(), *held.tolist()]) == list(range(count))
    assert min(len(fitted), len(held)) >= 1
    assert abs(len(held) - held_out * count) <= 1


def test_one_exemplar_alone_is_refused():
    concept_nd, random_nd = planted(10)
    with pytest.raises(UserError, match="a set of 1 exemplars"):
        fit_cav(concept_nd[:1], random_nd, CavConfig())


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_sets_that_nothing_tells_apart_are_refused(classifier):
    with pytest.raises(UserError, match="separates the concept's exemplars from the random images"):
        fit_cav(torch.zeros(4, 5), torch.zeros(4, 5), CavConfig(classifier=classifier))


def test_activations_of_frames_whole_and_averaged(lite0):
    frames_ncyx = torch.stack([draw_pattern("checks", 0, index, 224) for index in range(3)])
    acts_ncyx = lite0.activations(frames_ncyx.float() / 255, "block3")
    seen = []
    whole_nd = layer_activations(lite0, "block3", frames_ncyx, "none", lambda done, total: seen.append((done, total)))
    assert torch.equal(whole_nd, acts_ncyx.flatten(1))
    assert torch.equal(layer_activations(lite0, "block3", frames_ncyx, "mean"), acts_ncyx.mean((2, 3)))
    assert seen == [(3, 3)]
