"""Find curve detectors among neurons and features, the orientations they leave uncovered, and missing detectors.

Criteria, coverage and gaps: methods §5 [ours, after Cammarata et al. 2020]. A unit's radial tuning curve is its mean
response over the arcs' renderings and radii; its best response is the largest to any arc. A curve detector meets all of
five criteria:

1. each rendering reaches `RENDERING_SHARE` of the best response within `RENDERING_WINDOW` of the peak,
2. echo < `LARGEST_ECHO`,
3. concentration r₁ > `LEAST_CONCENTRATION`,
4. straight lines and edges stay below `STRAIGHT_SHARE` of the best response,
5. the best response reaches `NATURAL_SHARE` of the unit's maximum on natural images, which is not 0.

A feature that is a detector was missing among the neurons if both hold: its peak lies in an arc that the neurons'
detectors don't cover, or in a gap between their peaks; and natural images confirm it, because its strongest examples,
rotated through the circle, give the same tuning curve as the arcs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars
import torch
from torch import Tensor

from tasks.activations.extractors import unit_extractor
from tasks.activations.shards import ActivationSet
from tasks.activations.top_examples import top_examples
from tasks.dictionary.encode import Encode, encoded, encoder_of
from tasks.dictionary.store import describe, load_dictionary
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.symmetry.action import transform_patches
from tasks.symmetry.group import DihedralGroup
from tasks.tuning.radial import HALF_MAXIMUM, WIDE_GAP, Tuning, aligned, angular_distance, covered, gaps, tuning
from tasks.tuning.responses import layer_responses
from tasks.vision.names import FAMILIES, RENDERINGS, TYPE_OF_FAMILY
from tasks.vision.networks import load_network
from tasks.vision.stimuli import LARGEST_STEP, Stimuli

CODE_VERSION = 1

RENDERING_SHARE = 0.25
RENDERING_WINDOW = 20.0
"""Degrees to either side of the peak."""
LARGEST_ECHO = 0.3
LEAST_CONCENTRATION = 0.6
STRAIGHT_SHARE = 0.6
NATURAL_SHARE = 0.1
"""Drawn stimuli lack some content of natural patches: a unit that hardly responds to them can't be judged by them."""
CRITERIA = 5

MIXED_BELOW = 0.1
"""Confidence below which a type is `mixed`: the second-best family is within 10 % of the best."""

NATURAL_CORRELATION = 0.7
"""Natural images confirm a detector if Pearson's r of its synthetic and its natural tuning curve is at least this."""
EXAMPLES = 4
"""Number of natural patches, from different images, that are rotated for each detector."""
NATURAL_ROTATIONS = 45
"""One every 8°: enough for a detector's peak, at least 30° wide; each rotation costs a pass through the network."""
ANY_RENDERING_SHARE = 0.5
"""A detector's rendering is `any` if its weakest rendering reaches this share of its strongest."""
STORED_UNITS = 400
"""Number of units whose curves are stored: all detectors, then near-candidates, which fail exactly one criterion."""

BEST_SCHEMA = {
    "unit": polars.Int64,
    "row": polars.Int64,
    "image": polars.String,
    "element": polars.Int64,
    "activation": polars.Float64,
}


# Tuning of units to the stimuli ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class UnitTuning:
    """The tuning of every unit of a unit set. Arrays are [units] unless stated, NaN if a unit doesn't respond to arcs.

    arcs_rkau: [renderings, radii, angles, units], responses to arcs
    curves_un: [units, angles], their mean over renderings and radii
    tuning: peak, width, echo and concentration of these curves
    best: largest response to any arc
    weakest_rendering: largest response near the peak to the weakest rendering, divided by `best` (criterion 1)
    straight_share: largest response to a line or edge, divided by `best` (criterion 4)
    rendering_ru: [renderings, units], largest response near the peak
    radius_ku: [radii, units], largest response near the peak
    criteria: number of criteria met
    types, confidence, best_any: result of `stimulus_types`
    natural: maximum on natural images
    """

    arcs_rkau: np.ndarray
    curves_un: np.ndarray
    tuning: Tuning
    best: np.ndarray
    weakest_rendering: np.ndarray
    straight_share: np.ndarray
    rendering_ru: np.ndarray
    radius_ku: np.ndarray
    criteria: np.ndarray
    types: np.ndarray
    confidence: np.ndarray
    best_any: np.ndarray
    natural: np.ndarray

    @property
    def is_detector(self) -> np.ndarray:
        """[units] bool: all criteria are met."""
        return self.criteria == CRITERIA

    @property
    def is_near(self) -> np.ndarray:
        """[units] bool: exactly one criterion is not met."""
        return self.criteria == CRITERIA - 1


