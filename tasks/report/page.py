"""The atlas: a static site, written from the published snapshot alone, that a browser opens from disk."""

import base64
import fcntl
import hashlib
import json
import math
import os
import re
import shutil
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from tasks.dictionary.methods import METHODS
from tasks.errors import UserError
from tasks.migrations import schema_version
from tasks.progress import Progress, silent
from tasks.report.attacks import FACET_COLUMNS, STATISTICS, VERDICTS, attacks_shown, random_band
from tasks.report.dimensions import IDENTIFIED, OPEN_STRIPS, SOURCES, Picture, dimension_sections, picture_title
from tasks.report.families import (
    SCORES,
    SUBJECTS,
    circle_numbers,
    family_analyses,
    mean_and_std,
    memberships,
    separations,
    small_circle,
    std_numbers,
)
from tasks.report.labels import ATTACKS, Stimulus, SymmetryType
from tasks.report.units import (
    MIXED_PER_DICTIONARY,
    curve_code,
    curve_panels,
    neuron_page,
    shown_neurons,
    tuning_numbers,
)
from tasks.settings import RESOURCES, Settings
from tasks.storage import naming_disk_problems, sync_folder
from tasks.symmetry.group import DihedralGroup
from tasks.warehouse.database import version_of
from tasks.warehouse.snapshot import open_snapshot

HERE = Path(__file__).parent
QUERIES = RESOURCES / "sql" / "report"

LOOK_FIRST_PER_STRIP = 4
MOSAIC_PATCHES = 5
CARD_PATCHES = 4
PATCH_NAME_DIGITS = 20  # 80 bits of SHA-256, so that no two patches of a site share a name
EXAMPLES_AT_ONCE = 2048
PROGRESS_EVERY = 100
WHOLE = ".whole"
"""Empty file that marks a complete version of the site."""

ARCHITECTURES = {"group-crosscoder": "group crosscoder", "sae": "sparse autoencoder"}

SAMPLINGS = {"norm": "large activations over-sampled", "uniform": "sampled uniformly"}


@dataclass(frozen=True)
class Example:
    """A top example: the file name of its patch, the image and position, the transform, and the activation."""

    patch: str
    image: str
    y: int
    x: int
    transform: str
    activation: float


