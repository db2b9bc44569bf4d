"""Group the features of a dictionary into families and stage the tables for the warehouse (methods §4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars
import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.dictionary.base import Dictionary
from tasks.dictionary.store import describe, dictionary_config, load_dictionary
from tasks.errors import UserError
from tasks.families.config import FamiliesConfig
from tasks.families.distance import Blocks, orbit_carriers, orbit_distances
from tasks.families.feature_responses import FeatureResponses, feature_responses
from tasks.families.grouping import (
    MAP_DIMENSIONS,
    check_enough,
    embed,
    group_by_prototype,
    group_features,
    least_similarity,
    nearest,
)
from tasks.families.orientations import Family, describe_family
from tasks.families.pairs import PARTNERS_SCHEMA, family_pairs, partners_of
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.scales import ScaleRange

CODE_VERSION, ORBITS_VERSION = 3, 5
"""The second is that of dictionaries that encode whole orbits: their features have had stimulus types since."""
MEMBERS_SCHEMA = {
    "place": polars.Int64,
    "element": polars.Int32,
    "orientation_degrees": polars.Float64,
    "mirrored": polars.Boolean,
    "similarity": polars.Float64,
    "strength": polars.Float64,
}
COUNTS = ("families", "features", "clustered")
"""Scores that describe the grouping itself; they are left out of the run's family scores."""
TRIVIAL = DihedralGroup(1, reflections=False)


@dataclass(frozen=True)
class LiveBlocks:
    """The transform blocks of live features, computed when a part of them is read: they take no memory.

    features: [m]; elements: of the group, [|H|]. None: the blocks of a feature are laid end to end, [m, 1, |G|·d].
    """

    dictionary: Dictionary
    features: Tensor
    elements: Tensor | None

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, places: slice | Tensor) -> Tensor:
        """Return float32 [k, |H|, d]."""
        blocks_kgd = self.dictionary.blocks_of(self.features[places])
        if self.elements is None:
            return blocks_kgd.flatten(1)[:, None]
        return blocks_kgd[:, self.elements].contiguous()


@dataclass(frozen=True)
class Subject:
    """The live features of a dictionary, and the group H under which they are compared.

    group: H
    elements: [|H|], indices of H's elements in the group of the activation set
    features: [m], indices of the live features
    blocks_mgd: float32 [m, |H|, d]; for scales [m, 1, |G|·d]
    compared: [n], places in `features` of those that are compared with each other: all of them, or one copy of each of
    a steerable crosscoder's prototypes, because the distances to its other copies are the same
    compared_as_m: [m], the place in `compared` of each feature, or of its prototype's copy
    """

    dictionary: Dictionary
    acts: ActivationSet
    group: DihedralGroup
    elements: np.ndarray
    feature_responses: FeatureResponses
    features: np.ndarray
    blocks_mgd: LiveBlocks
    compared: np.ndarray
    compared_as_m: np.ndarray

    @property
    def compared_blocks(self) -> Blocks:
        """The blocks of the features that are compared, [n, |H|, d]."""
        return replace(self.blocks_mgd, features=self.blocks_mgd.features[self.compared])


