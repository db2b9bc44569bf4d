"""The overview: findings, counts of symmetry types, notable features, dictionaries, layers, data and runs."""

import math
from collections import defaultdict
from pathlib import Path

import numpy as np

from tasks.report.pages.findings import Finding
from tasks.report.pages.writer import PageWriter
from tasks.report.sheets import first_patch
from tasks.report.snapshot import Examples, Snapshot

NOTABLE_PER_STRIP = 4
MOSAIC_PATCHES = 5


def write_overview(writer: PageWriter, snapshot: Snapshot, examples: Examples, findings: list[Finding]) -> None:
    strips = notable_features(snapshot)
    writer.write(
        "index.html",
        "index.html",
        findings=findings,
        strips=strips,
        layers=early_vision(snapshot),
        least_density=least_density(snapshot),
        mosaic=mosaic_patches(strips, examples, writer.folder / "patches"),
        type_counts=type_counts(snapshot),
        images=snapshot.rows("images"),
        quarantine=snapshot.rows("quarantine"),
        audits=snapshot.rows("audits"),
        runs=snapshot.rows("runs"),
    )


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


def notable_features(snapshot: Snapshot) -> dict[str, list[dict]]:
    """Return a few notable features, by symmetry type, and by dictionary for those on untransformed rows."""
    strips = defaultdict(list)
    for row in snapshot.rows("notable_features", per_strip=NOTABLE_PER_STRIP):
        strips[row["strip"]].append(snapshot.feature[row["dictionary_id"], row["feature"]])
    return strips


def early_vision(snapshot: Snapshot) -> list[tuple[dict, list[dict]]]:
    """Return, for each layer with untransformed rows, its first activation set and all dictionaries on its sets."""
    layers: dict[tuple[str, str], tuple[dict, list[dict]]] = {}
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


def mosaic_patches(strips: dict[str, list[dict]], examples: Examples, folder: Path) -> list[str]:
    """Return the sheets of the notable features with the most colourful first patches, for the kaleidoscope."""

    def chroma(sheet: str) -> float:
        return float(np.ptp(np.asarray(first_patch(folder / f"{sheet}.webp")), axis=2).mean())

    features = (feature for strip in strips.values() for feature in strip)
    top_examples = (examples[feature["dictionary_id"], feature["feature"]][:1] for feature in features)
    sheets = dict.fromkeys(example.sheet for top in top_examples for example in top)
    return sorted(sheets, key=chroma, reverse=True)[:MOSAIC_PATCHES]
