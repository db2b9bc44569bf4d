"""Which feature of another dictionary of the same layer is most like each feature (methods §3.8) [ours].

Compared are the decoder vectors in the layer's own coordinates, of a group crosscoder the blocks of the identity, so
that SAEs, group crosscoders and replicas from other seeds compare. Unlike `stability`, several features may have the
same match.
"""

from collections.abc import Iterator
from contextlib import suppress

import polars
import torch
from torch import Tensor

from tasks.checksums import Damaged
from tasks.dictionary import store
from tasks.dictionary.analyse import analysed, analysis_key
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.metrics import cosine_matrix, span_similarity
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, stage_tables

CODE_VERSION = 1
FEATURES_AT_ONCE = 2048
"""Features whose cosines with all of the other dictionary's are in memory at a time."""


def matches_key(dictionary: str, other: str) -> str:
    """Return the content key of the matches of a dictionary's features in another dictionary."""
    return content_key("feature_matches", CODE_VERSION, dictionary=dictionary, other=other)


def match_features(dictionaries: tuple[str, ...], settings: Settings, progress: Progress = silent) -> int:
    """Stage feature_matches between these dictionaries and every other one of their layers; return the number of pairs.

    Pairs that are staged already are not computed again. Each pair is staged in both directions; a dictionary that was
    not analysed, such as a replica, is only matched with. A pair with a damaged dictionary is left out.
    """
    known = set(analysed(settings))
    pairs = [pair for pair in _pairs(dictionaries, settings) if pair[0] in known]
    staged = 0
    for done, (dictionary, other) in enumerate(pairs, start=1):
        key = matches_key(dictionary, other)
        with suppress(Damaged):
            if not is_staged(key, settings):
                stage_tables(key, _tables(dictionary, other, settings), settings)
            staged += 1
        progress(done, len(pairs))
    return staged


def _pairs(dictionaries: tuple[str, ...], settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield (dictionary, other) in both directions, each pair once."""
    layers = {key: layer for key in store.trained(settings) if (layer := _layer_of(key, settings)) is not None}
    for first in dictionaries:
        for second, layer in layers.items():
            if second != first and layer == layers.get(first):
                yield first, second
                if second not in dictionaries:
                    yield second, first


def _layer_of(dictionary: str, settings: Settings) -> tuple[str, str] | None:
    """Return network and layer of a dictionary, or None if its description is damaged."""
    try:
        description = store.describe(dictionary, settings)
    except Damaged:
        return None
    return description["network"], description["layer"]


def _tables(dictionary: str, other: str, settings: Settings) -> dict[str, polars.DataFrame]:
    dead = read_staged(analysis_key(dictionary), settings)["features"].sort("feature")["dead"]
    live, others = torch.from_numpy(~dead.to_numpy()).nonzero()[:, 0], _firing(other, settings)
    cosine_m, place_m = best_matches(_atoms(dictionary, settings)[live], _atoms(other, settings)[others])
    matches = {
        "dictionary_id": dictionary,
        "feature": live.numpy(),
        "other_dictionary_id": other,
        "other_feature": others[place_m].numpy(),
        "cosine": cosine_m.double().numpy(),
    }
    return {
        "matched_dictionaries": _matched(dictionary, other, settings),
        "feature_matches": polars.DataFrame(
            matches, schema_overrides={"dictionary_id": polars.String, "other_dictionary_id": polars.String}
        ),
    }


def best_matches(atoms_mjd: Tensor, others_mjd: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest similarity of each feature with any of the others, and the place of that one, [m] each.

    The similarity is the cosine of two vectors, and `span_similarity` where a feature has several. Where several are
    equal, the first counts. The cosine with a vector of zeros is 0.
    """
    similarity = cosine_matrix if atoms_mjd.shape[1] == others_mjd.shape[1] == 1 else span_similarity
    parts = [similarity(part_mjd, others_mjd).max(1) for part_mjd in atoms_mjd.split(FEATURES_AT_ONCE)]
    return torch.cat([part.values for part in parts]).clamp(-1, 1), torch.cat([part.indices for part in parts])


def _atoms(dictionary: str, settings: Settings) -> Tensor:
    """Return the atoms of every feature, [m, j, d]; of a group crosscoder its blocks of the identity."""
    loaded = store.load_dictionary(dictionary, settings)
    return loaded.decoder_blocks(1)[0][0].unflatten(0, (-1, loaded.config.atom_dimension))


def _firing(dictionary: str, settings: Settings) -> Tensor:
    """Return the features that fire on the test split; all of them if none does, as without a test split."""
    fired_m = torch.from_numpy(store.read_table(dictionary, "test_firing", settings)["fired"].to_numpy() > 0)
    return (fired_m if fired_m.any() else torch.ones_like(fired_m)).nonzero()[:, 0]


def _matched(dictionary: str, other: str, settings: Settings) -> polars.DataFrame:
    config, description = store.dictionary_config(other, settings), store.describe(other, settings)
    mine = store.describe(dictionary, settings)["activation_set"], store.dictionary_config(dictionary, settings)
    same = (description["activation_set"], _but_seed(config)) == (mine[0], _but_seed(mine[1]))
    return polars.DataFrame(
        {
            "dictionary_id": [dictionary],
            "other_dictionary_id": other,
            "other_activation_set_id": description["activation_set"],
            "other_architecture": config.architecture,
            "other_method": config.method,
            "other_features": config.features,
            "other_k": config.k if config.has_k else None,
            "other_seed": config.seed,
            "differs_in_seed_alone": same,
        },
        schema_overrides={"other_k": polars.Int32},
    )


def _but_seed(config: DictionaryConfig) -> DictionaryConfig:
    return config.model_copy(update={"seed": 0})