def subject(key: str, n_rotations: int | None, settings: Settings, progress: Progress = silent) -> Subject:
    """Load a dictionary's live features. progress counts shards.

    n_rotations: rotations of the group under which features are compared; None: all of the dictionary's own group.
    Scales are no group, so features of scales are compared as they are: their blocks, laid end to end, are one block.
    Raises UserError if the dictionary's group has no subgroup with that many rotations, if its features have several
    dimensions, and if no feature is live.
    """
    acts = ActivationSet.open(describe(key, settings)["activation_set"], settings)
    dictionary = load_dictionary(key, settings)
    group, elements = TRIVIAL, TRIVIAL.elements
    if isinstance(acts.group, ScaleRange):
        if n_rotations:
            raise UserError(f"dictionary {key[:12]} was trained on {acts.group.name}: leave out families.n_rotations")
    elif dictionary.is_crosscoder:
        try:
            group, elements = acts.group.subgroup(n_rotations or acts.group.n_rotations)
        except UserError as error:
            raise UserError(f"dictionary {key[:12]} was trained on {acts.group.name}: {error}") from None
    if dictionary.config.atom_dimension > 1:
        raise UserError(
            f"dictionary {key[:12]} has features of several dimensions, whose spans have no orientation to compare: "
            "families need a method with one decoder vector per feature"
        )
    responses = feature_responses(dictionary, acts, settings, progress)
    if not len(responses.live):
        raise UserError(
            f"dictionary {key[:12]} is dead: none of its {len(responses.maxima_m)} features fires on any row; "
            "train it with a lower sparsity or learning_rate"
        )
    # over scales, features are compared as they are: by the cosine of all their blocks
    compared = None if isinstance(acts.group, ScaleRange) else torch.from_numpy(elements)
    blocks_mgd = LiveBlocks(dictionary, torch.from_numpy(responses.live), compared)
    patterns = np.arange(len(responses.live))
    if dictionary.turns is not None and group.order == dictionary.turns.order:
        patterns = responses.live // dictionary.turns.order
    _, places, compared_as = np.unique(patterns, return_index=True, return_inverse=True)
    return Subject(dictionary, acts, group, elements, responses, responses.live, blocks_mgd, places, compared_as)


def analyse_families(dictionary: str, config: FamiliesConfig, settings: Settings, progress: Progress = silent) -> str:
    """Stage `family_analyses`, `family_shapes`, `feature_families` and `family_pairs`; return their content key.

    Tables that are staged already are not computed again. progress counts to 1000. Raises UserError as `subject` and
    `group_features` do.
    """
    version = ORBITS_VERSION if dictionary_config(dictionary, settings).reads_all_blocks else CODE_VERSION
    key = content_key("families", version, dictionary=dictionary, config=config)
    if is_staged(key, settings):
        return key
    live = subject(dictionary, config.n_rotations, settings, part_of(progress, 0, 200))
    check_enough(len(live.compared), config, "live features" if live.dictionary.turns is None else "live prototypes")
    blocks_ngd = live.compared_blocks
    distance_nn = orbit_distances(blocks_ngd, live.group, part_of(progress, 200, 600))
    map_m2 = embed(*nearest(distance_nn, config.neighbours), MAP_DIMENSIONS, config)[live.compared_as_m]
    bound = None
    if live.dictionary.turns is None:
        bound = least_similarity(blocks_ngd, live.group, config.seed)
        family_m = group_features(distance_nn, bound, config)
    else:
        family_m = group_by_prototype(live.features, live.dictionary.turns.order, config)
    del distance_nn  # as large as all the rest; within a family, distances are computed again
    progress(700, 1000)
    families, partners = [], [polars.DataFrame(schema=PARTNERS_SCHEMA)]
    for family in range(family_m.max() + 1):
        members = np.flatnonzero(family_m == family)
        blocks_sgd = live.blocks_mgd[torch.from_numpy(members)]
        distance_ss, element_ss = orbit_carriers(blocks_sgd, live.group)
        families.append(describe_family(members, distance_ss, blocks_sgd, live.group))
        partners.append(partners_of(members, distance_ss, element_ss))
    progress(800, 1000)
    tables = {
        "family_analyses": polars.DataFrame(
            {
                "family_analysis_id": key,
                "dictionary_id": dictionary,
                "n_rotations": live.group.n_rotations,
                "reflections": live.group.reflections,
                "group_order": live.group.order,
                "neighbours": config.neighbours,
                "min_family_size": config.min_family_size,
                "least_similarity": bound,
                "seed": config.seed,
                "live_features": len(live.features),
                "families": len(families),
            },
            schema_overrides={"least_similarity": polars.Float64},
        ),
        "family_shapes": _shapes_table(key, families, live.features),
        "feature_families": _features_table(key, families, live, family_m, map_m2),
    }
    if live.group.order > 1:
        pairs = family_pairs(
            live.dictionary,
            live.acts,
            live.elements,
            live.features,
            polars.concat(partners),
            part_of(progress, 800, 1000),
        )
        tables["family_pairs"] = pairs.select(polars.lit(key).alias("family_analysis_id"), *pairs.columns)
    stage_tables(key, tables, settings)
    progress(1000, 1000)
    return key


