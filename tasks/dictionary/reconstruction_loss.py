"""How much the network's output changes when a dictionary's reconstruction replaces a layer (methods §3).

The network runs on the same frames four times: unchanged ("clean"), and with the layer's activations replaced by their
reconstruction, by zero and by their mean. Most of the photographs have no labels, so the loss is the cross-entropy
between the output and the clean network's own distribution over the classes [ours]. L(clean) is the entropy of that
distribution and L − L(clean) a Kullback-Leibler divergence.
"""

import polars
import torch
import torch.nn.functional as F
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.activations.whole_frames import at_every_position, frame_batches, held_out_frames
from tasks.dictionary.base import Dictionary
from tasks.dictionary.sparse import residual
from tasks.dictionary.store import describe, load_dictionary
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.vision.graph import cut
from tasks.vision.networks import load_network

CODE_VERSION = 1
FRAMES = 64
"""Number of frames of the test split that are run; all of them where there are fewer."""


def measure_splicing(dictionary: str, settings: Settings, progress: Progress = silent) -> str:
    """Stage `spliced_metrics` of a trained dictionary as rows of `dictionary_metrics` and return their content key."""
    key = content_key("splicing", CODE_VERSION, dictionary=dictionary)
    if not is_staged(key, settings):
        acts = ActivationSet.open(describe(dictionary, settings)["activation_set"], settings)
        metrics = spliced_metrics(load_dictionary(dictionary, settings), acts, settings, progress)
        table = polars.DataFrame(
            {
                "dictionary_id": dictionary,
                "metric": list(metrics),
                "value": [float(value) for value in metrics.values()],
            }
        )
        stage_tables(key, {"dictionary_metrics": table}, settings)
    return key


@torch.no_grad()
def spliced_metrics(
    dictionary: Dictionary, acts: ActivationSet, settings: Settings, progress: Progress = silent
) -> dict[str, float]:
    """Compute loss recovered and top-1 change of a dictionary on up to `FRAMES` frames of the test split.

    Returns:
    loss_recovered_zero, loss_recovered_mean: (L_ablated − L_spliced) / (L_ablated − L_clean); 1: the reconstruction
    loses nothing, 0: it is no better than the ablation
    top1_change, top1_change_zero, top1_change_mean: share of frames whose top-1 class differs from the clean network's
    spliced_frames: number of frames

    Every position of the layer is replaced, including those near the border, where units see padding and from which no
    training rows were taken. The mean is per channel, over all positions of these frames. A group crosscoder's
    reconstruction is its identity block. A group crosscoder that encodes from the orbit gets an empty dict: a frame
    shows each unit under one transform only.
    """
    if dictionary.reads_all_blocks:
        return {}
    network = load_network(acts.config.network, settings.weights_dir)
    layer, frames = acts.config.layer, held_out_frames(acts, FRAMES)

    sum_c, positions = torch.zeros(acts.channels, dtype=torch.float64), 0
    for done, images_bcyx in frame_batches(acts, frames, network):
        acts_bcyx = network.activations(images_bcyx, layer)
        sum_c += acts_bcyx.sum((0, 2, 3), dtype=torch.float64)
        positions += acts_bcyx[:, 0].numel()
        progress(done, 2 * len(frames))
    mean_cyx = (sum_c / positions).float()[:, None, None]

    replacements = {
        "clean": lambda acts_bcyx: acts_bcyx,
        "spliced": lambda acts_bcyx: _reconstruction(dictionary, acts_bcyx),
        "zero": torch.zeros_like,
        "mean": lambda acts_bcyx: mean_cyx.expand_as(acts_bcyx).clone(),
    }
    before, after = cut(network.module, network.node(layer))
    losses, changes = dict.fromkeys(replacements, 0.0), dict.fromkeys(replacements, 0)
    for done, images_bcyx in frame_batches(acts, frames, network):
        acts_bcyx, *others = before(network.preprocess(images_bcyx))
        logits_bk = {name: after(replace(acts_bcyx), *others) for name, replace in replacements.items()}
        clean_bk, clean_top1_b = logits_bk["clean"].softmax(1), logits_bk["clean"].argmax(1)
        for name, output_bk in logits_bk.items():
            losses[name] += F.cross_entropy(output_bk, clean_bk, reduction="sum").item()
            changes[name] += (output_bk.argmax(1) != clean_top1_b).sum().item()
        progress(len(frames) + done, 2 * len(frames))

    def recovered(ablated: str) -> float:
        return (losses[ablated] - losses["spliced"]) / (losses[ablated] - losses["clean"])

    return {
        "loss_recovered_zero": recovered("zero"),
        "loss_recovered_mean": recovered("mean"),
        "top1_change": changes["spliced"] / len(frames),
        "top1_change_zero": changes["zero"] / len(frames),
        "top1_change_mean": changes["mean"] / len(frames),
        "spliced_frames": len(frames),
    }


def _reconstruction(dictionary: Dictionary, acts_bcyx: Tensor) -> Tensor:
    """Return the dictionary's reconstruction of the activations at every position, [b, channels, h, w]."""
    weight_gmd, bias_gd = dictionary.decoder_blocks(1)

    def reconstruct(x_pc: Tensor) -> Tensor:
        z_gpc = (x_pc * dictionary.scale)[None]
        error_gpc = residual(z_gpc, *dictionary.encode_active(z_gpc), weight_gmd, bias_gd)
        return (z_gpc - error_gpc)[0] / dictionary.scale

    return at_every_position(acts_bcyx, reconstruct)
