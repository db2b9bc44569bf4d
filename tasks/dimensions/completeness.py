"""How a network's output changes when a layer keeps only its first tuning dimensions, or loses them. Source: ours.

A layer's activation a is the reconstruction from its first k scores, mean + z B, plus a residual. Kept: the activation
is replaced by the reconstruction. Removed: it is replaced by a − z B, the residual about the same mean.
"""

from collections.abc import Sequence

import polars
import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.activations.whole_frames import at_every_position, frame_batches, held_out_frames
from tasks.dimensions.methods import Dimensions
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.vision.classes import labeller
from tasks.vision.graph import cut
from tasks.vision.networks import load_network

SCHEMA = {
    "dimensions": polars.Int32,
    "frames": polars.Int32,
    "labelled": polars.Int32,
    "agreement_kept": polars.Float64,
    "agreement_removed": polars.Float64,
    "accuracy_clean": polars.Float64,
    "accuracy_kept": polars.Float64,
    "accuracy_removed": polars.Float64,
}


@torch.no_grad()
def measure_completeness(
    dimensions: Dimensions,
    acts: ActivationSet,
    dictionary: str | None,
    counts: Sequence[int],
    frames: int,
    settings: Settings,
    progress: Progress = silent,
) -> polars.DataFrame:
    """Measure agreement and accuracy for each k of `counts`, on up to `frames` whole frames of the test split.

    Returns the table `dimension_completeness` without its column `dimension_analysis_id`.

    Every position of the layer is replaced, including those near the border, where units see padding and from which no
    rows were taken. For each frame the network runs up to the layer once; from there it runs once unchanged and twice
    for each k.

    The table is empty if there is no test frame. It is also empty if the dimensions are those of a dictionary's
    features, because their loss could not be separated from the reconstruction loss of the dictionary.
    """
    test_frames = held_out_frames(acts, frames)
    if dictionary is not None or not test_frames:
        return polars.DataFrame(schema=SCHEMA)
    network = load_network(acts.config.network, settings.weights_dir)
    before, after = cut(network.module, network.node(acts.config.layer))
    mean_c11 = torch.from_numpy(dimensions.mean_d)[:, None, None]
    parts = {count: torch.from_numpy(dimensions.reconstruction(count)) for count in counts}

    clean: list[Tensor] = []
    kept: dict[int, list[Tensor]] = {count: [] for count in counts}
    removed: dict[int, list[Tensor]] = {count: [] for count in counts}
    for done, images_bcyx in frame_batches(acts, test_frames, network):
        acts_bcyx, *others = before(network.preprocess(images_bcyx))
        clean.append(after(acts_bcyx, *others).argmax(1))
        z_bkyx = at_every_position(acts_bcyx, lambda rows_pd: torch.from_numpy(dimensions.scores(rows_pd.numpy())))
        z_byxk = z_bkyx.movedim(1, -1)
        for count, b_kd in parts.items():
            part_bcyx = (z_byxk[..., :count] @ b_kd).movedim(-1, 1)
            kept[count].append(after((mean_c11 + part_bcyx).float(), *others).argmax(1))
            removed[count].append(after((acts_bcyx - part_bcyx).float(), *others).argmax(1))
        progress(done, len(test_frames))

    stated, frames_of_set = labeller(network), acts.plan.images.frames
    labels = [stated(frames_of_set[frame].name, frames_of_set[frame].label) for frame in test_frames]
    clean_n = torch.cat(clean)
    rows = [_compared(count, clean_n, torch.cat(kept[count]), torch.cat(removed[count]), labels) for count in counts]
    return polars.DataFrame(rows, schema=SCHEMA)


def _compared(count: int, clean_n: Tensor, kept_n: Tensor, removed_n: Tensor, labels: list[int | None]) -> dict:
    """Return the row of a number of dimensions: agreement with the clean classes, and accuracy on labelled frames."""
    labelled = torch.tensor([label is not None for label in labels])
    label_n = torch.tensor([label for label in labels if label is not None])

    def accuracy(class_n: Tensor) -> float | None:
        return _share(class_n[labelled] == label_n) if len(label_n) else None

    return {
        "dimensions": count,
        "frames": len(labels),
        "labelled": len(label_n),
        "agreement_kept": _share(kept_n == clean_n),
        "agreement_removed": _share(removed_n == clean_n),
        "accuracy_clean": accuracy(clean_n),
        "accuracy_kept": accuracy(kept_n),
        "accuracy_removed": accuracy(removed_n),
    }


def _share(which: Tensor) -> float:
    return which.double().mean().item()
