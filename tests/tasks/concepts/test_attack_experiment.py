"""An attack experiment on small sets: its rows are what each evaluation gives alone, and they pass every audit."""

import io
import shutil

import numpy as np
import polars as pl
import pytest
from PIL import Image

from tasks.checksums import COMMIT
from tasks.concepts import perturbed_sets
from tasks.concepts.analyse import gather
from tasks.concepts.attack_evaluation import AttackScorer, ImageChangeMeter
from tasks.concepts.attack_experiment import PICTURES, analyse_attack, evenly_spaced_layers
from tasks.concepts.config import AttackExperimentConfig, AttackGrid, ClassImages, TransferTarget
from tasks.concepts.perturbed_sets import IDENTITY, attacked_sets, class_at
from tasks.concepts.tamper_detection import TamperDetector
from tasks.concepts.tcav import holm
from tasks.errors import UserError
from tasks.quarantine import in_quarantine
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.vision.images import ImagesConfig
from tasks.warehouse.audit import run_sql_audit
from tasks.warehouse.database import open_warehouse, sql_files
from tasks.warehouse.load import load
from tests.damage import flip
from tests.tasks.concepts.test_analyse import CLASS, write_noise

HERE, ELSEWHERE = "block5_expand", "block2_expand"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Settings, AttackExperimentConfig, str]:
    folder = tmp_path_factory.mktemp("attack")
    settings = Settings(data_dir=folder / "data")
    config = AttackExperimentConfig(
        layer=HERE,
        concept="stripes",
        drawn=8,
        of_class=ClassImages(name=CLASS, folder=write_noise(folder / "cats", 4), least_probability=0),
        grid=AttackGrid(
            kind="negative", objectives=("token-pushing", "random-set"), epsilons=(8,), fractions=(0.5, 1.0), steps=2
        ),
        transfer_targets=(TransferTarget(network="efficientnet_lite0", layer=ELSEWHERE),),
        random=ImagesConfig(sources=("dead-leaves",), scenes=12),
        random_sets=3,
        random_size=4,
    )
    return settings, config, analyse_attack(config, settings)


def test_rows_are_what_each_evaluation_gives_alone(made):
    settings, config, key = made
    tables, sets = read_staged(key, settings), gather(config.tested, settings)
    [concept], [of_class] = sets.concepts, sets.classes
    here, elsewhere = (class_at(sets.network, layer, CLASS, of_class.images) for layer in (HERE, ELSEWHERE))
    attacked = list(attacked_sets(config.grid, here, concept, sets.random, settings, config.cav))

    attacks = tables["attacks"]
    assert attacks.select(IDENTITY).rows() == [tuple(one.identity.values()) for one in attacked]
    assert attacks["concept_id"].to_list() == [one.concept.key for one in attacked]
    assert attacks["changed"].to_list() == [0, *[8, 4] * 3, *[12, 6] * 3]

    scores = tables["attack_scores"]
    scorers = {HERE: AttackScorer(here, config.cav), ELSEWHERE: AttackScorer(elsewhere, config.cav)}
    for layer, scorer in scorers.items():
        read = [one for one in attacked if layer == HERE or one.fraction != 0.5]
        expected = pl.DataFrame([scorer.score(one) for one in read])
        found = scores.filter(eval_layer=layer).drop("attack_experiment_id", "p_holm")
        assert found.equals(expected.select(found.columns))
    assert scores["p_holm"].to_list() == holm(scores["p_value"].to_list())
    assert tables["attack_experiments"]["tests"].item() == len(scores) == 13 + 7

    changes = ImageChangeMeter(attacked[0], sets.network, evenly_spaced_layers(sets.network, HERE))
    for row, one in zip(attacks.iter_rows(named=True), attacked, strict=True):
        found = changes.measure(one)
        assert {name: row[name] for name in found} == found

    checker = TamperDetector(sets.random, sets.network, HERE)
    for one in attacked[:3]:
        report = checker.check(one.concept)
        found = tables["trust_checks"].filter(concept_id=one.concept.key)
        assert found["value"].to_list() == [check.value for check in report.checks]
    assert tables["trust_checks"]["concept_id"].n_unique() == 7


