"""Whether a dictionary's features reveal attacked exemplars, image by image (methods §7.8) [ours].

An attack may move activations to where a dictionary reconstructs them worse, where rare features fire, or where
features fire that JPEG removes. Each statistic is of one image, over all of its positions:

| statistic | of one image |
| --- | --- |
| fvu | fraction of variance unexplained, about the random images' mean |
| rare | share of the features' sum in features that fire on less than 1 % of the random images' positions |
| fragile | 1 − cosine between the features, summed over positions, before and after JPEG as `recompressed` applies it |
| plain | the same for the activations, without a dictionary |

docs/results.md, "A dictionary's features as a check", gives the values measured for an attack: JPEG reveals every
attacked image, but plain activations show it as well as features do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from tasks.concepts.cav import FRAMES_AT_ONCE
from tasks.concepts.exemplars import ExemplarSet
from tasks.concepts.tamper_detection import recompressed
from tasks.dictionary.sparse import residual, to_dense
from tasks.dictionary.store import describe, load_dictionary
from tasks.errors import UserError
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.vision.networks import load_network

RARE = 0.01
"""Share of the random images' positions: a feature that fires on fewer is rare."""
USUAL = 0.95
"""Quantile over the random images: a statistic above it is flagged."""


@dataclass(frozen=True)
class _Sums:
    """Sums over the positions of n images, of scaled activations z [d], reconstructions ẑ [d] and features f [m].

    error_n: ‖z − ẑ‖²; square_n: ‖z‖²; sum_nd: z; fired_nm: f > 0; mass_nm: f; after JPEG, sum_after_nd: z and
    mass_after_nm: f. positions: of one image.
    """

    error_n: Tensor
    square_n: Tensor
    sum_nd: Tensor
    fired_nm: Tensor
    mass_nm: Tensor
    sum_after_nd: Tensor
    mass_after_nm: Tensor
    positions: int