def unit_tuning(stimuli: Stimuli, responses_nu: np.ndarray, natural_u: np.ndarray) -> UnitTuning:
    """Compute units' tuning from their responses [stimuli, units] and their maxima [units] on natural images."""
    responses_nu = np.asarray(responses_nu, dtype=np.float64)
    family = stimuli.table["family"].to_numpy()
    angles = round(360 / stimuli.step_degrees)
    arcs_rkau = responses_nu[family == "arc"].reshape(len(RENDERINGS), -1, angles, responses_nu.shape[1])
    curves_un = arcs_rkau.mean((0, 1)).T
    arc_tuning = tuning(curves_un)

    best = arcs_rkau.max((0, 1, 2))
    responds = (best > 0) & ~np.isnan(arc_tuning.peak)
    distance_au = angular_distance(
        np.arange(angles)[:, None] * stimuli.step_degrees, np.nan_to_num(arc_tuning.peak)[None]
    )
    near_rkau = np.where(distance_au <= RENDERING_WINDOW, arcs_rkau, -np.inf)
    rendering_ru, radius_ku = near_rkau.max((1, 2)), near_rkau.max((0, 2))
    weakest = _share(rendering_ru.min(0), best, responds)
    straight = _share(responses_nu[np.isin(family, ["line", "edge"])].max(0), best, responds)
    with np.errstate(invalid="ignore"):
        criteria_met = [
            weakest >= RENDERING_SHARE,
            arc_tuning.echo < LARGEST_ECHO,
            arc_tuning.concentration > LEAST_CONCENTRATION,
            straight < STRAIGHT_SHARE,
            (best >= NATURAL_SHARE * natural_u) & (natural_u > 0),
        ]
    types, confidence, best_any = stimulus_types(family, responses_nu, natural_u)
    return UnitTuning(
        arcs_rkau, curves_un, arc_tuning, best, weakest, straight, rendering_ru, radius_ku,
        np.where(responds, np.sum(criteria_met, axis=0), 0), types, confidence, best_any,
        np.asarray(natural_u, dtype=np.float64),
    )  # fmt: skip


def _share(part_u: np.ndarray, whole_u: np.ndarray, responds_u: np.ndarray) -> np.ndarray:
    return np.divide(part_u, whole_u, out=np.full(len(whole_u), np.nan), where=responds_u)


