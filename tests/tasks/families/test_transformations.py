"""Hue and scale from extraction to families, on the embedded network: the tables load and pass every audit."""

import polars as pl
import pytest

from tasks.activations.extract import extract
from tasks.activations.shards import ActivationSet, activation_tables
from tasks.dictionary.analyse import analyse
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.matching_pursuit import measure_matching_pursuit
from tasks.dictionary.orbit_components import measure_orbit_components
from tasks.dictionary.orbit_prediction import measure_orbit_prediction
from tasks.dictionary.train import train
from tasks.errors import UserError
from tasks.families.analyse import analyse_families
from tasks.families.config import FamiliesConfig
from tasks.families.separation import measure_separation
from tasks.staging import read_staged
from tasks.tuning.curves import analyse_tuning
from tasks.warehouse.audit import run_expectations, run_sql_audit
from tasks.warehouse.database import create_views, open_warehouse, sql_files
from tasks.warehouse.labels import dictionary_label
from tasks.warehouse.load import load
from tests.tasks.activations.test_transformations import HUE, SCALE

FEW = FamiliesConfig(neighbours=4, min_family_size=2)
HUES = HUE.model_copy(update={"n_rotations": 8, "reflections": True})


@pytest.mark.parametrize(
    ("extraction", "reuse", "label", "transforms"),
    [
        (HUES, True, "hue D8", ["identity", "hue turned 45°", "green and blue exchanged, hue turned 315°"]),
        (SCALE, False, "5 scales", ["identity", "scaled by 1.41", "scaled by 0.707"]),
    ],
    ids=["hue", "scale"],
)
def test_every_table_passes_every_audit(extraction, reuse, label, transforms, settings):
    activation_set = extract(extraction, settings)
    small = {"features": 40, "k": 4, "steps": 30, "batch_size": 16, "auxiliary_k": 0, "orbit_reuse": reuse}
    key = train(activation_set, DictionaryConfig(**small), settings)
    load("set", activation_tables(ActivationSet.open(activation_set, settings)), settings)
    staged = [analyse(key, settings), *measure_orbit_prediction(key, 0, settings).values()]
    staged += [measure_matching_pursuit(key, settings), *([measure_orbit_components(key, settings)] if reuse else [])]
    families = analyse_families(key, FEW, settings)
    staged += [families, *measure_separation(families, (), FEW, settings)]
    for tables in staged:
        load(tables, read_staged(tables, settings), settings)
    with open_warehouse(settings) as connection:
        audits = [run_sql_audit(connection, file) for file in sql_files("audits")]
        audits += run_expectations(connection)
        assert [result for result in audits if not result.passed] == []
        create_views(connection)
        profile = connection.sql(
            "FROM transform_block_profiles WHERE feature = (SELECT min(feature) FROM features WHERE NOT dead)"
        ).pl()
        blocks = connection.sql("FROM block_scores").pl()
        [(kind,)] = connection.sql("SELECT DISTINCT transformations FROM symmetry_types").fetchall()
    assert kind == extraction.transformations
    named = profile.sort("element")["transform"].to_list()
    assert [named[0], named[1], named[-1]] == transforms
    columns = ["element", "rotation_degrees", "mirrored", "octaves"]
    assert blocks.sort("element").select(columns).equals(profile.sort("element").select(columns))
    assert f", {label}, " in dictionary_label(key, settings)
    shapes = read_staged(families, settings)
    assert ("family_pairs" in shapes) == reuse
    assert shapes["family_analyses"]["group_order"].item() == (16 if reuse else 1)
    assert shapes["feature_families"]["orientation_degrees"].null_count() < len(shapes["feature_families"]) or not reuse
    patches = read_staged(staged[0], settings)["feature_examples"]
    assert patches.select(pl.col("element").max()).item() >= (1 if reuse else 0)
    with pytest.raises(UserError, match=f"curves are measured .* not of {extraction.transformations}"):
        analyse_tuning(activation_set, key, settings)


def test_whole_orbits_of_hue_have_no_ground_truth(settings):
    small = {"features": 40, "k": 4, "steps": 30, "batch_size": 16, "auxiliary_k": 0}
    key = train(extract(HUES, settings), DictionaryConfig(encode_from="orbit", **small), settings)
    families = analyse_families(key, FEW, settings)
    assert read_staged(families, settings)["feature_families"]["stimulus_type"].count() == 0
    with pytest.raises(UserError, match="whole orbits of hue D_8, for which no stimuli are drawn"):
        measure_separation(families, (), FEW, settings)


def test_families_of_scales_have_no_subgroup(settings):
    key = train(extract(SCALE, settings), DictionaryConfig(features=8, k=2, steps=4, orbit_reuse=False), settings)
    with pytest.raises(UserError, match=r"was trained on 5 scales: leave out families.n_rotations"):
        analyse_families(key, FEW.model_copy(update={"n_rotations": 2}), settings)
