"""How many bits a row's code takes at a given error: dictionaries of any kind on one scale (methods §3.12) [ours].

A code names the active features and gives numbers for each. A feature's numbers are coordinates in an orthonormal basis
of its span, so that an error of a number is an error of the same size in the reconstruction. They are rounded to
multiples of one step, the same for the whole dictionary. A feature whose numbers all round to 0 isn't sent.

bits of a row = log2 C(m, k_row) for which features + entropy of k_row + numbers of the row × entropy of a number

The entropies are those of all rows together. The step is the one at which the rows have the wanted FVU.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import gammaln
from torch import Tensor

from tasks.dictionary.base import Dictionary
from tasks.dictionary.sparse import residual

HALVINGS = 30


@dataclass(frozen=True)
class CodeLength:
    """Means over rows. features: sent per row; numbers: sent per row; step: in scaled units of the activations."""

    bits: float
    bits_of_features: float
    bits_of_numbers: float
    features: float
    numbers: float
    step: float


@torch.no_grad()
def code_length(dictionary: Dictionary, x_bd: Tensor, fvu: float) -> CodeLength | None:
    """Return the code length of rows at an FVU about their mean; None if the dictionary's own FVU isn't below it.

    x_bd: unscaled rows of the layer. Raises ValueError for a group crosscoder.
    """
    if dictionary.is_crosscoder:
        raise ValueError("a group crosscoder's code describes orbits, not rows")
    z_1bd = (x_bd * dictionary.scale)[None]
    values_bkj, indices_bk, atoms_1ad = _coordinates(dictionary, z_1bd)
    total = (z_1bd - z_1bd.mean(1)).double().square().sum().item()

    def error(step: float) -> float:
        rounded_bkj = (values_bkj / step).round() * step if step else values_bkj
        left_1bd = residual(z_1bd, rounded_bkj.flatten(1), indices_bk, atoms_1ad, dictionary.decoder.bias)
        return left_1bd.double().square().sum().item() / total

    if error(0.0) >= fvu:
        return None
    low, high = 0.0, 2 * values_bkj.abs().max().item()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if error(middle) > fvu else (middle, high)
    return _length((values_bkj / low).round(), dictionary.config.features, low)


def _coordinates(dictionary: Dictionary, z_1bd: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the codes in orthonormal bases of the features' spans: values [b, k, j], indices [b, k · j], atoms."""
    dimension = dictionary.config.atom_dimension
    values_bk, indices_bk = dictionary.encode_active(z_1bd)
    basis_mdj, upper_mjj = torch.linalg.qr(dictionary.decoder.weight[0].unflatten(0, (-1, dimension)).transpose(1, 2))
    features_bk = indices_bk[:, ::dimension] // dimension
    values_bkj = torch.einsum("bkj,bkij->bki", values_bk.unflatten(1, (-1, dimension)), upper_mjj[features_bk])
    return values_bkj, indices_bk, basis_mdj.transpose(1, 2).flatten(0, 1)[None].contiguous()


def _length(levels_bkj: Tensor, features: int, step: float) -> CodeLength:
    sent_bk = (levels_bkj != 0).any(2)
    sent_b = sent_bk.sum(1).numpy()
    which = _log2_choose(features, sent_b).mean() + _entropy(sent_b)
    numbers = levels_bkj.shape[2] * sent_b.mean()
    of_numbers = numbers * _entropy(levels_bkj[sent_bk].flatten().numpy())
    return CodeLength(which + of_numbers, which, of_numbers, float(sent_b.mean()), float(numbers), step)


def _log2_choose(n: int, k: np.ndarray) -> np.ndarray:
    return (gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)) / math.log(2)


def _entropy(values: np.ndarray) -> float:
    """Return the entropy in bits of the distribution of values; 0 for none."""
    shares = np.unique(values, return_counts=True)[1] / max(1, values.size)
    return float(-(shares * np.log2(shares)).sum())
