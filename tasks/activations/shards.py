"""The shard store: orbits of activations on disk, each shard complete or absent.

An activation set is a folder, named by its key:

    plan.json             config, network, layer; checksums of the three tables
    rows.parquet          every row's image, position, split and shard (provenance)
    images.parquet  quarantine.parquet
    shard-00000.safetensors …   one tensor `acts`: float16 [orbits of the shard, |G|, channels]; the tensors of other
                                formats are in tasks/activations/number_formats.py
    shard-00000.json …    receipt: checksum of the plan; split, orbits, bytes and SHA-256 of the shard
    manifest.json         checksum of the plan, and the content of all receipts

The JSON files are documents (tasks/checksums.py), each with its own checksum.

Writing. Each file is written under a temporary name in the same folder, flushed to the disk, and renamed; then the
folder is flushed. The order is: tables, plan.json, then for each shard its tensor and its receipt, then manifest.json.
A shard's checksum is computed in memory, before the shard is written. A shard counts as not written if it has no
receipt, differs from its receipt, or if the receipt belongs to another plan. The set is finished once manifest.json
exists.

Resuming. A shard's bytes depend only on the plan, so shards can be written in any order, by any number of threads and
processes, and repeatedly. After a crash, a rerun keeps the shards with a receipt and writes the others. It changes
nothing in a finished set, replaces missing files, and sets damaged files aside before it replaces them. The bytes are
reproducible on one machine with the same number of threads. Elsewhere the last bit of a convolution may differ; then
the manifest is written again.

Reading. A reader uses only shards in the manifest, and verifies a file's SHA-256 before its first use. With a shared
store (tasks/shared.py), a writer copies its files there in the same order, and a reader copies what it lacks.
Memory: one shard; two while a shard is written.
"""

import dataclasses
import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars
import safetensors.torch
import torch

from tasks.activations.adopt import REMEDY
from tasks.activations.effective_centre import CENTRE_COLUMNS
from tasks.activations.number_formats import decode, encode
from tasks.activations.plan import ExtractionConfig, ExtractionPlan
from tasks.checksums import Damaged, check_file, read_document, write_document
from tasks.errors import UserError
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.shared import fetch_document, fetch_file, is_shared, share, shared_document
from tasks.storage import atomic_file
from tasks.symmetry.action import source_side
from tasks.symmetry.scales import ScaleRange
from tasks.symmetry.transformations import Transformations
from tasks.tensors import read_tensors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShardInfo:
    """One shard, as recorded in its receipt and in the manifest.

    bytes, sha256: of the safetensors file; 0 and "" for a shard of a `StreamedSet`, which has no file.
    """

    index: int
    split: str
    orbits: int
    bytes: int
    sha256: str


def shard_path(folder: Path, index: int) -> Path:
    return folder / f"shard-{index:05d}.safetensors"


def _receipt_path(folder: Path, index: int) -> Path:
    return folder / f"shard-{index:05d}.json"


def write_shard(plan: ExtractionPlan, index: int, acts_rgc: torch.Tensor) -> ShardInfo:
    """Write a shard in the plan's number format, and its receipt. Raises UserError if the disk is full.

    acts_rgc: [orbits, |G|, channels], of the type `number_formats.computed_as`.
    """
    data = shard_bytes(plan, acts_rgc)
    info = ShardInfo(index, plan.splits[index], len(acts_rgc), len(data), hashlib.sha256(data).hexdigest())
    with atomic_file(shard_path(plan.folder, index)) as temporary:
        temporary.write_bytes(data)
    receipt = {"plan_sha256": plan.sha256, "shard": dataclasses.asdict(info)}
    write_document(_receipt_path(plan.folder, index), receipt)
    return info


def shard_bytes(plan: ExtractionPlan, acts_rgc: torch.Tensor) -> bytes:
    """Return the content of a shard's file; acts_rgc as for `write_shard`."""
    return safetensors.torch.save(encode(acts_rgc, plan.config.storage, plan.group))


def written_shard(plan: ExtractionPlan, index: int) -> ShardInfo | None:
    """Return the info of a shard that has a receipt, here or in the shared store, or None.

    Raises Damaged if shard or receipt changed here. A shard of the store is checked when it is copied from there.
    """
    path = _receipt_path(plan.folder, index)
    if not path.is_file():
        return _shared_shard(plan, index)
    receipt = read_document(path, REMEDY)
    if not _is_of(receipt, plan, index):
        raise Damaged(path, "belongs to another shard or plan", REMEDY)
    info = ShardInfo(**receipt["shard"])
    check_file(shard_path(plan.folder, index), info.sha256, REMEDY)
    return info


