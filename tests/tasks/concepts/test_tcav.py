"""TCAV: gradients by finite differences, scores by hand, tests against scipy and the procedure as written."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from tasks.concepts.cav import Cav, fit_cav
from tasks.concepts.config import CavConfig
from tasks.concepts.synthetic_patterns import draw_pattern
from tasks.concepts.tcav import class_gradients, holm, magnitude, random_cavs, score, sensitivities, significance
from tasks.errors import UserError
from tasks.vision.graph import cut

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def cav(vector_d: torch.Tensor) -> Cav:
    return Cav(vector_d / vector_d.norm(), 0.0, 1.0)


def test_a_sensitivity_is_how_fast_the_logit_grows_along_the_vector(lite0):
    layer, class_index, step = "block13", 340, 1e-2
    frames_ncyx = torch.stack([draw_pattern("stripes", 1, index, 224) for index in range(3)])
    gradients_ncyx = class_gradients(lite0, layer, class_index, frames_ncyx)
    direction = cav(torch.randn(192, generator=torch.Generator().manual_seed(0)))
    before, after = cut(lite0.module, lite0.node(layer))
    with torch.no_grad():
        acts_ncyx, *others = before(lite0.preprocess(frames_ncyx.float() / 255))
        shift_cyx = step * direction.vector_d[:, None, None]
        there, back = (after(acts_ncyx + sign * shift_cyx, *others)[:, class_index] for sign in (1, -1))
    torch.testing.assert_close(
        sensitivities(gradients_ncyx, direction), (there - back) / (2 * step), rtol=0.02, atol=1e-3
    )


def test_gradients_do_not_depend_on_how_many_frames_go_through_together(lite0, monkeypatch):
    frames_ncyx = torch.stack([draw_pattern("dots", 1, index, 224) for index in range(3)])
    together = class_gradients(lite0, "block15", 5, frames_ncyx)
    monkeypatch.setattr("tasks.concepts.tcav.FRAMES_AT_ONCE", 2)
    seen = []
    apart = class_gradients(lite0, "block15", 5, frames_ncyx, lambda done, total: seen.append((done, total)))
    torch.testing.assert_close(together, apart, rtol=1e-3, atol=1e-5)
    assert together.shape == (3, 320, 7, 7)
    assert seen == [(2, 3), (3, 3)]


def test_a_pooled_vector_is_the_same_shift_at_every_position():
    generator = torch.Generator().manual_seed(0)
    gradients_ncyx, vector_c = torch.randn(5, 4, 3, 3, generator=generator), torch.randn(4, generator=generator)
    whole = Cav(vector_c[:, None, None].expand(4, 3, 3).flatten(), 0.0, 1.0)
    pooled = Cav(vector_c, 0.0, 1.0)
    torch.testing.assert_close(sensitivities(gradients_ncyx, pooled), sensitivities(gradients_ncyx, whole))


def test_score_and_magnitude_by_hand():
    sensitivities_n = torch.tensor([3.0, -1.0, 0.0, 1.0])
    assert score(sensitivities_n) == 0.5
    assert magnitude(sensitivities_n) == pytest.approx(4 / 5)
    assert score(torch.zeros(3)) == magnitude(torch.zeros(3)) == 0


def test_random_vectors_tell_each_set_from_the_next():
    sets = list(torch.randn(4, 8, 6, generator=torch.Generator().manual_seed(0)))
    config = CavConfig(classifier="mean-difference")
    found = random_cavs(sets, config)
    assert len(found) == 4
    assert torch.equal(found[1].vector_d, fit_cav(sets[1], sets[2], config).vector_d)
    assert torch.equal(found[3].vector_d, fit_cav(sets[3], sets[0], config).vector_d)
    with pytest.raises(UserError, match="2 random sets are too few for a test"):
        random_cavs(sets[:2], config)


def test_significance_is_welchs_test():
    scores, random_scores = [0.9, 1.0, 0.95, 0.85, 1.0], [0.1, 0.9, 0.4, 0.7, 0.2, 0.6]
    expected = ttest_ind(scores, random_scores, equal_var=False).pvalue
    assert significance(scores, random_scores) == pytest.approx(expected, rel=1e-12)
    assert significance(random_scores, scores) == pytest.approx(expected, rel=1e-12)


def test_significance_where_scores_do_not_vary():
    assert significance([0.7] * 10, [0.7] * 11) == 1
    assert significance([0.7] * 10, [0.1] * 11) == 0
    varied = [0.1, 0.9, 0.3, 0.8]
    constant = significance([1.0] * 10, varied)
    nearly = ttest_ind([1.0, 1.0001] * 5, varied, equal_var=False).pvalue
    assert constant == pytest.approx(nearly, rel=1e-2)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(probabilities, st.floats(0.001, 0.999))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values, alpha):
    rejected = set()
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] * (len(p_values) - rank) > alpha:
            break
        rejected.add(index)
    assert {index for index, p in enumerate(holm(p_values)) if p <= alpha} == rejected


@given(probabilities)
def test_holm_never_makes_anything_surer_and_lies_below_bonferroni(p_values):
    for p, adjusted in zip(p_values, holm(p_values), strict=True):
        assert p <= adjusted <= min(1, p * len(p_values)) + 1e-12
