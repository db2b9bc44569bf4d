"""Stability: whether dictionaries that differ only in their random seed learn the same features (methods §3)."""

from contextlib import suppress

import polars
import torch

from tasks.checksums import Damaged
from tasks.dictionary.analyse import analysed
from tasks.dictionary.metrics import random_stability, similarity_of, stability
from tasks.dictionary.store import describe, dictionary_config, load_dictionary, read_table, trained
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables

CODE_VERSION = 2


def replicas_of_analysed(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return {analysed dictionary: those that differ from it in the seed alone and were not analysed themselves}."""
    kinds = {}
    for key in trained(settings):
        with suppress(Damaged):
            config = dictionary_config(key, settings).model_dump(exclude={"seed"})
            kinds[key] = describe(key, settings)["activation_set"], config
    known = [key for key in analysed(settings) if key in kinds]
    return {key: tuple(other for other in kinds if other not in known and kinds[other] == kinds[key]) for key in known}


def measure_stability(
    dictionary: str, replicas: tuple[str, ...], settings: Settings, progress: Progress = silent
) -> tuple[str, ...]:
    """Stage a row of `dictionary_stability` for each replica and return the content keys.

    dictionary, replicas: keys of dictionaries with equal configs but different seeds. Only features that fire on at
    least one row of the test split are compared.
    """
    keys = []
    for done, replica in enumerate(replicas, start=1):
        key = content_key("stability", CODE_VERSION, dictionary=dictionary, replica=replica)
        if not is_staged(key, settings):
            stage_tables(key, {"dictionary_stability": _stability(dictionary, replica, settings)}, settings)
        keys.append(key)
        progress(done, len(replicas))
    return tuple(keys)


def _stability(dictionary: str, replica: str, settings: Settings) -> polars.DataFrame:
    blocks_mgd = _firing_blocks(dictionary, settings)
    similarity = similarity_of(dictionary_config(dictionary, settings))
    return polars.DataFrame(
        {
            "dictionary_id": dictionary,
            "replica_id": replica,
            "replica_seed": dictionary_config(replica, settings).seed,
            "stability": stability(blocks_mgd, _firing_blocks(replica, settings), similarity),
            "stability_random": random_stability(blocks_mgd, 0, similarity),
        }
    )


def _firing_blocks(dictionary: str, settings: Settings) -> torch.Tensor:
    """Return the decoder blocks of the features that fire on the test split, [firing features, blocks, d]."""
    fired = read_table(dictionary, "test_firing", settings)["fired"].to_numpy() > 0
    return load_dictionary(dictionary, settings).blocks()[torch.from_numpy(fired)]
