"""TCAV: how much a concept matters for a class, and whether that is more than chance (Kim et al. 2018, methods §7.3).

The class's gradients are computed once per class and layer; the sensitivities to a vector are their product with it. A
concept's scores are compared with the scores of random CAVs, each fitted to one random set against another. This is
needed because CAVs from few images scatter, so that a single score shows nothing. Holm's correction over all tests, and
the magnitude, are ours.
"""

from collections.abc import Sequence
from statistics import mean, stdev

import torch
from torch import Tensor

from tasks.concepts.cav import FRAMES_AT_ONCE, Cav, fit_cav
from tasks.concepts.config import CavConfig
from tasks.errors import UserError
from tasks.progress import Progress, silent
from tasks.vision.graph import cut
from tasks.vision.network import Network


def class_gradients(
    network: Network, layer: str, class_index: int, frames_ncyx: Tensor, progress: Progress = silent
) -> Tensor:
    """Return the gradient of a class's logit at a layer, float32 [n, channels, h, w], for frames uint8 [n, 3, y, x].

    progress: in frames. UserError for an unknown layer.
    """
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
    """Return the derivative [n] of the logit along the CAV; a pooled CAV means the same shift at every position."""
    pooled = len(cav.vector_d) == gradients_ncyx.shape[1]
    return (gradients_ncyx.sum((2, 3)) if pooled else gradients_ncyx.flatten(1)) @ cav.vector_d


def score(sensitivities_n: Tensor) -> float:
    """Return the TCAV score: the share of the class's images whose logit grows along the CAV."""
    return (sensitivities_n > 0).float().mean().item()


def magnitude(sensitivities_n: Tensor) -> float:
    """Return Σ|s·1[s>0]| / Σ|s|, the positive share of the sensitivity; 0 where all are 0. Source: ours."""
    return (sensitivities_n.clamp(min=0).sum() / sensitivities_n.abs().sum().clamp(min=torch.finfo().tiny)).item()


def random_cavs(random_sets_nd: Sequence[Tensor], config: CavConfig) -> list[Cav]:
    """Fit as many random CAVs as there are sets: each set against the next, the last against the first.

    random_sets_nd: activations [n, d] of each set. UserError for fewer than three sets, because of two sets one CAV
    would be the opposite of the other, and as `fit_cav`.
    """
    if len(random_sets_nd) < 3:
        raise UserError(
            f"{len(random_sets_nd)} random sets are too few for a test: give three or more, at least 10 are usual"
        )
    following = [*random_sets_nd[1:], random_sets_nd[0]]
    return [fit_cav(random_nd, next_nd, config) for random_nd, next_nd in zip(random_sets_nd, following, strict=True)]


def significance(scores: Sequence[float], random_scores: Sequence[float]) -> float:
    """Return p of Welch's two-sided t-test that a concept's scores and those of random CAVs have the same mean.

    Where neither varies, p is the limit for vanishing variances: 1 for equal means, else 0. The p-value is too small by
    design, because a concept's scores come from one set of exemplars and are no independent sample. Of random sets that
    stood for a concept (InceptionV1, mixed4d, 20 images a set), 6 of 20 had p < 0.05.
    """
    from scipy.stats import ttest_ind_from_stats

    # `statistics` computes exactly, so equal scores have variance 0
    moments = [moment for values in (scores, random_scores) for moment in (mean(values), stdev(values), len(values))]
    if moments[1] == moments[4] == 0:
        return float(moments[0] == moments[3])
    return float(ttest_ind_from_stats(*moments, equal_var=False).pvalue)


def compared(own_rn: Sequence[Tensor], random_rn: Sequence[Tensor]) -> dict[str, float]:
    """Compare a concept's sensitivities, [n] for each of its CAVs, with those of random CAVs.

    Returns score and score_std (mean and standard deviation over the CAVs), magnitude, random_score, random_score_std,
    and p_value as `significance`.
    """
    scores, random_scores = ([score(cav_n) for cav_n in cavs_rn] for cavs_rn in (own_rn, random_rn))
    return {
        "score": mean(scores),
        "score_std": stdev(scores),
        "magnitude": mean(magnitude(cav_n) for cav_n in own_rn),
        "random_score": mean(random_scores),
        "random_score_std": stdev(random_scores),
        "p_value": significance(scores, random_scores),
    }


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for multiple tests, in the order given (Holm 1979).

    The probability of any false rejection among those below α is at most α. One call must get all tests of an analysis:
    every concept, class and layer.
    """
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = least
    return adjusted