class Snapshot:
    """The data of the pages, read once from the published snapshot."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.sets = self.rows("activation_sets")
        self.dictionaries = self.rows("dictionaries")
        for dictionary in self.dictionaries:
            dictionary["group"] = DihedralGroup(dictionary["n_rotations"], dictionary["reflections"])
        self.features = self.rows("features")
        for feature in self.features:
            feature["symmetry"] = SymmetryType(feature["type"])

    def rows(self, query: str, **parameters: Any) -> list[dict]:
        cursor = self.connection.execute((QUERIES / f"{query}.sql").read_text(encoding="utf-8"), parameters or None)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def rows_with_pictures(self, query: str, folder: Path, *pictures: str, **parameters: Any) -> list[dict]:
        """As `rows`, but write the pictures of these columns into a folder and return their file names instead.

        Rows are fetched in parts, which limits the memory.
        """
        cursor = self.connection.execute((QUERIES / f"{query}.sql").read_text(encoding="utf-8"), parameters or None)
        names = [column[0] for column in cursor.description]
        written = []
        while rows := cursor.fetchmany(EXAMPLES_AT_ONCE):
            for row in (dict(zip(names, row, strict=True)) for row in rows):
                written.append(row | {column: written_once(row[column], folder) for column in pictures})
        return written

    @cached_property
    def dictionary(self) -> dict[str, dict]:
        return {dictionary["dictionary_id"]: dictionary for dictionary in self.dictionaries}

    @cached_property
    def feature(self) -> dict[tuple[str, int], dict]:
        return {(feature["dictionary_id"], feature["feature"]): feature for feature in self.features}

    @cached_property
    def tuning(self) -> dict[tuple[str, int], dict]:
        """Units with stored tuning curves, by (unit set, unit)."""
        return {(unit["unit_set_id"], unit["unit"]): unit for unit in self.rows("unit_tuning")}

    def unit_page(self, subject: dict, unit: int) -> str:
        """Return the path, from the site's root, of the page of a neuron or feature of a tuned unit set."""
        if subject["kind"] == "neurons":
            return f"neurons/{neuron_page(subject['activation_set_id'], unit)}"
        return f"features/{page_name(subject['dictionary_id'], unit)}"

    @cached_property
    def types(self) -> list[SymmetryType]:
        return sorted({feature["symmetry"] for feature in self.features}, key=lambda symmetry: symmetry.rank)

    @cached_property
    def stabilisers(self) -> list[str]:
        names = {feature["stabiliser"] for feature in self.features} - {None}
        return sorted(names, key=lambda name: (name[0], len(name), name))

    @cached_property
    def stimuli(self) -> list[Stimulus]:
        stimuli = {Stimulus(feature["stimulus_type"]) for feature in self.features if feature["stimulus_type"]}
        return sorted(stimuli, key=lambda stimulus: stimulus.rank)

    @cached_property
    def floor(self) -> float:
        """Cosine at the centre of all polar plots: the least of the site, rounded down to a quarter, at most −0.25."""
        least = min((min(feature["profile"]) for feature in self.features if feature["profile"]), default=0.0)
        return min(-0.25, max(-1.0, math.floor(least * 4) / 4))

    def export_patches(self, folder: Path) -> dict[tuple[str, int], list[Example]]:
        """Write every distinct patch once, named by its SHA-256; return the examples of each (dictionary, feature)."""
        examples = defaultdict(list)
        cursor = self.connection.execute((QUERIES / "examples.sql").read_text(encoding="utf-8"))
        while rows := cursor.fetchmany(EXAMPLES_AT_ONCE):
            for dictionary, feature, image, y, x, element, activation, patch in rows:
                transform = transform_name(self.dictionary[dictionary]["group"], element)
                example = Example(written_once(patch, folder), image, y, x, transform, activation)
                examples[dictionary, feature].append(example)
        return examples

    def export_neuron_patches(
        self, folder: Path, shown: set[tuple[str, int]]
    ) -> dict[tuple[str, int, int], list[Example]]:
        """Write the patches of shown (activation set, neuron); return {(dictionary, neuron, feature): examples}."""
        examples = defaultdict(list)
        cursor = self.connection.execute((QUERIES / "neuron_examples.sql").read_text(encoding="utf-8"))
        while rows := cursor.fetchmany(EXAMPLES_AT_ONCE):
            for dictionary, neuron, feature, image, y, x, activation, patch in rows:
                if (self.dictionary[dictionary]["activation_set_id"], neuron) in shown:
                    example = Example(written_once(patch, folder), image, y, x, "as is", activation)
                    examples[dictionary, neuron, feature].append(example)
        return examples

    def export_visualisations(self, folder: Path) -> dict[tuple[str, int], dict[str, str]]:
        """Write the optimised images; return {(dictionary, feature): {direction: file name}}."""
        pictures = defaultdict(dict)
        for row in self.rows("visualisations"):
            name = written_once(row["picture"], folder)
            pictures[row["dictionary_id"], row["feature"]][row["direction"]] = name
        return pictures

    def export_strips(self, folder: Path) -> dict[tuple[str, int, str], list[Picture]]:
        """Write the pictures along dimensions; return {(analysis, dimension, kind): pictures by rising score}."""
        pictures = defaultdict(list)
        cursor = self.connection.execute((QUERIES / "dimension_pictures.sql").read_text(encoding="utf-8"))
        while rows := cursor.fetchmany(EXAMPLES_AT_ONCE):
            for analysis, dimension, kind, *measured, picture in rows:
                shown = Picture(written_once(picture, folder), picture_title(*measured))
                pictures[analysis, dimension, kind].append(shown)
        return pictures


def written_once(picture: bytes, folder: Path) -> str:
    """Write a WebP file named by its SHA-256 unless it exists; return the name without its extension."""
    name = hashlib.sha256(picture).hexdigest()[:PATCH_NAME_DIGITS]
    file = folder / f"{name}.webp"
    if not file.exists():
        file.write_bytes(picture)
    return name


def transform_name(group: DihedralGroup, element: int) -> str:
    """Describe what a group element does to a patch."""
    degrees = f"{group.rotation_degrees(element):.4g}°"
    if not group.is_reflection(element):
        return f"rotated {degrees}" if element else "as is"
    return "mirrored" if element == group.n_rotations else f"mirrored, rotated {degrees}"


def profile_code(profile: list[float] | None) -> str | None:
    """Encode a profile for the thumbnail of its polar plot: a signed byte for each cosine (steps of 1/127), base64."""
    if profile is None:
        return None
    return base64.b64encode(np.rint(np.clip(profile, -1, 1) * 127).astype(np.int8).tobytes()).decode()


def subgroup_name(stabiliser: str | None) -> str | None:
    """Return D_12 as D₁₂."""
    if stabiliser is None:
        return None
    return re.sub(r"_(\d+)", lambda match: match[1].translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")), stabiliser)


def page_name(dictionary: str, feature: int) -> str:
    return f"{dictionary[:12]}-{feature}.html"


def thousands(value: float) -> str:
    return f"{value:,.0f}"


def percent(share: float) -> str:
    return "0 %" if share == 0 else f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.1f} %"


