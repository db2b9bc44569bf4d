"""Details on a feature's page: histogram, examples by quantile, heat-maps, neurons, matches, effect on the logits.

Rows are streamed in the order of the features, and pictures of one feature alone are part of its page, so that
thousands of features need neither memory nor files. A browser draws the plots from the page's JSON, which is also what
it offers for download.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from tasks.report.snapshot import Example, Snapshot, written_once
from tasks.report.text import feature_page, transform_name

Key = tuple[str, int]
SHOWN = (
    *("feature", "density", "mean_activation", "max_activation", "confidence", "rotational_order", "stabiliser"),
    *("stimulus_type", "stimulus_confidence", "neighbours"),
)
"""Columns of `Snapshot.features` that a page's JSON has."""
SHOWN_OF_EXAMPLES = ("image", "y", "x", "activation")


@dataclass(frozen=True)
class Details:
    """What the template shows of one feature.

    quantiles: quantile, patch (a data URI), image, y, x, activation and, if there is one, transform of each example
    maps: frame (a file name), picture (a data URI), box (left, top, width and height in per cent of the frame), mark
    (left and top of the example, or None outside the frame), image, transform, activation and maximum
    numbers: the page's JSON
    """

    quantiles: list[dict]
    maps: list[dict]
    numbers: dict[str, Any]


class FeatureDetails:
    """The details of all features, streamed. Ask for each feature once, in the order of `Snapshot.features`."""

    def __init__(self, snapshot: Snapshot, folder: Path) -> None:
        """folder: where the images are written that heat-maps are shown over."""
        self.snapshot = snapshot
        self._frames = _export_frames(snapshot, folder)
        self._lists = _InOrder(snapshot.stream("feature_details"))
        self._quantiles = _InOrder(snapshot.stream("quantile_examples"))
        self._maps = _InOrder(snapshot.stream("heat_maps"))

    def of(self, feature: dict, top: list[Example]) -> Details:
        """Return the details of a row of `Snapshot.features`. top: its strongest examples, for the JSON."""
        key = feature["dictionary_id"], feature["feature"]
        quantiles = [self._quantile(row) for row in self._quantiles.of(key)]
        maps = [self._map(row) for row in self._maps.of(key)]
        lists = next(iter(self._lists.of(key)), {})
        return Details(quantiles, maps, self._numbers(feature, lists, top, quantiles, maps))

    def _transform(self, row: dict) -> dict:
        """Name the transform of an example, in a dictionary whose rows were transformed."""
        dictionary = self.snapshot.dictionary[row["dictionary_id"]]
        return (
            {"transform": transform_name(dictionary["group"], row["element"])} if dictionary["seen_under"] > 1 else {}
        )

    def _quantile(self, row: dict) -> dict:
        return {
            **{name: row[name] for name in ("quantile", "image", "y", "x", "activation")},
            **self._transform(row),
            "patch": data_uri(row["patch"], "webp"),
        }

    def _map(self, row: dict) -> dict:
        side, stride = row["side_px"], row["stride_px"]
        left, top = (100 * (row[f"first_{axis}_px"] - stride / 2) / side for axis in "xy")
        mark = [100 * row[f"{axis}_px"] / side for axis in "xy"]
        return {
            **{name: row[name] for name in ("image", "activation", "maximum")},
            **self._transform(row),
            "is_transformed": row["element"] != 0,
            "frame": self._frames[row["activation_set_id"], row["image_id"]],
            "picture": data_uri(row["picture"], "png"),
            "box": [left, top, 100 * row["map_columns"] * stride / side, 100 * row["map_rows"] * stride / side],
            "mark": mark if all(0 <= place <= 100 for place in mark) else None,
            "y": row["y_px"],
            "x": row["x_px"],
        }

    def _numbers(
        self, feature: dict, lists: dict, top: list[Example], quantiles: list[dict], maps: list[dict]
    ) -> dict[str, Any]:
        dictionary = self.snapshot.dictionary[feature["dictionary_id"]]
        of_examples = (*SHOWN_OF_EXAMPLES, "transform") if dictionary["seen_under"] > 1 else SHOWN_OF_EXAMPLES
        return {
            "dictionary_id": feature["dictionary_id"],
            **{name: dictionary[name] for name in ("dictionary_label", "network", "layer")},
            **{name: feature[name] for name in SHOWN},
            "symmetry_type": feature["type"],
            "top_examples": [{name: getattr(example, name) for name in of_examples} for example in top],
            "examples_by_quantile": [{name: row[name] for name in row if name != "patch"} for row in quantiles],
            "heat_maps": [{name: row[name] for name in ("image", "y", "x", "activation", "maximum")} for row in maps],
            "histogram": lists.get("histogram") or [],
            "neurons": lists.get("neurons") or [],
            "matches": [self._match(match) for match in lists.get("matches") or []],
            "logit_effects": lists.get("effects") or [],
        }

    def _match(self, match: dict) -> dict:
        has_page = match.pop("has_page")
        return match | ({"page": feature_page(match["dictionary_id"], match["feature"])} if has_page else {})


class _InOrder:
    """Rows in the order of (dictionary_id, feature), read one feature at a time."""

    def __init__(self, rows: Iterator[dict]) -> None:
        self._groups = groupby(rows, key=lambda row: (row["dictionary_id"], row["feature"]))
        self._advance()

    def _advance(self) -> None:
        key, rows = next(self._groups, (None, ()))
        self._next: tuple[Key | None, list[dict]] = key, list(rows)

    def of(self, key: Key) -> list[dict]:
        """Return the rows of a feature, and forget those of the features before it."""
        while self._next[0] is not None and self._next[0] < key:
            self._advance()
        return self._next[1] if self._next[0] == key else []


def _export_frames(snapshot: Snapshot, folder: Path) -> dict[tuple[str, str], str]:
    """Write each image once; return {(activation set, image): file name}."""
    folder.mkdir(exist_ok=True)
    return {
        (row["activation_set_id"], row["image_id"]): written_once(row["picture"], folder)
        for row in snapshot.stream("image_frames")
    }


def data_uri(picture: bytes, kind: str) -> str:
    """Return a picture as an address that contains it. kind: webp or png."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
