"""A small data folder that the code made: activations, a registered champion, a replica, rows, a snapshot."""

import os
import shutil
import time
from pathlib import Path

import pytest

from tasks.activations.extract import extract
from tasks.activations.plan import ExtractionConfig
from tasks.activations.shards import ActivationSet, activation_tables
from tasks.dictionary.analyse import analyse
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.train import train
from tasks.settings import Settings
from tasks.staging import read_staged, stage_tables
from tasks.tracking.promotion import promote
from tasks.tracking.registry import register
from tasks.tracking.runs import log_training
from tasks.tracking.store import create_store
from tasks.warehouse.load import load
from tasks.warehouse.publish import publish

EXTRACTION = ExtractionConfig(
    layer="block1", orbits=40, n_rotations=1, reflections=False, orbits_per_shard=20,
    images={"sources": ["dead-leaves"], "scenes": 4}, centre="receptive field",
)  # fmt: skip
DICTIONARY = DictionaryConfig(architecture="sae", features=8, k=2, steps=4, batch_size=8)
WEEK = 7 * 24 * 3600


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> tuple[Settings, str, str]:
    """Settings, the champion's key and that of a replica, which nothing refers to; copy the data folder."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("made") / "data", tracking_uri=None)
    acts = extract(EXTRACTION, settings)
    stage_tables(acts, activation_tables(ActivationSet.open(acts, settings)), settings)
    champion = train(acts, DICTIONARY, settings)
    replica = train(acts, DICTIONARY.model_copy(update={"seed": 1}), settings)
    analysis = analyse(champion, settings)
    register(champion, log_training(champion, settings), settings)
    for key in (acts, analysis):
        load(key, read_staged(key, settings), settings)
    publish(settings)
    promote("topk-sae", True, settings)
    return settings, champion, replica


@pytest.fixture
def small(made, tmp_path) -> tuple[Settings, str, str]:
    """A copy of its own, as old as a week, with the keys of the champion and of the replica."""
    template, champion, replica = made
    settings = Settings(data_dir=tmp_path / "small" / "data", tracking_uri=None)
    shutil.copytree(template.data_dir, settings.data_dir, symlinks=True)
    create_store(settings)
    grow_old(settings.data_dir)
    return settings, champion, replica


def grow_old(folder: Path) -> None:
    """Let everything in a folder be a week old."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (time.time() - WEEK,) * 2, follow_symlinks=False)


def contents(folder: Path) -> dict[str, bytes | str]:
    """Every file and link of a folder; without locks, which are empty."""
    locks = (".writers", ".writer", ".changing", ".commit", "mlflow.lock")
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file()) and path.name not in locks
    }
