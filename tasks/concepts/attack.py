"""Perturb images by at most ε per pixel so that their activations at a layer maximise an objective (methods §7.4).

After Brown & Kvinge 2022 (arXiv 2110.07120). From the paper: only the exemplars are perturbed, never the network or the
class's images; a negative attack makes a concept that matters seem not to matter, a positive one the opposite; the
attack moves an exemplar's token h(p'), its activations at a layer. Ours: the objectives below (the name "token pushing"
is recalled from the paper, its objective is not), whole 8-bit steps, the attack through the random sets, the controls
and the measures.

All objectives use the activations of one layer, average-pooled or whole, according to the vector's length:
* negative: `away_from` the concept's clean mean; `along` −CAV; `along` −`class_direction`, which needs no CAV;
* positive: `towards` the mean of images that matter for the class, such as its own; `along` their CAV; `along` the
  class's direction;
* through the random sets, whose images are perturbed in place of the exemplars: `along` the direction of opposite sign,
  or `towards` a `mirrored` target. A CAV points from random to concept, so it turns when either end moves;
* controls: `noise`; `along` a `random_direction`, or `towards` the clean mean plus a random direction of the length of
  the way to the target.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tasks.concepts.config import AttackConfig
from tasks.concepts.names import Pool
from tasks.progress import Progress, silent
from tasks.vision.network import Network

Objective = Callable[[Tensor], Tensor]
"""Activations [b, channels, h, w] -> values [b] to be maximised; each value depends on its own image alone."""
FRAMES_AT_ONCE = 8
"""Frames in one forward pass; limits the memory of the activations that the gradient needs."""


def attack(
    network: Network,
    layer: str,
    frames_ncyx: Tensor,
    objective: Objective,
    config: AttackConfig = AttackConfig(),
    progress: Progress = silent,
) -> Tensor:
    """Perturb frames, uint8 [n, 3, h, w], to maximise an objective of the layer's activations.

    Projected gradient ascent in L∞ (Madry et al. 2018): `steps` steps along the sign of the gradient, each projected to
    the ε-ball around the original image and to 0 … 255. The ball's bounds are whole 8-bit values, so rounding at the
    end stays within them. The network runs only up to the layer. Frames outside the poisoned fraction stay as they are.
    progress: in steps of single frames. Equal calls give equal bits on one machine and number of threads. UserError for
    an unknown layer.
    """
    generator = torch.Generator().manual_seed(config.seed)
    poisoned_p = poisoned(len(frames_ncyx), config)
    attacked_ncyx, total = frames_ncyx.clone(), config.steps * len(poisoned_p)
    done = 0
    for chosen_b in poisoned_p.split(FRAMES_AT_ONCE):
        low_bcyx, high_bcyx = _ball(frames_ncyx[chosen_b], config.epsilon)
        images_bcyx = frames_ncyx[chosen_b].float()
        if config.random_start:
            images_bcyx = torch.lerp(low_bcyx, high_bcyx, torch.rand(images_bcyx.shape, generator=generator))
        for _ in range(config.steps):
            images_bcyx.requires_grad_()
            values_b = objective(network.activations(images_bcyx / 255, layer))
            [gradient_bcyx] = torch.autograd.grad(values_b.sum(), images_bcyx)
            images_bcyx = images_bcyx.detach() + config.step * gradient_bcyx.sign()
            images_bcyx = images_bcyx.clamp(low_bcyx, high_bcyx)
            done += len(chosen_b)
            progress(done, total)
        attacked_ncyx[chosen_b] = images_bcyx.round().to(torch.uint8)
    return attacked_ncyx


def noise(frames_ncyx: Tensor, config: AttackConfig = AttackConfig()) -> Tensor:
    """Return the control, uint8 [n, 3, h, w]: the frames that `attack` would change, with noise.

    Every value changes by +ε or −ε with equal probability, clipped to 0 … 255. The ε-ball allows no larger change, so
    the noise is no weaker than the attack, except where clipping applies. Source: ours.
    """
    generator = torch.Generator().manual_seed(config.seed)
    poisoned_p = poisoned(len(frames_ncyx), config)
    low_pcyx, high_pcyx = _ball(frames_ncyx[poisoned_p], config.epsilon)
    noisy_ncyx = frames_ncyx.clone()
    up_pcyx = torch.rand(low_pcyx.shape, generator=generator) < 0.5
    noisy_ncyx[poisoned_p] = torch.where(up_pcyx, high_pcyx, low_pcyx).to(torch.uint8)
    return noisy_ncyx


def poisoned(frames: int, config: AttackConfig) -> Tensor:
    """Return sorted indices of the frames to perturb; with one seed, a larger fraction contains a smaller one."""
    # not the generator of `split`: with equal seeds the perturbed exemplars would be those that a CAV holds out
    order_n = torch.from_numpy(np.random.default_rng([config.seed, frames]).permutation(frames))
    return order_n[: max(1, round(config.poisoned_fraction * frames))].sort().values


def _ball(frames_bcyx: Tensor, epsilon: int) -> tuple[Tensor, Tensor]:
    """Return the least and greatest values that frames may take, as whole numbers in float32."""
    frames_bcyx = frames_bcyx.float()
    return (frames_bcyx - epsilon).clamp_min(0), (frames_bcyx + epsilon).clamp_max(255)


@dataclass(frozen=True)
class VectorObjective:
    """An objective that a vector determines: away from it, towards it, or along it. Source: ours.

    vector_d: [channels] for average-pooled activations, [channels * h * w] for whole ones.
    """

    way: Literal["away from", "towards", "along"]
    vector_d: Tensor

    def __call__(self, acts_bcyx: Tensor) -> Tensor:
        acts_bd = _like(self.vector_d, acts_bcyx)
        match self.way:
            case "along":
                return acts_bd @ self.vector_d
            case "towards":
                return -(acts_bd - self.vector_d).square().sum(1)
            case "away from":
                return (acts_bd - self.vector_d).square().sum(1)


def away_from(mean_d: Tensor) -> VectorObjective:
    """Return the objective ‖h − mean‖²: negative token pushing, where the mean is the concept's."""
    return VectorObjective("away from", mean_d)


