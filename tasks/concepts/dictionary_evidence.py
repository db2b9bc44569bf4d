"""Whether a dictionary's features give attacked exemplars away, image by image (methods §7).

Beyond the study [ours]. An attack has no reason to stay where the network's activations usually are: they may be
rebuilt worse, by features that seldom fire, or by features that a JPEG takes away. Each statistic is of one image, over
all of its positions:

| statistic | of one image |
| --- | --- |
| fvu | fraction of variance unexplained, about the random images' mean |
| rare | share of the features' sum that is in features that fire on less than 1 % of the random images' positions |
| fragile | 1 − cosine between the features, summed over positions, and those after JPEG, as `trust` makes it |
| plain | the same of the activations themselves, for which no dictionary is needed |

The active features' number says nothing of a TopK dictionary. On bvlc mixed4d (TopK SAE, 2048 features, k 32; ImageNet
photographs as random sets; stripes, and corgis towards honeycombs, 40 images each, all attacked there), share of images
flagged and AUC against the clean ones:

| | clean | noise, ε 8 | attacked, ε 2 | attacked, ε 8 |
| --- | --- | --- | --- | --- |
| fvu | 0 | 0 to 0.05, 0.59 to 0.63 | 0 to 0.30, 0.78 to 0.91 | 0 to 0.45, 0.88 to 0.92 |
| rare | 0.05 to 0.90 | 0.10 to 0.93, 0.55 to 0.58 | 0.03 to 0.88, 0.49 to 0.56 | 0.28 to 0.97, 0.18 to 0.64 |
| fragile | 0 | 0.35 to 0.42, 0.90 to 0.98 | 1, 1 | 1, 1 |
| plain | 0 | 0.33 to 0.57, 0.94 to 0.97 | 1, 1 | 1, 1 |

So JPEG gives each single image away, but the dictionary has no part in that: plain activations do as well. Rebuilding
is a little worse under attack, which only the clean images of the same concept could show. Rare features are a
concept's own. As a check, then, a dictionary adds nothing to `trust`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from tasks.activations.plan import loaded_network
from tasks.concepts.cav import FRAMES_AT_ONCE
from tasks.concepts.exemplars import ExemplarSet
from tasks.concepts.tamper_detection import recompressed
from tasks.dictionary.sparse import residual, to_dense
from tasks.dictionary.store import describe, load_dictionary
from tasks.errors import UserError
from tasks.progress import Progress, silent
from tasks.settings import Settings

RARE = 0.01
"""Of the random images' positions: a feature that fires on fewer is rare."""
USUAL = 0.95
"""Of the random images: what a statistic must exceed to be flagged."""


