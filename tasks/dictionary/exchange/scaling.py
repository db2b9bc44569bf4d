"""Scalings: what to do to activations so that they are like those that a dictionary was trained on."""

from typing import NamedTuple

import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.dictionary.exchange.libraries import SCALINGS
from tasks.dictionary.exchange.plain import PlainSAE


class Moments(NamedTuple):
    """Of the untransformed rows of a train split.

    mean_norm: E‖x‖; mean_square: E‖x‖²; mean_d: E x [d]; deviation_d: standard deviation of every channel [d]
    """

    mean_norm: float
    mean_square: float
    mean_d: Tensor
    deviation_d: Tensor


def moments(acts: ActivationSet) -> Moments:
    """Compute the moments in one pass over the shards, in double precision."""
    count, norms, sum_d, squares_d = 0, 0.0, torch.zeros(acts.channels).double(), torch.zeros(acts.channels).double()
    for shard in acts.shards:
        if shard.split == "train":
            x_bd = acts.read(shard.index)[:, 0].double()
            count += len(x_bd)
            norms += float(x_bd.norm(dim=1).sum())
            sum_d += x_bd.sum(0)
            squares_d += x_bd.square().sum(0)
    mean_d = sum_d / count
    variance_d = (squares_d / count - mean_d.square()).clamp_min(0)
    return Moments(norms / count, float(squares_d.sum()) / count, mean_d, variance_d.sqrt())


def on_unscaled(sae: PlainSAE, scaling: str, of: Moments) -> PlainSAE:
    """Return the autoencoder of unscaled activations that equals this one, which was made for scaled ones.

    scaling: one of `SCALINGS`. A channel that never varies is not multiplied.
    """
    match scaling:
        case "none":
            return sae
        case "mean-norm":
            return sae.on_unscaled(sae.channels**0.5 / of.mean_norm)
        case "mean-square":
            return sae.on_unscaled(of.mean_square**-0.5)
        case "standardised":
            deviation_d = torch.where(of.deviation_d > 0, of.deviation_d, 1.0)
            return sae.on_unscaled(1 / deviation_d, of.mean_d)
    raise ValueError(f"no scaling {scaling}; there are {', '.join(SCALINGS)}")
