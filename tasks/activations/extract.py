"""Compute an activation set from images: first the plan, then its shards in any order, then the manifest."""

from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path

import polars
import torch

from tasks.activations.extractors import Extractor, unit_extractor
from tasks.activations.number_formats import computed_as, largest
from tasks.activations.plan import FRAMES_AT_ONCE, ExtractionConfig, ExtractionPlan, plan
from tasks.activations.precision import check_precision, computing_in
from tasks.activations.shards import ShardInfo, share_shard, write_manifest, write_shard, written_shard
from tasks.activations.threads import computed
from tasks.checksums import Damaged
from tasks.errors import UserError
from tasks.progress import Progress, silent
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.storage import writing
from tasks.symmetry.action import source_side, transform_patches
from tasks.vision.network import Network
from tasks.vision.networks import load_network

PIXELS_AT_ONCE, PATCHES_AT_ONCE = 2**19, 1024
"""Transformed patches that a thread holds at a time have at most so many pixels and are at most so many, or are one
orbit."""

__all__ = ["ExtractionConfig", "ExtractionPlan", "extract", "extract_shard", "finish", "plan"]


@lru_cache(maxsize=2)
def _extractor(network: str, layer: str, centre: tuple[int, int], weights_dir: Path | None) -> Extractor:
    return unit_extractor(load_network(network, weights_dir), layer, centre)


def extract_shard(key: str, shard: int, settings: Settings, progress: Progress = silent) -> ShardInfo:
    """Compute and write one shard of a plan, unless it is there and undamaged; a damaged one is set aside.

    Several threads and processes may call this at the same time. progress counts orbits. Raises UserError if the plan
    or the shard doesn't exist, an image changed, an activation is too large to be stored, the processor doesn't have
    the set's precision, or the disk is full.
    """
    plan = ExtractionPlan.open(key, settings)
    if not 0 <= shard < plan.shards:
        raise UserError(f"activation set {key} has shards 0 to {plan.shards - 1}, not {shard}")
    info = _written(plan, shard, settings)
    if info is None:
        with writing(plan.folder):
            info = write_shard(plan, shard, compute_shard(plan, shard, settings, progress))
    share_shard(plan, shard)
    progress(info.orbits, info.orbits)
    return info


def compute_shard(plan: ExtractionPlan, shard: int, settings: Settings, progress: Progress = silent) -> torch.Tensor:
    """Compute the activations of one shard, [orbits, |G|, channels] of the type `number_formats.computed_as`.

    They depend only on the plan. Raises UserError as `extract_shard`.
    """
    check_precision(plan.config.precision)
    rows = plan.shard_rows(shard)
    # Without transforms the network runs on whole frames, and one pass gives all rows of an image. Cones would be
    # faster where they are small or few (conv2d2, 100 rows per image: twice as fast), but there both ways give tens of
    # thousands of rows per second.
    network, frame_size = _network(plan, settings), plan.config.images.frame_size
    whole_frames = plan.group.order == 1 and network.covers(plan.layer.name, frame_size)
    compute = _units_of_frames if whole_frames else _orbits
    return compute(plan, rows, settings, progress)


def _network(plan: ExtractionPlan, settings: Settings) -> Network:
    return load_network(plan.config.network, settings.weights_dir)


def _written(plan: ExtractionPlan, shard: int, settings: Settings) -> ShardInfo | None:
    """Return a finished shard's info; None if there is none, or if it or its receipt was damaged and set aside."""
    try:
        return written_shard(plan, shard)
    except Damaged as error:
        set_aside(error.path, str(error), settings)
        return None


def _orbits(plan: ExtractionPlan, rows: polars.DataFrame, settings: Settings, progress: Progress) -> torch.Tensor:
    """Compute the unit at each row's position under every transform, [rows, |G|, channels]."""
    extractor = _extractor(plan.config.network, plan.config.layer, plan.patch.centre, settings.weights_dir)
    acts_rgc = torch.empty(len(rows), plan.group.order, plan.layer.channels, dtype=computed_as(plan.config.storage))
    done = 0
    with closing(computed(partial(_orbits_of, plan, extractor), _sources(plan, rows, extractor.side))) as results:
        for acts_bgc in results:
            acts_rgc[done : done + len(acts_bgc)] = acts_bgc
            done += len(acts_bgc)
            progress(done, len(rows))
    return acts_rgc


