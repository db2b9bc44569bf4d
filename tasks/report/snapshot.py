"""The published snapshot as the pages read it: rows of the queries in sql/report, and pictures."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from tasks.report.labels import Stimulus, SymmetryType
from tasks.report.sheets import SheetWriter
from tasks.report.text import feature_name, feature_page, neuron_page, transform_name
from tasks.settings import RESOURCES
from tasks.symmetry.transformations import from_stored

QUERIES = RESOURCES / "sql" / "report"
PICTURE_NAME_DIGITS = 20  # 80 bits of SHA-256, so that no two pictures of a site share a name
ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class Example:
    """A top example: its patch, the image and position, the transform, and the activation.

    sheet: name of the sheet with the patch; place: number of the patch in it, from 0, of `patches`.
    """

    sheet: str
    place: int
    patches: int
    image: str
    y: int
    x: int
    transform: str
    activation: float

    @property
    def at(self) -> str:
        """CSS object-position of its patch, where the sheet is as high as a box and covers it."""
        return f"{100 * self.place / (self.patches - 1):.5g}%" if self.place else "0"


Examples = dict[tuple[str, int], list[Example]]
"""{(dictionary, feature): its top examples, the strongest first}."""


class Snapshot:
    """The data that several pages share, read once from the published snapshot, and the rows of any query."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.sets = self.rows("activation_sets")
        self.dictionaries = self.rows("dictionaries")
        for dictionary in self.dictionaries:
            dictionary["group"] = from_stored(dictionary)
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
    def short_labels(self) -> dict[str, str]:
        """{dictionary: its label, without the network where all have the same}."""
        networks = {dictionary["network"] for dictionary in self.dictionaries}
        return {
            dictionary["dictionary_id"]: dictionary["dictionary_label"].removeprefix(
                f"{dictionary['network']} " if len(networks) == 1 else ""
            )
            for dictionary in self.dictionaries
        }

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

    def examples(self) -> Examples:
        """Return the top examples of each live feature that has any."""
        examples: Examples = {}
        for (dictionary, feature), top in self._by_feature("examples"):
            group = self.dictionary[dictionary]["group"]
            examples[dictionary, feature] = [
                Example(
                    feature_name(dictionary, feature),
                    place,
                    len(top),
                    row["image_id"],
                    row["y"],
                    row["x"],
                    transform_name(group, row["element"]),
                    row["activation"],
                )
                for place, row in enumerate(top)
            ]
        return examples

    def write_sheets(self, sheets: SheetWriter) -> None:
        """Write the sheet of each feature in `examples`: its patches, in their order."""
        for (dictionary, feature), top in self._by_feature("example_patches"):
            sheets.add(feature_name(dictionary, feature), [row["patch"] for row in top])

    def _by_feature(self, query: str) -> Iterator[tuple[tuple[str, int], list[dict]]]:
        """Yield each feature, as (dictionary, feature), with its rows of a query that is in the order of features."""
        for key, rows in groupby(self.stream(query), key=lambda row: (row["dictionary_id"], row["feature"])):
            yield key, list(rows)


def written_once(picture: bytes, folder: Path) -> str:
    """Write a WebP file named by its SHA-256 unless it exists; return the name without its extension."""
    name = hashlib.sha256(picture).hexdigest()[:PICTURE_NAME_DIGITS]
    file = folder / f"{name}.webp"
    if not file.exists():
        file.write_bytes(picture)
    return name