class DictionaryReader:
    """Compare a dictionary's statistics of exemplars with those of random images and of the clean exemplars."""

    def __init__(
        self,
        dictionary: str,
        randoms: Sequence[ExemplarSet],
        clean: ExemplarSet,
        settings: Settings,
        progress: Progress = silent,
    ):
        """Compute the statistics of the random images.

        dictionary: its key; clean: the concept's exemplars before any change. progress: in images. UserError for a
        dictionary that doesn't exist or is a group crosscoder, and for no random set.
        """
        description = describe(dictionary, settings)
        if description["config"]["architecture"] != "sae":
            raise UserError(
                f"dictionary {dictionary} is a group crosscoder, which needs positions under all transforms, and an "
                "image shows one transform only: give a sparse autoencoder (architecture sae)"
            )
        if not randoms:
            raise UserError("no random set to compare with: give one or more, 3 are usual")
        self._dictionary = load_dictionary(dictionary, settings)
        self._network, self._layer = load_network(description["network"], settings.weights_dir), description["layer"]
        self._clean = clean
        self._cached: dict[str, dict[str, Tensor]] = {}
        sums = self._sums(torch.cat([images.frames_ncyx for images in randoms]), progress)
        self._positions = len(sums.error_n) * sums.positions
        self._mean_d, self._fired_m = sums.sum_nd.sum(0) / self._positions, sums.fired_nm.sum(0)
        # rarity of an image's features counts the other images only, or the image would make them less rare itself
        self._random = self._statistics(
            sums, (self._fired_m - sums.fired_nm) < RARE * (self._positions - sums.positions)
        )

    def read(self, exemplars: ExemplarSet, progress: Progress = silent) -> list[dict[str, str | float]]:
        """Return a row for each statistic: its mean value, random_mean, flagged and auc, as in table attack_features.

        auc compares the images that differ from the clean ones with the clean ones; it is 0.5 where none differs.
        Images of earlier sets are not computed again. progress: in images.
        """
        from sklearn.metrics import roc_auc_score

        clean, given = self._cached_statistics(self._clean), self._cached_statistics(exemplars, progress)
        changed = torch.tensor([image not in self._clean.images for image in exemplars.images])
        rows = []
        for name, random_n in self._random.items():
            value_n = given[name]
            auc = 0.5
            if changed.any():
                both = torch.cat([clean[name], value_n[changed]])
                auc = float(roc_auc_score(torch.arange(len(both)) >= len(self._clean), both))
            rows.append(
                {
                    "statistic": name,
                    "value": value_n.mean().item(),
                    "random_mean": random_n.mean().item(),
                    "flagged": (value_n > random_n.quantile(USUAL)).double().mean().item(),
                    "auc": auc,
                }
            )
        return rows

    def _cached_statistics(self, exemplars: ExemplarSet, progress: Progress = silent) -> dict[str, Tensor]:
        """Return each statistic [n], float64, of a set."""
        new = [place for place, image in enumerate(exemplars.images) if image not in self._cached]
        if new:
            sums = self._sums(exemplars.frames_ncyx[new], progress)
            statistics = self._statistics(sums, self._fired_m < RARE * self._positions)
            for index, place in enumerate(new):
                self._cached[exemplars.images[place]] = {name: value_n[index] for name, value_n in statistics.items()}
        of_images = [self._cached[image] for image in exemplars.images]
        return {name: torch.stack([statistics[name] for statistics in of_images]) for name in self._random}

    def _statistics(self, sums: _Sums, rare_nm: Tensor) -> dict[str, Tensor]:
        """Return each statistic [n], float64. rare_nm: which features are rare, [m], or for each image [n, m]."""
        mean_square = sums.positions * self._mean_d.square().sum()
        energy_n = sums.square_n - 2 * sums.sum_nd @ self._mean_d + mean_square
        return {
            "fvu": sums.error_n / energy_n,
            "rare": (sums.mass_nm * rare_nm).sum(1) / sums.mass_nm.sum(1).clamp_min(1e-12),
            "fragile": 1 - F.cosine_similarity(sums.mass_nm, sums.mass_after_nm),
            "plain": 1 - F.cosine_similarity(sums.sum_nd, sums.sum_after_nd),
        }

    @torch.no_grad()
    def _sums(self, frames_ncyx: Tensor, progress: Progress) -> _Sums:
        parts, done = [], 0
        for frames_bcyx in frames_ncyx.split(FRAMES_AT_ONCE):
            z_bpd, f_bpm, error_b = self._codes(frames_bcyx)
            z_after_bpd, f_after_bpm, _ = self._codes(recompressed(frames_bcyx))
            by_position = (z_bpd.square().sum(2), z_bpd, f_bpm > 0, f_bpm, z_after_bpd, f_after_bpm)
            parts.append((error_b, *(values.sum(1, dtype=torch.float64) for values in by_position)))
            done += len(frames_bcyx)
            progress(done, len(frames_ncyx))
        error_n, square_n, sum_nd, fired_nm, mass_nm, sum_after_nd, mass_after_nm = (
            torch.cat(part) for part in zip(*parts, strict=True)
        )
        return _Sums(error_n, square_n, sum_nd, fired_nm, mass_nm, sum_after_nd, mass_after_nm, z_bpd.shape[1])

    def _codes(self, frames_bcyx: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return scaled activations z_bpd, features f_bpm, and squared errors error_b summed over positions."""
        acts_bcyx = self._network.activations(frames_bcyx.float() / 255, self._layer)
        z_bpd = acts_bcyx.flatten(2).movedim(1, 2) * self._dictionary.scale
        z_1rd = z_bpd.flatten(0, 1)[None]
        values_rk, indices_rk = self._dictionary.encode_active(z_1rd)
        error_1rd = residual(z_1rd, values_rk, indices_rk, *self._dictionary.decoder_blocks())
        active_rk = self._dictionary.activations(values_rk, indices_rk)
        f_rm = to_dense(*active_rk, self._dictionary.config.features)
        sizes = z_bpd.shape[:2]
        error_b = error_1rd[0].unflatten(0, sizes).double().square().sum((1, 2))
        return z_bpd, f_rm.unflatten(0, sizes), error_b