def _is_of(receipt: dict[str, Any], plan: ExtractionPlan, index: int) -> bool:
    return receipt.get("plan_sha256") == plan.sha256 and receipt.get("shard", {}).get("index") == index


def _shared_shard(plan: ExtractionPlan, index: int) -> ShardInfo | None:
    """Return the info of a shard in the shared store that has this plan's receipt and its size, or None."""
    receipt = shared_document(_receipt_path(plan.folder, index), plan.settings)
    if receipt is None or not _is_of(receipt[1], plan, index):
        return None
    info = ShardInfo(**receipt[1]["shard"])
    return info if is_shared(shard_path(plan.folder, index), info.bytes, plan.settings) else None


def share_shard(plan: ExtractionPlan, index: int) -> None:
    """Copy a shard that was written here to the shared store, then its receipt."""
    if (receipt := _receipt_path(plan.folder, index)).is_file():
        share([shard_path(plan.folder, index)], receipt, plan.settings)


def write_manifest(plan: ExtractionPlan, settings: Settings) -> None:
    """Write the manifest, which completes the set. An equal manifest is left unchanged.

    Raises UserError if a shard is missing or damaged.
    """
    shards = []
    for index in range(plan.shards):
        info = written_shard(plan, index)
        if info is None:
            raise UserError(f"{shard_path(plan.folder, index)} is missing: run the extraction again")
        shards.append(dataclasses.asdict(info))
    manifest = {"key": plan.key, "plan_sha256": plan.sha256, "shards": shards}
    path = plan.folder / "manifest.json"
    if path.is_file():
        try:
            existing = read_document(path, REMEDY)
            if existing == manifest:
                share([], path, settings)
                return
            log.warning(
                "%s is written again: replaced rows or shards have other bytes than before, as can happen on another "
                "machine; results computed from the old ones are not changed",
                path,
            )
        except Damaged as error:
            set_aside(path, str(error), settings)
    write_document(path, manifest)
    share([], path, settings)


@dataclass(frozen=True)
class ActivationSet:
    """A finished activation set. shards: train shards first, then test shards."""

    plan: ExtractionPlan
    shards: tuple[ShardInfo, ...]

    @classmethod
    def open(cls, key: str, settings: Settings) -> "ActivationSet":
        """Open a set. Raises UserError if it doesn't exist or isn't finished, Damaged if plan or manifest changed."""
        plan = ExtractionPlan.open(key, settings)
        path = _manifest_path(key, settings)
        if not fetch_document(path, settings):
            raise UserError(
                f"activation set {key} is not finished: run the extraction again (with stream=true a training keeps no "
                "activations; what analyses them needs stream=false)"
            )
        manifest = read_document(path, REMEDY)
        if manifest.get("plan_sha256") != plan.sha256 or "shards" not in manifest:
            raise Damaged(path, "was written for another plan", REMEDY)
        return cls(plan, tuple(ShardInfo(**shard) for shard in manifest["shards"]))

    @property
    def key(self) -> str:
        return self.plan.key

    @property
    def config(self) -> ExtractionConfig:
        return self.plan.config

    @property
    def channels(self) -> int:
        return self.plan.layer.channels

    @cached_property
    def group(self) -> Transformations:
        return self.plan.group

    @property
    def patch_side(self) -> int:
        """Side in pixels of the source patch, which contains the unit's patch under every transform."""
        return source_side(self.plan.patch.side, self.group)

    def read(self, shard: int) -> torch.Tensor:
        """Read a shard, float16 or float32 [orbits, |G|, channels]; its checksum is verified once per process.

        Raises UserError if the shard is not in the manifest, Damaged if its file is missing or changed.
        """
        info = next((info for info in self.shards if info.index == shard), None)
        if info is None:
            raise UserError(f"activation set {self.key} has shards 0 to {len(self.shards) - 1}, not {shard}")
        path = shard_path(self.plan.folder, shard)
        fetch_file(path, info.sha256, self.plan.settings)
        check_file(path, info.sha256, REMEDY)
        try:
            return decode(read_tensors(path, REMEDY), self.config.storage, self.group)
        except KeyError as missing:
            raise Damaged(path, f"contains no tensor {missing}", REMEDY) from None

    def read_each(self, shards: Iterable[int]) -> Iterator[torch.Tensor]:
        """Yield the shards as `read` returns them, one at a time."""
        return map(self.read, shards)

    def rows(self, shard: int) -> polars.DataFrame:
        """Return (row, image, y, x) of a shard's orbits, in order; y, x: centre of the patch, in pixels."""
        return self.plan.shard_rows(shard).select("row", "image", "y", "x")

    def patch(self, row: int) -> torch.Tensor:
        """Return the untransformed source patch of a row, uint8 [3, patch_side, patch_side]."""
        return self.patches([row])[0]

    def patches(self, rows: list[int]) -> torch.Tensor:
        """Return the source patches of rows, uint8 [len(rows), 3, patch_side, patch_side].

        Each image is decoded only once, whatever the order of the rows.
        """
        by_image = self.plan.rows[rows].with_row_index("place").sort("image")
        patches_bcyx = torch.empty(len(rows), 3, self.patch_side, self.patch_side, dtype=torch.uint8)
        for place, patch_cyx in zip(by_image["place"], self.plan.patches(by_image, self.patch_side), strict=True):
            patches_bcyx[place] = patch_cyx
        return patches_bcyx


