"""Concept activation vectors: the direction at a layer from random exemplars to a concept's (Kim et al. 2018).

| classifier | vector |
| --- | --- |
| logistic | normal of L2-regularised logistic regression |
| sgd | normal of a linear support-vector machine by stochastic gradient descent, as in the original |
| mean-difference | the concept's mean minus the random exemplars' |

No channel is standardised: lengths and angles at the layer stay the network's own, and no vector leaves the span of its
exemplars. Logistic regression sees activations divided by one number, their root mean square distance from their mean,
so that one penalty suits all layers [ours]; SGD sees them as they are, as in the original.
"""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from tasks.config import Config, Seed
from tasks.errors import UserError
from tasks.progress import Progress, silent
from tasks.vision.networks import Network

FRAMES_AT_ONCE = 8
"""Frames that go through the network together: bounds the memory."""


class CavConfig(Config):
    """All that decides on a concept's vector, given activations of its exemplars and of random ones."""

    classifier: Literal["logistic", "sgd", "mean-difference"] = Field(
        "logistic", description="what finds the vector; sgd is the original's"
    )
    pool: Literal["mean", "none"] = Field(
        "mean", description="activations averaged over positions, or whole maps as in the original"
    )
    penalty: float = Field(
        0.01, ge=1e-12, le=1e12, description="λ of logistic and sgd: mean loss + λ/2 ‖w‖²; the original's 0.01"
    )
    held_out: float = Field(0.25, gt=0, lt=1, description="share of each set that only the accuracy is measured on")
    seed: Seed = Field(0, description="draws what is held out, and the order of sgd's steps")


@dataclass(frozen=True)
class Cav:
    """An exemplar x is on the concept's side where vector · x + intercept > 0.

    vector_d: float32, unit norm, towards the concept; [channels], or of whole maps [channels * h * w].
    accuracy: share of the held-out exemplars, of both sets, that are on their own side.
    """

    vector_d: Tensor
    intercept: float
    accuracy: float


@torch.no_grad()
def layer_activations(
    network: Network, layer: str, frames_ncyx: Tensor, pool: Literal["mean", "none"], progress: Progress = silent
) -> Tensor:
    """float32 [n, d] of frames uint8 [n, 3, y, x]; d: channels, or for pool none channels * h * w."""
    rows = []
    for frames_bcyx in frames_ncyx.split(FRAMES_AT_ONCE):
        acts_bcyx = network.activations(frames_bcyx.float() / 255, layer)
        rows.append(acts_bcyx.mean((2, 3)) if pool == "mean" else acts_bcyx.flatten(1))
        progress(sum(map(len, rows)), len(frames_ncyx))
    return torch.cat(rows)


def fit_cav(concept_nd: Tensor, random_nd: Tensor, config: CavConfig) -> Cav:
    """The vector from random exemplars to the concept's, fitted to what is not held out.

    UserError for a set of fewer than two exemplars, and where nothing tells the two sets apart.
    """
    (concept_fit, concept_held), (random_fit, random_held) = (
        split(len(rows_nd), config) for rows_nd in (concept_nd, random_nd)
    )
    positive_nd, negative_nd = concept_nd[concept_fit].double(), random_nd[random_fit].double()
    if config.classifier == "mean-difference":
        weight_d = positive_nd.mean(0) - negative_nd.mean(0)
        offset = -weight_d @ (positive_nd.mean(0) + negative_nd.mean(0)) / 2
    else:
        weight_d, offset = _classifier(positive_nd, negative_nd, config)
    norm = weight_d.norm()
    if norm == 0:
        raise UserError("nothing at this layer tells the concept's exemplars from the random ones: give other images")
    vector_d, intercept = (weight_d / norm).float(), float(offset / norm)
    right = torch.cat(
        [concept_nd[concept_held] @ vector_d + intercept > 0, random_nd[random_held] @ vector_d + intercept <= 0]
    )
    return Cav(vector_d, intercept, right.float().mean().item())


def split(count: int, config: CavConfig) -> tuple[Tensor, Tensor]:
    """Which of a set's exemplars are fitted to and which are held out; at least one of each."""
    if count < 2:
        raise UserError(f"a set of {count} exemplars won't do: give two or more, 40 are usual")
    order = torch.randperm(count, generator=torch.Generator().manual_seed(config.seed))
    held_out = min(max(round(config.held_out * count), 1), count - 1)
    return order[held_out:], order[:held_out]


def _classifier(positive_nd: Tensor, negative_nd: Tensor, config: CavConfig) -> tuple[Tensor, float]:
    """Normal [d] and offset of the linear classifier, in units of the activations.

    Both classifiers start from zero and know the rows by their products alone, so the normal is a sum of rows: it is
    sought in an orthonormal basis of their span, n numbers a row in place of a map's many thousands [ours, exact].
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, SGDClassifier

    basis_dr, rows_rn = torch.linalg.qr(torch.cat([positive_nd, negative_nd]).T)
    rows_nr = rows_rn.T.numpy()
    is_concept_n = np.arange(len(rows_nr)) < len(positive_nd)
    if config.classifier == "sgd":
        scale = 1.0
        model = SGDClassifier(loss="hinge", alpha=config.penalty, tol=1e-3, max_iter=1000, random_state=config.seed)
    else:
        # of rows that are all alike there is nothing to scale
        scale = np.sqrt(rows_nr.var(0).sum()) or 1.0
        model = LogisticRegression(C=1 / (config.penalty * len(rows_nr)), tol=1e-6, max_iter=1000)
    with warnings.catch_warnings():
        # the original's SGD stops there as well
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows_nr / scale, is_concept_n)
    return basis_dr @ torch.from_numpy(model.coef_[0]) / scale, model.intercept_[0]
