"""Where features fire in whole images: heat-maps over the images of their strongest examples [ours].

The network runs once on each image that an example of any feature is from, untransformed, and every position of the
layer is encoded. A position near the border also sees padding, unlike the rows on which the dictionary was trained.
"""

from io import BytesIO

import numpy as np
import polars
import torch
from PIL import Image
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.activations.whole_frames import at_every_position, frame_batches, frame_crop
from tasks.dictionary.analyse import analysis_key
from tasks.dictionary.encode import encoder_of
from tasks.dictionary.store import describe, load_dictionary
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, stage_tables
from tasks.vision.images import webp
from tasks.vision.networks import load_network

CODE_VERSION = 1
MAPS = 3
"""Heat-maps of a feature: in the images of its strongest examples."""
MOST_POSITIONS = 64
"""Entries of a map along an axis. A layer with more positions is read at every second, third, … of them."""


def heat_maps_key(dictionary: str) -> str:
    """Return the content key of a dictionary's heat-maps."""
    return content_key("heat_maps", CODE_VERSION, dictionary=dictionary)


def draw_heat_maps(dictionaries: tuple[str, ...], settings: Settings, progress: Progress = silent) -> tuple[str, ...]:
    """Stage the tables feature_heat_maps and image_frames of analysed dictionaries and return their content keys.

    Tables that are staged already are not computed again. The network runs once on an image for all dictionaries of an
    activation set. progress counts images. Raises UserError for a dictionary that encodes whole orbits, because an
    image shows each unit under one transform only.
    """
    sets: dict[str, list[str]] = {}
    for dictionary in dictionaries:
        if not is_staged(heat_maps_key(dictionary), settings):
            sets.setdefault(describe(dictionary, settings)["activation_set"], []).append(dictionary)
    for place, (activation_set, missing) in enumerate(sets.items()):
        acts = ActivationSet.open(activation_set, settings)
        drawings = [_Drawing(dictionary, settings) for dictionary in missing]

        def of_all(done: int, total: int, place: int = place) -> None:
            progress(place * total + done, len(sets) * total)

        _draw(drawings, acts, settings, of_all)
        for drawing in drawings:
            stage_tables(heat_maps_key(drawing.dictionary), drawing.tables(acts.key), settings)
    return tuple(map(heat_maps_key, dictionaries))


HEAT_MAPS_SCHEMA = {
    "feature": polars.Int32,
    "rank": polars.Int32,
    "map_rows": polars.Int32,
    "map_columns": polars.Int32,
    "first_y_px": polars.Int32,
    "first_x_px": polars.Int32,
    "stride_px": polars.Int32,
    "maximum": polars.Float64,
    "picture": polars.Binary,
}
FRAMES_SCHEMA = {
    "image_id": polars.String,
    "side_px": polars.Int32,
    "first_px": polars.Int32,
    "picture": polars.Binary,
}


class _Drawing:
    """The heat-maps of one dictionary, while the images pass by.

    shown: {image: rows of feature and rank}
    """

    def __init__(self, dictionary: str, settings: Settings) -> None:
        self.dictionary = dictionary
        self.encode = encoder_of(load_dictionary(dictionary, settings))
        examples = read_staged(analysis_key(dictionary), settings)["feature_examples"]
        top = examples.filter(polars.col("rank") <= MAPS).select("image_id", "feature", "rank")
        by_image = top.partition_by("image_id", as_dict=True, include_key=False)
        self.shown = {image: of_image.rows() for (image,), of_image in by_image.items()}
        self.maps: list[tuple] = []
        self.frames: list[tuple] = []

    def add(self, image: str, frame: tuple, acts_cyx: Tensor, place: tuple[int, int, int]) -> None:
        """Draw the features that are shown over an image. frame: as FRAMES_SCHEMA; place: first y, first x, stride."""
        shown = self.shown.get(image)
        if not shown:
            return
        features = [feature for feature, _ in shown]
        codes_myx = at_every_position(acts_cyx[None], lambda rows_pc: self.encode(rows_pc)[:, features])[0]
        for (feature, rank), code_yx in zip(shown, codes_myx, strict=True):
            shape = tuple(code_yx.shape)
            self.maps.append((feature, rank, *shape, *place, code_yx.max().item(), grey_map(code_yx)))
        self.frames.append(frame)

    def tables(self, activation_set: str) -> dict[str, polars.DataFrame]:
        maps = polars.DataFrame(self.maps, schema=HEAT_MAPS_SCHEMA, orient="row").sort("feature", "rank")
        frames = polars.DataFrame(self.frames, schema=FRAMES_SCHEMA, orient="row").sort("image_id")
        return {
            "feature_heat_maps": maps.select(polars.lit(self.dictionary).alias("dictionary_id"), polars.all()),
            "image_frames": frames.select(polars.lit(activation_set).alias("activation_set_id"), polars.all()),
        }


@torch.no_grad()
def _draw(drawings: list[_Drawing], acts: ActivationSet, settings: Settings, progress: Progress) -> None:
    network, layer = load_network(acts.config.network, settings.weights_dir), acts.config.layer
    crop = frame_crop(acts, network)
    first_y, first_x = acts.plan.patch.centres(np.zeros(2, dtype=int)).tolist()
    places = acts.plan.images.frames.places({image for drawing in drawings for image in drawing.shown})
    images, frames = list(places), list(places.values())
    for done, images_bcyx in frame_batches(acts, frames, network):
        acts_bcyx = network.activations(images_bcyx, layer)
        step = -(-max(acts_bcyx.shape[2:]) // MOST_POSITIONS)
        batch = images[done - len(images_bcyx) : done]
        for image, image_cyx, acts_cyx in zip(batch, images_bcyx, acts_bcyx[:, :, ::step, ::step], strict=True):
            frame = (image, crop.stop - crop.start, crop.start, webp(image_cyx * 255))
            for drawing in drawings:
                drawing.add(image, frame, acts_cyx, (first_y, first_x, step * acts.plan.layer.stride))
        progress(done, len(frames))


def grey_map(code_yx: Tensor) -> bytes:
    """Return a map of activations ≥ 0 as a grey PNG, a pixel an entry, scaled so that its maximum is 255."""
    maximum = code_yx.max().clamp_min(torch.finfo(code_yx.dtype).tiny)
    grey_yx = (255 * code_yx / maximum).round().byte().numpy()
    buffer = BytesIO()
    Image.fromarray(grey_yx).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