def signed(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def degrees(angle: float) -> str:
    return f"{angle:.0f}°"


def stimuli_named(stimulus_type: str) -> str:
    """Say what a unit of a stimulus type responds to most, to follow "it responds"."""
    return {
        "mixed": "about equally to several kinds",
        "other": "to none nearly as much as to natural images",
        "colour": "most to colours",
        "hatch": "most to hatches",
    }.get(stimulus_type, f"most to {stimulus_type}s")


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def memory(size: float) -> str:
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"


def template_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for helper in (thousands, percent, signed, degrees, duration, memory, subgroup_name, profile_code):
        environment.filters[helper.__name__] = helper
    environment.globals |= {"page_name": page_name, "transform_name": transform_name}
    environment.globals |= {"neuron_page": neuron_page, "tuning_numbers": tuning_numbers, "curve_code": curve_code}
    environment.globals |= {"small_circle": small_circle, "std_numbers": std_numbers, "SCORES": SCORES}
    environment.globals |= {"mean_and_std": mean_and_std, "SUBJECTS": SUBJECTS}
    environment.globals |= {"stimuli_named": stimuli_named, "MIXED_PER_DICTIONARY": MIXED_PER_DICTIONARY}
    environment.globals |= {"IDENTIFIED": IDENTIFIED, "OPEN_STRIPS": OPEN_STRIPS, "SOURCES": SOURCES}
    environment.globals |= {"FACET_COLUMNS": FACET_COLUMNS, "STATISTICS": STATISTICS, "VERDICTS": VERDICTS}
    environment.globals |= {"random_band": random_band, "ATTACKS": ATTACKS}
    environment.globals |= {
        "METHODS": {name: method.label for name, method in METHODS.items()},
        "ARCHITECTURES": ARCHITECTURES,
        "SAMPLINGS": SAMPLINGS,
    }
    return environment


@contextmanager
def swapped_in(site: Path, keep: int = 2) -> Iterator[Path]:
    """Yield an empty folder that becomes `site` when the block ends without an exception.

    `site` is a link into <site>-versions and is replaced by one rename, so a reader finds the old site or the new one,
    never a mix. The newest `keep` versions, the new one included, stay for readers that still have them open.
    UserError when `site` is a folder that Kaleidoscope did not write, when another process is writing it, and when the
    disk is full or read-only.
    """
    if site.exists() and not site.is_symlink():
        raise UserError(f"{site} was not written by `kaleidoscope page` and is not replaced: move it and run again")
    versions = site.with_name(f"{site.name}-versions")
    with naming_disk_problems(site), ExitStack() as opened:
        versions.mkdir(parents=True, exist_ok=True)
        lock = opened.enter_context(open(versions / ".lock", "w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another process is writing {site}: run again when it has finished") from None
        for version in versions.glob("[!.]*"):
            if version != site.resolve() and not (version / WHOLE).exists():
                shutil.rmtree(version)
        fresh = versions / uuid.uuid4().hex
        fresh.mkdir()
        try:
            yield fresh
            (fresh / WHOLE).touch()
            link = fresh / ".link"
            link.symlink_to(fresh.relative_to(site.parent))
            os.replace(link, site)
        except BaseException:
            shutil.rmtree(fresh)
            raise
        sync_folder(site.parent)
        for version in old_sites(site, keep):
            shutil.rmtree(version)


def old_sites(site: Path, keep: int) -> list[Path]:
    """Return complete versions of the site beyond the `keep` to be kept: the current one, then the newest."""
    shown = site.resolve()
    versions = site.with_name(f"{site.name}-versions").glob("[!.]*")
    whole = [version for version in versions if version == shown or (version / WHOLE).exists()]
    return sorted(whole, key=lambda version: (version != shown, -version.stat().st_mtime))[keep:]


def gallery_script(snapshot: Snapshot, examples: dict[tuple[str, int], list[Example]]) -> str:
    """Return JavaScript that defines GALLERY; a column for each field keeps thousands of features small."""
    features = snapshot.features
    place = {
        "dictionary_id": {key: index for index, key in enumerate(snapshot.dictionary)},
        "type": {symmetry.name: index for index, symmetry in enumerate(snapshot.types)},
        "stabiliser": {None: None} | {name: index for index, name in enumerate(snapshot.stabilisers)},
        "stimulus_type": {None: None} | {stimulus.name: index for index, stimulus in enumerate(snapshot.stimuli)},
    }

    def rounded(name: str) -> list[float | None]:
        return [None if feature[name] is None else float(f"{feature[name]:.4g}") for feature in features]

    def patches(feature: dict) -> str:
        return " ".join(
            example.patch for example in examples[feature["dictionary_id"], feature["feature"]][:CARD_PATCHES]
        )

    gallery = {
        "floor": snapshot.floor,
        "types": [
            {"name": symmetry.name, "label": symmetry.label, "class": symmetry.css_class} for symmetry in snapshot.types
        ],
        "dictionaries": [
            {"short": key[:12], "rotations": dictionary["n_rotations"]}
            for key, dictionary in snapshot.dictionary.items()
        ],
        "stimuli": [stimulus.name for stimulus in snapshot.stimuli],
        "stabilisers": [{"name": name, "label": subgroup_name(name)} for name in snapshot.stabilisers],
        "columns": {
            "feature": [feature["feature"] for feature in features],
            "order": [feature["rotational_order"] for feature in features],
            "density": rounded("density"),
            "max": rounded("max_activation"),
            "confidence": rounded("confidence"),
            "invariance": rounded("invariance"),
            "mirror": rounded("mirror"),
            "profile": [profile_code(feature["profile"]) for feature in features],
            "patches": [patches(feature) for feature in features],
        }
        | {name: [places[feature[name]] for feature in features] for name, places in place.items()},
    }
    return f"const GALLERY = {json.dumps(gallery, separators=(',', ':'), allow_nan=False)};\n"


def feature_numbers(feature: dict, group: DihedralGroup, floor: float) -> dict:
    """Return the data of a feature page's plots."""
    return {
        "floor": floor,
        "rotations": group.n_rotations,
        "order": feature["rotational_order"],
        "profile": [round(value, 4) for value in feature["profile"]],
        "norms": [float(f"{value:.4g}") for value in feature["norms"]],
        "harmonics": [float(f"{value:.4g}") for value in feature["harmonics"]],
    }


def type_counts(snapshot: Snapshot) -> list[dict]:
    """Count the features of each symmetry type, for every dictionary with transform blocks."""
    counted = []
    for dictionary in snapshot.dictionaries:
        names = [
            feature["type"] for feature in snapshot.features if feature["dictionary_id"] == dictionary["dictionary_id"]
        ]
        types = [(symmetry, names.count(symmetry.name)) for symmetry in snapshot.types if symmetry.name in names]
        if dictionary["group_order"] > 1 and types:
            counted.append({"dictionary": dictionary, "types": types, "total": len(names)})
    return counted


def look_first(snapshot: Snapshot) -> dict[str, list[dict]]:
    """Return a few features to look at first, by symmetry type, and by dictionary for those on untransformed rows."""
    strips = defaultdict(list)
    for row in snapshot.rows("look_first", per_strip=LOOK_FIRST_PER_STRIP):
        strips[row["strip"]].append(snapshot.feature[row["dictionary_id"], row["feature"]])
    return strips


def early_vision(snapshot: Snapshot) -> list[tuple[dict, list[dict]]]:
    """Return, for each layer with untransformed rows, its first activation set and all dictionaries on its sets."""
    layers = {}
    for activation_set in snapshot.sets:
        if activation_set["group_order"] == 1:
            layer = activation_set["network"], activation_set["layer"]
            _, dictionaries = layers.setdefault(layer, (activation_set, []))
            dictionaries += [
                dictionary
                for dictionary in snapshot.dictionaries
                if dictionary["activation_set_id"] == activation_set["activation_set_id"]
            ]
    return [(activation_set, dictionaries) for activation_set, dictionaries in layers.values() if dictionaries]


def least_density(snapshot: Snapshot) -> int:
    """Return the power of ten at which all density histograms of the site begin."""
    bins = [
        half_decade["log10"] for dictionary in snapshot.dictionaries for half_decade in dictionary["densities"] or []
    ]
    return math.floor(min(bins, default=-1))


def mosaic_patches(
    strips: dict[str, list[dict]], examples: dict[tuple[str, int], list[Example]], folder: Path
) -> list[str]:
    """Return the most colourful patches of the features to look at first, for the kaleidoscope of the overview."""

    def chroma(patch: str) -> float:
        with Image.open(folder / f"{patch}.webp") as picture:
            return float(np.ptp(np.asarray(picture.convert("RGB")), axis=2).mean())

    features = (feature for strip in strips.values() for feature in strip)
    top_examples = (examples[feature["dictionary_id"], feature["feature"]][:1] for feature in features)
    patches = dict.fromkeys(example.patch for top in top_examples for example in top)
    return sorted(patches, key=chroma, reverse=True)[:MOSAIC_PATCHES]


def write_site(settings: Settings, progress: Progress = silent) -> Path:
    """Write the site of the published snapshot and return its index.html.

    progress: in pages of live features. Raises UserError as `open_snapshot` and `swapped_in`, and when another version
    of Kaleidoscope published the snapshot.
    """
    with open_snapshot(settings.published_file) as connection:
        if (version := version_of(connection)) != schema_version():
            raise UserError(
                f"{settings.published_file} has tables of schema version {version}, the page needs version "
                f"{schema_version()}: run `kaleidoscope run publish`"
            )
        with swapped_in(settings.site_dir, settings.keep_sites) as folder:
            write_pages(Snapshot(connection), folder, progress)
    return settings.site_dir / "index.html"


def write_pages(snapshot: Snapshot, folder: Path, progress: Progress) -> None:
    """Write all files of the site into an empty folder."""
    shutil.copytree(HERE / "static", folder / "assets")
    for name in ("patches", "optimised", "features", "neurons", "families", "dimensions", "attacks"):
        (folder / name).mkdir()
    examples = snapshot.export_patches(folder / "patches")
    pictures = snapshot.export_visualisations(folder / "optimised")
    panels = curve_panels(snapshot)
    neurons = shown_neurons(snapshot, panels, folder / "patches")
    analyses = family_analyses(snapshot)
    dimensions = dimension_sections(snapshot, folder / "dimensions")
    attacks = attacks_shown(snapshot, folder / "attacks")
    templates = template_environment()
    shared = {
        "snapshot": snapshot,
        "examples": examples,
        "panels": panels,
        "neurons": neurons,
        "analyses": analyses,
        "dimensions": dimensions,
        "attacks": attacks,
    }

    def write(path: str, template: str, **values: Any) -> None:
        (folder / path).write_text(templates.get_template(template).render(shared | values), encoding="utf-8")

    write("assets/types.css", "types.css")
    (folder / "assets/features.js").write_text(gallery_script(snapshot, examples), encoding="utf-8")
    strips = look_first(snapshot)
    write(
        "index.html",
        "index.html",
        strips=strips,
        layers=early_vision(snapshot),
        least_density=least_density(snapshot),
        mosaic=mosaic_patches(strips, examples, folder / "patches"),
        type_counts=type_counts(snapshot),
        images=snapshot.rows("images"),
        quarantine=snapshot.rows("quarantine"),
        audits=snapshot.rows("audits"),
        runs=snapshot.rows("runs"),
    )
    write("features.html", "features.html")
    if panels:
        write("curves.html", "curves.html")
    if dimensions:
        write("dimensions.html", "dimensions.html")
    if attacks:
        write("attacks.html", "attacks.html")
    if neurons.mixed:
        write("neurons.html", "neurons.html")
    layers = separations(snapshot, analyses)
    for analysis in analyses:
        write(
            analysis.page,
            "families.html",
            analysis=analysis,
            separations=layers,
            map_numbers=analysis.map(snapshot, examples),
        )
        for before, family, after in zip(
            [None, *analysis.families], analysis.families, [*analysis.families[1:], None], strict=False
        ):
            write(
                family.page,
                "family.html",
                analysis=analysis,
                family=family,
                before=before,
                after=after,
                circle=circle_numbers(family, examples),
            )
    sets = {activation_set["activation_set_id"]: activation_set for activation_set in snapshot.sets}
    for key, neuron in neurons.shown:
        write(
            f"neurons/{neuron_page(key, neuron)}",
            "neuron.html",
            set=sets[key],
            neuron=neuron,
            mixtures=neurons.mixtures.get((key, neuron), []),
            tuning=snapshot.tuning.get((neurons.detectors.get((key, neuron)), neuron)),
        )
    belongs = memberships(analyses)
    total = len(snapshot.features)
    for done, feature in enumerate(snapshot.features, start=1):
        dictionary = snapshot.dictionary[feature["dictionary_id"]]
        write(
            f"features/{page_name(feature['dictionary_id'], feature['feature'])}",
            "feature.html",
            feature=feature,
            dictionary=dictionary,
            numbers=feature_numbers(feature, dictionary["group"], snapshot.floor) if feature["profile"] else None,
            tuning=snapshot.tuning.get((feature["tuning_subject"], feature["feature"])),
            pictures=pictures[feature["dictionary_id"], feature["feature"]],
            belongs=belongs[feature["dictionary_id"], feature["feature"]],
        )
        if done % PROGRESS_EVERY == 0 or done == total:
            progress(done, total)
