"""Pairs verified on images: against a plain loop, on planted copies, and on real orbits of a real network."""

from dataclasses import dataclass

import numpy as np
import polars
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tasks.activations.extract import extract
from tasks.activations.shards import ActivationSet, ShardInfo
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.store import create
from tasks.families import pairs
from tasks.families.distance import orbit_carriers
from tasks.families.pairs import PAIRS_SCHEMA, PARTNERS_SCHEMA, family_pairs, partners_of
from tasks.settings import Settings
from tasks.symmetry.group import DihedralGroup
from tests.tasks.activations.small_set import SMALL


@dataclass
class Orbits:
    """Stands where an ActivationSet stands: acts_nrgd float16, one tensor a shard, the first of them for training."""

    group: DihedralGroup
    acts_nrgd: list[torch.Tensor]
    rows_per_image: int = 1

    def __post_init__(self):
        splits = ["train"] + ["test"] * (len(self.acts_nrgd) - 1)
        self.shards = tuple(ShardInfo(i, splits[i], len(acts), 0, "") for i, acts in enumerate(self.acts_nrgd))

    def read(self, shard: int) -> torch.Tensor:
        assert self.shards[shard].split == "test"
        return self.acts_nrgd[shard]

    def rows(self, shard: int) -> polars.DataFrame:
        first = sum(info.orbits for info in self.shards[:shard])
        rows = range(first, first + self.shards[shard].orbits)
        images = [f"image {row // self.rows_per_image}" for row in rows]
        return polars.DataFrame({"row": rows, "image": images}, schema_overrides={"row": polars.Int32})


def crosscoder(group, encoder_gmd, bias, **config):
    """ReLU, so that features fire independently of each other; encoder_gmd has one block or as many as the group."""
    blocks, features, channels = encoder_gmd.shape
    encode_from = "orbit" if blocks > 1 else "identity"
    config = DictionaryConfig(method="relu", features=features, encode_from=encode_from, **config)
    dictionary = create(config, channels, group).requires_grad_(False)
    dictionary.encoder.weight.copy_(encoder_gmd.view_as(dictionary.encoder.weight))
    dictionary.encoder.bias.copy_(torch.as_tensor(bias).expand(features))
    return dictionary


def in_families(family_m: np.ndarray, element_mm: np.ndarray, distance_mm: np.ndarray) -> polars.DataFrame:
    """The partners of all families, given the elements and distances of all features."""
    found = [polars.DataFrame(schema=PARTNERS_SCHEMA)]
    for family in range(family_m.max() + 1):
        members = np.flatnonzero(family_m == family)
        inside = np.ix_(members, members)
        found.append(partners_of(members, distance_mm[inside], element_mm[inside]))
    return polars.concat(found)


# Against a plain loop ------------------------------------------------------------------------------------------------


def plainly(dictionary, acts, elements_h, features_m, family_m, element_mm, similarity_mm):
    group, f_of, image_of = acts.group, {}, {}
    for shard in acts.shards[1:]:
        table = acts.rows(shard.index)
        for row, image, orbit_gd in zip(table["row"], table["image"], acts.read(shard.index).float(), strict=True):
            image_of[row] = image
            for g0 in group.elements:
                seen_gd = torch.stack([orbit_gd[group.compose(g, g0)] for g in group.elements])
                f_of[row, g0] = dictionary.encode(seen_gd[None])[0].tolist()
    found = []
    for i, feature in enumerate(features_m):
        examples = {}
        for row, g0 in sorted(f_of, key=lambda key: (-f_of[key][feature], *key)):
            if f_of[row, g0][feature] > 0 and len(examples) < 8:
                examples.setdefault(image_of[row], (row, g0))
        partners = [j for j in range(len(features_m)) if j != i and family_m[j] == family_m[i] >= 0]
        partners = sorted(sorted(partners, key=lambda j: (-similarity_mm[i, j], j))[: pairs.PARTNERS])
        for j in partners:
            h, fired, chance = element_mm[i, j], None, None
            if examples:
                under_h = [[(row, group.compose(k, g0)) for row, g0 in examples.values()] for k in elements_h]
                fires_he = [[f_of[key][features_m[j]] > 0 for key in keys] for keys in under_h]
                fired, chance = np.mean(fires_he[h]), np.mean(fires_he)
            found.append((feature, features_m[j], h, float(similarity_mm[i, j]), len(examples), fired, chance))
    return polars.DataFrame(found, schema=PAIRS_SCHEMA, orient="row")


