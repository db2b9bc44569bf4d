"""The Python interface to activations, dictionaries, symmetry, families, TCAV and tamper detection (docs/python.md).

Each function takes the fields of the flow's form by name, and returns what the flow would compute; nothing is computed
twice. Results are written below `Settings().data_dir`, and appear in the tables with the next publication.
"""

from functools import cached_property
from pathlib import Path
from typing import Any

import polars
from torch import Tensor

from tasks.activations.extract import extract
from tasks.activations.plan import ExtractionConfig
from tasks.activations.shards import ActivationSet
from tasks.concepts.analyse import analyse_concepts
from tasks.concepts.config import ConceptsConfig
from tasks.concepts.tamper_detection import TamperReport, check_folder
from tasks.dictionary import store
from tasks.dictionary.analyse import analyse, analysed
from tasks.dictionary.base import Dictionary
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.image_features import ImageFeatures, image_features
from tasks.dictionary.train import train as train_dictionary
from tasks.families.analyse import analyse_families
from tasks.families.config import FamiliesConfig
from tasks.settings import Settings
from tasks.staging import read_staged

__all__ = [
    "TrainedDictionary",
    "activations",
    "dictionaries",
    "load",
    "open_activations",
    "tcav",
    "train",
    "trust",
]


class TrainedDictionary:
    """A trained dictionary and its analyses.

    key: content key, `dictionary_id` in the tables
    metrics: {name: value} on the test split
    """

    def __init__(self, key: str, settings: Settings) -> None:
        """Raises UserError if there is no such dictionary."""
        self.key, self._settings = key, settings
        self.metrics = store.read_metrics(key, settings)

    @cached_property
    def module(self) -> Dictionary:
        """The PyTorch module, in evaluation mode."""
        return store.load_dictionary(self.key, self._settings)

    @cached_property
    def activations(self) -> ActivationSet:
        """The activation set that the dictionary was trained on."""
        return ActivationSet.open(store.describe(self.key, self._settings)["activation_set"], self._settings)

    def encode(self, rows_bd: Tensor) -> Tensor:
        """Return the features [b, features] of activations [b, channels], or of orbits [b, |G|, channels]."""
        return self.module.encode(rows_bd)

    def look_at(self, image: Path | str) -> ImageFeatures:
        """Return which features fire where on an image file."""
        return image_features(self.key, Path(image), self._settings)

    def symmetry(self) -> polars.DataFrame:
        """Return `feature_symmetry`, one row per live feature; empty for an SAE, which has no transform blocks."""
        tables = read_staged(analyse(self.key, self._settings), self._settings)
        return tables.get("feature_symmetry", polars.DataFrame())

    def families(self, **fields: Any) -> polars.DataFrame:
        """Return `feature_families`, one row per live feature. fields: of `FamiliesConfig`."""
        key = analyse_families(self.key, FamiliesConfig(**fields), self._settings)
        return read_staged(key, self._settings)["feature_families"]


def activations(**fields: Any) -> ActivationSet:
    """Extract an activation set, or open it if it is there. fields: of `ExtractionConfig`."""
    settings = Settings()
    return ActivationSet.open(extract(ExtractionConfig(**fields), settings), settings)


def open_activations(key: str) -> ActivationSet:
    """Open an activation set by its key. Raises UserError if there is none."""
    return ActivationSet.open(key, Settings())


def train(acts: ActivationSet, **fields: Any) -> TrainedDictionary:
    """Train a dictionary on an activation set, or load it if it is there. fields: of `DictionaryConfig`."""
    settings = Settings()
    return TrainedDictionary(train_dictionary(acts.key, DictionaryConfig(**fields), settings), settings)


def dictionaries() -> tuple[str, ...]:
    """Return the keys of the analysed dictionaries, which the tables have or get with the next publication.

    Replicas, trained from other seeds to measure the stability of features or the scores of families, are not analysed.
    `load` loads them too.
    """
    return analysed(Settings())


def load(key: str) -> TrainedDictionary:
    """Load a trained dictionary by its key. Raises UserError if there is none."""
    return TrainedDictionary(key, Settings())


def tcav(**fields: Any) -> polars.DataFrame:
    """Test concepts against random sets; returns `tcav_tests` with the concepts' names. fields: of `ConceptsConfig`."""
    settings = Settings()
    tables = read_staged(analyse_concepts(ConceptsConfig(**fields), settings), settings)
    names = tables["concepts"].select("concept_id", concept_name="name")
    return tables["tcav_tests"].join(names, on="concept_id")


def trust(
    folder: Path | str, network: str = "efficientnet_lite0", layer: str = "block10", random: Path | str | None = None
) -> TamperReport:
    """Check whether the exemplars in a folder were changed to manipulate their concept's CAV.

    random: folder of images for the random sets; default: scikit-image's photographs and dead leaves.
    """
    return check_folder(Path(folder), None if random is None else Path(random), network, layer, Settings())