def _shapes_table(key: str, families: Sequence[Family], features: np.ndarray) -> polars.DataFrame:
    float64 = polars.Float64
    float64_list = polars.List(float64)
    rows = [
        (
            key, number, len(family.members), int(features[family.prototype]), family.type, family.period_degrees,
            family.stabiliser, float(family.similarity.mean()), family.reach_degrees, family.evenness, family.covered,
            None if family.missing_orientations is None else len(family.missing_orientations),
            *(
                None if values is None else values.tolist()
                for values in (family.missing_orientations, family.profile, family.profile_low, family.profile_high)
            ),
        )
        for number, family in enumerate(families)
    ]  # fmt: skip
    schema: dict[str, polars.DataType | type[polars.DataType]] = {
        "family_analysis_id": polars.String, "family": polars.Int32, "size": polars.Int32, "prototype": polars.Int32,
        "type": polars.String, "period_degrees": float64, "stabiliser": polars.String, "mean_similarity": float64,
        "reach_degrees": float64, "evenness": float64, "covered": float64, "missing_members": polars.Int32,
        "missing_orientations": float64_list, "profile": float64_list, "profile_low": float64_list,
        "profile_high": float64_list,
    }  # fmt: skip
    return polars.DataFrame(rows, schema=schema, orient="row")


def _features_table(
    key: str,
    families: Sequence[Family],
    live: Subject,
    family_m: np.ndarray,
    map_m2: np.ndarray,
) -> polars.DataFrame:
    members = polars.concat([polars.DataFrame(schema=MEMBERS_SCHEMA), *map(_members_table, families)])
    types, confidence = live.feature_responses.types_m, live.feature_responses.confidence_m
    return (
        polars.DataFrame(
            {
                "family_analysis_id": key,
                "place": np.arange(len(live.features)),
                "feature": live.features,
                "family": polars.Series(family_m).replace(-1, None),
                "map_x": map_m2[:, 0],
                "map_y": map_m2[:, 1],
                "stimulus_type": None if types is None else types[live.features].tolist(),
                "stimulus_confidence": None if confidence is None else confidence[live.features],
            },
            schema_overrides={"stimulus_type": polars.String, "stimulus_confidence": polars.Float64},
        )
        .join(members, on="place", how="left", maintain_order="left")
        .with_columns(polars.col("strength").fill_null(0.0))
        .drop("place")
    )


def _members_table(family: Family) -> polars.DataFrame:
    """Return the members of a family as rows of MEMBERS_SCHEMA."""
    return polars.DataFrame(
        {
            "place": family.members,
            "element": family.elements,
            "orientation_degrees": family.orientations,
            "mirrored": family.mirrored,
            "similarity": family.similarity,
            "strength": family.strength,
        },
        schema=MEMBERS_SCHEMA,
    )


def family_metrics(tables: Mapping[str, polars.DataFrame]) -> dict[str, float]:
    """Return a run's metrics from the tables of `analyse_families` and, if present, of `measure_separation`."""
    features, shapes = tables["feature_families"], tables["family_shapes"]
    metrics = {
        "families": float(len(shapes)),
        "features_in_families": features.select(polars.col("family").is_not_null().mean()).item(),
        "incomplete_families": float((shapes["missing_members"] > 0).sum()),
    }
    if "family_pairs" in tables and tables["family_pairs"]["fired"].count():
        means = tables["family_pairs"].select(polars.mean("fired", "chance")).row(0, named=True)
        metrics |= {f"pairs_{name}": mean for name, mean in means.items()}
    if "family_scores" in tables:
        own = tables["family_scores"].filter(condition="features").group_by("metric").agg(polars.col("value").mean())
        metrics |= {f"family_{metric}": value for metric, value in own.iter_rows() if metric not in COUNTS}
    return metrics
