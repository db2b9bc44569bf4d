"""The stage on a small real set: its tables load, pass every audit, and are made once; bad input is named."""

import numpy as np
import polars as pl
import pytest
import torch

from tasks.activations.extract import extract
from tasks.activations.extractors import unit_extractor
from tasks.activations.shards import ActivationSet, activation_tables
from tasks.dictionary import store
from tasks.dictionary.analyse import analyse
from tasks.dictionary.base import Dictionary
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.rows import every_row
from tasks.dictionary.train import train
from tasks.errors import UserError
from tasks.families.analyse import LiveBlocks, analyse_families, family_metrics, subject
from tasks.families.config import FamiliesConfig
from tasks.families.distance import orbit_distances
from tasks.families.feature_responses import UNCLEAR, largest_by_family
from tasks.families.separation import measure_separation, scores_of
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.symmetry.action import source_side, transform_patches
from tasks.symmetry.group import DihedralGroup
from tasks.tuning.responses import stimulus_orbits
from tasks.vision.names import FAMILIES, STIMULUS_TYPES
from tasks.vision.networks import load_network
from tasks.vision.stimuli import LARGEST_STEP, Stimuli, draw, stimuli
from tasks.warehouse.audit import run_sql_audit
from tasks.warehouse.database import open_warehouse, sql_files
from tasks.warehouse.load import load
from tests.tasks.activations.small_set import SMALL