def test_pictures_show_the_change_amplified(made):
    settings, _, key = made
    pictures = read_staged(key, settings)["attack_pictures"]
    assert len(pictures) == 6 * PICTURES
    row = pictures.filter(perturbed_set="concept", attack="noise", place=0).row(0, named=True)
    clean, attacked, difference = (
        np.asarray(Image.open(io.BytesIO(row[name])), dtype=float) for name in ("clean", "attacked", "difference")
    )
    assert clean.shape == attacked.shape == difference.shape == (224, 224, 3)
    assert abs(difference.mean() - 127.5) < 12  # around grey, but where black or white leave no room
    assert difference.std() > 5 * (attacked - clean).std()


def test_the_rows_load_and_every_audit_holds(made):
    settings, _, key = made
    assert load(key, read_staged(key, settings), settings)
    with open_warehouse(settings) as connection:
        for audit in sql_files("audits"):
            assert run_sql_audit(connection, audit).passed, audit.stem


def test_a_study_that_was_killed_goes_on_after_the_last_whole_attack(made, tmp_path, monkeypatch):
    settings, config, key = made
    assert analyse_attack(config, settings) == key
    copied = Settings(data_dir=tmp_path)
    shutil.copytree(settings.attacks_dir, copied.attacks_dir)
    [last] = [
        copied.attacks_dir / artifact_folder
        for artifact_folder in read_staged(key, settings)["attacks"].filter(attack="random-set", fraction=1.0)[
            "artifact_folder"
        ]
    ]
    (last / COMMIT).unlink()
    attacked, made_again = perturbed_sets.attack, []
    monkeypatch.setattr(perturbed_sets, "attack", lambda *given: made_again.append(given) or attacked(*given))
    assert analyse_attack(config, copied) == key
    assert len(made_again) == 1
    assert read_staged(key, copied)["attack_scores"].equals(read_staged(key, settings)["attack_scores"])
    # so are images that were damaged after the study was staged
    whole = (last / COMMIT).read_bytes()
    flip(sorted(last.glob("*.png"))[2], 4_321)
    assert analyse_attack(config, copied) == key
    assert len(made_again) == 2
    assert (last / COMMIT).read_bytes() == whole
    assert [str(one.came_from) for one in in_quarantine(copied)] == [f"attacks/{last.name}"]


def test_another_epsilon_is_another_study_of_the_same_pieces(made):
    settings, config, key = made
    grid = config.grid.model_copy(update={"epsilons": (4, 8), "objectives": ("token-pushing",), "fractions": (1.0,)})
    other = analyse_attack(config.model_copy(update={"grid": grid}), settings)
    assert other != key
    artifact_folders, others = (
        set(read_staged(each, settings)["attacks"]["artifact_folder"].drop_nulls()) for each in (key, other)
    )
    assert len(artifact_folders & others) == 3
    assert len(others) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer": "mixed4d"}, "network efficientnet_lite0 has no layer 'mixed4d'"),
        ({"of_class": ClassImages(name="crane")}, "crane"),
        ({"concept": "plaids"}, "images folder plaids does not exist"),
        ({"drawn": 2, "random_size": 30}, "3 random sets of 30 need 90 images"),
        (
            {"transfer_targets": (TransferTarget(network="efficientnet_lite0", layer=HERE),)},
            f"efficientnet_lite0 {HERE} is given twice as an evaluation layer",
        ),
        (
            {"transfer_targets": (TransferTarget(network="gabor-bank", layer="gabor"),)},
            "gabor-bank has no class 'tabby'",
        ),
    ],
)
def test_what_cannot_be_told_is_refused_in_one_line(made, change, message):
    settings, config, _ = made
    with pytest.raises(UserError, match=message) as refused:
        analyse_attack(config.model_copy(update=change), settings)
    assert "\n" not in str(refused.value)


def test_layers_to_look_with_are_spread_evenly(lite0):
    names = lite0.layers()
    assert evenly_spaced_layers(lite0, names[0]) == names[:1]
    assert evenly_spaced_layers(lite0, names[8]) == (names[2], names[5], names[8])