@given(
    seed=st.integers(0, 2**32 - 1),
    rotations=st.sampled_from([(1, 1), (3, 3), (4, 4), (4, 2), (5, 1), (6, 3)]),
    reflections=st.booleans(),
    whole_orbit=st.booleans(),
    orbit_reuse=st.booleans(),
    rows_per_image=st.integers(1, 3),
    partners=st.sampled_from([1, 3, 64]),
)
def test_it_equals_a_plain_loop(seed, rotations, reflections, whole_orbit, orbit_reuse, rows_per_image, partners):
    """Small whole numbers, so that sums are exact, activations tie, and equality is asked for to the last bit."""
    rng = np.random.default_rng(seed)
    group = DihedralGroup(rotations[0], reflections)
    part, elements_h = group.subgroup(rotations[1])
    acts_nrgd = [torch.from_numpy(rng.integers(0, 4, (rows, group.order, 5))).half() for rows in (2, 9, 1, 11)]
    encoder_gmd = torch.from_numpy(rng.integers(-2, 3, (group.order if whole_orbit else 1, 10, 5))).float()
    # from features that never fire to some that nearly always do
    dictionary = crosscoder(group, encoder_gmd, torch.arange(-16.0, 4.0, 2.0), orbit_reuse=orbit_reuse)
    features_m = np.sort(rng.choice(10, 8, replace=False))
    rest = dictionary, Orbits(group, acts_nrgd, rows_per_image), elements_h, features_m
    family_m = rng.integers(-1, 2, 8)
    element_mm = rng.integers(0, part.order, (8, 8)).astype(np.int16)
    similarity_mm = rng.integers(0, 5, (8, 8)).astype(np.float32) / 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "PARTNERS", partners)
        found = family_pairs(*rest, in_families(family_m, element_mm, 1 - similarity_mm))
        assert_frame_equal(found, plainly(*rest, family_m, element_mm, similarity_mm), check_exact=True)


# Planted copies ------------------------------------------------------------------------------------------------------


@dataclass
class Copies:
    """Two patterns and all their copies under the group: feature (pattern, h), with a channel of its own.

    Block g of (pattern, h) is the channel of (pattern, gh), so k carries (pattern, h) to (pattern, kh).
    """

    group: DihedralGroup

    def __post_init__(self):
        order, generator = self.group.order, torch.Generator().manual_seed(0)
        channel = torch.eye(2 * order)
        copies = torch.from_numpy(self.group.cayley.copy())
        self.blocks_mgd = torch.cat([channel[copies.T], channel[order + copies.T]])
        strength_r = torch.rand(12, generator=generator)[:, None, None] + 0.5
        # each row shows one pattern in one pose
        acts_rgd = strength_r * self.blocks_mgd[torch.randperm(2 * order, generator=generator).repeat(3)[:12]]
        self.acts = Orbits(self.group, [torch.zeros(1, order, 2 * order), *acts_rgd.half().split(5)])
        self.features_m = np.arange(2 * order)

    def dictionary(self, whole_orbit: bool):
        encoder_gmd = self.blocks_mgd.transpose(0, 1)
        return crosscoder(self.group, encoder_gmd if whole_orbit else encoder_gmd[:1], -0.1)


@pytest.mark.parametrize("whole_orbit", [False, True], ids=["identity", "orbit"])
@pytest.mark.parametrize("n_rotations", [6, 3, 2, 1])
def test_copies_carry_each_other_under_their_element_and_no_other(n_rotations, whole_orbit):
    planted = Copies(DihedralGroup(6))
    dictionary = planted.dictionary(whole_orbit)
    part, elements_h = planted.group.subgroup(n_rotations)
    distance_mm, element_mm = orbit_carriers(planted.blocks_mgd[:, torch.from_numpy(elements_h)], part)
    family_m = (distance_mm < 0.5).argmax(1)  # its first member stands for a family
    assert np.bincount(family_m).max() == part.order
    rest = dictionary, planted.acts, elements_h, planted.features_m

    found = family_pairs(*rest, in_families(family_m, element_mm, distance_mm))
    assert len(found) == len(planted.features_m) * (part.order - 1)
    assert found["examples"].min() >= 1
    assert found["fired"].unique().to_list() == [1.0]
    assert found["chance"].to_numpy() == pytest.approx(1 / part.order)
    assert found["similarity"].to_numpy() == pytest.approx(1)

    for offset in range(1, part.order):
        wrong_mm = (element_mm + offset) % part.order
        found = family_pairs(*rest, in_families(family_m, wrong_mm, distance_mm))
        assert found["fired"].unique().to_list() == [0.0]
        assert found["chance"].to_numpy() == pytest.approx(1 / part.order)