def stimulus_types(
    family_n: np.ndarray, responses_nu: np.ndarray, natural_u: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return stimulus type, confidence and best response of each unit [units], from drawn stimuli alone [ours].

    family_n: [stimuli]; responses_nu: [stimuli, units]; natural_u: [units], maxima on natural images.

    The type is the family of the stimulus with the largest response, with `arc` named `curve`. Confidence is 1 − (best
    response to any other family) / (best response), and 0 for a unit that no stimulus excites. The type is `mixed` if
    the confidence is below `MIXED_BELOW`, and `other` if no stimulus reaches `NATURAL_SHARE` of the natural maximum.
    """
    best_fu = np.stack([responses_nu[family_n == family].max(0) for family in FAMILIES])
    ordered_fu = np.sort(best_fu, axis=0)
    best, second = ordered_fu[-1], ordered_fu[-2].clip(min=0)
    confidence = np.divide(best - second, best, out=np.zeros(len(best)), where=best > 0)
    types = np.array(list(TYPE_OF_FAMILY.values()), dtype=object)[best_fu.argmax(0)]
    types[confidence < MIXED_BELOW] = "mixed"
    types[(best <= 0) | (best < NATURAL_SHARE * natural_u)] = "other"
    return types, confidence, best


def curve_families(stimuli: Stimuli, subject: UnitTuning, units: np.ndarray) -> polars.DataFrame:
    """Return (unit, curve_family, preferred_radius, rendering) of detectors.

    Detectors of a curve family differ only in orientation. preferred_radius: in pixels, of the arc with the largest
    response near the peak; rendering: the one with the largest response near the peak, or `any`.
    """
    radii = stimuli.table.filter(family="arc")["radius"].unique().sort().to_numpy()
    rendering_ru = subject.rendering_ru[:, units]
    takes_any = rendering_ru.min(0) >= ANY_RENDERING_SHARE * rendering_ru.max(0)
    renderings = np.where(takes_any, "any", np.array(RENDERINGS)[rendering_ru.argmax(0)])
    radius = radii[subject.radius_ku[:, units].argmax(0)]
    return polars.DataFrame(
        {
            "unit": units,
            "curve_family": [
                f"{pixels:.3g} px, {rendering}" for pixels, rendering in zip(radius, renderings, strict=True)
            ],
            "preferred_radius": radius,
            "rendering": renderings,
        },
        schema_overrides={"curve_family": polars.String, "rendering": polars.String},
    )


def detector_curves(tables: dict[str, polars.DataFrame]) -> np.ndarray:
    """Return the mean tuning curves of the detectors, [detectors, n], from the tables of `analyse_tuning`."""
    detectors = tables["curve_detectors"]["unit"]
    curves = tables["tuning_curves"].filter(polars.col("unit").is_in(detectors.implode()), stimulus="arc")
    by_unit = curves.sort("unit", "angle_degrees").group_by("unit", maintain_order=True).agg("response")
    angles = round(360 / tables["unit_sets"]["step_degrees"].item())
    return np.array(by_unit["response"].to_list(), dtype=np.float64).reshape(len(detectors), angles)


def coverage_metrics(curves_un: np.ndarray) -> dict[str, float]:
    """Return the number of curve detectors, the share of orientations they cover and their largest gap in degrees.

    curves_un: [detectors, n], their tuning curves.
    """
    if not len(curves_un):
        return {"curve_detectors": 0.0, "curve_coverage": 0.0, "largest_curve_gap": 360.0}
    return {
        "curve_detectors": float(len(curves_un)),
        "curve_coverage": float(covered(curves_un, HALF_MAXIMUM).mean()),
        "largest_curve_gap": max(gap.arc.width for gap in gaps(tuning(curves_un).peak)),
    }


# Peaks outside the neurons' coverage ----------------------------------------------------------------------------------


def compared_with_neurons(neurons: UnitTuning, peaks_u: np.ndarray) -> polars.DataFrame:
    """Compare peaks, [units] in degrees, with the neurons' curve detectors.

    Returns one row per peak: (nearest_neuron, nearest_degrees, inside_arc, inside_gap). inside_arc: no detector reaches
    half of its maximum there; inside_gap: no detector peaks within half of `WIDE_GAP`. The first two are null if there
    is no detector.
    """
    detectors = np.flatnonzero(neurons.is_detector)
    curves_un = neurons.curves_un[detectors]
    n = curves_un.shape[1]
    at_peak = np.round(np.asarray(peaks_u) / 360 * n).astype(int) % n
    uncovered = ~covered(curves_un, HALF_MAXIMUM)[at_peak]
    distance_ud = angular_distance(np.asarray(peaks_u)[:, None], neurons.tuning.peak[detectors][None])
    any_detector = len(detectors) > 0
    nearest = distance_ud.argmin(1) if any_detector else None
    return polars.DataFrame(
        {
            "nearest_neuron": detectors[nearest] if any_detector else [None] * len(peaks_u),
            "nearest_degrees": distance_ud.min(1) if any_detector else [None] * len(peaks_u),
            "inside_arc": uncovered,
            "inside_gap": (distance_ud > WIDE_GAP / 2).all(1),
        },
        schema={
            "nearest_neuron": polars.Int64,
            "nearest_degrees": polars.Float64,
            "inside_arc": polars.Boolean,
            "inside_gap": polars.Boolean,
        },
    )


# Natural images -------------------------------------------------------------------------------------------------------


@torch.no_grad()
def natural_maxima(
    acts: ActivationSet, encodings: Sequence[Encode | None], progress: Progress = silent
) -> list[tuple[np.ndarray, polars.DataFrame]]:
    """Return for each encoding the units' maxima [units] over all rows and transforms, and their strongest examples.

    encodings: `encode` of a dictionary, or None for the neurons. The examples are rows of BEST_SCHEMA, strongest first,
    at most `EXAMPLES` per unit and one per image; a unit that is never active has none. progress counts shards.
    """
    maxima = [np.zeros(0) for _ in encodings]
    best = [polars.DataFrame(schema=BEST_SCHEMA) for _ in encodings]
    for done, shard in enumerate(acts.shards, start=1):
        acts_rgc = acts.read(shard.index)
        rows = acts.rows(shard.index).select(polars.col("row").cast(polars.Int64), "image")
        for place, encode in enumerate(encodings):
            strongest_ru, element_ru = _over_the_orbit(acts_rgc, encode)
            maxima[place] = np.maximum(strongest_ru.max(0).values.double().numpy(), maxima[place] if done > 1 else 0)
            candidates = _strongest_row_per_image(strongest_ru, element_ru, rows)
            best[place] = top_examples(polars.concat([best[place], candidates]), "unit", EXAMPLES)
        progress(done, len(acts.shards))
    return list(zip(maxima, best, strict=True))


def _over_the_orbit(acts_rgc: Tensor, encode: Encode | None) -> tuple[Tensor, Tensor]:
    """Return the largest response over each row's transforms, [rows, units], and the element where it occurs."""
    for element in range(acts_rgc.shape[1]):
        response_ru = encoded(acts_rgc[:, element].float(), encode)
        if element == 0:
            strongest_ru, element_ru = response_ru.clone(), torch.zeros(response_ru.shape, dtype=torch.int16)
            continue
        element_ru[response_ru > strongest_ru] = element
        torch.maximum(strongest_ru, response_ru, out=strongest_ru)
    return strongest_ru, element_ru


def _strongest_row_per_image(strongest_ru: Tensor, element_ru: Tensor, rows: polars.DataFrame) -> polars.DataFrame:
    """Return the rows that excite each unit most, at most one per image: BEST_SCHEMA, unordered."""
    images = rows["image"].rank("dense").to_torch().long() - 1
    maxima = []
    for image in range(int(images.max()) + 1):
        image_rows = torch.nonzero(images == image)[:, 0]
        value_u, first_u = strongest_ru[image_rows].max(0)
        maxima.append((value_u, image_rows[first_u]))
    value_iu, row_iu = (torch.stack(parts) for parts in zip(*maxima, strict=True))
    value_ku, image_ku = value_iu.topk(min(EXAMPLES, len(value_iu)), dim=0)
    row_ku = row_iu.gather(0, image_ku)
    active = value_ku > 0
    unit_ku = torch.arange(value_ku.shape[1]).expand_as(value_ku)
    return rows[row_ku[active].numpy()].select(
        polars.Series("unit", unit_ku[active].numpy()),
        "row",
        "image",
        polars.Series("element", element_ru.gather(0, row_ku)[active].long().numpy()),
        polars.Series("activation", value_ku[active].double().numpy()),
    )


@torch.no_grad()
def natural_curves(
    acts: ActivationSet,
    examples: polars.DataFrame,
    encode: Encode | None,
    settings: Settings,
    progress: Progress = silent,
) -> dict[int, np.ndarray]:
    """Return {unit: mean tuning curve on natural images, [NATURAL_ROTATIONS]} for the units of `examples`.

    examples: BEST_SCHEMA. The source patch of each example is rotated through the circle. Entry j is the response to
    the patch rotated by 360·j/NATURAL_ROTATIONS degrees counter-clockwise from the example's orientation. Each curve is
    divided by its entry 0 before averaging, so that all patches have equal weight; a patch whose entry 0 is not above 0
    is left out. progress counts patches.
    """
    network = load_network(acts.config.network, settings.weights_dir)
    extractor = unit_extractor(network, acts.config.layer, acts.plan.patch.centre)
    circle = DihedralGroup(NATURAL_ROTATIONS)
    oriented = examples.with_columns(
        mirrored=polars.Series(acts.group.is_reflection(examples["element"].to_numpy()), dtype=polars.Boolean),
        degrees=polars.Series(acts.group.rotation_degrees(examples["element"].to_numpy()), dtype=polars.Float64),
    )
    curves_of_unit: dict[int, list[np.ndarray]] = {}
    sources = oriented.group_by("row", "mirrored", maintain_order=True)
    for done, ((row, mirrored), source_examples) in enumerate(sources, start=1):
        source_bcyx = acts.patch(row)[None].float() / 255
        elements = np.arange(NATURAL_ROTATIONS) + NATURAL_ROTATIONS * mirrored
        rotated_ncyx = transform_patches(source_bcyx, elements, circle, extractor.side)[0]
        responses_un = encoded(extractor(rotated_ncyx), encode).T.double().numpy()
        for unit, degrees in source_examples.select("unit", "degrees").iter_rows():
            curve_n = aligned(responses_un[[unit]], np.array([degrees]), NATURAL_ROTATIONS)[0]
            if curve_n[0] > 0:
                curves_of_unit.setdefault(unit, []).append(curve_n / curve_n[0])
        progress(done, oriented.select("row", "mirrored").n_unique())
    return {unit: np.mean(curves, axis=0) for unit, curves in curves_of_unit.items()}


# The stage and its tables ---------------------------------------------------------------------------------------------


def analyse_tuning(
    activation_set: str,
    dictionary: str | None,
    settings: Settings,
    progress: Progress = silent,
    step_degrees: float = LARGEST_STEP,
) -> str:
    """Stage `unit_sets`, `unit_tuning`, `tuning_curves` and `curve_detectors`; return their key, the unit set's id.

    dictionary: key of a dictionary trained on the activation set; its features are analysed and compared with the
    neurons. None: the neurons are analysed. Tables that are staged already are not computed again. progress counts to
    1000. Raises UserError if the dictionary was trained on another activation set, and if it encodes whole orbits,
    since a drawn stimulus gives no orbit. So does an activation set of hue or scale.
    """
    key = content_key(
        "tuning", CODE_VERSION, activation_set=activation_set, dictionary=dictionary, step_degrees=step_degrees
    )
    if is_staged(key, settings):
        return key
    acts = ActivationSet.open(activation_set, settings)
    if acts.group.transformations != "rotations":  # examples couldn't be turned
        raise UserError(
            f"curves are measured on activation sets of rotations, not of {acts.group.transformations}: "
            "extract one with transformations = rotations"
        )
    encode = None if dictionary is None else _encode(dictionary, activation_set, settings)
    stimuli, acts_nd = layer_responses(
        acts.config.network, acts.config.layer, acts.plan.patch.centre, settings.weights_dir, step_degrees
    )
    progress(250, 1000)

    encodings = [None] if encode is None else [None, encode]
    natural = natural_maxima(acts, encodings, part_of(progress, 250, 600))
    tunings = [
        unit_tuning(stimuli, encoded(acts_nd, encoding).numpy(), maxima_u)
        for encoding, (maxima_u, _) in zip(encodings, natural, strict=True)
    ]
    neurons, subject, examples = tunings[0], tunings[-1], natural[-1][1]

    detectors = np.flatnonzero(subject.is_detector)
    detector_examples = examples.filter(polars.col("unit").is_in(detectors.tolist()))
    curves = natural_curves(acts, detector_examples, encode, settings, part_of(progress, 600, 1000))
    progress(1000, 1000)
    families = curve_families(stimuli, subject, detectors).with_columns(
        natural_correlation=polars.Series(_correlations(subject, detectors, curves), dtype=polars.Float64)
    )
    stage_tables(
        key,
        {
            "unit_sets": _unit_set_table(key, acts, dictionary, stimuli, len(subject.best)),
            "unit_tuning": _units_table(key, subject),
            "tuning_curves": _curves_table(key, subject, stimuli.step_degrees),
            "curve_detectors": _detectors_table(key, families, subject, None if dictionary is None else neurons),
        },
        settings,
    )
    return key


def _encode(key: str, activation_set: str, settings: Settings) -> Encode:
    trained_on = describe(key, settings)["activation_set"]
    if trained_on != activation_set:
        raise UserError(f"dictionary {key} was trained on activation set {trained_on}, not on {activation_set}")
    return encoder_of(load_dictionary(key, settings))


def _correlations(subject: UnitTuning, detectors: np.ndarray, natural: dict[int, np.ndarray]) -> list[float | None]:
    """Return Pearson's r of each detector's synthetic curve, from its peak on, with its natural one, or None."""
    synthetic_un = aligned(subject.curves_un[detectors], subject.tuning.peak[detectors], NATURAL_ROTATIONS)
    return [
        float(np.corrcoef(curve_n, natural[unit])[0, 1]) if unit in natural else None
        for unit, curve_n in zip(detectors.tolist(), synthetic_un, strict=True)
    ]


def _unit_set_table(
    key: str, acts: ActivationSet, dictionary: str | None, stimuli: Stimuli, units: int
) -> polars.DataFrame:
    return polars.DataFrame(
        {
            "unit_set_id": key,
            "network": acts.config.network,
            "layer": acts.config.layer,
            "kind": "neurons" if dictionary is None else "features",
            "dictionary_id": dictionary,
            "activation_set_id": acts.key,
            "step_degrees": stimuli.step_degrees,
            "stimuli": len(stimuli.table),
            "units": units,
        },
        schema_overrides={"dictionary_id": polars.String, "step_degrees": polars.Float64},
    )


def _units_table(key: str, subject: UnitTuning) -> polars.DataFrame:
    arc_tuning = subject.tuning
    return polars.DataFrame(
        {
            "unit_set_id": key,
            "unit": np.arange(len(subject.best)),
            "stimulus_type": subject.types.tolist(),
            "confidence": subject.confidence,
            "best_response": subject.best_any,
            "best_arc_response": subject.best,
            "natural_maximum": subject.natural,
            "peak_degrees": arc_tuning.peak,
            "width_degrees": arc_tuning.width,
            "echo": arc_tuning.echo,
            "concentration": arc_tuning.concentration,
            "weakest_rendering": subject.weakest_rendering,
            "straight_share": subject.straight_share,
            "criteria_met": subject.criteria,
            "is_curve_detector": subject.is_detector,
        }
    ).fill_nan(None)


def _curves_table(key: str, subject: UnitTuning, step_degrees: float) -> polars.DataFrame:
    """Return the mean curve, and one curve per rendering, of the detectors and of the sharpest near-candidates."""
    near = np.flatnonzero(subject.is_near)
    sharpest = near[np.argsort(-subject.tuning.concentration[near], kind="stable")]
    detectors = np.flatnonzero(subject.is_detector)
    units = np.concatenate([detectors, sharpest[: max(0, STORED_UNITS - len(detectors))]])
    by_rendering_run = subject.arcs_rkau.mean(1).transpose(0, 2, 1)[:, units]
    curves_sun = np.concatenate([subject.curves_un[units][None], by_rendering_run])
    stimuli_s = np.array(["arc", *(f"arc {rendering}" for rendering in RENDERINGS)])
    kinds, count, angles = curves_sun.shape
    return polars.DataFrame(
        {
            "unit_set_id": key,
            "unit": np.tile(np.repeat(units, angles), kinds),
            "stimulus": np.repeat(stimuli_s, count * angles),
            "angle_degrees": np.tile(np.arange(angles) * step_degrees, kinds * count),
            "response": curves_sun.ravel(),
        },
        schema_overrides={"unit_set_id": polars.String},
    )


def _detectors_table(
    key: str, families: polars.DataFrame, subject: UnitTuning, neurons: UnitTuning | None
) -> polars.DataFrame:
    """Return one row per detector; columns that compare it with the neurons are null where it is a neuron itself.

    families: table of `curve_families`, with the column natural_correlation.
    """
    peaks_u = subject.tuning.peak[families["unit"].to_numpy()]
    outside = compared_with_neurons(subject if neurons is None else neurons, peaks_u)
    is_outside = polars.col("inside_arc") | polars.col("inside_gap")
    is_confirmed = polars.col("natural_correlation").fill_null(-1) >= NATURAL_CORRELATION
    feature_columns = [*outside.columns, "missing"]
    table = polars.concat([families, outside], how="horizontal").select(
        polars.lit(key).alias("unit_set_id"),
        *families.columns,
        *outside.columns,
        (is_outside & is_confirmed).alias("missing"),
    )
    if neurons is None:
        table = table.with_columns(
            polars.lit(None).cast(table.schema[column]).alias(column) for column in feature_columns
        )
    return table