@dataclass(frozen=True)
class _Seen:
    """What a dictionary makes of n images, summed over their positions, scaled as it sees them: z [d], features f [m].

    error_n: ‖z − ẑ‖²; square_n: ‖z‖²; sum_nd: z; fired_nm: f > 0; mass_nm: f; and after JPEG, sum_after_nd: z,
    mass_after_nm: f.
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
    """Asks exemplars, one set after the other, what a dictionary's features say of them, beside random images."""

    def __init__(
        self,
        dictionary: str,
        randoms: Sequence[ExemplarSet],
        clean: ExemplarSet,
        settings: Settings,
        progress: Progress = silent,
    ):
        """dictionary: its key; clean: the concept's exemplars before any change. progress: in images.

        UserError for a dictionary that isn't there or is a group crosscoder, and for no random set.
        """
        description = describe(dictionary, settings)
        if description["config"]["architecture"] != "sae":
            raise UserError(
                f"dictionary {dictionary} is a group crosscoder, and a frame shows a position under one transform "
                "alone: give a sparse autoencoder, one of architecture sae"
            )
        if not randoms:
            raise UserError("no random set to compare with: give one or more, 3 are usual")
        self._dictionary = load_dictionary(dictionary, settings)
        self._network, self._layer = loaded_network(description["network"], settings.weights_dir), description["layer"]
        self._clean, self._known = clean, {}
        seen = self._see(torch.cat([one.frames_ncyx for one in randoms]), progress)
        self._positions = len(seen.error_n) * seen.positions
        self._mean_d, self._fired_m = seen.sum_nd.sum(0) / self._positions, seen.fired_nm.sum(0)
        # by the others alone, or a random image would make its own features less rare
        self._random = self._statistics(
            seen, (self._fired_m - seen.fired_nm) < RARE * (self._positions - seen.positions)
        )

    def read(self, exemplars: ExemplarSet, progress: Progress = silent) -> list[dict[str, str | float]]:
        """A row for each statistic: its value, random, flagged and auc, as in the table attack_features.

        Of the images only those are looked at that no set had before. progress: in images.
        """
        from sklearn.metrics import roc_auc_score

        clean, all_of_them = self._of(self._clean), self._of(exemplars, progress)
        changed = torch.tensor([image not in self._clean.images for image in exemplars.images])
        rows = []
        for name, random_n in self._random.items():
            value_n = all_of_them[name]
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

    def _of(self, exemplars: ExemplarSet, progress: Progress = silent) -> dict[str, Tensor]:
        """Statistics [n], float64, of a set."""
        new = [place for place, image in enumerate(exemplars.images) if image not in self._known]
        if new:
            seen = self._see(exemplars.frames_ncyx[new], progress)
            found = self._statistics(seen, self._fired_m < RARE * self._positions)
            for at, place in enumerate(new):
                self._known[exemplars.images[place]] = {name: value_n[at] for name, value_n in found.items()}
        known = [self._known[image] for image in exemplars.images]
        return {name: torch.stack([each[name] for each in known]) for name in self._random}

    def _statistics(self, seen: _Seen, rare_nm: Tensor) -> dict[str, Tensor]:
        """Each statistic [n], float64; rare_nm: which features are rare, [m] or image by image [n, m]."""
        mean_square = seen.positions * self._mean_d.square().sum()
        energy_n = seen.square_n - 2 * seen.sum_nd @ self._mean_d + mean_square
        return {
            "fvu": seen.error_n / energy_n,
            "rare": (seen.mass_nm * rare_nm).sum(1) / seen.mass_nm.sum(1).clamp_min(1e-12),
            "fragile": 1 - F.cosine_similarity(seen.mass_nm, seen.mass_after_nm),
            "plain": 1 - F.cosine_similarity(seen.sum_nd, seen.sum_after_nd),
        }

    @torch.no_grad()
    def _see(self, frames_ncyx: Tensor, progress: Progress) -> _Seen:
        parts, done = [], 0
        for frames_bcyx in frames_ncyx.split(FRAMES_AT_ONCE):
            z_bpd, f_bpm, error_b = self._codes(frames_bcyx)
            z_after_bpd, f_after_bpm, _ = self._codes(recompressed(frames_bcyx))
            sums = (z_bpd.square().sum(2), z_bpd, f_bpm > 0, f_bpm, z_after_bpd, f_after_bpm)
            parts.append((error_b, *(each.sum(1, dtype=torch.float64) for each in sums)))
            done += len(frames_bcyx)
            progress(done, len(frames_ncyx))
        return _Seen(*(torch.cat(part) for part in zip(*parts, strict=True)), positions=z_bpd.shape[1])

    def _codes(self, frames_bcyx: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(z_bpd scaled activations at every position, f_bpm features, error_b summed over positions)."""
        acts_bcyx = self._network.activations(frames_bcyx.float() / 255, self._layer)
        z_bpd = acts_bcyx.flatten(2).movedim(1, 2) * self._dictionary.scale
        z_1rd = z_bpd.flatten(0, 1)[None]
        values_rk, indices_rk = self._dictionary.encode_active(z_1rd)
        error_1rd = residual(z_1rd, values_rk, indices_rk, *self._dictionary.decoder_blocks())
        f_rm = to_dense(values_rk, indices_rk, self._dictionary.config.features)
        sizes = z_bpd.shape[:2]
        error_b = error_1rd[0].unflatten(0, sizes).double().square().sum((1, 2))
        return z_bpd, f_rm.unflatten(0, sizes), error_b
