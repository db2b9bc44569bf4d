"""What a dictionary keeps of the network's answers: its reconstruction spliced into the network (methods §3).

Network and frames are run in four ways: clean, with the layer's activations replaced by their reconstruction, by zero
and by their mean. The photographs mostly bear no labels, so the loss is the cross-entropy of the answers to the clean
network's own distribution over the classes [ours]: L(clean) is that distribution's entropy, and L − L(clean) a
Kullback-Leibler divergence.
"""

from collections.abc import Iterator

import polars
import torch
import torch.nn.functional as F
from torch import Tensor

from tasks.activations.plan import loaded_network
from tasks.activations.shards import ActivationSet
from tasks.dictionary.base import Dictionary
from tasks.dictionary.sparse import residual
from tasks.dictionary.store import describe, load_dictionary
from tasks.frames import frames_exist, write_frames
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.vision.graph import Spliced

CODE_VERSION = 1
FRAMES = 64
"""Frames of the test split that are run; all of them where there are fewer."""
FRAMES_AT_ONCE = 8
POSITIONS_AT_ONCE = 2048
"""Positions encoded at a time: bounds the memory of their pre-activations, [positions, features]."""


def measure_splicing(dictionary: str, settings: Settings, progress: Progress = silent) -> str:
    """Stage `spliced_metrics` of a trained dictionary as rows of `dictionary_metrics`; returns the frames' key."""
    key = content_key("splicing", CODE_VERSION, dictionary=dictionary)
    if not frames_exist(key, settings):
        acts = ActivationSet.open(describe(dictionary, settings)["activation_set"], settings)
        metrics = spliced_metrics(load_dictionary(dictionary, settings), acts, settings, progress)
        frame = polars.DataFrame(
            {"dictionary": dictionary, "metric": list(metrics), "value": [float(value) for value in metrics.values()]}
        )
        write_frames(key, {"dictionary_metrics": frame}, settings)
    return key


@torch.no_grad()
def spliced_metrics(
    dictionary: Dictionary, acts: ActivationSet, settings: Settings, progress: Progress = silent
) -> dict[str, float]:
    """Loss recovered and top-1 change of a dictionary on up to `FRAMES` whole frames of its set's test split.

    loss_recovered_zero, loss_recovered_mean: (L_ablated − L_spliced) / (L_ablated − L_clean); 1: nothing is lost,
    0: no better than the ablation. top1_change, top1_change_zero, top1_change_mean: share of frames whose first class
    differs from the clean network's. spliced_frames: how many frames.

    Every position of the layer is replaced, also near the border, where units see padding and no row was taken. The
    mean is per channel, over all positions of these frames. A group crosscoder's reconstruction is its identity block;
    one that encodes from the orbit has no metrics (empty): a frame shows a unit under one transform only.
    """
    if dictionary.reads_all_blocks:
        return {}
    network = loaded_network(acts.config.network, settings.weights_dir)
    layer, frames = acts.config.layer, _test_frames(acts)

    sum_c, positions = torch.zeros(acts.channels, dtype=torch.float64), 0
    for done, images_bcyx in _batches(acts, frames):
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
    runs = {name: Spliced(network.module, network.node(layer), run) for name, run in replacements.items()}
    losses, changes = dict.fromkeys(runs, 0.0), dict.fromkeys(runs, 0)
    for done, images_bcyx in _batches(acts, frames):
        inputs_bcyx = network.preprocess(images_bcyx)
        logits_bk = {name: run.run(inputs_bcyx) for name, run in runs.items()}
        clean_bk, clean_top1_b = logits_bk["clean"].softmax(1), logits_bk["clean"].argmax(1)
        for name, answer_bk in logits_bk.items():
            losses[name] += F.cross_entropy(answer_bk, clean_bk, reduction="sum").item()
            changes[name] += (answer_bk.argmax(1) != clean_top1_b).sum().item()
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


def _test_frames(acts: ActivationSet) -> list[int]:
    """Indices of the frames: the first of the test split in the set's seeded order."""
    test = acts.plan.rows.filter(split="test")["image"].unique(maintain_order=True).head(FRAMES)
    index = {frame.image: index for index, frame in enumerate(acts.plan.images.frames)}
    return [index[image] for image in test]


def _batches(acts: ActivationSet, frames: list[int]) -> Iterator[tuple[int, Tensor]]:
    """(how many frames with these, [b, 3, side, side] RGB in [0, 1])."""
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        batch = frames[start : start + FRAMES_AT_ONCE]
        yield start + len(batch), torch.stack([acts.plan.images.load(frame) for frame in batch]).float() / 255


def _reconstruction(dictionary: Dictionary, acts_bcyx: Tensor) -> Tensor:
    """Every position's activations by what the dictionary makes of them, [b, channels, h, w]."""
    rows_pc = acts_bcyx.movedim(1, -1).flatten(0, 2)
    weight_gmd, bias_gd = dictionary.decoder_blocks(1)
    out = []
    for x_pc in rows_pc.split(POSITIONS_AT_ONCE):
        z_gpc = (x_pc * dictionary.scale)[None]
        error_gpc = residual(z_gpc, *dictionary.encode_active(z_gpc), weight_gmd, bias_gd)
        out.append((z_gpc - error_gpc)[0] / dictionary.scale)
    return torch.cat(out).unflatten(0, acts_bcyx[:, 0].shape).movedim(-1, 1)
