"""Tamper detection: check whether exemplars were perturbed to turn their concept's CAV (methods §7.7) [ours].

Attacks move activations by small changes of pixels, and JPEG compression removes much of their effect. So the CAV of an
attacked set shifts after JPEG. Where a part of the set was attacked, the CAVs of two halves, the exemplars that JPEG
moves least and most, agree less before JPEG than after it. Attacks also leave fine contrast in colour, of which
photographs have little, because cameras interpolate colours and JPEG halves their resolution. Each check gives a number
that grows with suspicion. docs/results.md, "Tamper detection: rates and what was tried", gives rates, false alarms,
rejected checks and untested attackers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import mean
from typing import Literal

import numpy as np
import polars
import torch
import torch.nn.functional as F
from PIL import Image
from pydantic import Field
from torch import Tensor

from tasks.concepts.cav import fit_cav, layer_activations
from tasks.concepts.config import CavConfig
from tasks.concepts.exemplars import ExemplarSet, check_apart, open_folder, random_sets, read_exemplars
from tasks.config import Config
from tasks.errors import UserError
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.vision.images import FrameSet, ImagesConfig, open_frames, rgb_tensor
from tasks.vision.network import Network
from tasks.vision.networks import load_network

QUALITY = 75
"""JPEG quality of the compression that the checks apply; Pillow's default."""
OFF_GRID = 4
"""Pixels between our 8 × 8 JPEG blocks and an image's earlier ones: on the same blocks it would hardly change."""
# The thresholds were chosen on the older sets, scikit-image's photographs and a first round of sets (docs/results.md),
# at block10 of efficientnet_lite0 and mixed4d of inceptionv1-bvlc. Below: values of those sets. For other
# layers and networks they are calibrated on clean random sets (TamperDetector.calibrate).
MAX_CAV_SHIFT = 0.07
"""Clean photographs at most 0.061, patterns 0.102; wholly attacked at least 0.045, and 93 of 98 above 0.07."""
MAX_SPLIT_HALF_DISAGREEMENT = 0.05
"""Clean photographs at most 0.017, patterns 0.060; half attacked at least 0.014.

Above 0.05: 59 of 62 half-attacked sets, 32 of 62 quarter-attacked ones.
"""
MAX_COLOUR_GRAIN = 0.55
"""Clean at most 0.510; attacked with ε 4 and 8 at least 0.578, with ε 2 from 0.355 to 0.630."""
CHOSEN_AT = {("efficientnet_lite0", "block10"), ("inceptionv1-bvlc", "mixed4d")}
"""Networks and layers that MAX_CAV_SHIFT and MAX_SPLIT_HALF_DISAGREEMENT hold for; elsewhere they are calibrated."""
CALIBRATION_SETS = 40
CALIBRATION_IMAGES = 3
"""Times a set's size: number of clean images that calibration sets are drawn from."""
RANDOM_SETS = 3
MIN_EXEMPLARS = 8
"""Least number of exemplars: each half must be large enough for a CAV."""


class TamperConfig(Config):
    """How the CAVs are fitted whose stability is checked."""

    cav: CavConfig = Field(
        CavConfig(),
        description="how CAVs are fitted: as the concept's own CAV; other than the defaults need calibration",
    )


@dataclass(frozen=True)
class Thresholds:
    """The largest values that pass the two checks of CAVs.

    clean_sets: number of clean sets that they were calibrated on; 0: they were chosen beforehand, at CHOSEN_AT
    """

    cav_shift: float = MAX_CAV_SHIFT
    split_half_disagreement: float = MAX_SPLIT_HALF_DISAGREEMENT
    clean_sets: int = 0

    def __str__(self) -> str:
        if self.clean_sets:
            return f"calibrated on {self.clean_sets} clean random sets"
        return f"chosen at {' and '.join(' '.join(place) for place in sorted(CHOSEN_AT))}"


