"""Names of a network's classes, and the class that a photograph's file name tells."""

import re
from difflib import get_close_matches
from functools import lru_cache
from pathlib import PurePosixPath

from tasks.errors import UserError
from tasks.vision import gabor
from tasks.vision.imagenet_ids import WORDNET_IDS
from tasks.vision.networks import Network

IMAGENET_CLASSES = 1000
HOMONYMS = {
    "n02012849": (134, "crane (bird)"),
    "n03126707": (517, "crane (machine)"),
    "n02113186": (264, "Cardigan (dog)"),
    "n02963159": (474, "cardigan (garment)"),
    "n03710637": (638, "maillot (tights)"),
    "n03710721": (639, "maillot (tank suit)"),
}
"""WordNet id -> class and name of those whose word is another class's too, where torchvision's name is in doubt."""
WORDNET_ID = re.compile(r"n\d{8}")
LABELLED = re.compile(r"(n\d{8})_(.+)")
SHOWN = 12
"""Candidates that a message names at most."""


def class_names(network: Network) -> tuple[str, ...]:
    """A name for each of the network's outputs, no two alike: ImageNet's 1000, or those of a Gabor bank.

    UserError for a network whose outputs have no known names: inception5h orders 1008 in its own way.
    """
    if not _has_names(network):
        raise UserError(
            f"network {network.name} has {network.classes} classes whose names are not known here: "
            f"give a class by its number, 0 to {network.classes - 1}, or choose a network with ImageNet's 1000"
        )
    if parameters := gabor.parameters_of(network.name):
        return gabor.class_names(parameters)
    from torchvision.models import GoogLeNet_Weights

    told_apart = dict(HOMONYMS.values())
    names = GoogLeNet_Weights.IMAGENET1K_V1.meta["categories"]
    return tuple(told_apart.get(index, name) for index, name in enumerate(names))


def class_name(network: Network, index: int) -> str:
    """The class's name, or `class 17` where the network's names are not known."""
    return class_names(network)[index] if _has_names(network) else f"class {index}"


def _has_names(network: Network) -> bool:
    return network.classes == IMAGENET_CLASSES or gabor.parameters_of(network.name) is not None


def label_of(name: str, network: Network) -> int | None:
    """The class of a photograph whose file name is a WordNet id and a class: `imagenet/n01440764_tench.JPEG` is 0.

    None where the name tells no class, or where the network's classes are not ImageNet's. The word decides, but for
    homonyms, whose id does: another thing of the same word (n02330245_mouse, the animal) is taken for the class.
    """
    labelled = LABELLED.fullmatch(PurePosixPath(name).stem)
    if labelled is None or gabor.parameters_of(network.name) or network.classes != IMAGENET_CLASSES:
        return None
    wordnet_id, word = labelled.groups()
    if wordnet_id in HOMONYMS:
        return HOMONYMS[wordnet_id][0]
    return _by_spelling(class_names(network)).get(_spelling(word))


def class_index(network: Network, wanted: str) -> int:
    """The class that a person means by a number, a whole name, or words that stand in one name alone.

    Capitals, hyphens, underscores, apostrophes and brackets don't matter. A WordNet id (n02391049) means its class too.
    UserError for a number that is out of range, an id that is no class, for words of several names (crane: the bird or
    the machine?) and of none, with those that come close.
    """
    if wanted.strip().isdecimal():
        if int(wanted) >= network.classes:
            raise UserError(f"class {wanted} is none of {network.name}: its classes are 0 to {network.classes - 1}")
        return int(wanted)
    names, sought = class_names(network), _spelling(wanted)
    if WORDNET_ID.fullmatch(sought) and network.classes == IMAGENET_CLASSES:
        if sought not in WORDNET_IDS:
            raise UserError(
                f"{wanted.strip()} is the WordNet id of none of {network.name}'s classes: "
                f"give a class's name, or its number, 0 to {network.classes - 1}"
            )
        return WORDNET_IDS.index(sought)
    spellings = _by_spelling(names)
    if sought in spellings:
        return spellings[sought]
    found = [index for spelling, index in spellings.items() if f" {sought} " in f" {spelling} "]
    if len(found) == 1:
        return found[0]
    if not found:
        close = [spellings[spelling] for spelling in get_close_matches(sought, spellings, n=5)]
        near = f"did you mean {_list(names, close)}? Else" if close else "no name comes close:"
        raise UserError(f"{network.name} has no class {wanted!r}: {near} give its number, 0 to {network.classes - 1}")
    raise UserError(f"class {wanted!r} may be {_list(names, found)}: give one's whole name or number")


@lru_cache(maxsize=2)
def _by_spelling(names: tuple[str, ...]) -> dict[str, int]:
    return {_spelling(name): index for index, name in enumerate(names)}


def _spelling(name: str) -> str:
    return " ".join(re.sub(r"[_\-(),]", " ", name.replace("'", "")).lower().split())


def _list(names: tuple[str, ...], indices: list[int]) -> str:
    shown = [f"{names[index]} ({index})" for index in indices[:SHOWN]] + ["…"] * (len(indices) > SHOWN)
    return ", ".join(shown)
