"""Which features of a dictionary fire where on one image of the user's."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars
import torch
from torch import Tensor

from tasks.activations.plan import ExtractionPlan
from tasks.activations.whole_frames import at_every_position
from tasks.dictionary.encode import encoder_of
from tasks.dictionary.store import describe, load_dictionary
from tasks.errors import UserError, one_line
from tasks.settings import Settings
from tasks.vision.decoding import decode
from tasks.vision.images import fit_to_frame, rgb_tensor
from tasks.vision.network import Layer
from tasks.vision.networks import load_network


@dataclass(frozen=True)
class ImageFeatures:
    """The features of a dictionary at every position of an image.

    frame_cyx: uint8 [3, side, side], the image as the network gets it
    layer: the layer whose units are encoded
    codes_mpp: float32 [features, positions, positions]; positions are the units whose receptive field lies in the
    frame, or all units where each sees the whole input
    centres_2p: pixels at which the units look, along y and along x, ascending
    """

    frame_cyx: Tensor
    layer: Layer
    codes_mpp: Tensor
    centres_2p: np.ndarray

    def strongest(self, count: int) -> polars.DataFrame:
        """Return the features that fire most strongly somewhere in the image, at most `count` of them.

        Columns: feature, activation (its maximum), y and x (pixels, where the maximum is), share (of the positions at
        which the feature fires).
        """
        maxima_m = self.codes_mpp.flatten(1).max(1).values
        order = maxima_m.argsort(descending=True, stable=True)[:count]
        rows = []
        for feature in order[maxima_m[order] > 0].tolist():
            code_pp = self.codes_mpp[feature]
            row, column = divmod(int(code_pp.argmax()), code_pp.shape[1])
            rows.append(
                {
                    "feature": feature,
                    "activation": maxima_m[feature].item(),
                    "y": int(self.centres_2p[0][row]),
                    "x": int(self.centres_2p[1][column]),
                    "share": (code_pp > 0).double().mean().item(),
                }
            )
        schema = {"feature": polars.Int64, "activation": polars.Float64, "y": polars.Int64, "x": polars.Int64}
        return polars.DataFrame(rows, schema=schema | {"share": polars.Float64})


@torch.no_grad()
def image_features(key: str, image: Path, settings: Settings) -> ImageFeatures:
    """Encode every position of an image with a trained dictionary.

    The image is fitted to the frame as in the dictionary's activation set, or to the network's input where units depend
    on the size of the image. Raises UserError for an image that can't be
    read, for a dictionary that encodes whole orbits, and if no receptive field lies inside the frame.
    """
    encode = encoder_of(load_dictionary(key, settings))
    plan = ExtractionPlan.open(describe(key, settings)["activation_set"], settings)
    config = plan.config
    network = load_network(config.network, settings.weights_dir)
    layer = network.layer(config.layer)
    side = config.images.frame_size if network.covers(layer.name, config.images.frame_size) else network.input_size
    try:
        frame_cyx = rgb_tensor(fit_to_frame(decode(image), side))
    except Exception as error:  # Pillow raises many kinds of errors on damaged files
        reason = getattr(error, "strerror", None) or one_line(error)
        raise UserError(f"image {image} can't be read: {reason}") from error
    acts_1cyx = network.activations(frame_cyx[None].float() / 255, layer.name)
    units_p = np.arange(acts_1cyx.shape[-1])
    if network.extraction(layer.name) != "frame":  # where a unit sees the whole input, every unit counts
        starts_p = layer.offset + layer.stride * units_p
        units_p = units_p[(starts_p >= 0) & (starts_p + layer.receptive_field <= side)]
    if not len(units_p):
        raise UserError(
            f"no unit of {layer.name} lies inside the frame of {side} pixels: its receptive field has "
            f"{layer.receptive_field}"
        )
    inside = slice(units_p[0], units_p[-1] + 1)
    centres_2p = plan.patch.centres(np.stack([units_p, units_p], axis=1)).T
    codes_mpp = at_every_position(acts_1cyx[:, :, inside, inside], encode)[0]
    return ImageFeatures(frame_cyx, layer, codes_mpp, centres_2p)
