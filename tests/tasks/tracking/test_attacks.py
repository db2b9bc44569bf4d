"""A study of attacks in MLflow: a run each, comparable by name, made once."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure
from PIL import Image
from pydantic import BaseModel

from tasks.checksums import commit_folder
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.staging import read_staged, stage_tables, staged_keys
from tasks.tracking.attacks import log_attacks
from tasks.tracking.runs import PARENT
from tasks.tracking.store import tracking
from tests.damage import flip
from tests.sample_tables import sample_tables
from tests.sample_tables.attacks import ATTACK_ANALYSIS
from tests.sample_tables.planted import LAYER, LOWER_LAYER, NETWORK, OTHER_LAYER, OTHER_NETWORK, SAE
from tests.tasks.tracking.test_store import closed_port

TABLES = ("concepts", "attack_experiments", "attacks", "attack_scores", "attack_features", "trust_checks")
IMAGES = ["0000-stripes.png", "0001-stripes.png"]
STRONG = ("concept", "token-pushing", 8)


class Asked(BaseModel):
    """Stands for a study's config."""

    concept: str = "stripes"
    steps: int = 20


def figure() -> Figure:
    made = Figure()
    made.subplots().plot([1, 2])
    return made


def write_study(settings, **changed: pl.DataFrame) -> pl.DataFrame:
    """Tables and images as an attack study leaves them; returns the rows of `attacks`."""
    tables = {table: sample_tables()[table] for table in TABLES} | changed
    stage_tables(ATTACK_ANALYSIS, {table: rows for table, rows in tables.items() if len(rows)}, settings)
    for artifact_folder in tables["attacks"]["artifact_folder"].drop_nulls().unique():
        (settings.attacks_dir / artifact_folder).mkdir(parents=True)
        for name in IMAGES:
            Image.fromarray(np.full((4, 4, 3), 128, np.uint8)).save(settings.attacks_dir / artifact_folder / name)
        commit_folder(settings.attacks_dir / artifact_folder, IMAGES)
    return tables["attacks"]


def runs_of(client):
    experiment = client.get_experiment_by_name(f"{NETWORK}/attacks")
    return client.search_runs([experiment.experiment_id])


def by_attack(runs) -> dict[tuple[str, str, int], object]:
    params = [(run.data.params, run) for run in runs if PARENT in run.data.tags]
    return {(said["perturbed_set"], said["attack"], int(said["epsilon"])): run for said, run in params}


