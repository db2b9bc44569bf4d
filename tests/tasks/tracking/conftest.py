"""A store with MLflow's tables, made once, and dictionaries as training leaves them, made of random numbers."""

import json
import shutil

import numpy as np
import polars
import pytest
from safetensors.numpy import save_file

from tasks.checksums import commit_folder
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.store import FILES, folder_of
from tasks.settings import Settings
from tasks.symmetry.fourier import fourier_basis
from tasks.symmetry.group import DihedralGroup
from tasks.tracking.store import create_store

CHANNELS, GROUP_ORDER, FEATURES, K = 6, 4, 10, 3
STEPS = 620  # two metrics a step: more than fit into one call


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    settings = Settings(data_dir=tmp_path_factory.mktemp("empty_store"), tracking_uri=None)
    create_store(settings)
    return settings.mlflow_dir / "mlflow.db"


@pytest.fixture
def settings(tmp_path, empty_store):
    settings = Settings(data_dir=tmp_path / "data", tracking_uri=None)
    settings.mlflow_dir.mkdir(parents=True)
    shutil.copyfile(empty_store, settings.mlflow_dir / "mlflow.db")
    return settings


def write_dictionary(
    key, settings, architecture="group-crosscoder", encode_from="identity", harmonics=None, fvu=0.25, l0=2.5, seed=0
):
    """Write a trained dictionary's folder under `key`; returns its tensors."""
    generator = np.random.default_rng(seed)
    is_crosscoder = architecture == "group-crosscoder"
    group = DihedralGroup(GROUP_ORDER // 2) if is_crosscoder else DihedralGroup(1, reflections=False)
    written = group.order if harmonics is None else fourier_basis(group, harmonics).shape[1]
    shapes = {
        "encoder.weight": (written, FEATURES, CHANNELS) if encode_from == "orbit" else (FEATURES, CHANNELS),
        "encoder.bias": (FEATURES,),
        "decoder.weight": (written, FEATURES, CHANNELS),
        "decoder.bias": (written, CHANNELS),
    }
    tensors = {name: generator.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    tensors["scale"] = np.float32([1.7]).reshape(())
    config = DictionaryConfig(
        architecture=architecture, features=FEATURES, k=K, encode_from=encode_from, harmonics=harmonics, steps=STEPS,
        seed=seed,
    )  # fmt: skip
    description = {
        "config": config.model_dump(mode="json"),
        "activation_set": "a" * 64,
        "network": "efficientnet_lite0",
        "layer": "blocks.5",
        "channels": CHANNELS,
        "group_order": group.order,
        "n_rotations": group.n_rotations,
        "reflections": group.reflections,
        "version": 1,
    }
    steps = np.arange(1, STEPS + 1)
    history = polars.DataFrame(
        {
            "step": np.repeat(steps, 2),
            "metric": ["fvu", "l0"] * STEPS,
            "value": np.stack([1 / steps, np.full(STEPS, K)], 1).ravel(),
        }
    )
    folder = folder_of(key, settings)
    folder.mkdir(parents=True)
    save_file(tensors, folder / "model.safetensors")
    history.write_parquet(folder / "history.parquet")
    (folder / "config.json").write_text(json.dumps(description))
    (folder / "metrics.json").write_text(json.dumps({"fvu": fvu, "l0": l0, "cosine": 0.9, "train_seconds": 12.5}))
    polars.DataFrame({"element": range(group.order), "fvu": fvu}).write_parquet(folder / "block_fvu.parquet")
    polars.DataFrame({"fired": [1] * FEATURES}).write_parquet(folder / "test_firing.parquet")
    commit_folder(folder, FILES)
    return tensors


def plain_features(tensors, rows):
    """Features by the formulas alone, row by row; rows [b, d] (SAE) or [b, |G|, d] (group crosscoder)."""
    weight, features = tensors["encoder.weight"].astype(np.float64), []
    for row in rows.astype(np.float64):
        z = tensors["scale"] * row
        if row.ndim == 1:
            pre = weight @ (z - tensors["decoder.bias"][0])
        elif weight.ndim == 2:
            pre = weight @ z[0]
        else:
            pre = sum(weight_g @ z_g for weight_g, z_g in zip(weight, z, strict=True))
        pre = np.maximum(pre + tensors["encoder.bias"], 0)
        pre[np.argsort(pre)[:-K]] = 0
        features.append(pre)
    return np.array(features)
