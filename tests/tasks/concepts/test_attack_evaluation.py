"""The effect of attacks: the sets that a story is told with, and what is read of them there and elsewhere."""

from dataclasses import replace
from statistics import mean, stdev

import pytest
import torch
from pydantic import ValidationError
from skimage import data

from tasks.checksums import COMMIT, Damaged
from tasks.concepts.attack import along, attack, class_direction, largest_change, noise, poisoned
from tasks.concepts.attack_evaluation import (
    BEFORE_CHECKSUMS,
    IDENTITY,
    AttackGrid,
    PictureReader,
    ScoreReader,
    artifact_exists,
    artifact_files,
    attacked_sets,
    class_at,
    mean_vector,
)
from tasks.concepts.cav import CavConfig, fit_cav, layer_activations
from tasks.concepts.exemplars import ExemplarSet, check_apart, drawn_exemplars, read_exemplars, write_exemplars
from tasks.concepts.synthetic_patterns import PATTERNS
from tasks.concepts.tcav import random_cavs, score, sensitivities, significance
from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.quarantine import in_quarantine
from tasks.settings import Settings
from tests.damage import flip

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
def kept(tmp_path_factory):
    return Settings(data_dir=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def negative(at, fur, random, kept):
    config = AttackGrid(
        kind="negative",
        objectives=("token-pushing", "cav", "class-gradient", "random-set"),
        epsilons=(2, 8),
        fractions=(0.4, 1.0),
        steps=4,
    )
    return config, list(attacked_sets(config, at, fur, random, kept, PLAIN))


@pytest.fixture(scope="module")
def positive(at, cup, random, kept):
    config = AttackGrid(
        kind="positive",
        objectives=("token-pushing", "cav", "class-gradient", "random-set"),
        epsilons=(8,),
        fractions=(1.0,),
        steps=4,
    )
    return config, list(attacked_sets(config, at, cup, random, kept, PLAIN))


def scores_of(sets, at, config=CavConfig()):
    reader = ScoreReader(at, config)
    return [reader.read(one) for one in sets]


def named(sets, attack, perturbed_set="concept", epsilon=8, fraction=1.0):
    [found] = [one for one in sets if tuple(one.identity.values()) == (perturbed_set, attack, epsilon, fraction)]
    return found


def pooled(at, images):
    return layer_activations(at.network, at.layer, images.frames_ncyx, "mean")


def test_every_attack_has_its_controls_at_every_epsilon_and_fraction(negative, fur, random):
    _, [clean, *sets] = negative
    assert clean.identity == {"perturbed_set": "concept", "attack": "clean", "epsilon": 0, "fraction": 0.0}
    assert (clean.concept, clean.random) == (fur, tuple(random))
    names = {
        "concept": ["noise", "random-direction", "token-pushing", "cav", "class-gradient"],
        "random": ["noise", "random-direction", "random-set"],
    }
    expected = [
        (perturbed_set, name, epsilon, fraction)
        for perturbed_set, of_touched in names.items()
        for epsilon in (2, 8)
        for name in of_touched
        for fraction in (1.0, 0.4)
    ]
    assert [tuple(one.identity.values()) for one in sets] == expected


def test_only_what_is_touched_changes_by_no_more_than_epsilon(negative, fur, random):
    _, [clean, *sets] = negative
    for one in sets:
        before = replace(clean, perturbed_set=one.perturbed_set).frames_ncyx
        by = largest_change(before, one.frames_ncyx)
        assert one.frames_ncyx.dtype == torch.uint8
        assert by.max() == one.epsilon
        assert (by > 0).sum() == round(one.fraction * len(by))
        if one.perturbed_set == "concept":
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
    for name, (perturbed_set, value) in raised.items():
        ours, *others = (
            value(layer_activations(at.network, LAYER, named(sets, way, perturbed_set).frames_ncyx, "mean"))
            for way in (name, "noise", "random-direction")
        )
        start = value(
            layer_activations(at.network, LAYER, replace(sets[0], perturbed_set=perturbed_set).frames_ncyx, "mean")
        )
        assert ours - start > 1.5 * max(abs(other - start) for other in others), name


def test_each_positive_attack_turns_the_concepts_vector_towards_its_goal(positive, at, cat, random):
    _, sets = positive
    to_cat = mean_vector([fit_cav(pooled(at, cat), pooled(at, one), PLAIN) for one in random])
    goals = dict.fromkeys(("token-pushing", "cav", "random-set"), to_cat)
    goals["class-gradient"] = class_direction(at.gradients_ncyx, "mean")
    for name, goal in goals.items():
        perturbed_set = "random" if name == "random-set" else "concept"
        clean, found, *controls = (
            cosine(at, one, goal)
            for one in (sets[0], *(named(sets, way, perturbed_set) for way in (name, "noise", "random-direction")))
        )
        assert found > max(clean, *controls) + (0.02 if perturbed_set == "random" else 0.1), name


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


def test_rows_are_what_tcav_says_of_each_set(negative, at):
    _, sets = negative
    some = [sets[0], named(sets, "noise"), named(sets, "class-gradient"), named(sets, "random-set", "random"), sets[3]]
    found = scores_of(some, at)
    for row, one in zip(found, some, strict=True):
        own, random = looped_scores(at, one, CavConfig())
        assert {name: row[name] for name in IDENTITY} == one.identity
        assert (row["eval_network"], row["eval_layer"], row["class_index"]) == ("efficientnet_lite0", LAYER, 281)
        assert [
            row[name] for name in ("score", "spread", "random_score", "random_score_std", "p_value")
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


def test_a_class_is_found_by_name_and_one_that_is_not_there_is_refused(lite0, cat):
    assert class_at(lite0, LAYER, "281", cat).index == 281
    with pytest.raises(UserError, match="no class 'tabbi': did you mean tabby"):
        class_at(lite0, LAYER, "tabbi", cat)
    with pytest.raises(UserError, match="no layer 'mixed4d'"):
        class_at(lite0, "mixed4d", TABBY, cat)


def test_changes_are_of_the_pictures_that_changed(negative, at):
    _, sets = negative
    some = [
        sets[0],
        *(named(sets, "noise", fraction=fraction) for fraction in (1.0, 0.4)),
        named(sets, "token-pushing", epsilon=2),
        named(sets, "random-set", "random"),
    ]
    reader = PictureReader(sets[0], at.network, ("stem",))
    clean, _, noisy, pushed, random = (reader.read(one) for one in some)
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
    alone = PictureReader(sets[0], at.network, ("stem",)).read(some[2])
    assert alone == pytest.approx(noisy)


def test_what_was_attacked_is_read_from_its_files(negative, at, fur, random, kept, monkeypatch):
    config, sets = negative
    monkeypatch.setattr("tasks.concepts.attack_evaluation.attack", None)  # would be called in vain
    again = attacked_sets(config, at, fur, random, kept, PLAIN)
    assert [each.concept.key for each in again] == [each.concept.key for each in sets]


ONE = AttackGrid(objectives=("token-pushing",), epsilons=(4,), fractions=(1.0,), steps=1)


@pytest.fixture
def attacked(at, fur, random, settings):
    """An attack and its images' folder, which may be spoiled."""
    *_, one = attacked_sets(ONE, at, fur, random, settings, PLAIN)
    return one, settings.attacks_dir / one.artifact_folder


@pytest.mark.parametrize("name", [COMMIT, "0003"])
def test_damaged_images_are_refused_and_made_again(attacked, at, fur, random, settings, name):
    one, folder = attacked
    [file] = [file for file in folder.iterdir() if file.name.startswith(name)]
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    flip(file, 5_432)
    with pytest.raises(Damaged, match=f"{file.name} is damaged .*: run the `attack` flow again"):
        artifact_files(one.artifact_folder, settings)
    *_, again = attacked_sets(ONE, at, fur, random, settings, PLAIN)
    assert again.concept.key == one.concept.key
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    [aside] = in_quarantine(settings)
    assert str(aside.came_from) == f"attacks/{one.artifact_folder}"


def test_an_attack_that_was_killed_is_made_again(attacked, at, fur, random, settings):
    one, folder = attacked
    (folder / COMMIT).unlink()
    sorted(folder.glob("*.png"))[1].unlink()
    with pytest.raises(UserError, match="there are no attacked images in"):
        artifact_files(one.artifact_folder, settings)
    *_, again = attacked_sets(ONE, at, fur, random, settings, PLAIN)
    assert again.concept.key == one.concept.key


def as_before_checksums(folder) -> list[str]:
    """Leave the folder as e2a2564 did; returns the lines of its list."""
    (folder / COMMIT).unlink()
    lines = [f"{file_sha256(file)}  {file.name}" for file in sorted(folder.glob("*.png"))]
    (folder / BEFORE_CHECKSUMS).write_text("\n".join(lines))
    return lines


def test_images_from_before_checksums_get_them(attacked, settings):
    one, folder = attacked
    before = artifact_files(one.artifact_folder, settings)
    as_before_checksums(folder)
    assert artifact_exists(one.artifact_folder, settings)
    assert artifact_files(one.artifact_folder, settings) == before
    assert not (folder / BEFORE_CHECKSUMS).exists()


@pytest.mark.parametrize("spoil", [lambda line: line[:-1], lambda line: "", lambda line: "0" + line[1:]])
def test_images_that_are_not_what_their_list_says_are_set_aside(attacked, settings, spoil):
    one, folder = attacked
    lines = as_before_checksums(folder)
    (folder / BEFORE_CHECKSUMS).write_text("\n".join([spoil(lines[0].replace("0", "1", 1)), *lines[1:]]))
    with pytest.raises(Damaged):
        artifact_files(one.artifact_folder, settings)
    assert not artifact_exists(one.artifact_folder, settings)
    assert len(in_quarantine(settings)) == 1


def test_attacked_sets_saved_as_png_are_the_same_sets(negative, tmp_path):
    _, sets = negative
    for place, one in enumerate((named(sets, "token-pushing").concept, named(sets, "random-set", "random").random[1])):
        write_exemplars(one, tmp_path / str(place))
        again = read_exemplars(tmp_path / str(place), one.role, SIDE)
        assert torch.equal(again.frames_ncyx, one.frames_ncyx)
        assert again.key == one.key


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
        AttackGrid(kind="negative", **{field: wrong})
    error = raised.value.errors()[0]
    assert error["loc"][0] == field
    assert message in error["msg"]
    assert "\n" not in error["msg"]
