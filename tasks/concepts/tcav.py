"""TCAV: how much a concept matters for a class, and whether that is more than chance (Kim et al. 2018, methods §7).

The class's gradients are taken once per class and layer; every vector is then a product with them. A score is compared
with scores of random vectors, which tell one random set from another: vectors from little data scatter, so that one
score says nothing. Holm's correction over all that is tested, and the magnitude, are ours.
"""

from collections.abc import Sequence
from statistics import mean, stdev

import torch
from torch import Tensor

from tasks.concepts.cav import FRAMES_AT_ONCE, Cav, CavConfig, fit_cav
from tasks.errors import UserError
from tasks.progress import Progress, silent
from tasks.vision.graph import cut
from tasks.vision.networks import Network


def class_gradients(
    network: Network, layer: str, class_index: int, frames_ncyx: Tensor, progress: Progress = silent
) -> Tensor:
    """float32 [n, channels, h, w]: the gradient of the class's logit at a layer, for frames uint8 [n, 3, y, x]."""
    before, after = cut(network.module, network.node(layer))
    gradients = []
    for frames_bcyx in frames_ncyx.split(FRAMES_AT_ONCE):
        with torch.no_grad():
            acts_bcyx, *others = before(network.preprocess(frames_bcyx.float() / 255))
        acts_bcyx.requires_grad_()
        logit = after(acts_bcyx, *others)[:, class_index].sum()
        gradients.append(torch.autograd.grad(logit, acts_bcyx)[0])
        progress(sum(map(len, gradients)), len(frames_ncyx))
    return torch.cat(gradients)


def sensitivities(gradients_ncyx: Tensor, cav: Cav) -> Tensor:
    """[n]: the logit's derivative along the vector; of a pooled one along the same shift at every position."""
    pooled = len(cav.vector_d) == gradients_ncyx.shape[1]
    return (gradients_ncyx.sum((2, 3)) if pooled else gradients_ncyx.flatten(1)) @ cav.vector_d


def score(sensitivities_n: Tensor) -> float:
    """Share of the class's images whose logit grows along the vector."""
    return (sensitivities_n > 0).float().mean().item()


def magnitude(sensitivities_n: Tensor) -> float:
    """Σ|s·1[s>0]| / Σ|s|: the part of the sensitivity that is positive; 0 where there is none. Source: ours."""
    return (sensitivities_n.clamp(min=0).sum() / sensitivities_n.abs().sum().clamp(min=torch.finfo().tiny)).item()


def random_cavs(random_sets_nd: Sequence[Tensor], config: CavConfig) -> list[Cav]:
    """As many random vectors as sets: each set against the next, the last against the first.

    UserError for fewer than three sets: of two, one vector would be the other's opposite.
    """
    if len(random_sets_nd) < 3:
        raise UserError(f"{len(random_sets_nd)} random sets make no test: give three or more, at least 10 are usual")
    following = [*random_sets_nd[1:], random_sets_nd[0]]
    return [fit_cav(one_nd, other_nd, config) for one_nd, other_nd in zip(random_sets_nd, following, strict=True)]


def significance(scores: Sequence[float], random_scores: Sequence[float]) -> float:
    """p of Welch's two-sided t-test that a concept's scores have the same mean as those of random vectors.

    Where neither varies, its limit as the variances vanish: 1 for equal means, else 0. Too sure by design: a concept's
    scores are of one set of exemplars, and no independent sample. Of random sets that stood for a concept (InceptionV1,
    mixed4d, 20 images a set), 6 of 20 came out at p < 0.05.
    """
    from scipy.stats import ttest_ind_from_stats

    # exact, so that equal scores have no variance
    moments = [moment for values in (scores, random_scores) for moment in (mean(values), stdev(values), len(values))]
    if moments[1] == moments[4] == 0:
        return float(moments[0] == moments[3])
    return float(ttest_ind_from_stats(*moments, equal_var=False).pvalue)


def compared(own_rn: Sequence[Tensor], random_rn: Sequence[Tensor]) -> dict[str, float]:
    """A concept's sensitivities, [n] of each of its vectors, against those of random vectors."""
    scores, random_scores = ([score(one_n) for one_n in some] for some in (own_rn, random_rn))
    return {
        "score": mean(scores),
        "score_std": stdev(scores),
        "magnitude": mean(magnitude(one_n) for one_n in own_rn),
        "random_score": mean(random_scores),
        "random_score_std": stdev(random_scores),
        "p_value": significance(scores, random_scores),
    }


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for having tested them all: those below α hold an error with probability ≤ α (Holm 1979).

    In the order given. All that was tested belongs in one call: every concept, class and layer.
    """
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = least
    return adjusted
