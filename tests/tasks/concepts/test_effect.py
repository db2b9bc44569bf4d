"""The effect of attacks: the sets that a story is told with, and what is read of them there and elsewhere."""

from dataclasses import replace
from statistics import mean, stdev

import pytest
import torch
from pydantic import ValidationError
from skimage import data

from tasks.concepts.attack import along, attack, class_direction, largest_change, noise, poisoned
from tasks.concepts.cav import CavConfig, fit_cav, layer_activations
from tasks.concepts.drawn import PATTERNS
from tasks.concepts.effect import (
    IDENTITY,
    StoryConfig,
    attacked_sets,
    class_at,
    mean_vector,
    picture_changes,
    read_scores,
)
from tasks.concepts.exemplars import ExemplarSet, check_apart, drawn_exemplars, read_exemplars, write_exemplars
from tasks.concepts.tcav import holm, random_cavs, score, sensitivities, significance
from tasks.errors import UserError

LAYER, TABBY, SIDE = "block9", "tabby", 64
PLAIN = CavConfig(classifier="mean-difference")


def crops(name, role, photograph, count=5, step=30):
    """Squares from along a photograph's diagonal."""
    frame_cyx = torch.from_numpy(photograph).permute(2, 0, 1)
    places = range(0, step * count, step)
    frames = torch.stack([frame_cyx[:, at : at + SIDE, at : at + SIDE] for at in places])
    return ExemplarSet(name, role, frames, tuple(f"{name}/{at}.JPEG" for at in places))


@pytest.fixture(scope="module")
def cat():
    return crops("cat", "class", data.chelsea())


@pytest.fixture(scope="module")
def fur():
    """A concept that the cat's photographs share."""
    return crops("fur", "concept", data.chelsea()[:, ::-1].copy())


@pytest.fixture(scope="module")
def cup():
    return crops("cup", "concept", data.coffee())


@pytest.fixture(scope="module")
def random():
    photographs = data.rocket(), data.astronaut(), data.hubble_deep_field()
    return [crops(f"random_{place}", "random", photograph, 4) for place, photograph in enumerate(photographs)]


@pytest.fixture(scope="module")
def at(lite0, cat):
    return class_at(lite0, LAYER, TABBY, cat)


@pytest.fixture(scope="module")
def negative(at, fur, random):
    config = StoryConfig(
        kind="negative",
        objectives=("token-pushing", "cav", "class-gradient", "random-set"),
        epsilons=(2, 8),
        fractions=(0.4, 1.0),
        steps=4,
    )
    return config, attacked_sets(config, at, fur, random, PLAIN)


@pytest.fixture(scope="module")
def positive(at, cup, random):
    config = StoryConfig(
        kind="positive",
        objectives=("token-pushing", "cav", "class-gradient", "random-set"),
        epsilons=(8,),
        steps=4,
    )
    return config, attacked_sets(config, at, cup, random, PLAIN)


def named(sets, attack, touched="concept", epsilon=8, fraction=1.0):
    [found] = [one for one in sets if tuple(one.identity.values()) == (touched, attack, epsilon, fraction)]
    return found


def pooled(at, images):
    return layer_activations(at.network, at.layer, images.frames_ncyx, "mean")


def test_every_attack_has_its_controls_at_every_epsilon_and_fraction(negative, fur, random):
    _, [clean, *sets] = negative
    assert clean.identity == {"touched": "concept", "attack": "clean", "epsilon": 0, "fraction": 0.0}
    assert (clean.concept, clean.random) == (fur, tuple(random))
    names = {
        "concept": ["noise", "random-direction", "token-pushing", "cav", "class-gradient"],
        "random": ["noise", "random-direction", "random-set"],
    }
    expected = [
        (touched, name, epsilon, fraction)
        for touched, of_touched in names.items()
        for epsilon in (2, 8)
        for name in of_touched
        for fraction in (0.4, 1.0)
    ]
    assert [tuple(one.identity.values()) for one in sets] == expected


def test_only_what_is_touched_changes_by_no_more_than_epsilon(negative, fur, random):
    _, [clean, *sets] = negative
    for one in sets:
        before = replace(clean, touched=one.touched).frames_ncyx
        by = largest_change(before, one.frames_ncyx)
        assert one.frames_ncyx.dtype == torch.uint8
        assert by.max() == one.epsilon
        assert (by > 0).sum() == round(one.fraction * len(by))
        if one.touched == "concept":
            assert one.random == clean.random
            assert (one.concept.origin, one.concept.names) == ("attacked", fur.names)
            assert one.concept.name == f"fur-{one.attack}-{one.epsilon}-{one.fraction:g}"
        else:
            assert one.concept is fur
            assert [len(each) for each in one.random] == [len(each) for each in random]
        check_apart([one.concept, *one.random])
    assert len({(one.concept.key, *(each.key for each in one.random)) for one in negative[1]}) == len(negative[1])


