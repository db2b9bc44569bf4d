"""Names of a network's classes, and the class that a photograph's file name states."""

import re
from difflib import get_close_matches
from functools import lru_cache
from pathlib import PurePosixPath

from tasks.errors import UserError
from tasks.vision.imagenet_ids import WORDNET_IDS
from tasks.vision.networks import IMAGENET, Network

HOMONYMS = {
    "n02012849": (134, "crane (bird)"),
    "n03126707": (517, "crane (machine)"),
    "n02113186": (264, "Cardigan (dog)"),
    "n02963159": (474, "cardigan (garment)"),
    "n03710637": (638, "maillot (tights)"),
    "n03710721": (639, "maillot (tank suit)"),
}
"""WordNet id -> class and name, for classes whose word names two classes and whose torchvision name is ambiguous."""
WORDNET_ID = re.compile(r"n\d{8}")
LABELLED = re.compile(r"(n\d{8})_(.+)")
SHOWN = 12
"""Largest number of candidates in a message."""


def class_names(network: Network) -> tuple[str, ...]:
    """Return a unique name for each of the network's outputs.

    Raises UserError for a network whose outputs have no known names: inception5h has 1008 in an order of its own.
    """
    if network.labels is None:
        raise UserError(
            f"the names of {network.name}'s {network.classes} classes are not known: "
            f"give a class by its number, 0 to {network.classes - 1}, or choose a network with ImageNet's 1000 classes"
        )
    if network.labels != IMAGENET:
        return network.labels
    from torchvision.models import GoogLeNet_Weights

    unambiguous = dict(HOMONYMS.values())
    names = GoogLeNet_Weights.IMAGENET1K_V1.meta["categories"]
    return tuple(unambiguous.get(index, name) for index, name in enumerate(names))


def class_name(network: Network, index: int) -> str:
    """Return the name of a class, or for example "class 17" if the network's class names are not known."""
    return f"class {index}" if network.labels is None else class_names(network)[index]


def label_of(name: str, network: Network) -> int | None:
    """Return the class of a photograph whose file name is a WordNet id and a class.

    For example, `imagenet/n01440764_tench.JPEG` has the class 0. Returns None if the name states no class, or if the
    network's classes are not ImageNet's. The word determines the class, except for homonyms, where the id does. A file
    of something else with the same word (n02330245_mouse, the animal) therefore gets the class of that word.
    """
    labelled = LABELLED.fullmatch(PurePosixPath(name).stem)
    if labelled is None or network.labels != IMAGENET:
        return None
    wordnet_id, word = labelled.groups()
    if wordnet_id in HOMONYMS:
        return HOMONYMS[wordnet_id][0]
    return _by_spelling(class_names(network)).get(_spelling(word))


def class_index(network: Network, wanted: str) -> int:
    """Return the class given by its number, its name, words that occur in only one name, or its WordNet id (n02391049).

    Capitals, hyphens, underscores, apostrophes and brackets are ignored. Raises UserError for a number out of range and
    for an id of no class. Also raises UserError, with the candidates, for words that occur in several names (crane: the
    bird or the machine?) or in none.
    """
    if wanted.strip().isdecimal():
        if int(wanted) >= network.classes:
            raise UserError(f"{network.name} has no class {wanted}: its classes are 0 to {network.classes - 1}")
        return int(wanted)
    names, sought = class_names(network), _spelling(wanted)
    if WORDNET_ID.fullmatch(sought) and network.labels == IMAGENET:
        if sought not in WORDNET_IDS:
            raise UserError(
                f"{wanted.strip()} is the WordNet id of none of {network.name}'s classes: "
                f"give a class's name, or its number, 0 to {network.classes - 1}"
            )
        return WORDNET_IDS.index(sought)
    spellings = _by_spelling(names)
    if sought in spellings:
        return spellings[sought]
    candidates = [index for spelling, index in spellings.items() if f" {sought} " in f" {spelling} "]
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        close = [spellings[spelling] for spelling in get_close_matches(sought, spellings, n=5)]
        hint = f"did you mean {_list(names, close)}? Otherwise" if close else "no name is similar:"
        raise UserError(f"{network.name} has no class {wanted!r}: {hint} give its number, 0 to {network.classes - 1}")
    raise UserError(f"class {wanted!r} may be {_list(names, candidates)}: give the whole name or the number of one")


@lru_cache(maxsize=2)
def _by_spelling(names: tuple[str, ...]) -> dict[str, int]:
    return {_spelling(name): index for index, name in enumerate(names)}


def _spelling(name: str) -> str:
    return " ".join(re.sub(r"[_\-(),]", " ", name.replace("'", "")).lower().split())


def _list(names: tuple[str, ...], indices: list[int]) -> str:
    shown = [f"{names[index]} ({index})" for index in indices[:SHOWN]] + ["…"] * (len(indices) > SHOWN)
    return ", ".join(shown)