@dataclass(frozen=True)
class Check:
    """A check of one set: its value, which grows with suspicion, and its threshold.

    passed: the value is not above the threshold; meaning: what is measured, and in which unit.
    """

    name: str
    value: float
    threshold: float
    meaning: str

    @property
    def passed(self) -> bool:
        return self.value <= self.threshold


@dataclass(frozen=True)
class TamperReport:
    """All checks of one set. trusted: every check passed; reasons: one line for each check that failed."""

    checks: tuple[Check, ...]
    thresholds: Thresholds

    @property
    def trusted(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def verdict(self) -> Literal["trusted", "not trusted"]:
        return "trusted" if self.trusted else "not trusted"

    @property
    def reasons(self) -> list[str]:
        return [
            f"{check.name} is {check.value:.3g}, above {check.threshold:g}: {check.meaning}"
            for check in self.checks
            if not check.passed
        ]


class TamperDetector:
    """Check sets of exemplars for tampering, with trusted random sets to fit their CAVs against."""

    def __init__(
        self,
        randoms: Sequence[ExemplarSet],
        network: Network,
        layer: str,
        config: TamperConfig = TamperConfig(),
        progress: Progress = silent,
    ):
        """Compute the random sets' activations before and after JPEG.

        progress: in thousandths. UserError for no random set, for random sets that share an image, and for an unknown
        layer.
        """
        if not randoms:
            raise UserError("no random set to compare with: give one or more, 3 are usual")
        check_apart(randoms)
        self.randoms, self._network, self._layer, self.cav = tuple(randoms), network, layer, config.cav
        self.thresholds = Thresholds()
        self._acts = []
        for place, random in enumerate(randoms):
            start, stop = (1000 * done // len(randoms) for done in (place, place + 1))
            self._acts.append(self._before_and_after(random.frames_ncyx, part_of(progress, start, stop)))

    def calibrate(self, clean_ncyx: Tensor, size: int, seed: int = 0, progress: Progress = silent) -> None:
        """Set the thresholds to the largest values of CALIBRATION_SETS clean sets of `size` images, and at least 0.

        clean_ncyx: uint8, images that no random set contains and nobody perturbed; sets are drawn from them, so that
        they overlap. About 1 of CALIBRATION_SETS + 1 clean sets like these exceeds each threshold. progress: in
        thousandths. Raises UserError for too few images.
        """
        if len(clean_ncyx) < 2 * size:
            raise UserError(
                f"the thresholds for {self._network.name} {self._layer} are calibrated on clean sets of {size}, drawn "
                f"from at least {2 * size} images that no random set contains, and there are {len(clean_ncyx)}: give "
                "more images for the random sets, or smaller or fewer random sets"
            )
        before_nd, after_nd = self._before_and_after(clean_ncyx, part_of(progress, 0, 900))
        shifts, disagreements = [], []
        for number in range(CALIBRATION_SETS):
            chosen_n = torch.from_numpy(np.random.default_rng([seed, number]).permutation(len(clean_ncyx))[:size])
            before, after = zip((before_nd[chosen_n], after_nd[chosen_n]), *self._acts, strict=True)
            shifts.append(cav_shift(before, after, self.cav))
            disagreements.append(split_half_disagreement(before, after, self.cav))
        self.thresholds = Thresholds(max(shifts), max(0.0, *disagreements), CALIBRATION_SETS)
        progress(1000, 1000)

    def check(self, exemplars: ExemplarSet, progress: Progress = silent) -> TamperReport:
        """Run all checks on a set.

        progress: in thousandths. UserError for fewer than eight exemplars, and for an image that a random set shares.
        """
        check_enough(exemplars)
        for random in self.randoms:
            check_apart([exemplars, random])
        acts = [self._before_and_after(exemplars.frames_ncyx, progress), *self._acts]
        before, after = zip(*acts, strict=True)
        return TamperReport(
            (
                Check(
                    "CAV shift after JPEG",
                    cav_shift(before, after, self.cav),
                    self.thresholds.cav_shift,
                    "1 − cosine between the CAV and the CAV of the same exemplars and random images after JPEG",
                ),
                Check(
                    "split-half disagreement",
                    split_half_disagreement(before, after, self.cav),
                    self.thresholds.split_half_disagreement,
                    "cosine between the CAVs of two halves, the exemplars that JPEG moves least and most, after JPEG "
                    "minus before",
                ),
                Check(
                    "colour grain",
                    colour_grain(exemplars.frames_ncyx).quantile(0.75).item(),
                    MAX_COLOUR_GRAIN,
                    "contrast between neighbouring pixels in colour alone, in the smoother half of each image, in "
                    "steps of 1/255; uncompressed photographs with sensor noise have it too",
                ),
            ),
            self.thresholds,
        )

    def _before_and_after(self, frames_ncyx: Tensor, progress: Progress) -> tuple[Tensor, Tensor]:
        """Return activations [n, d] of the frames as they are, and after JPEG."""
        before_nd, after_nd = (
            layer_activations(
                self._network, self._layer, version_ncyx, self.cav.pool, part_of(progress, start, start + 500)
            )
            for start, version_ncyx in ((0, frames_ncyx), (500, recompressed(frames_ncyx)))
        )
        return before_nd, after_nd


def needs_calibration(network: str, layer: str, cav: CavConfig = CavConfig()) -> bool:
    """Whether the thresholds were chosen at another network or layer, or for CAVs fitted in another way."""
    return (network, layer) not in CHOSEN_AT or cav != CavConfig()


def check_enough(exemplars: ExemplarSet) -> None:
    """Raise UserError for a set that is too small to be checked."""
    if len(exemplars) < MIN_EXEMPLARS:
        raise UserError(
            f"{exemplars.name} has {len(exemplars)} exemplars, too few to be halved: give {MIN_EXEMPLARS} or more, "
            "40 are usual"
        )


def check_folder(
    folder: Path | str,
    random_folder: Path | str | None,
    network_name: str,
    layer: str,
    settings: Settings,
    progress: Progress = silent,
) -> TamperReport:
    """Check a folder of exemplars, with three random sets of the same size.

    random_folder: pool that the random sets are drawn from; default: scikit-image's photographs and dead leaves.
    progress: in thousandths. UserError as `load_network`, `read_exemplars`, `random_sets` and `TamperDetector`.
    """
    network = load_network(network_name, settings.weights_dir)
    network.layer(layer)
    exemplars = read_exemplars(folder, "concept", network.input_size)
    check_enough(exemplars)
    if random_folder:
        pool = open_folder(random_folder, network.input_size)
    else:
        scenes = (RANDOM_SETS + CALIBRATION_IMAGES) * len(exemplars)
        embedded = ("scikit-image", "dead-leaves")
        pool = open_frames(ImagesConfig(sources=embedded, scenes=scenes, frame_size=network.input_size), settings)
    randoms = random_sets(pool, RANDOM_SETS, len(exemplars), apart_from=[exemplars])
    detector = TamperDetector(randoms, network, layer, progress=part_of(progress, 0, 500))
    if needs_calibration(network_name, layer):
        clean = clean_images(pool, [exemplars, *randoms], len(exemplars))
        detector.calibrate(clean, len(exemplars), progress=part_of(progress, 500, 900))
    return detector.check(exemplars, part_of(progress, 900, 1000))


def clean_images(pool: FrameSet, apart_from: Sequence[ExemplarSet], size: int, seed: int = 0) -> Tensor:
    """Draw images of a pool to calibrate thresholds for sets of `size` on, uint8 [n, 3, h, w].

    apart_from: sets whose images are left out. Raises UserError if the pool has too few images.
    """
    try:
        [clean] = random_sets(pool, 1, CALIBRATION_IMAGES * size, seed, apart_from)
    except UserError as error:
        raise UserError(f"the thresholds have to be calibrated for this network and layer: {error}") from None
    return clean.frames_ncyx


def tamper_tables(
    reports: Sequence[tuple[ExemplarSet, TamperReport]], analysis: str, network: str, layer: str, random_sets: int
) -> dict[str, polars.DataFrame]:
    """Return the tables `trust_analyses` and `trust_checks` of sets that one detector checked.

    analysis: key of the analysis; network, layer: names; random_sets: their number. Of sets with equal pixels only the
    last one's report is used.
    """
    report_of_key = {exemplars.key: report for exemplars, report in reports}
    return {
        "trust_analyses": polars.DataFrame(
            {
                "trust_analysis_id": analysis,
                "network": network,
                "layer": layer,
                "random_sets": random_sets,
                "calibration_sets": reports[0][1].thresholds.clean_sets,
            }
        ),
        "trust_checks": polars.DataFrame(
            [
                (analysis, concept, check.name, check.value, check.threshold, check.passed)
                for concept, report in report_of_key.items()
                for check in report.checks
            ],
            schema={
                "trust_analysis_id": polars.String,
                "concept_id": polars.String,
                "check_name": polars.String,
                "value": polars.Float64,
                "threshold": polars.Float64,
                "passed": polars.Boolean,
            },
            orient="row",
        ),
    }


def cav_shift(before: Sequence[Tensor], after: Sequence[Tensor], config: CavConfig) -> float:
    """Return 1 − cosine between the CAVs before and after a change, averaged over the random sets.

    before, after: activations [n, d] of the exemplars, then of each random set.
    """
    pairs = zip(_vectors(before[0], before[1:], config), _vectors(after[0], after[1:], config), strict=True)
    return 1 - mean((before_d @ after_d).item() for before_d, after_d in pairs)


def split_half_disagreement(before: Sequence[Tensor], after: Sequence[Tensor], config: CavConfig) -> float:
    """Return the cosine between two halves' CAVs after a change minus before it; arguments as in `cav_shift`.

    The halves are the exemplars that the change moves least and most, so that attacked ones fall into the same half.
    The cosines are averaged over the random sets.
    """
    halves = F.cosine_similarity(before[0], after[0]).argsort().tensor_split(2)

    def agreement(acts: Sequence[Tensor]) -> float:
        pairs = zip(*(_vectors(acts[0][half_n], acts[1:], config) for half_n in halves), strict=True)
        return mean((first_d @ second_d).item() for first_d, second_d in pairs)

    return agreement(after) - agreement(before)


def colour_grain(frames_ncyx: Tensor) -> Tensor:
    """Return the fine colour contrast [n] of frames, in steps of 1/255.

    It is the mean of the lower half of the absolute diagonal Haar coefficients of R − G and B − G, over 2 × 2 blocks of
    pixels that don't overlap. The lower half leaves out edges.
    """
    red_nyx, green_nyx, blue_nyx = frames_ncyx.float().unbind(1)
    colours_ncyx = torch.stack([red_nyx - green_nyx, blue_nyx - green_nyx], 1)
    haar = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).expand(2, 1, 2, 2) / 2
    details_nd = F.conv2d(colours_ncyx, haar, stride=2, groups=2).abs().flatten(1).sort(1).values
    return details_nd[:, : details_nd.shape[1] // 2].mean(1)


def recompressed(frames_ncyx: Tensor) -> Tensor:
    """Return the frames, uint8, after JPEG compression once."""
    border = (OFF_GRID,) * 4
    padded_ncyx = F.pad(frames_ncyx.float(), border, mode="reflect").to(torch.uint8)
    return torch.stack([_through_jpeg(frame_cyx) for frame_cyx in padded_ncyx])


def _through_jpeg(padded_cyx: Tensor) -> Tensor:
    buffer = BytesIO()
    Image.fromarray(padded_cyx.permute(1, 2, 0).contiguous().numpy()).save(buffer, "JPEG", quality=QUALITY)
    return rgb_tensor(Image.open(buffer))[:, OFF_GRID:-OFF_GRID, OFF_GRID:-OFF_GRID]


def _vectors(concept_nd: Tensor, random_sets_nd: Sequence[Tensor], config: CavConfig) -> list[Tensor]:
    return [fit_cav(concept_nd, random_nd, config).vector_d for random_nd in random_sets_nd]
