"""Extraction: images × positions × group → shards. First the plan, then its shards in any order, then the manifest."""

from functools import lru_cache
from pathlib import Path

import polars
import torch

from tasks.activations.extractors import unit_extractor
from tasks.activations.plan import FRAMES_AT_ONCE, ExtractionConfig, ExtractionPlan, loaded_network, plan
from tasks.activations.sampling import unit_at
from tasks.activations.shards import ShardInfo, write_manifest, write_shard, written_shard
from tasks.checksums import Damaged
from tasks.errors import UserError
from tasks.progress import Progress, silent
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.storage import writing
from tasks.symmetry.action import source_side, transform_patches

PATCHES_AT_ONCE = 64
"""Turned patches in memory at a time, or one orbit where that is more."""

__all__ = ["ExtractionConfig", "ExtractionPlan", "extract", "extract_shard", "finish", "plan"]


@lru_cache(maxsize=2)
def _extractor(network: str, layer: str, weights_dir: Path | None):
    return unit_extractor(loaded_network(network, weights_dir), layer)


def extract_shard(key: str, shard: int, settings: Settings, progress: Progress = silent) -> ShardInfo:
    """Make one shard of a plan; one that is whole stays as it is, and what was damaged is set aside.

    Safe in threads and in processes side by side. progress: in orbits.
    Raises UserError for an unknown plan or shard, a changed image, an activation beyond half precision, a full disk.
    """
    made = ExtractionPlan.open(key, settings)
    if not 0 <= shard < made.shards:
        raise UserError(f"activation set {key} has shards 0 to {made.shards - 1}, not {shard}")
    info = _written(made, shard, settings)
    if info is None:
        with writing(made.folder):
            rows = made.shard_rows(shard)
            # Without transforms the network sees frames as they are, and one pass gives all of an image's rows. Cones
            # win where they are small or few (conv2d2, 100 rows an image: twice as fast), and there either way gives
            # tens of thousands of rows a second.
            acts_of = _units_of_frames if made.group.order == 1 else _orbits
            acts_rgc = acts_of(made, rows, settings, progress)
            info = write_shard(made, shard, acts_rgc)
    progress(info.orbits, info.orbits)
    return info


def _written(made: ExtractionPlan, shard: int, settings: Settings) -> ShardInfo | None:
    """A shard that is whole; None where there is none, or it or its receipt had to be set aside."""
    try:
        return written_shard(made, shard)
    except Damaged as error:
        set_aside(error.path, str(error), settings)
        return None


@torch.no_grad()
def _orbits(made: ExtractionPlan, rows: polars.DataFrame, settings: Settings, progress: Progress) -> torch.Tensor:
    """float16 [rows, |G|, channels]: the unit at each row's position, under every element of the group."""
    extractor = _extractor(made.config.network, made.config.layer, settings.weights_dir)
    group, layer = made.group, made.layer
    acts_rgc = torch.empty(len(rows), group.order, layer.channels, dtype=torch.float16)
    at_once = max(1, PATCHES_AT_ONCE // group.order)

    patches = made.patches(rows, source_side(extractor.side))
    for start in range(0, len(rows), at_once):
        stop = min(start + at_once, len(rows))
        sources_bcyx = torch.stack([next(patches) for _ in range(start, stop)]).float() / 255
        turned_bgcyx = transform_patches(sources_bcyx, group.elements, group, extractor.side)
        acts_bgc = extractor(turned_bgcyx.flatten(0, 1)).unflatten(0, (stop - start, group.order))
        acts_rgc[start:stop] = _storable(acts_bgc, made)
        progress(stop, len(rows))
    return acts_rgc


@torch.no_grad()
def _units_of_frames(
    made: ExtractionPlan, rows: polars.DataFrame, settings: Settings, progress: Progress
) -> torch.Tensor:
    """float16 [rows, 1, channels]: the unit at each row's position, gathered from forward passes over whole frames.

    On InceptionV1's early layers and branches what the cones give, bit for bit.
    """
    network, layer = loaded_network(made.config.network, settings.weights_dir), made.layer
    acts_rgc = torch.empty(len(rows), 1, layer.channels, dtype=torch.float16)
    units_r2 = torch.from_numpy(unit_at(layer, rows.select("y", "x").to_numpy()))
    # Rows of one image follow each other.
    images = rows["image"].rle().struct.unnest()
    done = 0
    for batch in images.iter_slices(FRAMES_AT_ONCE):
        frames_bcyx = torch.stack([made.frame(image) for image in batch["value"]])
        acts_bcyx = network.activations(frames_bcyx.float() / 255, layer.name)
        frame_r = torch.arange(len(batch)).repeat_interleave(batch["len"].to_torch())
        stop = done + len(frame_r)
        y_r, x_r = units_r2[done:stop].T
        acts_rgc[done:stop, 0] = _storable(acts_bcyx[frame_r, :, y_r, x_r], made)
        done = stop
        progress(done, len(rows))
    return acts_rgc


def _storable(acts: torch.Tensor, made: ExtractionPlan) -> torch.Tensor:
    """The same; raises UserError where half precision can't hold it."""
    largest = acts.abs().max().item()
    if not largest <= torch.finfo(torch.float16).max:
        raise UserError(
            f"{made.layer.name} of {made.config.network} reaches {largest:.3g}, and shards hold numbers up to 65504: "
            "take a layer behind a normalisation or rescale the network"
        )
    return acts


def finish(key: str, settings: Settings) -> None:
    """Commit a set whose shards are all there; raises UserError naming one that is missing or damaged."""
    made = ExtractionPlan.open(key, settings)
    with writing(made.folder):
        write_manifest(made, settings)


def extract(config: ExtractionConfig, settings: Settings, progress: Progress = silent) -> str:
    """Plan, all shards, manifest; returns the set's key. What is there already is kept. progress: in orbits."""
    made = plan(config, settings)
    done = 0
    for shard in range(made.shards):
        info = extract_shard(
            made.key, shard, settings, lambda orbits, _, before=done: progress(before + orbits, config.orbits)
        )
        done += info.orbits
    finish(made.key, settings)
    return made.key
