"""Where features fire in whole images: heat-maps over the images of their strongest examples [ours].

The network runs once on each image that an example of any feature is from, untransformed, and every position of the
layer is encoded. A position near the border also sees padding, unlike the rows on which the dictionary was trained.
"""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import polars
import torch
from PIL import Image
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.activations.whole_frames import at_every_position, frame_batches, frame_crop
from tasks.dictionary.analyse import analysis_key
from tasks.dictionary.encode import Encode, encoder_of
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


def draw_heat_maps(dictionary_key: str, settings: Settings, progress: Progress = silent) -> str:
    """Stage the tables feature_heat_maps and image_frames of an analysed dictionary and return their content key.

    Tables that are staged already are not computed again. progress counts images. Raises UserError for a dictionary
    that encodes whole orbits, because an image shows each unit under one transform only.
    """
    key = heat_maps_key(dictionary_key)
    if is_staged(key, settings):
        return key
    encode = encoder_of(load_dictionary(dictionary_key, settings))
    acts = ActivationSet.open(describe(dictionary_key, settings)["activation_set"], settings)
    examples = read_staged(analysis_key(dictionary_key), settings)["feature_examples"]
    shown = examples.filter(polars.col("rank") <= MAPS).select("feature", "rank", "image_id")
    tables = _tables(shown, encode, acts, settings, progress)
    ids = {"feature_heat_maps": ("dictionary_id", dictionary_key), "image_frames": ("activation_set_id", acts.key)}
    with_ids = {
        name: tables[name].select(polars.lit(value).alias(column), polars.all())
        for name, (column, value) in ids.items()
    }
    stage_tables(key, with_ids, settings)
    return key


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


@torch.no_grad()
def _tables(
    shown: polars.DataFrame, encode: Encode, acts: ActivationSet, settings: Settings, progress: Progress
) -> dict[str, polars.DataFrame]:
    """Return feature_heat_maps and image_frames without their first columns. shown: feature, rank and image_id."""
    network, layer = load_network(acts.config.network, settings.weights_dir), acts.config.layer
    crop = frame_crop(acts, network)
    places = acts.plan.images.frames.places(shown["image_id"].unique())
    images, frames = list(places), list(places.values())
    features_of = shown.partition_by("image_id", as_dict=True)
    maps: list[tuple] = []
    pictures: list[tuple] = []
    for done, images_bcyx in frame_batches(acts, frames, network):
        acts_bcyx = network.activations(images_bcyx, layer)
        step = -(-max(acts_bcyx.shape[2:]) // MOST_POSITIONS)
        first_y, first_x = acts.plan.patch.centres(np.zeros(2, dtype=int)).tolist()
        batch = images[done - len(images_bcyx) : done]
        for image, image_cyx, acts_cyx in zip(batch, images_bcyx, acts_bcyx[:, :, ::step, ::step], strict=True):
            features = features_of[image,]
            pictures.append((image, crop.stop - crop.start, crop.start, webp(image_cyx * 255)))
            found = _maps(features, acts_cyx, encode)
            place = (*acts_cyx.shape[1:], first_y, first_x, step * acts.plan.layer.stride)
            maps += [(feature, rank, *place, *found_map) for (feature, rank), *found_map in found]
        progress(done, len(frames))
    heat_maps = polars.DataFrame(maps, schema=HEAT_MAPS_SCHEMA, orient="row").sort("feature", "rank")
    return {
        "feature_heat_maps": heat_maps,
        "image_frames": polars.DataFrame(pictures, schema=FRAMES_SCHEMA, orient="row").sort("image_id"),
    }


def _maps(
    features: polars.DataFrame, acts_cyx: Tensor, encode: Encode
) -> Iterator[tuple[tuple[int, int], float, bytes]]:
    """Yield ((feature, rank), maximum, picture) of the features that an image is shown for."""
    feature_m = torch.from_numpy(features["feature"].to_numpy().copy()).long()
    codes_myx = at_every_position(acts_cyx[None], lambda rows_pc: encode(rows_pc)[:, feature_m])[0]
    for key, code_yx in zip(features.select("feature", "rank").iter_rows(), codes_myx, strict=True):
        yield key, code_yx.max().item(), grey_map(code_yx)


def grey_map(code_yx: Tensor) -> bytes:
    """Return a map of activations ≥ 0 as lossless WebP, a pixel an entry, scaled so that its maximum is 255."""
    maximum = code_yx.max().clamp_min(torch.finfo(code_yx.dtype).tiny)
    grey_yx = (255 * code_yx / maximum).round().byte().numpy()
    buffer = BytesIO()
    Image.fromarray(grey_yx).save(buffer, "WEBP", lossless=True, quality=0, method=0)
    return buffer.getvalue()
