"""Which classes' logits change when one feature is ablated in the images that activate it most [ours].

In each image of a feature's top examples, untransformed, the feature's contribution f(x) d is subtracted from the
layer's activations x at every position, and the rest of the network runs on. What the dictionary does not reconstruct
stays in the activations, so that nothing but the feature is missing. f is the feature's activation, d its decoder
vector, of a group crosscoder the block of the identity; both are scaled back to the layer's units.
"""

import math
from typing import Any

import polars
import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.activations.whole_frames import at_every_position, frame_batches
from tasks.dictionary.analyse import analysis_key
from tasks.dictionary.base import Dictionary
from tasks.dictionary.encode import encoder_of
from tasks.dictionary.priorities import by_turns, densest_first
from tasks.dictionary.store import describe, load_dictionary
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, stage_tables
from tasks.vision.classes import class_name
from tasks.vision.graph import cut
from tasks.vision.networks import load_network

CODE_VERSION = 1
LOWERED, RAISED = 5, 2
"""Classes kept of each feature: those whose logit falls most, and those whose logit rises most."""
SCHEMA = {
    "dictionary_id": polars.String,
    "feature": polars.Int32,
    "direction": polars.String,
    "rank": polars.Int32,
    "class_index": polars.Int32,
    "class_name": polars.String,
    "change": polars.Float64,
    "std_error": polars.Float64,
    "images": polars.Int32,
}


def ablate_features(dictionary_key: str, count: int, settings: Settings, progress: Progress = silent) -> str:
    """Stage feature_logit_effects of the first `count` of `features_to_ablate` and return the content key.

    The dictionary must have been analysed. progress counts images. Raises UserError for a dictionary
    that encodes whole orbits, because an image shows each unit under one transform only.
    """
    key = content_key("feature_logit_effects", CODE_VERSION, dictionary=dictionary_key, count=count)
    if is_staged(key, settings):
        return key
    dictionary = load_dictionary(dictionary_key, settings)
    acts = ActivationSet.open(describe(dictionary_key, settings)["activation_set"], settings)
    analysis = read_staged(analysis_key(dictionary_key), settings)
    features = features_to_ablate(analysis)[:count]
    pairs = analysis["feature_examples"].filter(polars.col("feature").is_in(features)).select("feature", "image_id")
    network = load_network(acts.config.network, settings.weights_dir)
    rows = []
    for feature, changes_nk in logit_changes(dictionary, acts, pairs, settings, progress).items():
        for direction, rank, index, change, std_error in strongest_changes(changes_nk):
            name = class_name(network, index)
            rows.append((dictionary_key, feature, direction, rank, index, name, change, std_error, len(changes_nk)))
    table = polars.DataFrame(rows, schema=SCHEMA, orient="row").sort("feature", "direction", "rank")
    stage_tables(key, {"feature_logit_effects": table}, settings)
    return key


def features_to_ablate(analysis: dict[str, polars.DataFrame]) -> list[int]:
    """Return features by priority: the most confident of each symmetry type in turn; of an SAE, the densest first."""
    if "feature_symmetry" in analysis:
        return by_turns(analysis["feature_symmetry"], "feature", "type")
    return densest_first(analysis["features"])


@torch.no_grad()
def logit_changes(
    dictionary: Dictionary,
    acts: ActivationSet,
    pairs: polars.DataFrame,
    settings: Settings,
    progress: Progress = silent,
) -> dict[int, Tensor]:
    """Return for each feature the change of the logits by its ablation in its images, [images, classes].

    pairs: feature and image_id, each pair once. An image is loaded, run up to the layer and encoded once. The rest of
    the network runs once without ablation, and then in turns, each with another feature of every image of a batch.
    progress counts images.
    """
    network = load_network(acts.config.network, settings.weights_dir)
    encode, [weight_ad] = encoder_of(dictionary, codes=True), dictionary.decoder_blocks(1)[0]
    weight_mjd = weight_ad.unflatten(0, (-1, dictionary.config.atom_dimension))
    before, after = cut(network.module, network.node(acts.config.layer))
    pairs = pairs.sort("feature", "image_id")
    ablated = pairs["feature"].unique(maintain_order=True).to_list()
    atoms = torch.arange(len(weight_ad)).unflatten(0, weight_mjd.shape[:2])[ablated].flatten()
    places = acts.plan.images.frames.places(pairs["image_id"].unique())
    by_image = pairs.group_by("image_id", maintain_order=True)
    features_of = {places[image]: of_image["feature"].to_list() for (image,), of_image in by_image}
    # images with equally many features share a batch, so that few of its turns are empty
    frames = sorted(features_of, key=lambda frame: (-len(features_of[frame]), frame))
    changes: dict[int, dict[int, Tensor]] = {}
    for done, images_bcyx in frame_batches(acts, frames, network):
        batch = frames[done - len(images_bcyx) : done]
        acts_bcyx, *others = before(network.preprocess(images_bcyx))
        clean_bk = after(*_copies(acts_bcyx, *others))
        codes_bmjyx = at_every_position(acts_bcyx, lambda rows_pc: encode(rows_pc)[:, atoms]).unflatten(
            1, (len(ablated), -1)
        )
        for turn in range(len(features_of[batch[0]])):
            chosen = [features_of[frame][turn] if turn < len(features_of[frame]) else None for frame in batch]
            ablated_bcyx = acts_bcyx.clone()
            for place, feature in enumerate(chosen):
                if feature is not None:
                    code_jyx = codes_bmjyx[place, ablated.index(feature)]
                    ablated_bcyx[place] -= (code_jyx[:, None] * weight_mjd[feature][..., None, None]).sum(
                        0
                    ) / dictionary.scale
            change_bk = after(*_copies(ablated_bcyx, *others)) - clean_bk
            for frame, feature, change_k in zip(batch, chosen, change_bk, strict=True):
                if feature is not None:
                    changes.setdefault(feature, {})[frame] = change_k
        progress(done, len(frames))
    return {
        feature: torch.stack([of_feature[frame] for frame in sorted(of_feature)])
        for feature, of_feature in sorted(changes.items())
    }


def _copies(*values: Any) -> list[Any]:
    """Return the values with their tensors copied, because operations of the network may overwrite their input."""
    return [value.clone() if isinstance(value, Tensor) else value for value in values]


def strongest_changes(changes_nk: Tensor) -> list[tuple[str, int, int, float, float | None]]:
    """Return (direction, rank, class, mean change, standard error) of the classes whose logits change most.

    changes_nk: [images, classes]. At most `LOWERED` classes fall and `RAISED` rise; a class that doesn't change is none
    of them. The standard error is None for one image.
    """
    images = len(changes_nk)
    mean_k = changes_nk.double().mean(0)
    error_k = changes_nk.double().std(0) / math.sqrt(images) if images > 1 else None
    order = mean_k.argsort(stable=True)
    found = []
    for direction, sign, classes in (("lowered", -1, order[:LOWERED]), ("raised", 1, order.flip(0)[:RAISED])):
        for rank, index in enumerate(classes[sign * mean_k[classes] > 0].tolist(), start=1):
            error = None if error_k is None else error_k[index].item()
            found.append((direction, rank, index, mean_k[index].item(), error))
    return found
