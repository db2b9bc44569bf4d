"""The stage on small sets: its rows are those of the checker, load and pass every audit; bad input is named."""

import shutil
from pathlib import Path

import pytest

from tasks.concepts.exemplars import drawn_exemplars, random_sets, read_exemplars, write_exemplars
from tasks.concepts.tamper_detection import CALIBRATION_SETS, TamperDetector, clean_images
from tasks.concepts.tamper_study import TamperStudyConfig, analyse_tampering, tamper_metrics
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.vision.images import ImagesConfig, open_frames
from tasks.vision.networks import load_network
from tasks.warehouse.audit import run_sql_audit
from tasks.warehouse.database import open_warehouse, sql_files
from tasks.warehouse.load import load

LAYER, COUNT = "block1", 8


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Settings, TamperStudyConfig, str]:
    folder = tmp_path_factory.mktemp("trust")
    settings = Settings(data_dir=folder / "data")
    write_exemplars(drawn_exemplars("checks", COUNT, 224), folder / "squares")
    config = TamperStudyConfig(
        layer=LAYER,
        concepts=("stripes", str(folder / "squares")),
        drawn=COUNT,
        random=ImagesConfig(sources=("dead-leaves",), scenes=8 + 3 * COUNT),
        random_sets=2,
        random_size=4,
    )
    return settings, config, analyse_tampering(config, settings)


def test_rows_are_those_of_the_checker(made):
    settings, config, key = made
    tables = read_staged(key, settings)
    stripes, squares = drawn_exemplars("stripes", COUNT, 224), read_exemplars(Path(config.concepts[1]), "concept", 224)
    assert tables["trust_analyses"].rows() == [(key, "efficientnet_lite0", LAYER, 2, CALIBRATION_SETS)]
    pool = open_frames(config.random, settings)
    randoms = random_sets(pool, 2, 4, apart_from=[stripes, squares])
    checker = TamperDetector(randoms, load_network("efficientnet_lite0", None), LAYER)
    checker.calibrate(clean_images(pool, [stripes, squares, *randoms], COUNT), COUNT)
    checks = {one.key: checker.check(one).checks for one in (stripes, squares)}
    assert tables["trust_checks"].rows() == [
        (key, concept, check.name, check.value, check.threshold, check.passed)
        for concept, of_concept in checks.items()
        for check in of_concept
    ]
    metrics = tamper_metrics(tables)
    assert len(metrics) == 6
    assert metrics["split-half disagreement/squares"] == checks[squares.key][1].value


def test_tables_load_and_pass_every_audit(made):
    settings, _, key = made
    load(key, read_staged(key, settings), settings)
    with open_warehouse(settings) as connection:
        audits = [run_sql_audit(connection, file) for file in sql_files("audits")]
    assert [result for result in audits if not result.passed] == []


def test_equal_pixels_are_checked_once(made):
    settings, config, key = made
    twice = config.model_copy(update={"concepts": (*config.concepts, "stripes")})
    progress = []
    assert analyse_tampering(twice, settings, lambda done, total: progress.append(done / total)) == key
    assert max(progress) < 1


def test_bad_input_is_named(made, tmp_path):
    settings, config, _ = made
    shutil.copytree(config.concepts[1], tmp_path / "squares")
    next((tmp_path / "squares").iterdir()).unlink()
    write_exemplars(drawn_exemplars("dots", COUNT + 1, 224), tmp_path / "stripes")
    for change, complaint in (
        ({"concepts": ("stripes", str(tmp_path / "squares"))}, "squares has 7 exemplars, too few to be halved"),
        ({"concepts": ("stripes", str(tmp_path / "stripes"))}, "2 different sets have the name stripes: rename"),
        ({"layer": "conv9"}, "has no layer 'conv9'"),
        ({"random_size": 17}, "2 random sets of 17 need 34 images, and the pool has 32"),
        ({"random_size": 5}, "have to be calibrated for this network and layer: 1 random sets of 24 need 24 images"),
    ):
        with pytest.raises(UserError, match=complaint) as raised:
            analyse_tampering(config.model_copy(update=change), settings)
        assert "\n" not in str(raised.value)