def test_sets_are_those_of_an_attack_at_that_fraction(negative, at, fur):
    config, sets = negative
    for fraction in (0.4, 1.0):
        one = config.attack(8, fraction)
        slope = class_direction(at.gradients_ncyx, "mean")
        alone = attack(at.network, LAYER, fur.frames_ncyx, along(-slope), one)
        found = named(sets, "class-gradient", fraction=fraction).concept.frames_ncyx
        assert (found == alone).float().mean() > 0.99  # a slope of nearly nothing may have either sign
        untouched = [place for place in range(5) if place not in poisoned(5, one).tolist()]
        assert torch.equal(found[untouched], fur.frames_ncyx[untouched])
    assert torch.equal(named(sets, "noise").concept.frames_ncyx, noise(fur.frames_ncyx, config.attack(8)))


def test_each_negative_attack_raises_its_objective_above_the_controls(negative, at, fur, random):
    _, sets = negative
    home, slope = pooled(at, fur).mean(0), class_direction(at.gradients_ncyx, "mean")
    vector = mean_vector([fit_cav(pooled(at, fur), pooled(at, one), PLAIN) for one in random])
    raised = {
        "token-pushing": ("concept", lambda acts: (acts - home).square().sum(1).mean()),
        "cav": ("concept", lambda acts: -(acts @ vector).mean()),
        "class-gradient": ("concept", lambda acts: -(acts @ slope).mean()),
        "random-set": ("random", lambda acts: (acts @ slope).mean()),
    }
    for name, (touched, value) in raised.items():
        ours, *others = (
            value(layer_activations(at.network, LAYER, named(sets, way, touched).frames_ncyx, "mean"))
            for way in (name, "noise", "random-direction")
        )
        start = value(layer_activations(at.network, LAYER, replace(sets[0], touched=touched).frames_ncyx, "mean"))
        assert ours - start > 1.5 * max(abs(other - start) for other in others), name


def test_each_positive_attack_turns_the_concepts_vector_towards_its_goal(positive, at, cat, random):
    _, sets = positive
    to_cat = mean_vector([fit_cav(pooled(at, cat), pooled(at, one), PLAIN) for one in random])
    goals = dict.fromkeys(("token-pushing", "cav", "random-set"), to_cat)
    goals["class-gradient"] = class_direction(at.gradients_ncyx, "mean")
    for name, goal in goals.items():
        touched = "random" if name == "random-set" else "concept"
        clean, found, *controls = (
            cosine(at, one, goal)
            for one in (sets[0], *(named(sets, way, touched) for way in (name, "noise", "random-direction")))
        )
        assert found > max(clean, *controls) + (0.02 if touched == "random" else 0.1), name


def cosine(at, one, goal):
    cavs = [fit_cav(pooled(at, one.concept), pooled(at, each), PLAIN) for each in one.random]
    return (mean_vector(cavs) @ goal).item()


def looped_scores(at, one, config):
    """Scores of the concept's and of the random vectors."""
    random_nds = [pooled(at, each) for each in one.random]
    cavs = [fit_cav(pooled(at, one.concept), random_nd, config) for random_nd in random_nds]
    return tuple(
        [score(sensitivities(at.gradients_ncyx, cav)) for cav in some]
        for some in (cavs, random_cavs(random_nds, config))
    )


def test_rows_are_what_tcav_says_of_each_set_and_holm_is_over_all(negative, at):
    _, sets = negative
    some = [sets[0], named(sets, "noise"), named(sets, "class-gradient"), named(sets, "random-set", "random")]
    steps = []
    found = read_scores(some, [at], progress=lambda done, total: steps.append((done, total)))
    assert [tuple(row[column] for column in IDENTITY) for row in found.iter_rows(named=True)] == [
        tuple(one.identity.values()) for one in some
    ]
    for row, one in zip(found.iter_rows(named=True), some, strict=True):
        own, random = looped_scores(at, one, CavConfig())
        assert (row["read_network"], row["read_layer"], row["class_index"]) == ("efficientnet_lite0", LAYER, 281)
        assert [row[name] for name in ("score", "spread", "random_score", "random_spread", "p_value")] == pytest.approx(
            [mean(own), stdev(own), mean(random), stdev(random), significance(own, random)]
        )
        assert (row["magnitude"] == 0) == (row["score"] == 0)
        assert 0 <= row["accuracy"] <= 1
    assert found["p_holm"].to_list() == holm(found["p_value"].to_list())
    assert found["cosine"][0] == pytest.approx(1, abs=1e-5)
    assert found["cosine"][1:].max() < 0.99
    assert steps[-1] == (len(some), len(some))


def test_both_stories_come_true_and_controls_leave_them_alone(negative, positive, at):
    scores = {}
    for kind, (_, sets) in (("negative", negative), ("positive", positive)):
        whole = [one for one in sets if one.fraction != 0.4 and one.epsilon != 2]
        for row in read_scores(whole, [at], PLAIN).iter_rows(named=True):
            scores[kind, row["touched"], row["attack"]] = row["score"]
    assert scores["negative", "concept", "clean"] > 0.9
    assert scores["positive", "concept", "clean"] < 0.1
    for touched, attacks in (("concept", ("token-pushing", "cav", "class-gradient")), ("random", ("random-set",))):
        least = min(scores["negative", touched, control] for control in ("noise", "random-direction"))
        most = max(scores["positive", touched, control] for control in ("noise", "random-direction"))
        assert least > 0.7
        assert most < 0.3
        for name in attacks:
            assert scores["negative", touched, name] <= least, name
            assert scores["positive", touched, name] > most, name
    assert scores["negative", "concept", "class-gradient"] == scores["negative", "random", "random-set"] == 0
    assert scores["positive", "concept", "class-gradient"] == 1
    assert scores["positive", "concept", "token-pushing"] > 0.6


