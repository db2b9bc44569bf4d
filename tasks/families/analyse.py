"""The families of one dictionary, as frames for the warehouse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars
import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.dictionary.base import Dictionary
from tasks.dictionary.store import describe, load_dictionary
from tasks.errors import UserError
from tasks.families.config import FamiliesConfig
from tasks.families.distance import OrbitSpectra, orbit_distances
from tasks.families.feature_responses import FeatureResponses, feature_responses
from tasks.families.grouping import MAP_DIMENSIONS, check_enough, embed, group_features
from tasks.families.orientations import Family, describe_family
from tasks.families.pairs import family_pairs
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.symmetry.group import DihedralGroup

CODE_VERSION = 1
MEMBERS_SCHEMA = {
    "place": polars.Int64,
    "element": polars.Int32,
    "orientation_degrees": polars.Float64,
    "mirrored": polars.Boolean,
    "similarity": polars.Float64,
}
COUNTS = ("families", "features", "clustered")
"""Scores that an analysis tells of itself."""
TRIVIAL = DihedralGroup(1, reflections=False)


@dataclass(frozen=True)
class Subject:
    """The live features of a dictionary, under the group that they are compared under.

    features [m]: their numbers; blocks_mgd float32 [m, |H|, d]; elements [|H|]: what the group's elements are in the
    group of the activation set.
    """

    dictionary: Dictionary
    acts: ActivationSet
    group: DihedralGroup
    elements: np.ndarray
    feature_responses: FeatureResponses
    features: np.ndarray
    blocks_mgd: Tensor


def subject(key: str, n_rotations: int | None, settings: Settings, progress: Progress = silent) -> Subject:
    """Load a dictionary's live features. progress: in shards.

    UserError for a dictionary of a group that has no subgroup with so many rotations, and for one without a live
    feature.
    """
    acts = ActivationSet.open(describe(key, settings)["activation_set"], settings)
    dictionary = load_dictionary(key, settings)
    group, elements = TRIVIAL, TRIVIAL.elements
    if dictionary.is_crosscoder:
        try:
            group, elements = acts.group.subgroup(n_rotations or acts.group.n_rotations)
        except UserError as error:
            raise UserError(f"dictionary {key[:12]} was trained on {acts.group.name}: {error}") from None
    found = feature_responses(dictionary, acts, settings, progress)
    if not len(found.live):
        raise UserError(
            f"dictionary {key[:12]} is dead: none of its {len(found.maxima_m)} features fires on any row; "
            "train it with a lower sparsity or learning_rate"
        )
    blocks_mgd = dictionary.blocks()[torch.from_numpy(found.live)][:, torch.from_numpy(elements)].contiguous()
    return Subject(dictionary, acts, group, elements, found, found.live, blocks_mgd)


def analyse_families(dictionary: str, config: FamiliesConfig, settings: Settings, progress: Progress = silent) -> str:
    """Frames of `family_analyses`, `family_shapes`, `feature_families` and `family_pairs`; returns their key.

    Done once per dictionary and config. progress: in thousandths. UserError as `subject` and `group_features`.
    """
    key = content_key("families", CODE_VERSION, dictionary=dictionary, config=config)
    if is_staged(key, settings):
        return key
    found = subject(dictionary, config.n_rotations, settings, part_of(progress, 0, 200))
    check_enough(len(found.features), config)
    distance_mm, element_mm = orbit_distances(found.blocks_mgd, found.group, part_of(progress, 200, 600))
    family_m, strength_m = group_features(distance_mm, config)
    map_m2 = embed(distance_mm, MAP_DIMENSIONS, config)
    progress(700, 1000)
    spectra = OrbitSpectra(found.blocks_mgd, found.group)
    families = [
        describe_family(np.flatnonzero(family_m == family), distance_mm, found.blocks_mgd, spectra)
        for family in range(family_m.max() + 1)
    ]
    progress(800, 1000)
    tables = {
        "family_analyses": polars.DataFrame(
            {
                "family_analysis_id": key,
                "dictionary_id": dictionary,
                "n_rotations": found.group.n_rotations,
                "reflections": found.group.reflections,
                "group_order": found.group.order,
                "neighbours": config.neighbours,
                "min_family_size": config.min_family_size,
                "seed": config.seed,
                "features": len(found.features),
                "families": len(families),
            }
        ),
        "family_shapes": _shapes_table(key, families, found.features),
        "feature_families": _features_table(key, families, found, family_m, strength_m, map_m2),
    }
    if found.group.order > 1:
        pairs = family_pairs(
            found.dictionary,
            found.acts,
            found.elements,
            found.features,
            family_m,
            element_mm,
            1 - distance_mm,
            part_of(progress, 800, 1000),
        )
        tables["family_pairs"] = pairs.select(polars.lit(key).alias("family_analysis_id"), *pairs.columns)
    stage_tables(key, tables, settings)
    progress(1000, 1000)
    return key


def _shapes_table(key: str, families: Sequence[Family], features: np.ndarray) -> polars.DataFrame:
    number = polars.Float64
    numbers = polars.List(number)
    rows = [
        (
            key, place, len(each.members), int(features[each.prototype]), each.type, each.period_degrees,
            each.stabiliser, float(each.similarity.mean()), each.reach_degrees, each.evenness, each.covered,
            None if each.missing_orientations is None else len(each.missing_orientations),
            *(
                None if values is None else values.tolist()
                for values in (each.missing_orientations, each.profile, each.profile_low, each.profile_high)
            ),
        )
        for place, each in enumerate(families)
    ]  # fmt: skip
    schema = {
        "family_analysis_id": polars.String, "family": polars.Int32, "size": polars.Int32, "prototype": polars.Int32,
        "type": polars.String, "period_degrees": number, "stabiliser": polars.String, "mean_similarity": number,
        "reach_degrees": number, "evenness": number, "covered": number, "missing_members": polars.Int32,
        "missing_orientations": numbers, "profile": numbers, "profile_low": numbers, "profile_high": numbers,
    }  # fmt: skip
    return polars.DataFrame(rows, schema=schema, orient="row")


def _features_table(
    key: str,
    families: Sequence[Family],
    found: Subject,
    family_m: np.ndarray,
    strength_m: np.ndarray,
    map_m2: np.ndarray,
) -> polars.DataFrame:
    members = polars.concat([polars.DataFrame(schema=MEMBERS_SCHEMA), *map(_members_table, families)])
    types, confidence = found.feature_responses.types_m, found.feature_responses.confidence_m
    return (
        polars.DataFrame(
            {
                "family_analysis_id": key,
                "place": np.arange(len(found.features)),
                "feature": found.features,
                "family": polars.Series(family_m).replace(-1, None),
                "strength": strength_m,
                "map_x": map_m2[:, 0],
                "map_y": map_m2[:, 1],
                "stimulus_type": None if types is None else types[found.features].tolist(),
                "stimulus_confidence": None if confidence is None else confidence[found.features],
            },
            schema_overrides={"stimulus_type": polars.String, "stimulus_confidence": polars.Float64},
        )
        .join(members, on="place", how="left", maintain_order="left")
        .drop("place")
    )


def _members_table(family: Family) -> polars.DataFrame:
    """MEMBERS_SCHEMA of one family."""
    return polars.DataFrame(
        {
            "place": family.members,
            "element": family.elements,
            "orientation_degrees": family.orientations,
            "mirrored": family.mirrored,
            "similarity": family.similarity,
        },
        schema=MEMBERS_SCHEMA,
    )


def family_metrics(tables: Mapping[str, polars.DataFrame]) -> dict[str, float]:
    """What a run tells of the frames of `analyse_families` and, where they are there, `measure_separation`."""
    features, shapes = tables["feature_families"], tables["family_shapes"]
    metrics = {
        "families": float(len(shapes)),
        "features_in_families": features["family"].is_not_null().mean(),
        "incomplete_families": float((shapes["missing_members"] > 0).sum()),
    }
    if "family_pairs" in tables and tables["family_pairs"]["fired"].count():
        metrics |= {f"pairs_{name}": tables["family_pairs"][name].mean() for name in ("fired", "chance")}
    if "family_scores" in tables:
        own = tables["family_scores"].filter(condition="features").group_by("metric").agg(polars.col("value").mean())
        metrics |= {f"family_{metric}": value for metric, value in own.iter_rows() if metric not in COUNTS}
    return metrics
