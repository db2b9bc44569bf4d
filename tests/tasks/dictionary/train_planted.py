"""Trains on the planted orbits in as many processes as torchrun starts: DATA_DIR and the config as JSON are given.

Each process prints the names of its threads once it has left the process group.
"""

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
    sys.stdout.write(" ".join(path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")) + "\n")
