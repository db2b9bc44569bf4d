"""Attacks on a concept tool's exemplars: images changed by at most ε, so that the tool says something else.

After Brown & Kvinge 2022 (arXiv 2110.07120), methods §7. The paper's: the exemplars alone are changed, never the
network or the class's images; a negative attack makes a concept that matters seem not to, a positive one the other way;
an exemplar's token h(p'), its activations at a layer, is pushed. Ours: the objectives below (the name "token pushing"
is recalled, its objective is not), whole 8-bit steps, the attack through the random set, the controls and the measures.

What to attack with, all on activations of one layer, average-pooled or whole as the vector given is:
* negative: `away_from` the concept's clean mean; `along` −CAV; `along` −`class_direction`, which needs no CAV;
* positive: `towards` the mean of a concept that matters for the class; `along` the class's direction;
* through the random set, no exemplar touched: that set's images, `along` the opposite direction, or `towards` a
  `mirrored` target. A CAV points from random to concept, so it turns when either end moves.
* controls: `noise`; `along` a `random_direction`; `towards` the clean mean plus one as long as the way to the target.
"""

import math
from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import BeforeValidator, Field
from torch import Tensor

from tasks.config import Config, Seed, Whole
from tasks.progress import Progress, silent
from tasks.vision.networks import Network

Objective = Callable[[Tensor], Tensor]
"""Activations [b, channels, h, w] -> [b], to be maximised; each image's value hangs on its own activations alone."""
FRAMES_AT_ONCE = 8
"""Frames that go through the network together: bounds the memory of the activations kept for the gradient."""


def _changes_something(epsilon: object) -> object:
    if epsilon == 0:
        raise ValueError("0 leaves every image as it is; give 1 to 255, in steps of 1/255")
    return epsilon


Epsilon = Annotated[int, Field(ge=1, le=255), BeforeValidator(_changes_something)]
"""How far a pixel may change in any channel, in steps of 1/255."""


class AttackConfig(Config):
    """How far and how images are pushed."""

    epsilon: Epsilon = Field(8, description="no pixel changes by more in any channel; in steps of 1/255")
    steps: Whole = Field(20, ge=1, description="gradient steps")
    step_size: float | None = Field(
        None, gt=0, le=10**6, description="of one gradient step, in steps of 1/255; default: 2.5 ε / steps"
    )
    random_start: bool = Field(False, description="start anywhere in the ball, not at the image itself")
    poisoned_fraction: float = Field(
        1.0, gt=0, le=1, description="share of the images that are attacked, one at least; the others stay as they are"
    )
    seed: Seed = Field(0, description="of which images are attacked, of the random start and the noise")

    @property
    def step(self) -> float:
        """Of one gradient step, in steps of 1/255: as given, or Madry et al. 2018's, which can cross the ball."""
        return self.step_size or 2.5 * self.epsilon / self.steps


def attack(
    network: Network,
    layer: str,
    frames_ncyx: Tensor,
    objective: Objective,
    config: AttackConfig = AttackConfig(),
    progress: Progress = silent,
) -> Tensor:
    """uint8 [n, 3, h, w]: frames of the same kind that raise an objective of the layer's activations.

    Projected gradient descent in L∞ (Madry et al. 2018), upwards: `steps` steps along the sign of the gradient, each
    projected to the ball around the original image, within 0 … 255. The ball's bounds are whole 8-bit values, so the
    rounding at the end stays in it. The network runs no further than the layer. progress: in steps of single frames.
    Equal calls give equal bits on one machine and number of threads. UserError for an unknown layer.
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
    """uint8 [n, 3, h, w], the control: the frames that `attack` would change, each value ±ε by a fair coin, in 0 … 255.

    Where a value has room both ways the ball allows no larger change, so the control is no weaker. Source: ours.
    """
    generator = torch.Generator().manual_seed(config.seed)
    poisoned_p = poisoned(len(frames_ncyx), config)
    low_pcyx, high_pcyx = _ball(frames_ncyx[poisoned_p], config.epsilon)
    noisy_ncyx = frames_ncyx.clone()
    up_pcyx = torch.rand(low_pcyx.shape, generator=generator) < 0.5
    noisy_ncyx[poisoned_p] = torch.where(up_pcyx, high_pcyx, low_pcyx).to(torch.uint8)
    return noisy_ncyx


def poisoned(frames: int, config: AttackConfig) -> Tensor:
    """Indices, rising, of the frames that are attacked; with the same seed, a larger fraction takes these and more."""
    # a stream of its own: drawn as `split` draws, equal seeds would poison just what a vector isn't fitted to
    order_n = torch.from_numpy(np.random.default_rng([config.seed, frames]).permutation(frames))
    return order_n[: max(1, round(config.poisoned_fraction * frames))].sort().values


def _ball(frames_bcyx: Tensor, epsilon: int) -> tuple[Tensor, Tensor]:
    """Least and greatest values that frames may take, float32 but whole."""
    frames_bcyx = frames_bcyx.float()
    return (frames_bcyx - epsilon).clamp_min(0), (frames_bcyx + epsilon).clamp_max(255)


def away_from(mean_d: Tensor) -> Objective:
    """‖h − mean‖²: token pushing, negative, where the mean is the concept's. Source: ours.

    mean_d: [channels] for average-pooled activations, [channels * h * w] for whole ones.
    """
    return lambda acts_bcyx: (_like(mean_d, acts_bcyx) - mean_d).square().sum(1)


def towards(target_d: Tensor) -> Objective:
    """−‖h − target‖²: token pushing, positive, where the target is another concept's mean. Source: ours.

    target_d: as in `away_from`.
    """
    return lambda acts_bcyx: -(_like(target_d, acts_bcyx) - target_d).square().sum(1)


def along(direction_d: Tensor) -> Objective:
    """h · direction, whose length doesn't matter. direction_d: as in `away_from`. Source: ours."""
    return lambda acts_bcyx: _like(direction_d, acts_bcyx) @ direction_d


