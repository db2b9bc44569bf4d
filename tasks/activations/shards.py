"""The shard store: orbits of activations on disk, whole or not there.

An activation set is a folder, named by its key:

    plan.json             config, network, layer; checksums of the three tables
    rows.parquet          every row's image, position, split and shard (provenance)
    images.parquet  quarantine.parquet
    shard-00000.safetensors …   one tensor `acts`: float16 [orbits of the shard, |G|, channels]
    shard-00000.json …    receipt: checksum of the plan; split, orbits, bytes and SHA-256 of the shard
    manifest.json         checksum of the plan, and what all receipts say of their shards

The JSON files are documents (tasks/checksums.py), each with a checksum of its own.

Writing. Each file is written under a temporary name in the same folder, flushed to the disk, renamed, and the folder
flushed. The order is: tables, plan.json, then shard by shard its tensor and its receipt, then manifest.json. A shard's
checksum is taken in memory, before the disk has had it. Each rename commits what stands before it in that order: a
shard without a receipt, or that differs from it, or whose receipt is of another plan, counts as not written. The
manifest's rename commits the set.

Resuming. A shard's bytes follow from the plan alone, so shards may be made in any order, by any number of threads and
processes, and twice. After a crash a rerun keeps what has a receipt and makes the rest; of a set that is whole it
changes nothing; a file that is gone it makes anew, a damaged one it sets aside first. Bytes are equal on one machine
with one number of threads: elsewhere the last bit of a convolution may differ, and the manifest is written anew.

Reading. A reader believes the manifest alone, and checks a file's SHA-256 before it first uses it.
Memory: a shard; two while one is written.
"""

import dataclasses
import hashlib
import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars
import safetensors.torch
import torch

from tasks.activations.adopt import REMEDY
from tasks.activations.plan import ExtractionConfig, ExtractionPlan
from tasks.checksums import Damaged, check_file, read_document, write_document
from tasks.errors import UserError
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.storage import atomic_file
from tasks.symmetry.action import source_side
from tasks.symmetry.group import DihedralGroup
from tasks.tensors import read_tensors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShardInfo:
    """One shard, as its receipt and the manifest tell. bytes, sha256: of the safetensors file."""

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
    """Write float16 [orbits, |G|, channels] and its receipt; raises UserError when the disk is full."""
    data = safetensors.torch.save({"acts": acts_rgc})
    info = ShardInfo(index, plan.splits[index], len(acts_rgc), len(data), hashlib.sha256(data).hexdigest())
    with atomic_file(shard_path(plan.folder, index)) as temporary:
        temporary.write_bytes(data)
    receipt = {"plan_sha256": plan.sha256, "shard": dataclasses.asdict(info)}
    write_document(_receipt_path(plan.folder, index), receipt)
    return info


def written_shard(plan: ExtractionPlan, index: int) -> ShardInfo | None:
    """A shard that has a receipt, or None. Raises Damaged where one of the two isn't what was written."""
    path = _receipt_path(plan.folder, index)
    if not path.is_file():
        return None
    receipt = read_document(path, REMEDY)
    if receipt.get("plan_sha256") != plan.sha256 or receipt.get("shard", {}).get("index") != index:
        raise Damaged(path, "belongs to another shard or plan", REMEDY)
    info = ShardInfo(**receipt["shard"])
    check_file(shard_path(plan.folder, index), info.sha256, REMEDY)
    return info


def write_manifest(plan: ExtractionPlan, settings: Settings) -> None:
    """Commit a set; raises UserError when a shard is missing or damaged. One that stands there already stays."""
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
            before = read_document(path, REMEDY)
            if before == manifest:
                return
            log.warning(
                "%s is written anew: rows or shards that were damaged came out with other bytes, as they do on another "
                "machine; what was made of the old ones stays as it is",
                path,
            )
        except Damaged as error:
            set_aside(path, str(error), settings)
    write_document(path, manifest)


