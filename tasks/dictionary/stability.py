"""Stability: whether dictionaries that differ only in their random seed learn the same features (methods §3).

Of steerable crosscoders the prototypes are matched, each pair at the turn that makes it most similar [ours]: a seed
chooses the orientation in which a prototype is stored. If two prototypes match, so do all their turned copies.
"""

from contextlib import suppress
from functools import partial

import polars
import torch
from torch import Tensor

from tasks.checksums import Damaged
from tasks.dictionary.analyse import analysed
from tasks.dictionary.metrics import Similarity, random_stability, similarity_of, stability
from tasks.dictionary.steering import Turns
from tasks.dictionary.store import describe, dictionary_config, load_dictionary, read_table, trained
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables

CODE_VERSION = 2
STEERABLE_VERSION = 3
"""Of steerable crosscoders: their prototypes are matched since this version."""


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
    least one row of the test split are compared, and prototypes of which a feature does.
    """
    version = STEERABLE_VERSION if dictionary_config(dictionary, settings).is_steerable else CODE_VERSION
    keys = []
    for done, replica in enumerate(replicas, start=1):
        key = content_key("stability", version, dictionary=dictionary, replica=replica)
        if not is_staged(key, settings):
            stage_tables(key, {"dictionary_stability": _stability(dictionary, replica, settings)}, settings)
        keys.append(key)
        progress(done, len(replicas))
    return tuple(keys)


def _stability(dictionary: str, replica: str, settings: Settings) -> polars.DataFrame:
    blocks_mgd, similarity = _firing_blocks(dictionary, settings)
    other_mgd, _ = _firing_blocks(replica, settings)
    return polars.DataFrame(
        {
            "dictionary_id": dictionary,
            "replica_id": replica,
            "replica_seed": dictionary_config(replica, settings).seed,
            "stability": stability(blocks_mgd, other_mgd, similarity),
            "stability_random": random_stability(blocks_mgd, 0, similarity),
        }
    )


def _firing_blocks(key: str, settings: Settings) -> tuple[Tensor, Similarity]:
    """Return the decoder blocks of what fires on the test split, and how they are compared.

    They are those of features, [firing features, blocks, d], or of a steerable crosscoder's prototypes.
    """
    dictionary = load_dictionary(key, settings)
    fired_m = torch.from_numpy(read_table(key, "test_firing", settings)["fired"].to_numpy() > 0)
    if dictionary.turns is None:
        return dictionary.blocks()[fired_m], similarity_of(dictionary.config)
    prototypes_pgd = dictionary.in_blocks(dictionary.decoder.weight).transpose(0, 1)
    fired_p = fired_m.view(-1, dictionary.turns.order).any(1)
    return prototypes_pgd[fired_p], partial(turned_similarity, turns=dictionary.turns)


def turned_similarity(prototypes_pgd: Tensor, other_pgd: Tensor, turns: Turns) -> Tensor:
    """Return the largest cosine of each pair of prototypes over all turns of one of them, [p, p'].

    prototypes_pgd, other_pgd: [p, |G|, d] and [p', |G|, d]; 0 for an all-zero prototype.
    """
    products_pm = turns.correlation(prototypes_pgd.transpose(0, 1), other_pgd.transpose(0, 1))
    norms_p, other_norms_p = (
        each_pgd.square().sum((1, 2)).sqrt().clamp_min(1e-12) for each_pgd in (prototypes_pgd, other_pgd)
    )
    return products_pm.unflatten(1, (-1, turns.order)).amax(2) / norms_p[:, None] / other_norms_p
