"""The stage on small sets: its rows are those of the plain functions, load, pass every audit; bad input is named."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from tasks.concepts.analyse import agreement, analyse_concepts, class_images, concept_metrics, gather
from tasks.concepts.cav import fit_cav, layer_activations
from tasks.concepts.config import ClassImages, ConceptsConfig
from tasks.concepts.store import load_cavs
from tasks.concepts.tcav import class_gradients, holm, score, sensitivities, significance
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.vision.images import ImagesConfig
from tasks.vision.networks import load_network
from tasks.warehouse.audit import run_sql_audit
from tasks.warehouse.database import open_warehouse, sql_files
from tasks.warehouse.load import load

CLASS = "tabby"


def write_noise(folder, count: int, seed: int = 0):
    folder.mkdir()
    for index in range(count):
        pixels = np.random.default_rng([seed, index]).integers(0, 256, size=(224, 224, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Settings, ConceptsConfig, str]:
    folder = tmp_path_factory.mktemp("concepts")
    settings = Settings(data_dir=folder / "data")
    config = ConceptsConfig(
        layers=("block2_expand", "block5_expand"),
        concepts=("stripes", str(write_noise(folder / "speckles", 5, seed=1))),
        drawn=5,
        classes=(ClassImages(name=CLASS, folder=write_noise(folder / "cats", 4), least_probability=0),),
        random=ImagesConfig(sources=("dead-leaves",), scenes=12),
        random_sets=3,
        random_size=4,
    )
    return settings, config, analyse_concepts(config, settings)


@pytest.mark.parametrize("name", ["zebra", "n02391049", "340"])
def test_photographs_that_are_labelled_as_another_class_are_left_out(tmp_path, lite0, name):
    folder = write_noise(tmp_path / "photographs", 5)
    labels = ["zebra", "n02391049", "340", "", "tench"]
    rows = "".join(f"{place}.png,{label}\n" for place, label in enumerate(labels))
    (folder / "list.csv").write_text(f"path,label\n{rows}")
    wanted = ClassImages(name=name, folder=folder / "list.csv", least_probability=0)
    found = class_images(wanted, 340, lite0)
    assert (found.names, found.quarantine) == (("0.png", "1.png", "2.png", "3.png"), ())

    (folder / "tench").mkdir()
    for place in range(4):
        (folder / f"{place}.png").rename(folder / "tench" / f"{place}.png")
    whole = wanted.model_copy(update={"folder": folder})
    assert class_images(whole, 340, lite0).names == ("4.png",)
    (folder / "4.png").unlink()
    with pytest.raises(UserError, match=r"all 4 images in .*/photographs are labelled as other classes: give others"):
        class_images(whole, 340, lite0)


def test_rows_are_those_of_the_plain_functions(made):
    settings, config, key = made
    tables = read_staged(key, settings)
    sets, network = gather(config, settings), load_network("efficientnet_lite0", None)
    tests = tables["tcav_tests"]
    assert len(tests) == tables["concept_analyses"]["tests"].item() == 4
    assert tests["p_holm"].to_list() == pytest.approx(holm(tests["p_value"].to_list()))
    layer = "block5_expand"
    acts = {
        each.key: layer_activations(network, layer, each.frames_ncyx, "mean") for each in [*sets.concepts, *sets.random]
    }
    [tabby] = sets.classes
    gradients_ncyx = class_gradients(network, layer, tabby.index, tabby.images.frames_ncyx)

    def scored(one, other) -> float:
        return score(sensitivities(gradients_ncyx, fit_cav(acts[one.key], acts[other.key], config.cav)))

    random = [scored(one, other) for one, other in pairwise([*sets.random, sets.random[0]])]
    for concept in sets.concepts:
        own = [scored(concept, other) for other in sets.random]
        kept = load_cavs(key, settings)[layer, concept.key]
        for other, vector_d, intercept in zip(sets.random, kept.vectors_rd, kept.intercepts_r, strict=True):
            cav = fit_cav(acts[concept.key], acts[other.key], config.cav)
            torch.testing.assert_close(vector_d, cav.vector_d)
            assert intercept.item() == pytest.approx(cav.intercept)
        row = tests.row(by_predicate=(pl.col("concept_id") == concept.key) & (pl.col("layer") == layer), named=True)
        assert row["score"] == pytest.approx(np.mean(own))
        assert row["random_score"] == pytest.approx(np.mean(random))
        assert row["p_value"] == pytest.approx(significance(own, random))
        assert row["class_name"] == CLASS
    assert len(tables["cavs"]) == 2 * (2 * 3 + 3)
    assert {name for name in concept_metrics(tables) if "stripes" in name and layer in name} == {
        f"{metric}/stripes/{CLASS}/{layer}" for metric in ("score", "p_holm", "accuracy")
    }


def test_tables_load_beside_another_analysis_of_the_same_sets_and_pass_every_audit(made):
    settings, config, key = made
    other = config.model_copy(update={"cav": config.cav.model_copy(update={"classifier": "mean-difference"})})
    keys = [key, analyse_concepts(other, settings)]
    assert len(set(keys)) == 2
    for each in keys:
        load(each, read_staged(each, settings), settings)
    with open_warehouse(settings) as connection:
        audits = [run_sql_audit(connection, file) for file in sql_files("audits")]
        sets = connection.execute("SELECT role, count(*) FROM concepts GROUP BY role").fetchall()
    assert [result for result in audits if not result.passed] == []
    assert dict(sets) == {"concept": 2, "random": 3, "class": 1}


def test_it_is_done_once(made, monkeypatch):
    settings, config, key = made
    monkeypatch.setattr("tasks.concepts.analyse._test_layer", None)
    assert analyse_concepts(config, settings) == key


def test_an_analysis_from_before_vectors_were_kept_is_made_again(made):
    settings, config, key = made
    [file] = (settings.cavs_dir / key).glob("*.safetensors")
    kept = file.read_bytes()
    file.unlink()
    assert analyse_concepts(config, settings) == key
    assert file.read_bytes() == kept


def test_agreement_is_the_mean_cosine_of_different_vectors():
    vectors = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]]), dim=1)
    assert agreement(vectors) == pytest.approx((2 * np.sqrt(0.5) + 0) / 3)


def test_bad_input_is_named(made, tmp_path):
    settings, config, _ = made
    one = write_noise(tmp_path / "one", 1)
    tabby = config.classes[0]
    for change, complaint in (
        ({"concepts": ("stripes", str(one))}, "holds only one distinct image that can be read"),
        ({"concepts": (str(tabby.folder),)}, "sets cats and tabby share an image"),
        ({"classes": (ClassImages(name="crane"),)}, r"crane.*crane \(bird\)"),
        ({"classes": (tabby.model_copy(update={"folder": tmp_path / "none"}),)}, "images folder .* does not exist"),
        ({"layers": ("conv9",)}, "has no layer 'conv9'"),
        ({"random_size": 5}, "3 random sets of 5 need 15 images, and the pool has 12"),
    ):
        with pytest.raises(UserError, match=complaint) as raised:
            analyse_concepts(config.model_copy(update=change), settings)
        assert "\n" not in str(raised.value)
