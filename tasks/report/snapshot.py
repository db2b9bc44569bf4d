"""The published snapshot as the pages read it: rows of the queries in sql/report, and pictures."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from tasks.report.labels import Stimulus, SymmetryType
from tasks.report.text import feature_page, neuron_page, transform_name
from tasks.settings import RESOURCES
from tasks.symmetry.group import DihedralGroup

QUERIES = RESOURCES / "sql" / "report"
PICTURE_NAME_DIGITS = 20  # 80 bits of SHA-256, so that no two pictures of a site share a name
ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class Example:
    """A top example: the file name of its patch, the image and position, the transform, and the activation."""

    patch: str
    image: str
    y: int
    x: int
    transform: str
    activation: float


Examples = dict[tuple[str, int], list[Example]]
"""{(dictionary, feature): its top examples, the strongest first}."""


class Snapshot:
    """The data that several pages share, read once from the published snapshot, and the rows of any query."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.sets = self.rows("activation_sets")
        self.dictionaries = self.rows("dictionaries")
        for dictionary in self.dictionaries:
            dictionary["group"] = DihedralGroup(dictionary["n_rotations"], dictionary["reflections"])
        self.features = self.rows("features")
        for feature in self.features:
            feature["symmetry"] = SymmetryType(feature["type"])

    def stream(self, query: str, **parameters: Any) -> Iterator[dict]:
        """Yield the rows of a query, which are fetched in parts to limit the memory."""
        cursor = self.connection.cursor().execute(
            (QUERIES / f"{query}.sql").read_text(encoding="utf-8"), parameters or None
        )
        names = [column[0] for column in cursor.description]
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            for row in rows:
                yield dict(zip(names, row, strict=True))

    def rows(self, query: str, **parameters: Any) -> list[dict]:
        return list(self.stream(query, **parameters))

    def rows_with_pictures(self, query: str, folder: Path, *pictures: str, **parameters: Any) -> list[dict]:
        """As `rows`, but write the pictures of these columns into a folder and return their file names instead."""
        return [
            row | {column: written_once(row[column], folder) for column in pictures}
            for row in self.stream(query, **parameters)
        ]

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

    def unit_page(self, unit_set: dict, unit: int) -> str:
        """Return the path, from the site's root, of the page of a neuron or feature of a tuned unit set."""
        if unit_set["kind"] == "neurons":
            return f"neurons/{neuron_page(unit_set['activation_set_id'], unit)}"
        return f"features/{feature_page(unit_set['dictionary_id'], unit)}"

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

    def export_examples(self, folder: Path) -> Examples:
        """Write every distinct patch of a top example once; return the examples of each feature."""
        examples = defaultdict(list)
        for row in self.stream("examples"):
            dictionary, patch = row["dictionary_id"], written_once(row["patch"], folder)
            transform = transform_name(self.dictionary[dictionary]["group"], row["element"])
            example = Example(patch, row["image_id"], row["y"], row["x"], transform, row["activation"])
            examples[dictionary, row["feature"]].append(example)
        return examples


def written_once(picture: bytes, folder: Path) -> str:
    """Write a WebP file named by its SHA-256 unless it exists; return the name without its extension."""
    name = hashlib.sha256(picture).hexdigest()[:PICTURE_NAME_DIGITS]
    file = folder / f"{name}.webp"
    if not file.exists():
        file.write_bytes(picture)
    return name