def test_sets_are_read_where_they_were_not_attacked(negative, lite0, random_bvlc, at, cat):
    _, sets = negative
    some = [sets[0], named(sets, "noise"), named(sets, "class-gradient")]
    places = [at, class_at(lite0, "block11", TABBY, cat), class_at(random_bvlc, "mixed4b", TABBY, cat)]
    found = read_scores(some, places, PLAIN)
    assert found.select("read_network", "read_layer", "attack").rows() == [
        (place.network.name, place.layer, one.attack) for place in places for one in some
    ]
    assert found["p_holm"].to_list() == holm(found["p_value"].to_list())
    alone = read_scores(some, places[1:2], PLAIN)
    assert found[3:6].drop("p_holm").equals(alone.drop("p_holm"))
    assert found.filter(attack="clean")["cosine"].to_list() == pytest.approx([1] * 3, abs=1e-5)


def test_a_class_is_found_by_name_and_one_that_is_not_there_is_refused(lite0, cat):
    assert class_at(lite0, LAYER, "281", cat).index == 281
    with pytest.raises(UserError, match="no class 'tabbi': did you mean tabby"):
        class_at(lite0, LAYER, "tabbi", cat)
    with pytest.raises(UserError, match="no layer 'mixed4d'"):
        class_at(lite0, "mixed4d", TABBY, cat)


def test_changes_are_of_the_pictures_that_changed(negative, at):
    _, sets = negative
    some = [sets[0], named(sets, "noise", fraction=0.4), named(sets, "token-pushing", epsilon=2), sets[-1]]
    found = picture_changes(some, at.network, ("stem",))
    assert found["changed"].to_list() == [0, 2, 5, 12]
    assert found["largest_change"].to_list() == [0, 8, 2, 8]
    assert found["psnr"][0] is None
    assert found["perceptual"][0] == 0
    # of ±8 at nearly every pixel
    assert found["psnr"][1] == pytest.approx(20 * torch.tensor(255 / 8).log10().item(), abs=0.3)
    assert found["psnr"][2] > found["psnr"][3]
    assert 0 < found["perceptual"][2] < found["perceptual"][3]


def test_attacked_sets_saved_as_png_are_the_same_sets(negative, tmp_path):
    _, sets = negative
    for place, one in enumerate((named(sets, "token-pushing").concept, named(sets, "random-set", "random").random[1])):
        write_exemplars(one, tmp_path / str(place))
        again = read_exemplars(tmp_path / str(place), one.role, SIDE)
        assert torch.equal(again.frames_ncyx, one.frames_ncyx)
        assert again.key == one.key


def test_captum_says_the_same_of_the_saved_sets(lite0, tmp_path):
    pytest.importorskip("captum")
    from tests.tasks.concepts.captums import PlainLogistic, sign_counts

    config, side, layer = CavConfig(pool="none"), lite0.input_size, "block12"
    concept, *random = (drawn_exemplars(pattern, 6, side) for pattern in PATTERNS[:4])
    images = drawn_exemplars("stripes", 10, side, seed=1)
    at = class_at(lite0, layer, "zebra", images)
    story = StoryConfig(kind="negative", objectives=("class-gradient",), epsilons=(8,), steps=2)
    clean, *_, attacked = attacked_sets(story, at, concept, random, config)
    ours = read_scores([clean, attacked], [at], config)
    theirs = []
    for one in (clean, attacked):
        write_exemplars(one.concept, tmp_path / one.concept.name)
        saved = read_exemplars(tmp_path / one.concept.name, "concept", side)
        random_sets = [each.frames_ncyx for each in random]
        arguments = (lite0.preprocess, layer, at.index, images.frames_ncyx, saved.frames_ncyx, random_sets)
        theirs.append(mean(sign_counts(*arguments, PlainLogistic(config))))
    assert ours["score"].to_list() == pytest.approx(theirs)
    assert ours["score"][1] < ours["score"][0]


@pytest.mark.parametrize(
    ("field", "wrong", "message"),
    [
        ("epsilons", (2, 0), "0 leaves every image as it is; give 1 to 255, in steps of 1/255"),
        ("epsilons", (2, 2), "gives a value twice; give each once"),
        ("epsilons", (), "at least 1 item"),
        ("fractions", (0.0,), "greater than 0"),
        ("objectives", ("cav", "cav"), "gives a value twice; give each once"),
    ],
)
def test_a_wrong_story_is_refused_in_one_line(field, wrong, message):
    with pytest.raises(ValidationError) as raised:
        StoryConfig(kind="negative", **{field: wrong})
    error = raised.value.errors()[0]
    assert error["loc"][0] == field
    assert message in error["msg"]
    assert "\n" not in error["msg"]
