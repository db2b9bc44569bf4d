"""The plan of an extraction, written before it starts: config, images, and every row's image, position and shard."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars
import torch
from pydantic import Field, SerializerFunctionWrapHandler, ValidationError, model_serializer, model_validator

from tasks.activations.adopt import REMEDY, adopt
from tasks.activations.effective_centre import EffectiveCentre, effective_centre
from tasks.activations.extractors import unit_extractor
from tasks.activations.number_formats import DEFAULT, NumberFormat, check_format
from tasks.activations.precision import Precision, check_precision
from tasks.activations.sampling import Sampling, assign_shards, choose_positions, choose_test, spread
from tasks.activations.unit_patches import AT_RECEPTIVE_FIELD, UnitPatch, patch_start
from tasks.checksums import Damaged, check_file, document_sha256, read_document, write_document
from tasks.config import Config, Seed, Whole
from tasks.errors import UserError
from tasks.keys import Streamed, content_key, file_sha256
from tasks.progress import Progress, silent
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.shared import fetch_folder, share, shared_document
from tasks.storage import atomic_file, writing
from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.scales import ScaleRange
from tasks.symmetry.transformations import Kind, Transformations
from tasks.vision.images import Frames, FrameSet, ImagesConfig, open_frames
from tasks.vision.names import LayerName, NetworkName
from tasks.vision.network import Layer, Network
from tasks.vision.networks import load_network

VERSION = 2
"""Version of the code that determines the bytes of plan and shards; part of the key."""
FRAMES_AT_ONCE = 16
"""Number of whole frames per forward pass."""
ROWS_SCHEMA = {
    "row": polars.Int32,
    "image": polars.String,
    "y": polars.Int32,
    "x": polars.Int32,
    "split": polars.String,
    "shard": polars.Int32,
}
PLAN_FILE = "plan.json"
QUARANTINE_SCHEMA = {"name": polars.String, "reason": polars.String}


UNUSED: dict[str, tuple[str, ...]] = {
    "rotations": ("octaves", "scales_per_octave"),
    "hue": ("octaves", "scales_per_octave"),
    "scale": ("n_rotations", "reflections"),
}
"""Fields of `ExtractionConfig` that a kind of transformations doesn't use."""


