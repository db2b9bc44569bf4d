"""Trains on the planted orbits in as many processes as torchrun starts: DATA_DIR and the config as JSON are given."""

import sys
from pathlib import Path

from tasks.activations.shards import ActivationSet
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.distributed import processes
from tasks.dictionary.train import train
from tasks.settings import Settings
from tests.tasks.dictionary.conftest import PlantedOrbits

if __name__ == "__main__":
    ActivationSet.open = lambda key, settings: PlantedOrbits()
    data_dir, config = sys.argv[1:]
    with processes():
        train("planted", DictionaryConfig.model_validate_json(config), Settings(data_dir=Path(data_dir)))
