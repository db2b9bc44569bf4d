"""Import a dictionary of another library: read it, evaluate it on an activation set, and store it like one of ours."""

import math
from pathlib import Path

from tasks.activations.shards import ActivationSet
from tasks.dictionary import store
from tasks.dictionary.config import ImportedConfig
from tasks.dictionary.exchange.files import Foreign
from tasks.dictionary.exchange.libraries import LIBRARIES, SCALINGS
from tasks.dictionary.exchange.plain import dictionary_of
from tasks.dictionary.exchange.scaling import moments, on_unscaled
from tasks.dictionary.limits import check_splits, check_varies
from tasks.dictionary.metrics import evaluate
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.storage import writing

CODE_VERSION = 1
MOST_FVU = 2.0
"""A reconstruction that is unrelated to the activations but has their variance reaches 2; an audit refuses more."""


def read_foreign(folder: Path, library: str, channels: int) -> Foreign:
    """Read a dictionary of a library, one of `LIBRARIES`, for a layer of so many channels.

    Raises UserError for an unknown library, for files that are missing, damaged or can't be imported, and for a
    dictionary of another width.
    """
    if library not in LIBRARIES:
        raise UserError(f"unknown library {library!r}; choose one of: {', '.join(LIBRARIES)}")
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: give the folder that {library} wrote")
    foreign = LIBRARIES[library].load().read(folder)
    if foreign.sae.channels != channels:
        raise UserError(
            f"the dictionary in {folder} is for {foreign.sae.channels} channels, and the layer has {channels}: "
            "choose the layer that it was trained on"
        )
    return foreign


def import_dictionary(
    activation_set: str,
    folder: Path,
    library: str,
    scaling: str | None,
    settings: Settings,
    progress: Progress = silent,
) -> str:
    """Store a dictionary of another library as one of ours, evaluated on the test split; return its key.

    scaling: one of `SCALINGS`; None: the one that the files ask for. The FVU under every scaling is stored in
    config.json. The same files, scaling and activation set are not evaluated twice. progress counts the scalings.
    Raises UserError as `read_foreign`, for a set without a train or test split, and for an FVU above `MOST_FVU`; it
    names the scaling with the least.
    """
    acts = ActivationSet.open(activation_set, settings)
    foreign = read_foreign(folder, library, acts.channels)
    scaling = scaling or foreign.declared
    key = content_key(
        "imported dictionary",
        CODE_VERSION,
        activation_set=acts.key,
        library=library,
        scaling=scaling,
        weights=foreign.weights_sha256,
        config=foreign.config_sha256,
    )
    if store.is_whole(key, settings):
        return key
    check_splits(acts)
    config = ImportedConfig(
        method=foreign.sae.method,
        features=foreign.sae.features,
        **({"k": foreign.sae.k} if foreign.sae.k else {}),
        library=library,
        scaling=scaling,
        weights_sha256=foreign.weights_sha256,
    )
    check_varies(acts, config)
    of = moments(acts)
    scale, fvu_of = acts.channels**0.5 / of.mean_norm, {}
    # the chosen scaling last, so that only its dictionary and evaluation are held on to
    for done, name in enumerate(sorted(SCALINGS, key=lambda name: name == scaling), start=1):
        dictionary = dictionary_of(on_unscaled(foreign.sae, name, of), config, scale)
        evaluation = evaluate(dictionary, acts)
        fvu_of[name] = evaluation.fvu
        progress(done, len(SCALINGS))
    _check_sensible(fvu_of, scaling, folder, acts)
    with writing(store.folder_of(key, settings)):
        store.write_dictionary(key, dictionary, evaluation, acts, settings, version=CODE_VERSION, fvu_by_scaling=fvu_of)
    return key


def best_scaling(fvu_of: dict[str, float]) -> str:
    """Return the scaling with the least FVU."""
    return min(fvu_of, key=lambda name: fvu_of[name] if math.isfinite(fvu_of[name]) else math.inf)


def _check_sensible(fvu_of: dict[str, float], scaling: str, folder: Path, acts: ActivationSet) -> None:
    if fvu_of[scaling] <= MOST_FVU:
        return
    best = best_scaling(fvu_of)
    each = ", ".join(f"{name} {fvu_of[name]:.3g}" for name in SCALINGS)
    advice = (
        f"set scaling to {best}"
        if fvu_of[best] <= MOST_FVU
        else "no scaling helps, so it was hardly trained on this layer of this network"
    )
    raise UserError(
        f"the dictionary in {folder} leaves {fvu_of[scaling]:.3g} times the variance of {acts.config.network} "
        f"{acts.config.layer} unexplained with scaling {scaling} (FVU by scaling: {each}): {advice}"
    )