@pytest.fixture(scope="module")
def logged(tmp_path_factory, empty_store):
    """A store with the study of the sample tables; read only."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("attacks"), tracking_uri=None)
    settings.mlflow_dir.mkdir(parents=True)
    shutil.copyfile(empty_store, settings.mlflow_dir / "mlflow.db")
    attacks = write_study(settings)
    study = log_attacks(ATTACK_ANALYSIS, Asked(), settings, {"curve": figure()}, {STRONG: figure()})
    return settings, attacks, study


def test_every_attack_has_a_finished_run_under_its_study(logged):
    settings, attacks, study = logged
    with tracking(settings) as client:
        runs, found = runs_of(client), client.get_run(study)
    nested = by_attack(runs)
    expected = attacks.filter(pl.col("attack") != "clean").select("perturbed_set", "attack", "epsilon").unique().rows()
    assert nested.keys() == set(expected)
    assert len(runs) == len(nested) + 1
    assert {run.data.tags[PARENT] for run in nested.values()} == {study}
    assert {run.info.status for run in runs} == {"FINISHED"}
    about = {"kind": "negative", "concept": "stripes", "class": "zebra", "network": NETWORK, "layer": LAYER}
    assert found.data.tags | about | {"attack_study": ATTACK_ANALYSIS} == found.data.tags
    assert found.data.params == {"concept": "stripes", "steps": "20"}
    same = {"perturbed_set": "concept", "attack": "token-pushing", "epsilon": "8", "steps": "20"}
    assert nested[STRONG].data.params == about | same


def test_runs_are_named_by_the_label_of_the_experiment(logged):
    settings, _, study = logged
    label = f"{NETWORK} {LAYER} · negative attack on stripes for zebra · logistic CAVs, seed 0"
    with tracking(settings) as client:
        assert client.get_run(study).info.run_name == label
        name = by_attack(runs_of(client))[STRONG].info.run_name
    assert name == f"{label} · concept set, token-pushing 8/255"


def test_metrics_have_the_same_names_and_the_poisoned_percentage_as_their_step(logged):
    settings, _, study = logged
    with tracking(settings) as client:
        runs, clean = by_attack(runs_of(client)), client.get_run(study).data.metrics
        curves = {
            name: {each.step: each.value for each in client.get_metric_history(runs[STRONG].info.run_id, name)}
            for name in ("tcav/score", "change/psnr", f"transfer/{OTHER_NETWORK}/{OTHER_LAYER}", "tcav/noise_score")
        }
    of_exemplars = [run.data.metrics for (perturbed_set, *_), run in runs.items() if perturbed_set == "concept"]
    assert all(metrics.keys() == of_exemplars[0].keys() for metrics in of_exemplars)
    changes = {"change/psnr", "change/perceptual", "change/largest_change"}
    assert clean.keys() == of_exemplars[0].keys() - changes - {"tcav/noise_score"}, "nothing changed: no chart of zeros"
    assert clean["tcav/score"] == clean["tcav/clean_score"] == pytest.approx(14 / 15)
    assert clean["verdict/trusted"] == clean["verdict/matters"] == 1

    scores, clean_score = sample_tables()["attack_scores"], pytest.approx(14 / 15)
    assert curves["tcav/score"] == {50: clean_score, 100: pytest.approx(5 / 15)}
    assert curves["tcav/noise_score"] == {50: clean_score, 100: clean_score}
    assert curves["change/psnr"].keys() == {50, 100}
    assert curves[f"transfer/{OTHER_NETWORK}/{OTHER_LAYER}"] == {100: pytest.approx(13 / 15)}
    last = runs[STRONG].data.metrics
    whole = dict(zip(("perturbed_set", "attack", "epsilon"), STRONG, strict=True)) | {
        "fraction": 1.0,
        "eval_layer": LAYER,
    }
    row = scores.filter(**whole).row(0, named=True)
    for name in ("score", "score_std", "random_score", "p_holm", "accuracy", "cosine"):
        assert last[f"tcav/{name}"] == row[name]
    assert last["change/largest_change"] == 8
    assert last["verdict/trusted"] == 0
    assert last["verdict/matters"] == 0, "its score is below that of random vectors"
    assert last[f"transfer/{NETWORK}/{LOWER_LAYER}"] == pytest.approx(7 / 15)
    assert last[f"features/{SAE[:8]}/fvu/auc"] == pytest.approx(0.9)
    assert last[f"features/{SAE[:8]}/fvu/flagged"] == 1
    assert runs["random", "random-set", 8].data.metrics["verdict/trusted"] == 1  # the exemplars are the clean ones


def test_attacked_images_and_pictures_are_artifacts(logged):
    settings, _, study = logged
    with tracking(settings) as client:
        runs = by_attack(runs_of(client))
        exemplars = [file.path for file in client.list_artifacts(runs[STRONG].info.run_id, "exemplars")]
        strong, other = (runs[attack].info.run_id for attack in (STRONG, ("concept", "cav", 8)))
        sheets = [client.list_artifacts(run_id, "figures") for run_id in (strong, other)]
        [curve] = client.list_artifacts(study, "figures")
    assert exemplars == [f"exemplars/{name}" for name in IMAGES]
    assert [[file.path for file in files] for files in sheets] == [["figures/sheet.png"], []]
    assert curve.path == "figures/curve.png"


def test_an_attack_was_made_from_its_images_and_the_study_from_the_clean_ones(logged):
    settings, attacks, study = logged
    with tracking(settings) as client:
        of_study = client.get_run(study).inputs.dataset_inputs
        [of_attack] = by_attack(runs_of(client))[STRONG].inputs.dataset_inputs
    folder = attacks.filter(perturbed_set=STRONG[0], attack=STRONG[1], epsilon=STRONG[2])["artifact_folder"][0]
    assert of_attack.dataset.name == "stripes, token-pushing 8/255"
    assert json.loads(of_attack.dataset.source) == {"uri": f"attacks/{folder}"}
    assert json.loads(of_attack.dataset.profile) == {"content_key": folder, "images": len(IMAGES)}
    assert {"stripes", "zebra"} <= {each.dataset.name for each in of_study}


def test_the_experiment_is_a_row_of_the_tables_and_its_attacks_are_found_under_its_run(logged):
    settings, _, study = logged
    staged = [read_staged(key, settings) for key in staged_keys(settings)]
    [runs] = [tables["mlflow_runs"] for tables in staged if "mlflow_runs" in tables]
    columns = ("mlflow_run_id", "kind", "result_id", "experiment")
    assert runs.select(columns).rows() == [(study, "attack_study", ATTACK_ANALYSIS, f"{NETWORK}/attacks")]


def few(table: str) -> pl.DataFrame:
    wanted = pl.col("attack").is_in(["clean", "noise", "cav"]), pl.col("epsilon").is_in([0, 8])
    return sample_tables()[table].filter(*wanted, perturbed_set="concept")


def test_logging_again_keeps_the_runs_and_replaces_what_a_killed_process_left(settings):
    # as of a study of few exemplars, that asks no dictionary
    nothing = dict.fromkeys(("attack_features", "trust_checks"), pl.DataFrame())
    write_study(settings, attacks=few("attacks"), attack_scores=few("attack_scores"), **nothing)
    study = log_attacks(ATTACK_ANALYSIS, Asked(), settings, {})
    with tracking(settings) as client:
        before = {key: run.info.run_id for key, run in by_attack(runs_of(client)).items()}
        client.update_run(before["concept", "cav", 8], status="RUNNING")
    # equal pixels in another folder: the same study, asked for in other words
    assert log_attacks(ATTACK_ANALYSIS, Asked(concept="elsewhere/stripes"), settings, {}) == study
    with tracking(settings) as client:
        runs = runs_of(client)
        [score] = client.get_metric_history(study, "tcav/score")
    finished = {run.info.run_id for run in runs if run.info.status == "FINISHED"}
    [new] = finished - {study, before["concept", "noise", 8]}
    assert new not in before.values()
    assert {run.info.run_id: run.info.status for run in runs if run.info.run_id not in finished} == {
        before["concept", "cav", 8]: "KILLED"
    }
    assert score.value == pytest.approx(14 / 15)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: shutil.rmtree(folder), r"there are no attacked images in .*; run the `attack` flow again"),
        (lambda folder: flip(folder / IMAGES[1], 99), rf"{IMAGES[1]} is damaged .*: run the `attack` flow again"),
    ],
)
def test_images_that_are_gone_or_damaged_are_one_line(settings, spoil, message):
    [*artifact_folders] = write_study(settings)["artifact_folder"].drop_nulls().unique()
    for artifact_folder in artifact_folders:
        spoil(settings.attacks_dir / artifact_folder)
    with pytest.raises(UserError, match=message) as raised:
        log_attacks(ATTACK_ANALYSIS, Asked(), settings, {})
    assert "\n" not in str(raised.value)
    with tracking(settings) as client:
        assert {run.info.status for run in runs_of(client)} == {"FAILED"}


def test_an_absent_server_is_one_line(tmp_path):
    settings = Settings(data_dir=tmp_path / "away", tracking_uri=f"http://127.0.0.1:{closed_port()}")
    write_study(settings)
    with pytest.raises(UserError, match="KALEIDOSCOPE_TRACKING_URI") as raised:
        log_attacks(ATTACK_ANALYSIS, Asked(), settings, {})
    assert "\n" not in str(raised.value)