@dataclass(frozen=True)
class ActivationSet:
    """A finished activation set. shards: train shards first, then test shards."""

    plan: ExtractionPlan
    shards: tuple[ShardInfo, ...]

    @classmethod
    def open(cls, key: str, settings: Settings) -> "ActivationSet":
        """Raises UserError when there is no such set or it is not finished, Damaged when plan or manifest changed."""
        plan = ExtractionPlan.open(key, settings)
        path = plan.folder / "manifest.json"
        if not path.is_file():
            raise UserError(f"activation set {key} is not finished: run the extraction again")
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
    def group(self) -> DihedralGroup:
        return self.plan.group

    @property
    def patch_side(self) -> int:
        """Side of the source patch that holds the receptive field under every rotation, pixels."""
        return source_side(self.plan.layer.receptive_field)

    def read(self, shard: int) -> torch.Tensor:
        """float16 [orbits, |G|, channels]; the checksum is verified once a process.

        Raises UserError for a shard that is not in the manifest, Damaged for one that is missing or changed.
        """
        info = next((info for info in self.shards if info.index == shard), None)
        if info is None:
            raise UserError(f"activation set {self.key} has shards 0 to {len(self.shards) - 1}, not {shard}")
        path = shard_path(self.plan.folder, shard)
        check_file(path, info.sha256, REMEDY)
        tensors = read_tensors(path, REMEDY)
        if "acts" not in tensors:
            raise Damaged(path, "holds no tensor `acts`", REMEDY)
        return tensors["acts"]

    def rows(self, shard: int) -> polars.DataFrame:
        """(row, image, y, x) of a shard's orbits, in order; y, x: the receptive field's centre in the frame, pixels."""
        return self.plan.shard_rows(shard).select("row", "image", "y", "x")

    def patch(self, row: int) -> torch.Tensor:
        """[3, patch_side, patch_side] uint8: what lies about the row's receptive field, before any transform."""
        return self.patches([row])[0]

    def patches(self, rows: list[int]) -> torch.Tensor:
        """[len(rows), 3, patch_side, patch_side] uint8; each image is decoded once, in whatever order rows come."""
        wanted = self.plan.rows[rows].with_row_index("place").sort("image")
        out_bcyx = torch.empty(len(rows), 3, self.patch_side, self.patch_side, dtype=torch.uint8)
        for place, patch_cyx in zip(wanted["place"], self.plan.patches(wanted, self.patch_side), strict=True):
            out_bcyx[place] = patch_cyx
        return out_bcyx


def activation_tables(acts: ActivationSet) -> dict[str, polars.DataFrame]:
    """The set as rows of networks, layers, images, quarantine, activation_sets and shards."""
    config, layer, images = acts.config, acts.plan.layer, acts.plan.images
    int32, int64, text = polars.Int32, polars.Int64, polars.String

    def frame(rows: list[tuple], **schema) -> polars.DataFrame:
        return polars.DataFrame(rows, schema=schema, orient="row")

    network = acts.plan.network
    return {
        "networks": frame(
            [(network["network"], network["weights_sha256"], network["input_size"], network["classes"])],
            network=text, weights_sha256=text, input_size=int32, classes=int32,
        ),
        "layers": frame(
            [(config.network, layer.name, layer.channels, layer.receptive_field, layer.stride, layer.offset)],
            network=text, layer=text, channels=int32, receptive_field=int32, stride=int32, offset_px=int32,
        ),
        "images": frame(
            [(image.image, image.source, image.name, image.width, image.height) for image in images.frames],
            image_id=text, source=text, name=text, width=int32, height=int32,
        ),
        "quarantine": frame(
            [(acts.key, name, reason) for name, reason in images.quarantine],
            activation_set_id=text, name=text, reason=text,
        ),
        "activation_sets": frame(
            [(acts.key, config.network, layer.name, config.n_rotations, config.reflections, acts.group.order,
              config.orbits, config.sampling, config.seed, config.model_dump_json())],
            activation_set_id=text, network=text, layer=text, n_rotations=int32, reflections=polars.Boolean,
            group_order=int32, orbits=int32, sampling=text, seed=int32, config=text,
        ),
        "shards": frame(
            [(acts.key, info.index, info.split, info.orbits, info.bytes, info.sha256) for info in acts.shards],
            activation_set_id=text, shard=int32, split=text, orbits=int32, bytes=int64, sha256=text,
        ),
    }  # fmt: skip
