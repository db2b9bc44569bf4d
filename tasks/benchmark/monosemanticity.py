"""Monosemanticity: whether a second network finds a feature's top images similar (ViSAEBench M5; Pach et al. 2025).

    MS = Σ_{a<b} w_a w_b cos(e_a, e_b) / Σ_{a<b} w_a w_b

a, b: the images that excite the feature most; w: their activations, scaled so that 0 is the least and 1 the largest of
all images; e: the second network's mean activation over the positions of its last layer.
"""

import torch
from torch import Tensor

TOP_IMAGES = 16
FEATURES_AT_ONCE = 256
"""Bounds the memory for the embeddings of their top images."""
LEAST_PAIRS = 1e-9
"""Below this, Σ_{a≠b} w_a w_b is rounding: one image alone excites the feature."""


def monosemanticity(codes_nm: Tensor, embeddings_nd: Tensor) -> Tensor:
    """Return the score of each feature that fires on some image and has two images of positive weight.

    codes_nm: largest activation of each feature over the positions of an image; embeddings_nd: of the same images.
    """
    live_nm = codes_nm[:, codes_nm.amax(0) > 0].double()
    least_m, largest_m = live_nm.amin(0), live_nm.amax(0)
    range_m = (largest_m - least_m).where(largest_m > least_m, 1.0)
    top_km, images_km = live_nm.topk(min(TOP_IMAGES, len(live_nm)), dim=0)
    weights_km = (top_km - least_m) / range_m
    unit_nd = torch.nn.functional.normalize(embeddings_nd.double(), dim=1)
    parts = zip(weights_km.split(FEATURES_AT_ONCE, 1), images_km.split(FEATURES_AT_ONCE, 1), strict=True)
    return torch.cat([_scores(weights, unit_nd[images]) for weights, images in parts])


def _scores(weights_km: Tensor, unit_kmd: Tensor) -> Tensor:
    """Return the scores of features. Σ_{a≠b} w_a w_b e_a·e_b = ‖Σ_a w_a e_a‖² − Σ_a w_a² ‖e_a‖², and as much of 1."""
    squares_km = weights_km.square()
    weighted_md = torch.einsum("km,kmd->md", weights_km, unit_kmd)
    similar_m = weighted_md.square().sum(1) - (squares_km * unit_kmd.square().sum(2)).sum(0)
    pairs_m = weights_km.sum(0).square() - squares_km.sum(0)
    scored_m = pairs_m > LEAST_PAIRS
    return (similar_m / pairs_m.clamp_min(LEAST_PAIRS))[scored_m]