def towards(target_d: Tensor) -> VectorObjective:
    """Return the objective −‖h − target‖²: positive token pushing, where the target is the mean of other images."""
    return VectorObjective("towards", target_d)


def along(direction_d: Tensor) -> VectorObjective:
    """Return the objective h · direction, whose length has no effect."""
    return VectorObjective("along", direction_d)


def _like(vector_d: Tensor, acts_bcyx: Tensor) -> Tensor:
    """Return activations [b, d], average-pooled or flattened to the vector's length. ValueError where neither fits."""
    if len(vector_d) == acts_bcyx.shape[1]:
        return acts_bcyx.mean((2, 3))
    if len(vector_d) == acts_bcyx[0].numel():
        return acts_bcyx.flatten(1)
    raise ValueError(f"a vector of {len(vector_d)} fits no activations of shape {list(acts_bcyx.shape[1:])}")


def class_direction(gradients_ncyx: Tensor, pool: Pool) -> Tensor:
    """Return the normalised mean gradient of a class's logit, [channels] (pool "mean") or [channels * h * w] ("none").

    gradients_ncyx: gradient of the logit with respect to a layer's activations, for each class image. Source: ours;
    methods §7.4.
    """
    gradient_cyx = gradients_ncyx.mean(0)
    return F.normalize(gradient_cyx.mean((1, 2)) if pool == "mean" else gradient_cyx.flatten(), dim=0)


def mirrored(target_d: Tensor, concept_d: Tensor, random_d: Tensor) -> Tensor:
    """Return random − (target − concept): where the random mean must move to change the CAV like a moved concept mean.

    The mean-difference CAV concept − random is then the same as with the concept's mean at the target. With the random
    mean as the target, the result is the concept's mean. All are mean activations [d]. Source: ours.
    """
    return random_d - (target_d - concept_d)


def random_direction(dimensions: int, seed: int) -> Tensor:
    """Return a unit vector [dimensions], uniform on the sphere."""
    return F.normalize(torch.randn(dimensions, generator=torch.Generator().manual_seed(seed)), dim=0)


def largest_change(clean_ncyx: Tensor, changed_ncyx: Tensor) -> Tensor:
    """Return the greatest absolute difference in any pixel and channel, int64 [n], in steps of 1/255."""
    return (clean_ncyx.long() - changed_ncyx.long()).abs().flatten(1).amax(1)


def psnr(clean_ncyx: Tensor, changed_ncyx: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of 8-bit frames, float64 [n], in dB; infinite where nothing changed."""
    squared_n = (clean_ncyx.double() - changed_ncyx.double()).square().flatten(1).mean(1)
    return 20 * math.log10(255) - 10 * squared_n.log10()


@torch.no_grad()
def perceptual_distance(
    network: Network,
    layers: tuple[str, ...],
    clean_ncyx: Tensor,
    changed_ncyx: Tensor,
    progress: Progress = silent,
) -> Tensor:
    """Return a perceptual distance, float32 [n], 0 … 4, between each clean uint8 frame and its changed version.

    It is the squared distance between the two unit-normalised channel vectors at a position, averaged over the layer's
    positions, then over the layers. It lacks the learned channel weights of LPIPS (Zhang et al. 2018), so the values
    cannot be compared with LPIPS. Source: ours. progress: in frames.
    """

    def distance(frames: tuple[Tensor, Tensor], layer: str) -> Tensor:
        clean_bcyx, changed_bcyx = (
            F.normalize(network.activations(frames_bcyx.float() / 255, layer), dim=1) for frames_bcyx in frames
        )
        return (clean_bcyx - changed_bcyx).square().sum(1).mean((1, 2))

    distances = []
    for pairs in zip(clean_ncyx.split(FRAMES_AT_ONCE), changed_ncyx.split(FRAMES_AT_ONCE), strict=True):
        distances.append(torch.stack([distance(pairs, layer) for layer in layers]).mean(0))
        progress(sum(map(len, distances)), len(clean_ncyx))
    return torch.cat(distances)
