"""Perturbed sets: their order, their pixels, their objectives, and their files."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from tasks.checksums import COMMIT, Damaged
from tasks.concepts.attack import along, attack, class_direction, largest_change, noise, poisoned
from tasks.concepts.cav import fit_cav, layer_activations
from tasks.concepts.config import AttackGrid
from tasks.concepts.exemplars import check_apart, read_exemplars, write_exemplars
from tasks.concepts.perturbed_sets import (
    BEFORE_CHECKSUMS,
    INPUTS,
    artifact_exists,
    artifact_files,
    attacked_sets,
    class_at,
    mean_vector,
)
from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.quarantine import in_quarantine
from tasks.settings import Settings
from tests.damage import flip
from tests.tasks.concepts.small_sets import LAYER, PLAIN, SIDE, TABBY, named, pooled


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


def test_a_class_is_found_by_name_and_one_that_is_not_there_is_refused(lite0, cat):
    assert class_at(lite0, LAYER, "281", cat).index == 281
    with pytest.raises(UserError, match="no class 'tabbi': did you mean tabby"):
        class_at(lite0, LAYER, "tabbi", cat)
    with pytest.raises(UserError, match="no layer 'mixed4d'"):
        class_at(lite0, "mixed4d", TABBY, cat)


def test_what_was_attacked_is_read_from_its_files(negative, at, fur, random, kept, monkeypatch):
    config, sets = negative
    monkeypatch.setattr("tasks.concepts.perturbed_sets.attack", None)  # would be called in vain
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


def test_attacks_that_run_elsewhere_give_the_same_files(attacked, at, fur, random, settings, tmp_path):
    """In another order, with only the shared store between the two data folders."""
    here, there = (Settings(data_dir=tmp_path / name, shared_store=tmp_path / "store") for name in ("here", "there"))
    done = []

    def run(work, units) -> None:
        for unit in reversed(units):
            done.append(work(*unit, there))

    *_, one = attacked_sets(ONE, at, fur, random, here, PLAIN, run=run)
    assert len(done) == 3  # noise, the random direction and the objective
    assert one.concept.key == attacked[0].concept.key

    def pictures(data: Settings) -> dict[str, str]:
        files = data.attacks_dir.glob("*/*.png")
        return {str(file.relative_to(data.attacks_dir)): file_sha256(file) for file in files}

    assert pictures(here) == pictures(there) == pictures(settings)
    assert len([*here.attacks_dir.iterdir()]) == 3, "the inputs are deleted"
    assert not [*(tmp_path / "store").rglob(INPUTS)]


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
def test_a_wrong_grid_is_refused_in_one_line(field, wrong, message):
    with pytest.raises(ValidationError) as raised:
        AttackGrid(kind="negative", **{field: wrong})
    error = raised.value.errors()[0]
    assert error["loc"][0] == field
    assert message in error["msg"]
    assert "\n" not in error["msg"]
