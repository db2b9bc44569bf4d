"""Measure where the units of a layer look: the centroid of their gradient's energy on natural images.

Padding and strides can make a unit respond to one side of its receptive field more than to the other. An image that is
turned about the receptive field's centre then moves past the unit: curves and mirror axes are biased towards one
direction, and half-turn symmetry is hidden. Source: ours; figures in docs/results.md.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tasks.activations.extractors import Extractor, unit_extractor
from tasks.checksums import Damaged, read_document, write_document
from tasks.keys import content_key
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.vision.decoding import decode
from tasks.vision.images import ScikitImage, rgb_tensor
from tasks.vision.network import Network

VERSION = 1
CROPS_PER_PHOTOGRAPH = {"cone": 16, "patch": 16, "frame": 4}
"""By extraction; each crop costs a run of what is extracted, forwards and backwards."""
CROPS_AT_ONCE = 4
STANDARD_ERRORS = 2
"""A distance of fewer standard errors from the receptive field's centre is taken for chance."""
LEAST_SHARE = 0.2
"""A distance of less than this share of the energy's standard deviation is small (docs/results.md)."""
SEED = 0

CENTRE_COLUMNS = (
    "effective_centre_y_px",
    "effective_centre_x_px",
    "effective_centre_y_std_error_px",
    "effective_centre_x_std_error_px",
    "effective_std_y_px",
    "effective_std_x_px",
)
"""Columns of the table `layers` that hold the measurement, in the order of the fields; null where it wasn't made."""


@dataclass(frozen=True)
class EffectiveCentre:
    """Where a layer's units look, in pixels from the receptive field's centre, y down.

    y, x: centroid of the gradient's energy; y_std_error, x_std_error: over photographs
    y_std, x_std: standard deviation of the energy's distribution over pixels, the radius of what the units look at
    crops: number of image crops
    """

    y: float
    x: float
    y_std_error: float
    x_std_error: float
    y_std: float
    x_std: float
    crops: int

    @property
    def pixel(self) -> tuple[int, int]:
        """The nearest whole pixel (y, x); 0 along an axis where the distance is small or may be chance."""
        y, x = (
            round(distance) if abs(distance) >= max(STANDARD_ERRORS * error, LEAST_SHARE * std) else 0
            for distance, error, std in (
                (self.y, self.y_std_error, self.y_std),
                (self.x, self.x_std_error, self.x_std),
            )
        )
        return y, x

    def __str__(self) -> str:
        return f"({self.y:.1f} ± {self.y_std_error:.1f}, {self.x:.1f} ± {self.x_std_error:.1f}) px (y, x)"


def effective_centre(network: Network, layer_name: str, settings: Settings) -> EffectiveCentre:
    """Return where a layer's units look; it is measured once for the same weights and layer, and stored."""
    key = content_key("effective_centre", VERSION, weights_sha256=network.weights_sha256, layer=layer_name)
    file = settings.activations_dir / ".centres" / f"{key}.json"
    if file.exists():
        try:
            return EffectiveCentre(**read_document(file, "it is measured again")["centre"])
        except Damaged as error:
            set_aside(file, str(error), settings)
    centre = measure(network, layer_name)
    write_document(file, {"centre": dataclasses.asdict(centre)})
    return centre


@lru_cache(maxsize=32)
def measure(network: Network, layer_name: str, seed: int = SEED) -> EffectiveCentre:
    """Measure where a layer's units look, on crops of scikit-image's photographs.

    The energy of a pixel is the squared gradient of a sum of all channels with random signs, over colours; its mean is
    the channels' summed squared gradient. Raises UserError as `unit_extractor`.
    """
    extractor = unit_extractor(network, layer_name)
    side, generator = extractor.side, torch.Generator().manual_seed(seed)
    steps = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    energy_p, moment_p2, square_p2 = [], [], []
    crops_each = CROPS_PER_PHOTOGRAPH[extractor.method]
    for crops_ncyx in _photograph_crops(side, crops_each, seed):
        batches = crops_ncyx.split(CROPS_AT_ONCE)
        energy_yx = torch.stack([_energy(extractor, batch, generator) for batch in batches]).sum(0)
        along_2p = torch.stack([energy_yx.sum(1), energy_yx.sum(0)])
        energy_p.append(energy_yx.sum().item())
        moment_p2.append((along_2p @ steps).numpy())
        square_p2.append((along_2p @ steps**2).numpy())
    return _centroid(np.array(energy_p), np.array(moment_p2), np.array(square_p2), crops_each * len(energy_p))


def _energy(extractor: Extractor, crops_bcyx: Tensor, generator: torch.Generator) -> Tensor:
    """Return the summed energy of crops for every pixel, float64 [side, side]."""
    with torch.enable_grad():
        crops_bcyx = crops_bcyx.requires_grad_()
        acts_bd = extractor(crops_bcyx)
        signs_bd = torch.randint(0, 2, acts_bd.shape, generator=generator) * 2 - 1
        [gradient_bcyx] = torch.autograd.grad((acts_bd * signs_bd).sum(), crops_bcyx)
    return gradient_bcyx.double().square().sum((0, 1))


def _centroid(energy_p: np.ndarray, moment_p2: np.ndarray, square_p2: np.ndarray, crops: int) -> EffectiveCentre:
    """Return the centre from each photograph's energy, and its first and second moments about the field's centre.

    The standard error takes photographs as independent.
    """
    total = energy_p.sum()
    if not total > 0:  # a layer whose units don't respond to any photograph looks nowhere in particular
        return EffectiveCentre(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, crops)
    centre_2 = moment_p2.sum(0) / total
    residual_p2 = moment_p2 - energy_p[:, None] * centre_2
    count = len(energy_p)
    error_2 = np.sqrt(count / (count - 1) * np.square(residual_p2).sum(0)) / total
    std_2 = np.sqrt(np.maximum(square_p2.sum(0) / total - centre_2**2, 0))
    y, x, y_error, x_error, y_std, x_std = (round(float(value), 3) for value in (*centre_2, *error_2, *std_2))
    return EffectiveCentre(y, x, y_error, x_error, y_std, x_std, crops)


def _photograph_crops(side: int, count: int, seed: int) -> Iterator[Tensor]:
    """Yield for each photograph of scikit-image square crops, float32 [crops, 3, side, side] in [0, 1].

    A photograph that is smaller than a crop is enlarged.
    """
    rng, source = np.random.default_rng(seed), ScikitImage()
    for name in source.PHOTOGRAPHS:
        photograph = decode(source.folder / name)
        scale = max(1.0, side / min(photograph.size))
        width, height = (max(side, round(length * scale)) for length in photograph.size)
        if scale > 1:
            photograph = photograph.resize((width, height), Image.Resampling.BICUBIC)
        pixels_cyx = rgb_tensor(photograph)
        tops = rng.integers(0, height - side + 1, count)
        lefts = rng.integers(0, width - side + 1, count)
        crops = [pixels_cyx[:, y : y + side, x : x + side] for y, x in zip(tops, lefts, strict=True)]
        yield torch.stack(crops).float() / 255
