"""The stage on small real sets: its tables load, pass every audit, and are made once; bad input is named."""

import numpy as np
import polars as pl
import pytest

from tasks.activations.extract import extract
from tasks.activations.plan import ExtractionConfig
from tasks.activations.shards import ActivationSet, activation_tables
from tasks.dictionary.analyse import analyse
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.train import train
from tasks.dimensions.analyse import UnitRows, analyse_dimensions, dimension_metrics
from tasks.dimensions.config import DimensionsConfig
from tasks.dimensions.methods import FITS
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.vision.images import ImagesConfig
from tasks.warehouse.audit import run_sql_audit
from tasks.warehouse.database import open_warehouse, sql_files
from tasks.warehouse.load import load

BANK = ExtractionConfig(
    network="gabor-bank-3x2x2x2",
    layer="gabor",
    images=ImagesConfig(sources=("dead-leaves",), scenes=8, frame_size=64),
    n_rotations=4,
    reflections=True,
    orbits=32,
    sampling="uniform",
    orbits_per_shard=9,
    test_share=0.3,
)
FEW = DimensionsConfig(components=6, frames=2, permutations=99)


@pytest.fixture(scope="module")
def extracted(tmp_path_factory) -> tuple[Settings, str, str]:
    """Orbits of a small bank, and a dictionary on them."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("dimensions"))
    activation_set = extract(BANK, settings)
    small = DictionaryConfig(features=20, k=4, steps=20, batch_size=16, auxiliary_k=0)
    return settings, activation_set, train(activation_set, small, settings)


def test_tables_load_and_pass_every_audit(extracted):
    settings, activation_set, dictionary = extracted
    load("set", activation_tables(ActivationSet.open(activation_set, settings)), settings)
    features = analyse(dictionary, settings)
    load(features, read_staged(features, settings), settings)
    searches = [(None, FEW.model_copy(update={"method": method})) for method in FITS]
    searches += [(None, FEW.model_copy(update={"source": "gratings"})), (dictionary, FEW)]
    for subject, search in searches:
        told = []
        key = analyse_dimensions(activation_set, subject, search, settings, lambda *done, told=told: told.append(done))
        assert told == sorted(told)
        assert told[-1] == (1000, 1000)
        tables = read_staged(key, settings)
        load(key, tables, settings)
        metrics = dimension_metrics(tables)
        assert ("agreement_kept" in metrics) == (subject is None and search.source == "patches")
        assert 0 < metrics["harmonic_purity"] <= 1
    with open_warehouse(settings) as connection:
        audits = [run_sql_audit(connection, file) for file in sql_files("audits")]
    assert [result for result in audits if not result.passed] == []


def test_it_is_done_once_and_another_seed_is_another_analysis(extracted, monkeypatch):
    settings, activation_set, _ = extracted
    key = analyse_dimensions(activation_set, None, FEW, settings)
    assert analyse_dimensions(activation_set, None, FEW.model_copy(update={"seed": 1}), settings) != key
    monkeypatch.setattr("tasks.dimensions.analyse.fit", None)
    assert analyse_dimensions(activation_set, None, FEW, settings) == key


def test_rows_are_all_transforms_of_all_orbits_of_a_split(extracted):
    settings, activation_set, _ = extracted
    acts = ActivationSet.open(activation_set, settings)
    rows = UnitRows(acts, None, at_most=100_000)
    expected = [acts.read(shard.index).flatten(0, 1) for shard in acts.shards if shard.split == "train"]
    np.testing.assert_array_equal(np.concatenate(list(rows.batches("train"))), np.concatenate(expected))
    numbers = [number for part, _ in rows.orbits("test") for number in part]
    assert numbers == acts.plan.rows.filter(split="test")["row"].to_list()


def test_no_more_rows_than_asked_for_and_of_every_shard_some(extracted):
    settings, activation_set, _ = extracted
    acts = ActivationSet.open(activation_set, settings)
    half = UnitRows(acts, None, at_most=sum(s.orbits for s in acts.shards if s.split == "train") * 8 // 2)
    numbers = [number for part, _ in half.orbits("train") for number in part]
    shards = acts.plan.rows.filter(pl.col("row").is_in(numbers))["shard"].unique()
    assert len(shards) == sum(shard.split == "train" for shard in acts.shards)
    assert sum(len(batch) for batch in half.batches("train")) == pytest.approx(half.at_most, abs=8 * len(shards))


def test_patches_go_from_low_to_high_and_are_of_the_test_split(extracted):
    settings, activation_set, _ = extracted
    tables = read_staged(analyse_dimensions(activation_set, None, FEW, settings), settings)
    pictures = tables["dimension_pictures"].sort("dimension", "place")
    assert (pictures["kind"] == "patch").all()
    assert pictures.group_by("dimension").agg(pl.col("score").is_sorted().all())["score"].all()
    assert pictures["picture"].bin.starts_with(b"RIFF").all()


def test_a_set_without_a_test_split_is_refused(extracted):
    settings, *_ = extracted
    whole = extract(BANK.model_copy(update={"test_share": 0.0, "orbits": 8}), settings)
    with pytest.raises(UserError, match="has no test split to evaluate dimensions on: extract it with test_share > 0"):
        analyse_dimensions(whole, None, FEW, settings)


def test_signed_activations_are_no_parts(tmp_path):
    settings = Settings(data_dir=tmp_path)
    linear = extract(
        BANK.model_copy(update={"network": "efficientnet_lite0", "layer": "block0", "n_rotations": 1}), settings
    )
    with pytest.raises(UserError, match=r"nmf needs activations ≥ 0, but .* reaches -"):
        analyse_dimensions(linear, None, FEW.model_copy(update={"method": "nmf"}), settings)