def test_a_feature_without_examples_is_not_verified_and_no_partner_to_others():
    planted = Copies(DihedralGroup(3))
    dictionary = planted.dictionary(whole_orbit=False)
    dictionary.encoder.bias[2] = -10
    distance_mm, element_mm = orbit_carriers(planted.blocks_mgd, planted.group)
    family_m = np.repeat([0, -1], planted.group.order)
    found = family_pairs(
        dictionary,
        planted.acts,
        planted.group.elements,
        planted.features_m,
        in_families(family_m, element_mm, distance_mm),
    )
    of_silent = found.filter(feature=2)
    assert of_silent["partner"].to_list() == [0, 1, 3, 4, 5]
    assert of_silent["examples"].unique().to_list() == [0]
    assert of_silent["fired"].null_count() == of_silent["chance"].null_count() == 5
    others = found.filter(polars.col("feature") != 2)
    expected = others.select(fired=(polars.col("partner") != 2).cast(float))
    assert_frame_equal(others.select("fired"), expected)


def test_there_are_no_pairs_without_families_and_no_examples_without_a_test_split():
    planted = Copies(DihedralGroup(2))
    dictionary, untested = planted.dictionary(whole_orbit=False), Orbits(planted.group, planted.acts.acts_nrgd[:1])

    def found(acts, family_m):
        partners = in_families(family_m, np.zeros((8, 8), np.int16), 1 - np.eye(8, dtype=np.float32))
        return family_pairs(dictionary, acts, planted.group.elements, planted.features_m, partners)

    assert_frame_equal(found(planted.acts, np.full(8, -1)), polars.DataFrame(schema=PAIRS_SCHEMA))
    unverified = found(untested, np.zeros(8, int))
    assert len(unverified) == 8 * 7
    assert unverified["examples"].unique().to_list() == [0]
    assert unverified["fired"].null_count() == unverified["chance"].null_count() == 8 * 7


# Real images ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> ActivationSet:
    settings = Settings(data_dir=tmp_path_factory.mktemp("small"))
    return ActivationSet.open(extract(SMALL, settings), settings)


def test_encoders_of_turned_orbits_carry_each_other_on_real_images(small):
    """W_j^g = W_i^{gh} makes pre_j(h·x) = pre_i(x) on any image whose orbit is stored as it should be."""
    group, generator = small.group, torch.Generator().manual_seed(3)
    patterns, order = 4, group.order
    encoder_gpd = torch.randn(order, patterns, small.channels, generator=generator)
    encoder_gmd = torch.cat([encoder_gpd[group.cayley[:, h]] for h in group.elements], dim=1)
    copy_m, family_m = np.repeat(group.elements, patterns), np.tile(np.arange(patterns), order)
    orbits_rgd = torch.cat([small.read(shard.index) for shard in small.shards]).float()
    strength_m = torch.einsum("rgd,gmd->rm", orbits_rgd, encoder_gmd).quantile(0.7, dim=0)
    # one threshold a pattern, passed by a part of the images
    threshold_m = strength_m.view(order, patterns).mean(0).repeat(order)
    dictionary = crosscoder(group, encoder_gmd, -threshold_m)
    element_mm = group.cayley[copy_m[None, :], group.inverses[copy_m][:, None]]
    rest = dictionary, small, group.elements, np.arange(len(copy_m))
    distance_mm = np.zeros((len(copy_m), len(copy_m)), np.float32)

    found = family_pairs(*rest, in_families(family_m, element_mm, distance_mm))
    assert len(found) == len(copy_m) * (order - 1)
    assert found["examples"].min() >= 1
    assert found["fired"].unique().to_list() == [1.0]
    assert found["chance"].max() < 0.9
    backwards = family_pairs(*rest, in_families(family_m, group.inverses[element_mm], distance_mm))
    assert backwards["fired"].mean() < 0.9