class ExtractionConfig(Config):
    """The configuration of an extraction: orbits of activations of one layer over a set of images."""

    network: NetworkName = Field("efficientnet_lite0", description="name of the network")
    layer: LayerName = Field("block5_expand", description="name of the layer, or of a branch of a layer")
    images: ImagesConfig = Field(ImagesConfig(), description="images whose activations are extracted")
    transformations: Kind = Field(
        "rotations",
        description="what is done to images: rotations, they are turned and mirrored; hue, their colours are turned "
        "about the grey axis; scale, they are enlarged and shrunk",
    )
    n_rotations: int = Field(
        16,
        ge=1,
        le=360,
        description="number of rotations n, of the image or of its colours; the group is D_n, |G| = 2n, or without "
        "reflections C_n; not used by scale",
    )
    reflections: bool = Field(
        True,
        description="whether the group has reflections (D_n) or not (C_n, |G| = n); "
        "n_rotations = 1 without reflections means no transforms, which is faster; not used by scale",
    )
    octaves: float = Field(
        1.0,
        gt=0,
        le=4,
        description="only used by scale: the largest change of scale either way; 1: images are shrunk to half their "
        "size and enlarged to twice their size",
    )
    scales_per_octave: int = Field(4, ge=1, le=64, description="only used by scale: number of scales in an octave")
    centre: Literal["effective", "receptive field"] = Field(
        "effective",
        description="point that images are transformed about: effective, where the layer's units look, measured by "
        "their gradient's energy; receptive field, the receptive field's centre",
    )
    orbits: Whole = Field(
        2000, ge=1, description="number of positions to sample; each is extracted under all |G| transforms"
    )
    sampling: Sampling = Field(
        "norm",
        description="how positions of an image are drawn: uniform, all equally likely; "
        "norm, with probability proportional to the norm of the activation",
    )
    seed: Seed = Field(0, description="random seed of the positions, the order of the images and the split")
    orbits_per_shard: int = Field(250, ge=1, le=100_000, description="orbits per shard; memory holds one shard")
    test_share: float = Field(0.1, ge=0, le=0.5, description="share of the images in the test split")
    precision: Precision = Field(
        "float32",
        description="of the network's convolutions: bfloat16 takes about two thirds of the time and changes "
        "activations by some percent; only for processors that multiply it",
    )
    storage: NumberFormat = Field(
        DEFAULT,
        description="numbers of the shards: float16, float32, int8 (1 byte, a scale for each channel and shard), or "
        "fourier-K, the waves along the rotations up to order K, (2K + 1)/n of float16's bytes",
    )

    @property
    def group(self) -> Transformations:
        """The transformations under which activations are extracted."""
        if self.transformations == "scale":
            return ScaleRange(self.octaves, self.scales_per_octave)
        return DihedralGroup(self.n_rotations, self.reflections, self.transformations)

    @model_validator(mode="before")
    @classmethod
    def _without_unused(cls, values: Any) -> Any:
        """Ignore fields that the transformations don't use: they are not stored either."""
        if not isinstance(values, dict):
            return values
        unused = UNUSED.get(str(values.get("transformations", "rotations")), ())
        return {name: value for name, value in values.items() if name not in unused}

    @model_validator(mode="after")
    def _group_and_storage_fit(self) -> "ExtractionConfig":
        try:
            check_format(self.storage, self.group)
        except UserError as error:
            raise ValueError(str(error)) from None
        return self

    @model_serializer(mode="wrap")
    def _used(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what isn't used, and defaults of newer fields, so that sets keep the keys that they had."""
        unused = UNUSED[self.transformations]
        if self.transformations == "rotations":
            unused = ("transformations", *unused)
        if self.precision == "float32":
            unused = ("precision", *unused)
        if self.storage == DEFAULT:
            unused = ("storage", *unused)
        return {name: value for name, value in dump(self).items() if name not in unused}


@dataclass(frozen=True)
class ExtractionPlan:
    """The plan of an activation set, as written in `folder`.

    sha256: checksum of the content of plan.json, which includes the checksums of the tables
    patch: of a unit; its transforms are about the patch's centre
    effective_centre: where the layer's units look; None if the plan is older than this measurement
    rows: ROWS_SCHEMA; y and x are the centre of the patch, in pixels of the frame
    """

    key: str
    folder: Path
    sha256: str
    config: ExtractionConfig
    network: dict
    layer: Layer
    patch: UnitPatch
    effective_centre: EffectiveCentre | None
    rows: polars.DataFrame
    images: FrameSet

    @property
    def group(self) -> Transformations:
        return self.config.group

    @property
    def centre_note(self) -> str | None:
        """A sentence for the user where images are transformed and the layer doesn't look at its fields' centre."""
        measured = self.effective_centre
        if measured is None or measured.pixel == AT_RECEPTIVE_FIELD or self.group.order == 1:
            return None
        if self.group.transformations == "hue":  # colours are turned without moving a pixel
            return None
        note = f"{self.layer.name} of {self.config.network} looks {measured} off its receptive field's centre: "
        if self.patch.centre == AT_RECEPTIVE_FIELD:
            return note + (
                "images are transformed about the wrong point, which biases axes and curves; set centre=effective"
            )
        return note + f"images are transformed about the pixel {self.patch.centre} off it"

    @property
    def settings(self) -> Settings:
        """The settings that the plan was opened with."""
        return self.images.settings

    @cached_property
    def splits(self) -> list[str]:
        """The split of each shard, in the order of the shards."""
        return self.rows.unique("shard").sort("shard")["split"].to_list()

    @property
    def shards(self) -> int:
        """Number of shards of the set."""
        return len(self.splits)

    def shard_rows(self, shard: int) -> polars.DataFrame:
        """Return the rows of one shard, in order."""
        return self.rows.filter(polars.col("shard") == shard)

    @cached_property
    def _image_index(self) -> dict[str, int]:
        return self.images.frames.places(self.rows["image"].unique())

    @cached_property
    def _load(self) -> Callable[[int], torch.Tensor]:
        # rows of an image are mostly consecutive, so that a cache of one image avoids decoding it again
        return lru_cache(maxsize=1)(self.images.load)

    def frame(self, image: str) -> torch.Tensor:
        """Load an image of the set by its key, uint8 [3, frame_size, frame_size]."""
        return self._load(self._image_index[image])

    def patches(self, rows: polars.DataFrame, side: int) -> Iterator[torch.Tensor]:
        """Yield for each row the patch around its centre, uint8 [3, side, side]."""
        for image, y, x in rows.select("image", "y", "x").iter_rows():
            frame_cyx = self.frame(image)
            top, left = patch_start(y, side), patch_start(x, side)
            yield frame_cyx[:, top : top + side, left : left + side]

    @classmethod
    def open(cls, key: str, settings: Settings) -> "ExtractionPlan":
        """Read the plan of a set. Raises UserError if there is none, Damaged if one of its files changed."""
        folder = settings.activations_dir / key
        path = folder / PLAN_FILE
        if not (path.is_file() or fetch_folder(folder, settings, PLAN_FILE)):
            raise UserError(f"there is no activation set {key} in {settings.activations_dir}: run the extraction first")
        adopt(folder)
        document = read_document(path, REMEDY)
        if document.get("key") != key or "files" not in document:
            raise Damaged(path, f"is not the plan of {key}", REMEDY)
        for name, sha256 in document["files"].items():
            check_file(folder / name, sha256, REMEDY)
        try:
            # plans that are older than the measurement of the effective centre don't name a centre
            config = ExtractionConfig.model_validate({"centre": "receptive field"} | document["config"])
        except ValidationError as error:  # older code accepted values that are now invalid
            raise UserError(f"{path} can't be used ({error.errors()[0]['msg']}): extract another set") from None
        quarantine = polars.read_parquet(folder / "quarantine.parquet")
        layer, measured = Layer(**document["layer"]), document.get("effective_centre")
        y, x = document.get("centre", AT_RECEPTIVE_FIELD)
        return cls(
            key=key,
            folder=folder,
            sha256=document_sha256(document),
            config=config,
            network=document["network"],
            layer=layer,
            patch=UnitPatch(layer.within(document["network"]["input_size"]), (y, x)),
            effective_centre=EffectiveCentre(**measured) if measured else None,
            rows=polars.read_parquet(folder / "rows.parquet"),
            images=FrameSet(
                config.images,
                settings,
                Frames(polars.read_parquet(folder / "images.parquet")),
                tuple(quarantine.iter_rows()),
            ),
        )


@torch.no_grad()
def _norms_byx(
    network: Network, layer: Layer, frames_bcyx: torch.Tensor, units: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Return ‖a‖₂ of the layer's activations at the given rows and columns of units of each frame, [b, rows, columns].

    layer: as its units are extracted
    """
    frames_bcyx = frames_bcyx.float() / 255
    rows, columns = units
    if network.covers(layer.name, frames_bcyx.shape[-1]):
        norms_byx = network.activations(frames_bcyx, layer.name).norm(dim=1)
        return norms_byx[:, torch.from_numpy(rows)][:, :, torch.from_numpy(columns)].numpy()
    extractor = unit_extractor(network, layer.name)
    tops, lefts = ((layer.offset + layer.stride * along).tolist() for along in units)
    norms = [
        extractor(frames_bcyx[:, :, top : top + extractor.side, left : left + extractor.side]).norm(dim=1)
        for top in tops
        for left in lefts
    ]
    return torch.stack(norms, dim=1).unflatten(1, (len(rows), len(columns))).numpy()


def _rows(
    config: ExtractionConfig, network: Network, patch: UnitPatch, images: FrameSet, progress: Progress
) -> polars.DataFrame:
    """Return all rows of the set: train rows first, then test rows; the images in seeded order."""
    units = patch.admissible_units(config.images.frame_size, config.group)
    rng = np.random.default_rng(config.seed)
    # with fewer orbits than images, only as many images are used
    order = rng.permutation(len(images))[: config.orbits]
    orbits = spread(config.orbits, len(order))
    test = choose_test(images.frames.table["origin"].gather(order).to_list(), config.test_share, rng)

    columns: dict[str, list] = {"image": [], "y": [], "x": [], "split": []}
    train_first = np.argsort(test, kind="stable")
    for start in range(0, len(order), FRAMES_AT_ONCE):
        batch = train_first[start : start + FRAMES_AT_ONCE]
        norms_byx: np.ndarray | list[None] = [None] * len(batch)
        if config.sampling == "norm":
            frames_bcyx = torch.stack([images.load(order[k]) for k in batch])
            norms_byx = _norms_byx(network, patch.layer, frames_bcyx, units)
        for k, norms_yx in zip(batch, norms_byx, strict=True):
            image = images.frames[order[k]].image
            centres = patch.centres(choose_positions(int(orbits[k]), units, norms_yx, image, config.seed))
            columns["image"] += [image] * len(centres)
            columns["y"] += centres[:, 0].tolist()
            columns["x"] += centres[:, 1].tolist()
            columns["split"] += ["test" if test[k] else "train"] * len(centres)
        progress(start + len(batch), len(order))

    train = columns["split"].count("train")
    shards = assign_shards(train, config.orbits - train, config.orbits_per_shard)
    return polars.DataFrame({"row": np.arange(config.orbits), **columns, "shard": shards}, schema=ROWS_SCHEMA)


def _write_table(path: Path, table: polars.DataFrame) -> str:
    """Write a Parquet file atomically and return its SHA-256."""
    buffer = BytesIO()
    table.write_parquet(buffer)
    with atomic_file(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())
    return file_sha256(path)


def plan(config: ExtractionConfig, settings: Settings, progress: Progress = silent) -> ExtractionPlan:
    """Plan an extraction and write the plan to activations_dir/<key>.

    An existing plan is kept. If one of its files is damaged, that file is set aside and the plan is written again. The
    key depends on the network's weights, the config, and content, name and label of every image. Raises UserError for
    an unknown network or layer, for images that are not available, for a layer whose transformed receptive field
    doesn't fit into a frame, and for a precision that the processor doesn't have.
    """
    check_precision(config.precision)
    network = load_network(config.network, settings.weights_dir)
    layer = network.layer(config.layer)
    patch = UnitPatch(layer.within(network.input_size))
    patch.admissible_units(config.images.frame_size, config.group)
    config = config.model_copy(update={"images": config.images.resolved(settings)})
    images = open_frames(config.images, settings, progress)
    measured = effective_centre(network, config.layer, settings)
    if config.centre == "effective":
        patch = UnitPatch(patch.layer, measured.pixel)
    key = _key(config, network, patch, images)
    folder = settings.activations_dir / key
    if (folder / PLAN_FILE).is_file() or fetch_folder(folder, settings, PLAN_FILE):
        try:
            existing = ExtractionPlan.open(key, settings)
            # layer and network are not part of the key, and plans older than checksums have no other protection
            if (existing.layer, existing.network) != (layer, _about(network)):
                raise Damaged(folder / PLAN_FILE, f"doesn't describe {network.name} as it is", REMEDY)
            return _share(existing, settings)
        except Damaged as error:
            set_aside(error.path, str(error), settings)
    with writing(folder):
        rows = _rows(config, network, patch, images, progress)
        about = {
            "network": _about(network),
            "layer": dataclasses.asdict(layer),
            "centre": patch.centre,
            "effective_centre": dataclasses.asdict(measured),
        }
        _write_plan(folder, config, about, images, rows)
    return _share(ExtractionPlan.open(key, settings), settings)


def _share(existing: ExtractionPlan, settings: Settings) -> ExtractionPlan:
    """Copy a plan to the shared store, or take the one that is there: machines must extract by the same plan."""
    shared = shared_document(existing.folder / PLAN_FILE, settings)
    if shared and document_sha256(shared[1]) != existing.sha256:
        for name in (PLAN_FILE, *shared[1]["files"]):
            set_aside(existing.folder / name, "the shared store has another plan of this set", settings)
        return ExtractionPlan.open(existing.key, settings)
    tables = read_document(existing.folder / PLAN_FILE, REMEDY)["files"]
    share([existing.folder / name for name in tables], existing.folder / PLAN_FILE, settings)
    return existing


def _key(config: ExtractionConfig, network: Network, patch: UnitPatch, images: FrameSet) -> str:
    table = images.frames.table
    more: dict[str, Any] = {"labels": Streamed(table["label"])} if "label" in table.columns else {}
    if patch.centre != AT_RECEPTIVE_FIELD:  # keys of all other sets stay as they were before centres were measured
        more["centre"] = patch.centre
    return content_key(
        "activation_set",
        VERSION,
        config=config.model_dump(mode="json", exclude={"centre"}),
        weights_sha256=network.weights_sha256,
        images=Streamed(table.select("image", "source", "name").iter_rows()),
        **more,
    )


def _write_plan(
    folder: Path, config: ExtractionConfig, about: dict[str, Any], images: FrameSet, rows: polars.DataFrame
) -> None:
    """Write the tables, then plan.json; the plan exists once plan.json has been renamed to its name.

    about: what plan.json says beside key, config and files
    """
    tables = {
        "rows.parquet": rows,
        "images.parquet": images.frames.table,
        "quarantine.parquet": polars.DataFrame(images.quarantine, schema=QUARANTINE_SCHEMA, orient="row"),
    }
    document = {
        "key": folder.name,
        "config": config.model_dump(mode="json"),
        **about,
        "files": {name: _write_table(folder / name, table) for name, table in tables.items()},
    }
    write_document(folder / PLAN_FILE, document)


def _about(network: Network) -> dict[str, str | int]:
    return {
        "network": network.name,
        "weights_sha256": network.weights_sha256,
        "input_size": network.input_size,
        "classes": network.classes,
    }