def is_stored(key: str, settings: Settings) -> bool:
    """Return whether a set is finished, here or in the shared store."""
    return fetch_document(_manifest_path(key, settings), settings)


def _manifest_path(key: str, settings: Settings) -> Path:
    return settings.activations_dir / key / "manifest.json"


def activation_tables(acts: ActivationSet) -> dict[str, polars.DataFrame]:
    """Return the set's rows of the tables networks, layers, images, quarantine and those of 02_activations.sql."""
    config, layer, images = acts.config, acts.plan.layer, acts.plan.images
    int32, int64, float64, text = polars.Int32, polars.Int64, polars.Float64, polars.String

    def frame(rows: list[tuple], **schema) -> polars.DataFrame:
        return polars.DataFrame(rows, schema=schema, orient="row")

    network = acts.plan.network
    return {
        "networks": frame(
            [(network["network"], network["weights_sha256"], network["input_size"], network["classes"])],
            network=text, weights_sha256=text, input_size=int32, classes=int32,
        ),
        "layers": frame(
            [(config.network, layer.name, layer.channels, layer.receptive_field, layer.stride, layer.offset,
              *_measured(acts.plan))],
            network=text, layer=text, channels=int32, receptive_field=int32, stride=int32, offset_px=int32,
            **dict.fromkeys(CENTRE_COLUMNS, float64),
        ),
        "images": images.frames.table.select(
            polars.col("image").alias("image_id"), "source", "name", "width", "height",
            polars.col("label") if "label" in images.frames.table.columns else polars.lit(None, text).alias("label"),
        ),
        "quarantine": frame(
            [(acts.key, name, reason) for name, reason in images.quarantine],
            activation_set_id=text, name=text, reason=text,
        ),
        "activation_sets": frame(
            [(acts.key, config.network, layer.name, *transformation_columns(acts.group).values(),
              config.orbits, config.sampling, config.seed, *acts.plan.patch.centre, config.model_dump_json())],
            activation_set_id=text, network=text, layer=text, transformations=text, n_rotations=int32,
            reflections=polars.Boolean, octaves=float64, scales_per_octave=int32, group_order=int32, orbits=int32,
            sampling=text, seed=int32, centre_y_px=int32, centre_x_px=int32, config=text,
        ),
        "shards": frame(
            [(acts.key, info.index, info.split, info.orbits, info.bytes, info.sha256) for info in acts.shards],
            activation_set_id=text, shard=int32, split=text, orbits=int32, bytes=int64, sha256=text,
        ),
        "activation_set_images": acts.plan.rows.group_by("image", "split", maintain_order=True).agg(
            orbits=polars.len().cast(int32)
        ).select(polars.lit(acts.key).alias("activation_set_id"), image_id="image", split="split", orbits="orbits"),
    }  # fmt: skip


def transformation_columns(group: Transformations) -> dict[str, str | int | float | bool | None]:
    """Return the columns of the table `activation_sets` that say under which transformations a set was extracted."""
    scales = group if isinstance(group, ScaleRange) else None
    return {
        "transformations": group.transformations,
        "n_rotations": group.n_rotations,
        "reflections": group.reflections,
        "octaves": scales.octaves if scales else None,
        "scales_per_octave": scales.scales_per_octave if scales else None,
        "group_order": group.order,
    }


def _measured(plan: ExtractionPlan) -> tuple[float | None, ...]:
    """Return the layer's effective centre (y, x) and its standard errors, in the order of the table's columns."""
    centre = plan.effective_centre
    if centre is None:
        return (None,) * len(CENTRE_COLUMNS)
    return centre.y, centre.x, centre.y_std_error, centre.x_std_error, centre.y_std, centre.x_std