def _sources(plan: ExtractionPlan, rows: polars.DataFrame, side: int) -> Iterator[torch.Tensor]:
    """Yield the source patches of the rows, uint8 [b, 3, source_side, source_side], in batches for one thread each.

    side: of the transformed patches, pixels
    """
    patches = plan.patches(rows, source_side(side, plan.group))
    while batch := list(islice(patches, orbits_at_once(side, plan.group.order))):
        yield torch.stack(batch)


def orbits_at_once(side: int, order: int) -> int:
    """Return the number of orbits, each of `order` patches of `side` pixels, that a thread computes at a time."""
    return max(1, min(PATCHES_AT_ONCE, PIXELS_AT_ONCE // side**2) // order)


@torch.no_grad()
def _orbits_of(plan: ExtractionPlan, extractor: Extractor, sources_bcyx: torch.Tensor) -> torch.Tensor:
    """Compute the unit in the middle of each source patch under every transform, [b, |G|, channels]."""
    group = plan.group
    transformed_bgcyx = transform_patches(sources_bcyx.float() / 255, group.elements, group, extractor.side)
    with computing_in(plan.config.precision):
        acts_nc = extractor(transformed_bgcyx.flatten(0, 1))
    acts_nc = _storable(acts_nc, plan).to(computed_as(plan.config.storage))
    return acts_nc.unflatten(0, (len(sources_bcyx), group.order))


@torch.no_grad()
def _units_of_frames(
    plan: ExtractionPlan, rows: polars.DataFrame, settings: Settings, progress: Progress
) -> torch.Tensor:
    """Compute the unit at each row's position from forward passes over whole frames, [rows, 1, channels].

    On InceptionV1's early layers and branches the result equals that of the cones bit for bit.
    """
    network, layer = _network(plan, settings), plan.layer
    acts_rgc = torch.empty(len(rows), 1, layer.channels, dtype=computed_as(plan.config.storage))
    units_r2 = torch.from_numpy(plan.patch.units(rows.select("y", "x").to_numpy()))
    # the rows of an image are consecutive
    images = rows["image"].rle().struct.unnest()
    done = 0
    for batch in images.iter_slices(FRAMES_AT_ONCE):
        frames_bcyx = torch.stack([plan.frame(image) for image in batch["value"]])
        with computing_in(plan.config.precision):
            acts_bcyx = network.activations(frames_bcyx.float() / 255, layer.name)
        frame_r = torch.arange(len(batch)).repeat_interleave(batch["len"].to_torch())
        stop = done + len(frame_r)
        y_r, x_r = units_r2[done:stop].T
        acts_rgc[done:stop, 0] = _storable(acts_bcyx[frame_r, :, y_r, x_r], plan)
        done = stop
        progress(done, len(rows))
    return acts_rgc


def _storable(acts: torch.Tensor, plan: ExtractionPlan) -> torch.Tensor:
    """Return the activations unchanged. Raises UserError if one of them is too large for the number format, or NaN."""
    storage, reached = plan.config.storage, acts.abs().max().item()
    limit = largest(storage, plan.group)
    if not reached <= limit:
        raise UserError(
            f"{plan.layer.name} of {plan.config.network} reaches {reached:.3g}, but shards of {storage} hold "
            f"numbers up to {limit:.5g}: set storage=float32, choose a layer after a normalisation, or rescale the "
            "network"
        )
    return acts


def finish(key: str, settings: Settings) -> None:
    """Write the manifest of a set. Raises UserError, with the shard's path, if a shard is missing or damaged."""
    plan = ExtractionPlan.open(key, settings)
    with writing(plan.folder):
        write_manifest(plan, settings)


def extract(config: ExtractionConfig, settings: Settings, progress: Progress = silent) -> str:
    """Write plan, shards and manifest of an activation set and return its key; finished parts are kept.

    progress counts orbits.
    """
    extraction = plan(config, settings)

    def counting_from(before: int) -> Progress:
        return lambda orbits, _: progress(before + orbits, config.orbits)

    done = 0
    for shard in range(extraction.shards):
        info = extract_shard(extraction.key, shard, settings, counting_from(done))
        done += info.orbits
    finish(extraction.key, settings)
    return extraction.key