FEW = FamiliesConfig(neighbours=4, min_family_size=2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Settings, dict[str, str]]:
    """A small set under D_4, and dictionaries on it by name."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("families"))
    config = SMALL.model_copy(update={"n_rotations": 4})
    activation_set = extract(config, settings)
    small = {"features": 40, "k": 4, "steps": 30, "batch_size": 16, "auxiliary_k": 0}
    variants = {
        "crosscoder": {},
        "again": {"seed": 1},
        "sae": {"architecture": "sae"},
        "orbit": {"encode_from": "orbit"},
        "steerable": {"architecture": "steerable-crosscoder"},
    }
    keys = {name: train(activation_set, DictionaryConfig(**small, **more), settings) for name, more in variants.items()}
    return settings, keys | {"set": activation_set}


def test_tables_load_and_pass_every_audit(trained):
    settings, keys = trained
    load("set", activation_tables(ActivationSet.open(keys["set"], settings)), settings)
    told = []
    for name in ("crosscoder", "sae", "orbit", "steerable"):
        analysis = analyse(keys[name], settings)
        load(analysis, read_staged(analysis, settings), settings)
        families = analyse_families(keys[name], FEW, settings, lambda *done: told.append(done))
        assert told[-1] == (1000, 1000)
        tables = read_staged(families, settings)
        assert ("family_pairs" in tables) == (name != "sae")
        assert tables["family_analyses"]["families"].item() >= 1
        [scores] = measure_separation(families, (), FEW, settings)
        tables |= read_staged(scores, settings)
        load(families, tables, settings)
        assert family_metrics(tables)["families"] == len(tables["family_shapes"])
    with open_warehouse(settings) as connection:
        audits = [run_sql_audit(connection, file) for file in sql_files("audits")]
    assert [result for result in audits if not result.passed] == []


@pytest.mark.parametrize(
    ("n_rotations", "reflections"), [(1, True), (5, False), (6, True)], ids=["reflections alone", "C_5", "D_6"]
)
def test_any_finite_group_of_the_plane(n_rotations, reflections, tmp_path):
    settings = Settings(data_dir=tmp_path)
    activation_set = extract(
        SMALL.model_copy(update={"n_rotations": n_rotations, "reflections": reflections}), settings
    )
    config = DictionaryConfig(features=30, k=4, steps=20, batch_size=16, auxiliary_k=0)
    dictionary = train(activation_set, config, settings)
    load("set", activation_tables(ActivationSet.open(activation_set, settings)), settings)
    analysis = analyse(dictionary, settings)
    load(analysis, read_staged(analysis, settings), settings)
    families = analyse_families(dictionary, FEW, settings)
    tables = read_staged(families, settings)
    [scores] = measure_separation(families, (), FEW, settings)
    load(families, tables | read_staged(scores, settings), settings)
    with open_warehouse(settings) as connection:
        audits = [run_sql_audit(connection, file) for file in sql_files("audits")]
    assert [result for result in audits if not result.passed] == []
    members = tables["feature_families"].drop_nulls("family")
    assert members["element"].max() < len(tables["family_shapes"]["profile"][0]) * (1 + reflections)
    assert members["mirrored"].any() <= reflections


def test_scores_name_each_seed_and_control(trained):
    settings, keys = trained
    families = analyse_families(keys["crosscoder"], FEW, settings)
    alone = measure_separation(families, (), FEW, settings)
    with_replica = measure_separation(families, (keys["again"],), FEW, settings)
    assert with_replica[:1] == alone  # a further replica adds its own scores and repeats none
    scores = pl.concat(read_staged(key, settings)["family_scores"] for key in with_replica)
    assert set(scores.select("condition", "seed").unique().iter_rows()) == {
        (name, seed) for name in ("features", "shuffled blocks", "random dictionary") for seed in (0, 1)
    }
    assert scores.filter(metric="features")["value"].n_unique() <= 2  # controls are scored on the same features


def test_it_is_done_once_and_a_subgroup_is_another_analysis(trained, monkeypatch):
    settings, keys = trained
    whole = analyse_families(keys["crosscoder"], FEW, settings)
    part = analyse_families(keys["crosscoder"], FEW.model_copy(update={"n_rotations": 2}), settings)
    assert read_staged(part, settings)["family_analyses"].select("n_rotations", "group_order").row(0) == (2, 4)
    monkeypatch.setattr("tasks.families.analyse.subject", None)
    assert analyse_families(keys["crosscoder"], FEW, settings) == whole != part


def test_live_features_are_those_of_the_analysis_and_maxima_are_exact(trained):
    settings, keys = trained
    for name in ("crosscoder", "sae", "orbit", "steerable"):
        found = subject(keys[name], None, settings)
        features = read_staged(analyse(keys[name], settings), settings)["features"]
        assert found.features.tolist() == features.filter(~pl.col("dead"))["feature"].to_list()
        acts, dictionary = found.acts, store.load_dictionary(keys[name], settings)
        blocks = acts.group.order if dictionary.reads_all_blocks else 1
        maxima = torch.stack(
            [
                dictionary.encode(x_gbd.transpose(0, 1) if dictionary.is_crosscoder else x_gbd[0]).amax(0)
                for shard in acts.shards
                for _, x_gbd in every_row(acts, dictionary.config, shard, blocks)
            ]
        ).amax(0)
        np.testing.assert_allclose(found.feature_responses.maxima_m, maxima.numpy(), rtol=1e-6)
        types_m = found.feature_responses.types_m
        assert set(types_m[found.features]) <= set(STIMULUS_TYPES)
        assert len(set(types_m[found.features])) > 1


def test_the_families_of_a_steerable_crosscoder_are_its_prototypes_in_every_orientation(trained):
    settings, keys = trained
    tables = read_staged(analyse_families(keys["steerable"], FEW, settings), settings)
    members = tables["feature_families"]
    assert members["family"].null_count() == 0
    assert (members["similarity"] > 1 - 1e-4).all()
    firsts = tables["family_shapes"].select("family", "prototype", "size", "period_degrees")
    assert (firsts["size"] == 8).all()
    group = ActivationSet.open(keys["set"], settings).group
    trivial = tables["family_shapes"].filter(stabiliser="trivial")["family"]
    assert len(trivial)
    for feature, family, element in members.select("feature", "family", "element").iter_rows():
        prototype = firsts.filter(family=family)["prototype"].item()
        assert feature // 8 == prototype // 8
        if family in trivial:  # otherwise several elements carry the one to the other
            assert group.compose(element, prototype % 8) == feature % 8


def test_one_copy_of_each_prototype_has_the_distances_of_all_its_copies(trained):
    settings, keys = trained
    found = subject(keys["steerable"], None, settings)
    assert len(found.features) == 8 * len(found.compared)
    distance_mm = orbit_distances(found.blocks_mgd, found.group)
    distance_nn = orbit_distances(found.compared_blocks, found.group)
    places = found.compared_as_m
    np.testing.assert_allclose(distance_nn[np.ix_(places, places)], distance_mm, atol=1e-5)
    places = read_staged(analyse_families(keys["steerable"], FEW, settings), settings)["feature_families"]
    assert places.select("map_x", "map_y").n_unique() == len(found.compared)
    # under fewer elements than the prototypes have copies, copies differ
    part = subject(keys["steerable"], 2, settings)
    assert part.compared.tolist() == list(range(len(part.features)))
    assert orbit_distances(part.blocks_mgd, part.group)[:8, :8].max() > 0.01


def test_scores_of_a_steerable_crosscoder_count_its_features_and_compare_its_prototypes(trained):
    settings, keys = trained
    found = subject(keys["steerable"], None, settings)
    kinds_m = found.feature_responses.types_m
    clear_m = ~np.isin(kinds_m, UNCLEAR)
    scores = scores_of(found, FEW)
    assert scores["features"]["features"] == clear_m[found.features].sum()
    assert scores["shuffled blocks"]["features"] == clear_m[found.features[found.compared]].sum()
    assert scores["features"]["families"] == len(found.compared)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        (FEW.model_copy(update={"n_rotations": 3}), r"was trained on D_4: n_rotations = 3 does not divide .*1, 2 or 4"),
        (FEW.model_copy(update={"n_rotations": 8}), "was trained on D_4: n_rotations = 8 does not divide"),
        (FEW.model_copy(update={"neighbours": 40}), "live features are too few for families.neighbours = 40"),
    ],
)
def test_a_group_or_neighbours_it_has_not_are_refused(trained, config, complaint):
    settings, keys = trained
    with pytest.raises(UserError, match=complaint):
        analyse_families(keys["crosscoder"], config, settings)


def test_too_few_prototypes_are_refused(trained):
    settings, keys = trained
    with pytest.raises(UserError, match=r"^5 live prototypes are too few for families.neighbours = 10 and"):
        analyse_families(keys["steerable"], FamiliesConfig(), settings)


def test_a_dead_dictionary_is_refused(trained, monkeypatch):
    settings, keys = trained

    def killed(key: str, settings: Settings) -> Dictionary:
        dictionary = store.load_dictionary(key, settings)
        dictionary.encoder.bias.fill_(-1e6)
        return dictionary

    monkeypatch.setattr("tasks.families.analyse.load_dictionary", killed)
    with pytest.raises(UserError, match=r"is dead: none of its 40 features fires on any row; train it"):
        analyse_families(keys["again"], FEW, settings)


def test_a_code_of_whole_orbits_reads_those_of_turned_stimuli(trained):
    settings, keys = trained
    found = subject(keys["orbit"], None, settings)
    config, side = found.acts.config, found.acts.plan.patch.side
    extractor = unit_extractor(load_network(config.network), config.layer, found.acts.plan.patch.centre)
    rows, best = stimuli(side, LARGEST_STEP).table.filter(family="arc", angle_degrees=48.0), torch.zeros(40)
    pictures_ncyx = draw(rows, side, source_side(side, found.group))
    transformed_ngcyx = transform_patches(pictures_ncyx, found.group.elements, found.group, side)
    orbits_ngd = extractor(transformed_ngcyx.flatten(0, 1)).unflatten(0, (len(rows), -1))
    for turned in found.group.elements:
        of_turned = orbits_ngd[:, found.group.cayley[:, turned]]
        best = best.maximum(found.dictionary.encode(of_turned).amax(0))
    drawn, acts_ngd = stimulus_orbits(
        config.network, config.layer, found.acts.plan.patch.centre, None, LARGEST_STEP, found.group
    )
    only_these = Stimuli(side, LARGEST_STEP, drawn.table.filter(family="arc", angle_degrees=48.0))
    acts_ngd = acts_ngd[((drawn.table["family"] == "arc") & (drawn.table["angle_degrees"] == 48.0)).to_torch()]
    largest_fm = largest_by_family(found.dictionary, found.acts, only_these, acts_ngd)
    assert best.max() > 0
    torch.testing.assert_close(largest_fm[FAMILIES.index("arc")], best)
    assert largest_fm.count_nonzero() == best.count_nonzero()


def test_turned_copies_of_a_prototype_respond_most_to_the_same_stimuli(trained):
    settings, keys = trained
    found = subject(keys["steerable"], None, settings)
    config, patch = found.acts.config, found.acts.plan.patch
    drawn, acts_ngd = stimulus_orbits(config.network, config.layer, patch.centre, None, LARGEST_STEP, found.group)
    largest_fm = largest_by_family(found.dictionary, found.acts, drawn, acts_ngd)
    # any copy can be the active one: the best of all that a prototype's encoder gives on the orbits as they are read
    x_gnd = acts_ngd.transpose(0, 1) * found.dictionary.scale
    pre_nph = found.dictionary.pre_activations(x_gnd).unflatten(1, (-1, found.group.order))
    active_nk = found.dictionary.encode_active(x_gnd)
    is_active_nm = torch.zeros(len(acts_ngd), 40).scatter_(1, active_nk[1], active_nk[0]) > 0
    best_np = torch.where(is_active_nm.unflatten(1, pre_nph.shape[1:]), pre_nph, 0).amax(2)
    for place, family in enumerate(FAMILIES):
        of_family = best_np[drawn.table["family"].eq(family).to_torch()].amax(0).repeat_interleave(found.group.order)
        torch.testing.assert_close(largest_fm[place], of_family, rtol=1e-3, atol=1e-3)
    types_ph = found.feature_responses.types_m.reshape(-1, found.group.order)
    assert (types_ph == types_ph[:, :1]).all()


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"architecture": "sae"},
        {"harmonics": 1},
        {"architecture": "steerable-crosscoder"},
    ],
    ids=["free blocks", "one block", "a band", "copies of prototypes"],
)
def test_blocks_of_some_features_are_rows_of_all_blocks(config):
    dictionary = store.create(DictionaryConfig(features=40, k=4, **config), 6, DihedralGroup(4))
    for parameter in dictionary.parameters():
        torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(len(parameter.shape)))
    features, elements = torch.tensor([3, 0, 17, 39]), torch.arange(dictionary.block_count).flip(0)
    blocks = LiveBlocks(dictionary, features, elements)
    expected = dictionary.blocks()[features][:, elements]
    assert len(blocks) == 4
    torch.testing.assert_close(blocks[:], expected)
    torch.testing.assert_close(blocks[1:3], expected[1:3])
    torch.testing.assert_close(blocks[torch.tensor([2, 0])], expected[[2, 0]])
    end_to_end = LiveBlocks(dictionary, features, None)[:]
    torch.testing.assert_close(end_to_end, dictionary.blocks()[features].flatten(1)[:, None])
