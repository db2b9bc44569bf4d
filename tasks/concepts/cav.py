"""Concept activation vectors (CAVs): the direction at a layer from random exemplars to a concept's (Kim et al. 2018).

| classifier | vector |
| --- | --- |
| logistic | normal of L2-regularised logistic regression |
| sgd | normal of a linear support-vector machine, trained by stochastic gradient descent as in the original |
| mean-difference | the concept's mean minus the random exemplars' |

Channels are not standardised, so lengths and angles at the layer are the network's own, and every vector lies in the
span of its exemplars. Logistic regression gets activations divided by one number, their root mean square distance from
their mean, so that one penalty suits all layers [ours]. SGD gets them undivided, as in the original. Methods §7.2.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tasks.concepts.config import CavConfig
from tasks.concepts.names import Pool
from tasks.errors import UserError
from tasks.progress import Progress, silent
from tasks.vision.network import Network

FRAMES_AT_ONCE = 8
"""Frames in one forward pass; limits the memory."""


@dataclass(frozen=True)
class Cav:
    """A linear classifier: activations x are on the concept's side where vector · x + intercept > 0.

    vector_d: float32, unit norm, towards the concept; [channels], or [channels * h * w] for whole maps.
    accuracy: share of the held-out exemplars of both sets that are on the correct side.
    """

    vector_d: Tensor
    intercept: float
    accuracy: float


@torch.no_grad()
def layer_activations(
    network: Network, layer: str, frames_ncyx: Tensor, pool: Pool, progress: Progress = silent
) -> Tensor:
    """Return activations, float32 [n, d], of frames, uint8 [n, 3, y, x].

    d: channels, or channels * h * w for pool none. progress: in frames.
    """
    rows = []
    for frames_bcyx in frames_ncyx.split(FRAMES_AT_ONCE):
        acts_bcyx = network.activations(frames_bcyx.float() / 255, layer)
        rows.append(acts_bcyx.mean((2, 3)) if pool == "mean" else acts_bcyx.flatten(1))
        progress(sum(map(len, rows)), len(frames_ncyx))
    return torch.cat(rows)


def fit_cav(concept_nd: Tensor, random_nd: Tensor, config: CavConfig) -> Cav:
    """Fit a CAV to the activations [n, d] of the concept's and the random exemplars that are not held out.

    UserError for a set of fewer than two exemplars, and where the two sets cannot be separated.
    """
    (concept_fit, concept_held), (random_fit, random_held) = (
        split(len(rows_nd), config) for rows_nd in (concept_nd, random_nd)
    )
    positive_nd, negative_nd = concept_nd[concept_fit].double(), random_nd[random_fit].double()
    if config.classifier == "mean-difference":
        weight_d = positive_nd.mean(0) - negative_nd.mean(0)
        offset = float(-weight_d @ (positive_nd.mean(0) + negative_nd.mean(0)) / 2)
    else:
        weight_d, offset = _classifier(positive_nd, negative_nd, config)
    norm = weight_d.norm()
    if norm == 0:
        raise UserError(
            "nothing at this layer separates the concept's exemplars from the random images: give other images"
        )
    vector_d, intercept = (weight_d / norm).float(), float(offset / norm)
    correct = torch.cat(
        [concept_nd[concept_held] @ vector_d + intercept > 0, random_nd[random_held] @ vector_d + intercept <= 0]
    )
    return Cav(vector_d, intercept, correct.float().mean().item())


def split(count: int, config: CavConfig) -> tuple[Tensor, Tensor]:
    """Return indices of a set's exemplars to fit to and to hold out, at least one of each."""
    if count < 2:
        raise UserError(f"a set of {count} exemplars is too small to fit a vector: give two or more, 40 are usual")
    order = torch.randperm(count, generator=torch.Generator().manual_seed(config.seed))
    held_out = min(max(round(config.held_out * count), 1), count - 1)
    return order[held_out:], order[:held_out]


def _classifier(positive_nd: Tensor, negative_nd: Tensor, config: CavConfig) -> tuple[Tensor, float]:
    """Return the normal [d] and the offset of the linear classifier, in units of the activations.

    Both classifiers start from zero and depend on the rows through their inner products only, so the normal is a linear
    combination of rows. It is fitted in an orthonormal basis of the rows' span, where a row has at most n numbers in
    place of a whole map's many thousands [ours, exact].
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
        # identical rows have variance 0 and need no scale
        scale = np.sqrt(rows_nr.var(0).sum()) or 1.0
        penalty = config.penalty * len(rows_nr)
        model = LogisticRegression(C=1 / penalty, tol=1e-6, max_iter=1000, solver="newton-cholesky")
    with warnings.catch_warnings():
        # the original's SGD stops at this number of iterations as well
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows_nr / scale, is_concept_n)
    return basis_dr @ torch.from_numpy(model.coef_[0]) / scale, model.intercept_[0]
