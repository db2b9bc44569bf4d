"""The registry of the libraries that dictionaries are exchanged with, and of the scalings that imports may need.

A new library is a file of its own with `written` and `read`, an entry here, and its tests. This module imports little:
forms and the console command read it.
"""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import NamedTuple


class Library(NamedTuple):
    """module: file in this folder; classes: our method -> the class there that computes the same."""

    module: str
    classes: Mapping[str, str]

    def load(self) -> ModuleType:
        """Import the file. Only this imports PyTorch."""
        return import_module(f"tasks.dictionary.exchange.{self.module}")


LIBRARIES = {
    "sae-lens": Library(
        "sae_lens",
        {
            "topk": "TopKSAE",
            "relu": "StandardSAE",
            "batchtopk": "JumpReLUSAE",
            "jumprelu": "JumpReLUSAE",
            "gated": "GatedSAE",
            "matryoshka": "JumpReLUSAE",
        },
    ),
    "dictionary-learning": Library(
        "dictionary_learning",
        {
            "topk": "AutoEncoderTopK",
            "relu": "AutoEncoder",
            "batchtopk": "BatchTopKSAE",
            "jumprelu": "JumpReluAutoEncoder",
            "gated": "GatedAutoEncoder",
            "matryoshka": "MatryoshkaBatchTopKSAE",
        },
    ),
    "overcomplete": Library(
        "overcomplete",
        {
            "topk": "TopKSAE",
            "relu": "SAE",
            "batchtopk": "BatchTopKSAE",
            "jumprelu": "JumpSAE",
            "gated": "JumpSAE",
            "matryoshka": "BatchTopKSAE",
        },
    ),
}
SCALINGS = {
    "none": "the network's own activations",
    "mean-norm": "multiplied so that their mean norm is √channels (sae-lens: expected_average_only_in)",
    "mean-square": "multiplied so that their mean squared norm is 1 (dictionary-learning: normalize_activations)",
    "standardised": "each channel shifted and multiplied to mean 0 and variance 1 (overcomplete advises it)",
}
"""What the activations were like that a library's dictionary was trained on, by the name of the scaling."""
