"""Classes of a benchmark's images, groups of classes, and benchmarks that can't be measured."""

import numpy as np
import pytest

from tasks.benchmark.config import ScoringConfig
from tasks.benchmark.labelled_images import class_of, open_benchmark
from tasks.concepts.synthetic_patterns import PATTERNS
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.vision.images import Frame, ImagesConfig
from tests.tasks.benchmark.labelled_folder import OF_CLASS, write_labelled


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_labelled(tmp_path_factory.mktemp("photographs"), classes=5)


def scoring(folder, **more) -> ScoringConfig:
    return ScoringConfig(images=ImagesConfig(sources=("folder",), folder=folder), **{"domains": ()} | more)


@pytest.mark.parametrize(
    ("name", "label", "expected"),
    [
        ("imagenet/n01440764_tench.JPEG", None, "tench"),
        ("categories/n02085374_toy_dog/7.JPEG", None, "toy_dog"),
        ("textures/banded/banded_0002.jpg", None, "banded"),
        ("banded_0002.jpg", None, None),
        ("shard.tar@512+9/7.jpg", " 17 ", "17"),
    ],
)
def test_a_photograph_states_its_class(name, label, expected):
    assert class_of(Frame("key", "folder", name, name, 90, 90, label)) == expected


def test_a_cut_has_its_photograph_as_class_and_a_scene_has_none():
    assert class_of(Frame("key", "scikit-image", "cat.png@300+0+0", "cat.png", 300, 300)) == "cat.png"
    assert class_of(Frame("key", "dead-leaves", "0-1", "0-1", 256, 256)) is None


def test_without_groups_the_probes_tell_classes_apart_and_all_are_one_group(folder):
    images = open_benchmark(scoring(folder), Settings())
    assert images.photographs.numbered()[1] == sorted(PATTERNS)
    np.testing.assert_array_equal(np.bincount(images.probed), [OF_CLASS] * 5)
    assert images.groups == ((0, 1, 2, 3, 4),)


def test_with_groups_the_probes_tell_groups_apart(folder):
    groups = {"lines": ("stripes", "zigzags"), "cells": ("checks", "honeycombs")}
    images = open_benchmark(scoring(folder, groups=groups), Settings())
    names = images.photographs.numbered()[1]
    assert [{names[each] for each in group} for group in images.groups] == [{*group} for group in groups.values()]
    probed = dict(zip(images.photographs.classes, images.probed.tolist(), strict=True))
    assert probed == {"stripes": 1, "zigzags": 1, "checks": 0, "honeycombs": 0, "dots": -1}


def test_the_key_follows_from_images_classes_and_settings(folder, tmp_path):
    key = open_benchmark(scoring(folder), Settings()).key
    same = write_labelled(tmp_path / "same", classes=5)
    assert open_benchmark(scoring(same), Settings()).key == key
    (same / "n00000000_stripes").rename(same / "bars")
    keys = {
        open_benchmark(config, Settings()).key
        for config in (
            scoring(same),
            scoring(folder, seed=1),
            scoring(folder, positions=7),
            scoring(folder, domains=("patterns",)),
            scoring(folder, groups={"lines": ("stripes",), "others": ("dots", "checks")}),
        )
    }
    assert len(keys | {key}) == 6


def test_images_of_another_domain_whose_class_has_too_few_are_left_out(folder, tmp_path):
    other = write_labelled(tmp_path / "other")
    for name in ("0.png", "1.png"):
        (other / "n00000001_dots" / name).unlink()
    [domain] = open_benchmark(scoring(folder, domains=(str(other),)), Settings()).domains
    assert set(domain.classes) == {"stripes", "honeycombs"}
    assert len(domain) == 2 * OF_CLASS
    image_cyx = domain.load(OF_CLASS, 40)
    assert image_cyx.shape == (3, 40, 40)
    np.testing.assert_array_equal(next(domain.batches(40))[OF_CLASS], image_cyx.float() / 255)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            {},
            "the probes need 2 classes of at least 5 images, but the 8 photographs state 2 classes of at most 4 images",
        ),
        ({"all": ("stripes", "dots")}, "need 2 groups of at least 5 images, .* state 1 groups of at most 8 images"),
        ({"all": ("stripes", "spots")}, "groups name spots, which no image states as its class"),
    ],
)
def test_too_few_images_or_unknown_classes_are_one_line(tmp_path, groups, message):
    few = write_labelled(tmp_path / "few", classes=2)
    for path in few.rglob("[45].png"):
        path.unlink()
    with pytest.raises(UserError, match=message) as error:
        open_benchmark(scoring(few, groups=groups), Settings())
    assert len(str(error.value).splitlines()) == 1
