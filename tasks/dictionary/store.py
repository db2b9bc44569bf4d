"""Trained dictionaries on disk, one folder a key.

model.safetensors (tensors of `base.Dictionary`) · config.json (what it is) · history.parquet (step, metric, value) ·
block_fvu.parquet (element, fvu) · test_firing.parquet (fired: rows of the test split, feature by feature) ·
metrics.json, written last: its presence says that the dictionary is whole.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from tasks.dictionary.base import Dictionary
from tasks.dictionary.batchtopk import BatchTopK
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.gated import Gated
from tasks.dictionary.jumprelu import JumpReLU
from tasks.dictionary.matryoshka import Matryoshka
from tasks.dictionary.relu import ReLU
from tasks.dictionary.topk import TopK
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.symmetry.group import DihedralGroup

METHODS: dict[str, type[Dictionary]] = {
    "topk": TopK,
    "relu": ReLU,
    "batchtopk": BatchTopK,
    "jumprelu": JumpReLU,
    "gated": Gated,
    "matryoshka": Matryoshka,
}


def create(config: DictionaryConfig, channels: int, group: DihedralGroup) -> Dictionary:
    """An untrained dictionary of the method and architecture that the config names; an SAE ignores the group.

    UserError where the config asks for more harmonics than the group's rotations can show.
    """
    return METHODS[config.method](config, channels, group)


def folder_of(key: str, settings: Settings) -> Path:
    return settings.dictionaries_dir / key


def is_whole(key: str, settings: Settings) -> bool:
    return (folder_of(key, settings) / "metrics.json").exists()


def trained(settings: Settings) -> tuple[str, ...]:
    """Keys of all trained dictionaries."""
    return tuple(sorted(whole.parent.name for whole in settings.dictionaries_dir.glob("*/metrics.json")))


def describe(key: str, settings: Settings) -> dict[str, Any]:
    """config.json: `config`, `activation_set`, `network`, `layer`, `channels`, `group_order`, `n_rotations`,
    `reflections`, `version`; an SAE's group is that of order 1.
    """
    if not is_whole(key, settings):
        raise UserError(f"no trained dictionary {key} in {settings.dictionaries_dir}; train it first")
    return json.loads((folder_of(key, settings) / "config.json").read_text())


def config_of(key: str, settings: Settings) -> DictionaryConfig:
    """What a trained dictionary was trained with."""
    return DictionaryConfig.model_validate(describe(key, settings)["config"])


def load_dictionary(key: str, settings: Settings) -> Dictionary:
    """A trained dictionary, ready to encode. UserError if it isn't there or doesn't load."""
    description = describe(key, settings)
    order = description["group_order"]
    # dictionaries from before band limits tell its order alone, and no more matters to free blocks
    group = DihedralGroup(description.get("n_rotations", order), description.get("reflections", False))
    dictionary = create(config_of(key, settings), description["channels"], group)
    path = folder_of(key, settings) / "model.safetensors"
    try:
        dictionary.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise UserError(f"{path} is damaged ({type(error).__name__}); delete its folder and train it again") from error
    return dictionary.eval().requires_grad_(False)