def _like(vector_d: Tensor, acts_bcyx: Tensor) -> Tensor:
    """Activations [b, d] average-pooled where the vector has an entry a channel, whole where it has one a unit."""
    if len(vector_d) == acts_bcyx.shape[1]:
        return acts_bcyx.mean((2, 3))
    if len(vector_d) == acts_bcyx[0].numel():
        return acts_bcyx.flatten(1)
    raise ValueError(f"a vector of {len(vector_d)} fits no activations of shape {list(acts_bcyx.shape[1:])}")


def class_direction(gradients_ncyx: Tensor, pool: Literal["mean", "none"]) -> Tensor:
    """Unit [channels] (pool "mean") or [channels * h * w] ("none"): where a class's logit rises fastest, in the mean.

    gradients_ncyx: of the logit by a layer's activations, one a class image. Source: ours; methods §7.
    """
    gradient_cyx = gradients_ncyx.mean(0)
    return F.normalize(gradient_cyx.mean((1, 2)) if pool == "mean" else gradient_cyx.flatten(), dim=0)


def mirrored(target_d: Tensor, concept_d: Tensor, random_d: Tensor) -> Tensor:
    """Where the random set's mean must go to turn the CAV as the concept's mean does on its way to the target.

    random − (target − concept): a mean-difference CAV concept − random comes out the same. Where the concept were to
    end at the random mean, the random set ends at the concept's. Source: ours.
    """
    return random_d - (target_d - concept_d)


def random_direction(dimensions: int, seed: int) -> Tensor:
    """Unit [dimensions], uniform on the sphere."""
    return F.normalize(torch.randn(dimensions, generator=torch.Generator().manual_seed(seed)), dim=0)


def largest_change(clean_ncyx: Tensor, changed_ncyx: Tensor) -> Tensor:
    """int64 [n]: greatest absolute difference in any pixel and channel, in steps of 1/255."""
    return (clean_ncyx.long() - changed_ncyx.long()).abs().flatten(1).amax(1)


def psnr(clean_ncyx: Tensor, changed_ncyx: Tensor) -> Tensor:
    """float64 [n], dB: peak signal-to-noise ratio of 8-bit frames; infinite where nothing changed."""
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
    """float32 [n], 0 … 4: how different two sets of uint8 frames look to a network, pair by pair.

    At each position of a layer, the squared distance of the two unit-normalised channel vectors; its mean over the
    positions, then over the layers. As LPIPS (Zhang et al. 2018) but for that one's learned channel weights: values of
    the two can't be compared. Source: ours. progress: in frames.
    """

    def apart(frames: tuple[Tensor, Tensor], layer: str) -> Tensor:
        clean_bcyx, changed_bcyx = (
            F.normalize(network.activations(frames_bcyx.float() / 255, layer), dim=1) for frames_bcyx in frames
        )
        return (clean_bcyx - changed_bcyx).square().sum(1).mean((1, 2))

    distances = []
    for pairs in zip(clean_ncyx.split(FRAMES_AT_ONCE), changed_ncyx.split(FRAMES_AT_ONCE), strict=True):
        distances.append(torch.stack([apart(pairs, layer) for layer in layers]).mean(0))
        progress(sum(map(len, distances)), len(clean_ncyx))
    return torch.cat(distances)
