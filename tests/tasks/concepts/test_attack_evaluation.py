"""Evaluation of perturbed sets: TCAV where they were attacked and elsewhere, and how visible the changes are."""

from statistics import mean, stdev

import pytest
import torch

from tasks.concepts.attack_evaluation import AttackScorer, ImageChangeMeter
from tasks.concepts.cav import fit_cav
from tasks.concepts.config import AttackGrid, CavConfig
from tasks.concepts.exemplars import drawn_exemplars, read_exemplars, write_exemplars
from tasks.concepts.perturbed_sets import IDENTITY, attacked_sets, class_at
from tasks.concepts.synthetic_patterns import PATTERNS
from tasks.concepts.tcav import random_cavs, score, sensitivities, significance
from tests.tasks.concepts.small_sets import LAYER, PLAIN, TABBY, named, pooled


def scores_of(sets, at, config=CavConfig()):
    scorer = AttackScorer(at, config)
    return [scorer.score(one) for one in sets]


def looped_scores(at, one, config):
    """Scores of the concept's and of the random vectors."""
    random_nds = [pooled(at, each) for each in one.random]
    cavs = [fit_cav(pooled(at, one.concept), random_nd, config) for random_nd in random_nds]
    return tuple(
        [score(sensitivities(at.gradients_ncyx, cav)) for cav in some]
        for some in (cavs, random_cavs(random_nds, config))
    )


def test_rows_are_what_tcav_says_of_each_set(negative, at):
    _, sets = negative
    some = [sets[0], named(sets, "noise"), named(sets, "class-gradient"), named(sets, "random-set", "random"), sets[3]]
    found = scores_of(some, at)
    for row, one in zip(found, some, strict=True):
        own, random = looped_scores(at, one, CavConfig())
        assert {name: row[name] for name in IDENTITY} == one.identity
        assert (row["eval_network"], row["eval_layer"], row["class_index"]) == ("efficientnet_lite0", LAYER, 281)
        assert [
            row[name] for name in ("score", "score_std", "random_score", "random_score_std", "p_value")
        ] == pytest.approx([mean(own), stdev(own), mean(random), stdev(random), significance(own, random)])
        assert (row["magnitude"] == 0) == (row["score"] == 0)
        assert 0 <= row["accuracy"] <= 1
    assert found[0]["cosine"] == pytest.approx(1, abs=1e-5)
    assert max(row["cosine"] for row in found[1:]) < 0.99


def test_both_stories_come_true_and_controls_leave_them_alone(negative, positive, at):
    scores = {}
    for kind, (_, sets) in (("negative", negative), ("positive", positive)):
        whole = [one for one in sets if one.fraction != 0.4 and one.epsilon != 2]
        for row in scores_of(whole, at, PLAIN):
            scores[kind, row["perturbed_set"], row["attack"]] = row["score"]
    assert scores["negative", "concept", "clean"] > 0.9
    assert scores["positive", "concept", "clean"] < 0.1
    for perturbed_set, attacks in (
        ("concept", ("token-pushing", "cav", "class-gradient")),
        ("random", ("random-set",)),
    ):
        least = min(scores["negative", perturbed_set, control] for control in ("noise", "random-direction"))
        most = max(scores["positive", perturbed_set, control] for control in ("noise", "random-direction"))
        assert least > 0.7
        assert most < 0.3
        for name in attacks:
            assert scores["negative", perturbed_set, name] <= least, name
            assert scores["positive", perturbed_set, name] > most, name
    assert scores["negative", "concept", "class-gradient"] == scores["negative", "random", "random-set"] == 0
    assert scores["positive", "concept", "class-gradient"] == 1
    assert scores["positive", "concept", "token-pushing"] > 0.6


def test_sets_are_read_where_they_were_not_attacked(negative, lite0, random_bvlc, cat):
    _, sets = negative
    some = [sets[0], named(sets, "noise"), named(sets, "class-gradient")]
    for place in (class_at(lite0, "block11", TABBY, cat), class_at(random_bvlc, "mixed4b", TABBY, cat)):
        clean, *others = scores_of(some, place, PLAIN)
        assert (clean["eval_network"], clean["eval_layer"]) == (place.network.name, place.layer)
        assert clean["cosine"] == pytest.approx(1, abs=1e-5)
        for row, one in zip(others, some[1:], strict=True):
            assert row["score"] == pytest.approx(mean(looped_scores(place, one, PLAIN)[0]))


def test_changes_are_of_the_pictures_that_changed(negative, at):
    _, sets = negative
    some = [
        sets[0],
        *(named(sets, "noise", fraction=fraction) for fraction in (1.0, 0.4)),
        named(sets, "token-pushing", epsilon=2),
        named(sets, "random-set", "random"),
    ]
    meter = ImageChangeMeter(sets[0], at.network, ("stem",))
    clean, _, noisy, pushed, random = (meter.measure(one) for one in some)
    assert clean == {"images": 5, "changed": 0, "largest_change": 0, "psnr": None, "perceptual": 0.0}
    assert [(row["images"], row["changed"], row["largest_change"]) for row in (noisy, pushed, random)] == [
        (5, 2, 8),
        (5, 5, 2),
        (12, 12, 8),
    ]
    # of ±8 at nearly every pixel
    assert noisy["psnr"] == pytest.approx(20 * torch.tensor(255 / 8).log10().item(), abs=0.3)
    assert pushed["psnr"] > random["psnr"]
    assert 0 < pushed["perceptual"] < random["perceptual"]
    alone = ImageChangeMeter(sets[0], at.network, ("stem",)).measure(some[2])
    assert alone == pytest.approx(noisy)


def test_captum_says_the_same_of_the_saved_sets(lite0, tmp_path, settings):
    pytest.importorskip("captum")
    from tests.tasks.concepts.captums import PlainLogistic, sign_counts

    config, side, layer = CavConfig(pool="none"), lite0.input_size, "block12"
    concept, *random = (drawn_exemplars(pattern, 6, side) for pattern in PATTERNS[:4])
    images = drawn_exemplars("stripes", 10, side, seed=1)
    at = class_at(lite0, layer, "zebra", images)
    grid = AttackGrid(objectives=("class-gradient",), epsilons=(8,), fractions=(1.0,), steps=2)
    clean, *_, attacked = attacked_sets(grid, at, concept, random, settings, config)
    ours = [row["score"] for row in scores_of([clean, attacked], at, config)]
    theirs = []
    for one in (clean, attacked):
        write_exemplars(one.concept, tmp_path / one.concept.name)
        saved = read_exemplars(tmp_path / one.concept.name, "concept", side)
        pairs = [(saved.frames_ncyx, each.frames_ncyx) for each in random]
        arguments = (lite0.name, layer, at.index, images.frames_ncyx, pairs)
        theirs.append(mean(sign_counts(*arguments, PlainLogistic(config))))
    assert ours == pytest.approx(theirs)
    assert ours[1] < ours[0]
