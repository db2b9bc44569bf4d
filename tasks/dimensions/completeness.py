"""What a network still answers when a layer keeps its first tuning dimensions alone, or loses them. Source: ours.

A layer's activation is a reconstruction from the first k scores, mean + z_k B_k, and a rest. Kept: the layer shows the
reconstruction alone; removed: the rest alone, about the same mean.
"""

from collections.abc import Sequence

import polars
import torch
from torch import Tensor

from tasks.activations.plan import loaded_network
from tasks.activations.shards import ActivationSet
from tasks.activations.whole_frames import at_every_position, frame_batches, held_out_frames
from tasks.dimensions.methods import Dimensions
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.vision.classes import label_of
from tasks.vision.graph import cut

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
    """Rows of `dimension_completeness` without `analysis`: for each k of `counts`, on up to `frames` whole test frames.

    Every position of the layer is replaced, also near the border, where units see padding and no row was taken. The
    network runs up to the layer once a frame, and on from there once clean and twice for each k.

    Empty where there is no test frame, and where the dimensions are of a dictionary's features: what they lose would
    come on top of what the dictionary loses, and could not be told from it.
    """
    chosen = held_out_frames(acts, frames)
    if dictionary is not None or not chosen:
        return polars.DataFrame(schema=SCHEMA)
    network = loaded_network(acts.config.network, settings.weights_dir)
    before, after = cut(network.module, network.node(acts.config.layer))
    mean_c11 = torch.from_numpy(dimensions.mean_d)[:, None, None]
    parts = {count: torch.from_numpy(dimensions.reconstruction(count)) for count in counts}

    clean, kept, removed = [], {count: [] for count in counts}, {count: [] for count in counts}
    for done, images_bcyx in frame_batches(acts, chosen):
        acts_bcyx, *others = before(network.preprocess(images_bcyx))
        clean.append(after(acts_bcyx, *others).argmax(1))
        z_bkyx = at_every_position(acts_bcyx, lambda rows_pd: torch.from_numpy(dimensions.scores(rows_pd.numpy())))
        z_byxk = z_bkyx.movedim(1, -1)
        for count, b_kd in parts.items():
            part_bcyx = (z_byxk[..., :count] @ b_kd).movedim(-1, 1)
            kept[count].append(after((mean_c11 + part_bcyx).float(), *others).argmax(1))
            removed[count].append(after((acts_bcyx - part_bcyx).float(), *others).argmax(1))
        progress(done, len(chosen))

    labels = [label_of(acts.plan.images.frames[frame].name, network) for frame in chosen]
    labelled = torch.tensor([label is not None for label in labels])
    label_n = torch.tensor([label for label in labels if label is not None])
    clean_n = torch.cat(clean)

    def agreement(answers: list[Tensor]) -> float:
        return _share(torch.cat(answers) == clean_n)

    def accuracy(answers: list[Tensor]) -> float | None:
        return _share(torch.cat(answers)[labelled] == label_n) if len(label_n) else None

    return polars.DataFrame(
        [
            {
                "dimensions": count,
                "frames": len(chosen),
                "labelled": len(label_n),
                "agreement_kept": agreement(kept[count]),
                "agreement_removed": agreement(removed[count]),
                "accuracy_clean": accuracy(clean),
                "accuracy_kept": accuracy(kept[count]),
                "accuracy_removed": accuracy(removed[count]),
            }
            for count in counts
        ],
        schema=SCHEMA,
    )


def _share(which: Tensor) -> float:
    return which.double().mean().item()
