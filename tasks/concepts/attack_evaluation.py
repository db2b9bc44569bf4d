"""Evaluation of perturbed sets: TCAV scores at any layer of any network, and how visible the changes are.

`AttackScorer` runs TCAV on clean and perturbed sets at one layer, the attacked one or another (transfer).
`ImageChangeMeter` compares the perturbed images with the clean ones (methods §7.5).
"""

from dataclasses import dataclass, field, replace
from statistics import mean

import torch
from torch import Tensor

from tasks.concepts.attack import largest_change, perceptual_distance, psnr
from tasks.concepts.cav import Cav, fit_cav, layer_activations
from tasks.concepts.config import CavConfig
from tasks.concepts.exemplars import ExemplarSet
from tasks.concepts.perturbed_sets import AttackedSets, ClassAtLayer, mean_vector
from tasks.concepts.tcav import compared, random_cavs, sensitivities
from tasks.vision.network import Network


@dataclass
class AttackScorer:
    """TCAV of clean and perturbed sets at one layer of one network.

    Score the clean sets first: the others are compared with them. The clean random sets' activations and random CAVs
    are computed once. Activations of perturbed images are cached while sets come from the same artifact folder.
    """

    at: ClassAtLayer
    cav_config: CavConfig
    _clean_d: Tensor | None = field(default=None, init=False)
    _clean_random: tuple[list[Tensor], list[Cav]] = field(default=([], []), init=False)
    _artifact_folder: str | None = field(default=None, init=False)
    _cached: dict[str, Tensor] = field(default_factory=dict, init=False)

    def score(self, sets: AttackedSets) -> dict[str, str | int | float]:
        """Fit CAVs to the sets, and test them as TCAV does.

        Returns `IDENTITY`, eval_network, eval_layer and class_index; `compared`'s score, score_std, magnitude,
        random_score, random_score_std and p_value; accuracy: mean of the concept's CAVs; cosine: of their mean vector
        to that of the clean sets. UserError as `random_cavs` and `fit_cav`.
        """
        if sets.artifact_folder != self._artifact_folder:
            self._artifact_folder, self._cached = sets.artifact_folder, {}
        if sets.perturbed_set == "random" or self._clean_d is None:
            random_nds = [self._acts_nd(images) for images in sets.random]
            controls = random_cavs(random_nds, self.cav_config)
        else:
            random_nds, controls = self._clean_random
        concept_nd = self._acts_nd(sets.concept)
        cavs = [fit_cav(concept_nd, random_nd, self.cav_config) for random_nd in random_nds]
        mean_d = mean_vector(cavs)
        if self._clean_d is None:
            self._clean_d, self._clean_random = mean_d, (random_nds, controls)
        gradients_ncyx = self.at.gradients_ncyx
        return {
            **sets.identity,
            "eval_network": self.at.network.name,
            "eval_layer": self.at.layer,
            "class_index": self.at.index,
            **compared(
                [sensitivities(gradients_ncyx, cav) for cav in cavs],
                [sensitivities(gradients_ncyx, cav) for cav in controls],
            ),
            "accuracy": mean(cav.accuracy for cav in cavs),
            "cosine": (mean_d @ self._clean_d).item(),
        }

    def _acts_nd(self, images: ExemplarSet) -> Tensor:
        new = [place for place, key in enumerate(images.images) if key not in self._cached]
        if new:
            acts_nd = layer_activations(self.at.network, self.at.layer, images.frames_ncyx[new], self.cav_config.pool)
            self._cached |= {images.images[place]: acts_d for place, acts_d in zip(new, acts_nd, strict=True)}
        return torch.stack([self._cached[key] for key in images.images])


@dataclass
class ImageChangeMeter:
    """How much perturbed images differ from the clean ones.

    Of the sets of one artifact folder, measure the one with the largest fraction first: the distances of its images
    are reused for smaller fractions.
    """

    clean: AttackedSets
    network: Network
    layers: tuple[str, ...]
    _artifact_folder: str | None = field(default=None, init=False)
    _distances: tuple[Tensor, Tensor] = field(default=(torch.empty(0), torch.empty(0)), init=False)

    def measure(self, sets: AttackedSets) -> dict[str, int | float | None]:
        """Compare the images of the perturbed set with the clean ones.

        Returns images: their number; changed: how many differ; largest_change: greatest change of a pixel, in steps of
        1/255; over the changed images psnr: mean in dB, None where nothing changed; perceptual: mean of
        `perceptual_distance` at `layers`, 0 where nothing changed.
        """
        before_ncyx = replace(self.clean, perturbed_set=sets.perturbed_set).frames_ncyx
        after_ncyx = sets.frames_ncyx
        change_n = largest_change(before_ncyx, after_ncyx)
        changed_n = change_n > 0
        measures: dict[str, int | float | None] = {
            "images": len(change_n),
            "changed": int(changed_n.sum()),
            "largest_change": change_n.max().item(),
        }
        if not measures["changed"]:
            return measures | {"psnr": None, "perceptual": 0.0}
        if sets.artifact_folder != self._artifact_folder:
            psnr_n, perceptual_n = torch.zeros(len(change_n), dtype=torch.float64), torch.zeros(len(change_n))
            changed = before_ncyx[changed_n], after_ncyx[changed_n]
            psnr_n[changed_n] = psnr(*changed)
            perceptual_n[changed_n] = perceptual_distance(self.network, self.layers, *changed)
            self._artifact_folder, self._distances = sets.artifact_folder, (psnr_n, perceptual_n)
        psnr_n, perceptual_n = self._distances
        return measures | {
            "psnr": psnr_n[changed_n].mean().item(),
            "perceptual": perceptual_n[changed_n].mean().item(),
        }
