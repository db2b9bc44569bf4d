"""Two dictionaries of an early layer, trained a little and analysed, for tests of what is computed on whole images."""

from typing import NamedTuple

from tasks.activations.extract import extract
from tasks.activations.shards import ActivationSet
from tasks.dictionary.analyse import analyse
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.train import train
from tasks.settings import Settings
from tests.tasks.activations.small_set import SMALL

LAYER, MODULE = "block1", "_blocks.1._project_conv"
"""A layer of the embedded network, and the module whose output it is."""
FEW = {"features": 12, "k": 3, "steps": 20, "batch_size": 16}


class SmallAnalysis(NamedTuple):
    """Keys of an SAE and of a group crosscoder on `acts`, whose analyses are staged in the folder of `settings`."""

    settings: Settings
    acts: ActivationSet
    sae: str
    crosscoder: str


def small_analysis(folder) -> SmallAnalysis:
    settings = Settings(data_dir=folder)
    key = extract(SMALL.model_copy(update={"layer": LAYER}), settings)
    sae = train(key, DictionaryConfig(architecture="sae", **FEW), settings)
    crosscoder = train(key, DictionaryConfig(**FEW), settings)
    for dictionary in (sae, crosscoder):
        analyse(dictionary, settings)
    return SmallAnalysis(settings, ActivationSet.open(key, settings), sae, crosscoder)
