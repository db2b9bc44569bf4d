"""The gallery of all live features, and a page for each."""

import json
from collections import defaultdict
from pathlib import Path

from tasks.progress import Progress
from tasks.report.pages.families import FamilyAnalysis, Memberships, memberships
from tasks.report.pages.feature_details import FeatureDetails
from tasks.report.pages.writer import PageWriter
from tasks.report.snapshot import Examples, Snapshot, written_once
from tasks.report.text import feature_page, profile_code, subgroup_name
from tasks.symmetry.scales import ScaleRange
from tasks.symmetry.transformations import Transformations

PROGRESS_EVERY = 100


def write_features(
    writer: PageWriter, snapshot: Snapshot, examples: Examples, analyses: list[FamilyAnalysis], progress: Progress
) -> None:
    """Write the gallery and the pages of the features. progress: in pages."""
    belongs = memberships(analyses)
    (writer.folder / "assets/features.js").write_text(gallery_script(snapshot, examples, belongs), encoding="utf-8")
    writer.write("features.html", "features.html")
    pictures = export_visualisations(snapshot, writer.folder / "optimised")
    details = FeatureDetails(snapshot, writer.folder / "frames")
    total = len(snapshot.features)
    for done, feature in enumerate(snapshot.features, start=1):
        key = feature["dictionary_id"], feature["feature"]
        dictionary = snapshot.dictionary[feature["dictionary_id"]]
        writer.write(
            f"features/{feature_page(*key)}",
            "feature.html",
            feature=feature,
            dictionary=dictionary,
            numbers=feature_numbers(feature, dictionary["group"], snapshot.floor) if feature["profile"] else None,
            tuning=snapshot.tuning.get((feature["tuning_subject"], feature["feature"])),
            pictures=pictures[key],
            belongs=belongs[key],
            details=details.of(feature, examples[key]),
        )
        if done % PROGRESS_EVERY == 0 or done == total:
            progress(done, total)


def export_visualisations(snapshot: Snapshot, folder: Path) -> dict[tuple[str, int], dict[str, str]]:
    """Write the optimised images; return {(dictionary, feature): {direction: file name}}."""
    pictures: defaultdict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for row in snapshot.stream("visualisations"):
        pictures[row["dictionary_id"], row["feature"]][row["direction"]] = written_once(row["picture"], folder)
    return pictures


def gallery_script(snapshot: Snapshot, examples: Examples, belongs: Memberships) -> str:
    """Return JavaScript that defines GALLERY; a column for each field keeps thousands of features small."""
    features = snapshot.features
    place: dict[str, dict] = {
        "dictionary_id": {key: index for index, key in enumerate(snapshot.dictionary)},
        "type": {symmetry.name: index for index, symmetry in enumerate(snapshot.types)},
        "stabiliser": {None: None} | {name: index for index, name in enumerate(snapshot.stabilisers)},
        "stimulus_type": {None: None} | {stimulus.name: index for index, stimulus in enumerate(snapshot.stimuli)},
    }

    def rounded(name: str) -> list[float | None]:
        return [None if feature[name] is None else float(f"{feature[name]:.4g}") for feature in features]

    def families(feature: dict) -> list[int]:
        entries = belongs[feature["dictionary_id"], feature["feature"]]
        return sorted({family.number for _, _, family in entries if family})

    gallery = {
        "floor": snapshot.floor,
        "types": [
            {"name": symmetry.name, "label": symmetry.label, "class": symmetry.css_class} for symmetry in snapshot.types
        ],
        "dictionaries": [
            {
                "short": key[:12],
                "label": dictionary["dictionary_label"],
                "name": snapshot.short_labels[key],
                **transforms(dictionary["group"]),
            }
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
            "patches": [len(examples[feature["dictionary_id"], feature["feature"]]) for feature in features],
            "families": [families(feature) for feature in features],
        }
        | {name: [places[feature[name]] for feature in features] for name, places in place.items()},
    }
    return f"const GALLERY = {json.dumps(gallery, separators=(',', ':'), allow_nan=False)};\n"


def transforms(group: Transformations) -> dict:
    """Return what plots need to know of a feature's transforms: what they are, and their angles or scales."""
    kind = {} if group.transformations == "rotations" else {"kind": group.transformations}
    scales = {"scales": group.scales_per_octave} if isinstance(group, ScaleRange) else {}
    return {"rotations": group.n_rotations} | kind | scales


def feature_numbers(feature: dict, group: Transformations, floor: float) -> dict:
    """Return the data of a feature page's plots; a profile over scales has no harmonics."""
    numbers = {
        "floor": floor,
        **transforms(group),
        "order": feature["rotational_order"],
        "profile": [round(value, 4) for value in feature["profile"]],
        "norms": [float(f"{value:.4g}") for value in feature["norms"]],
    }
    if feature["harmonics"]:
        numbers["harmonics"] = [float(f"{value:.4g}") for value in feature["harmonics"]]
    return numbers
