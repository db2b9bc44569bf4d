"""Names of a network's classes, and the class that an image's label, file name or folder states."""

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from pathlib import PurePosixPath

from tasks.errors import UserError
from tasks.vision.imagenet_ids import WORDNET_IDS
from tasks.vision.network import IMAGENET, Network

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
LABELS_CACHED = 10_000
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
    if isinstance(network.labels, tuple):
        return network.labels
    from torchvision.models import GoogLeNet_Weights

    unambiguous = dict(HOMONYMS.values())
    names = GoogLeNet_Weights.IMAGENET1K_V1.meta["categories"]
    return tuple(unambiguous.get(index, name) for index, name in enumerate(names))


def class_name(network: Network, index: int) -> str:
    """Return the name of a class, or for example "class 17" if the network's class names are not known."""
    return f"class {index}" if network.labels is None else class_names(network)[index]


def labeller(network: Network) -> Callable[..., int | None]:
    """Return a function from an image's name and label to its class; it returns None where they state none.

    A label is a class's name, WordNet id or number. An image without one has the class of its file's name, which is a
    WordNet id and a word (`imagenet/n01440764_tench.JPEG`), or else of its folder's (`n01440764/7.JPEG`,
    `tench/7.JPEG`). In a file's name the word determines the class, except for homonyms and for words that name no
    class, where the id does: n02330245_mouse, the animal, has the class of the device.
    """
    if network.labels is None:
        return lambda name, label=None: None
    spellings = _by_spelling(class_names(network))
    is_imagenet = network.labels == IMAGENET
    classes = {wordnet_id: index for index, wordnet_id in enumerate(WORDNET_IDS)} if is_imagenet else {}

    @lru_cache(maxsize=LABELS_CACHED)
    def of_text(text: str) -> int | None:
        if wordnet_id := WORDNET_ID.match(text):
            return classes.get(wordnet_id.group())
        # ImageNet's own names are synonyms with commas between them
        spelled = map(_spelling, (text, *text.split(",")))
        return next((spellings[spelling] for spelling in spelled if spelling in spellings), None)

    def of_image(name: str, label: str | None = None) -> int | None:
        if label is not None:
            label = label.strip()
            number = int(label) if label.isdecimal() and len(label) <= len(str(network.classes)) else network.classes
            return number if number < network.classes else of_text(label)
        path = PurePosixPath(name)
        if is_imagenet and (labelled := LABELLED.fullmatch(path.stem)):
            wordnet_id, word = labelled.groups()
            of_word = None if wordnet_id in HOMONYMS else spellings.get(_spelling(word))
            return classes.get(wordnet_id) if of_word is None else of_word
        return of_text(path.parent.name)

    return of_image


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
