"""The Great Expectations suite: the values allowed in each column of the small tables, independent of other columns.

The large tables (blocks, harmonics, examples, neighbours, curves, pairs, pictures) are checked only in SQL, to avoid
copying them to pandas.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

from tasks.activations.sampling import Sampling
from tasks.concepts.names import ATTACKS, CheckName, Classifier, Pool, Statistic
from tasks.dictionary.config import EncodeFrom
from tasks.dictionary.methods import ARCHITECTURES, METHODS
from tasks.dimensions.config import Method
from tasks.symmetry.transformations import Kind
from tasks.vision.names import RENDERINGS, STIMULUS_TYPES

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation

SHA256 = "^[0-9a-f]{64}$"
MLFLOW_RUN = "^[0-9a-f]{32}$"
SYMMETRY_TYPE = r"^(?:invariant|mixed|tuned|period-\d+(?:\.\d+)?)$"
STABILISER = r"^(?:trivial|full|[CD]_\d+)$"
NOT_BLANK = r"\S"

SHARE = (0, 1)
NEARLY_SHARE = (0, 1.0001)
"""A share that rounding may take above 1."""
COSINE = (-1.0001, 1.0001)
COUNT = (1, None)
NOT_NEGATIVE = (0, None)
TCAV_RANGES = {
    **dict.fromkeys(("score", "magnitude", "random_score", "accuracy", "p_value", "p_holm"), NEARLY_SHARE),
    **dict.fromkeys(("score_std", "random_score_std"), NOT_NEGATIVE),
}

RANGES: dict[str, dict[str, tuple[float | None, float | None]]] = {
    "networks": {"input_size": COUNT, "classes": COUNT},
    "layers": {
        **dict.fromkeys(("channels", "receptive_field", "stride"), COUNT),
        **dict.fromkeys(("effective_centre_y_std_error_px", "effective_centre_x_std_error_px"), NOT_NEGATIVE),
        **dict.fromkeys(("effective_std_y_px", "effective_std_x_px"), NOT_NEGATIVE),
    },
    "images": {"width": COUNT, "height": COUNT},
    "activation_sets": {"orbits": COUNT},
    "shards": {"bytes": COUNT},
    "dictionaries": {"train_seconds": NOT_NEGATIVE},
    "features": {"density": SHARE, "max_activation": NOT_NEGATIVE, "atom_dimension": (1, 4)},
    "feature_symmetry": {"confidence": SHARE, "invariance": COSINE, "mirror": COSINE},
    "unit_sets": {"step_degrees": (1e-6, 4), "stimuli": COUNT, "units": COUNT},
    "unit_tuning": {"confidence": SHARE, "criteria_met": (0, 5)},
    "curve_detectors": {"preferred_radius": (1e-6, None)},
    "neurons": {"density": SHARE, "top_rows": NOT_NEGATIVE, "explained": (None, 1)},
    "family_analyses": {"neighbours": (2, None), "min_family_size": (2, None), "least_similarity": COSINE},
    "family_shapes": {"mean_similarity": COSINE, "evenness": NEARLY_SHARE, "covered": NEARLY_SHARE},
    "feature_families": {"strength": SHARE, "similarity": COSINE},
    "dimension_analyses": {"components": COUNT, "rows": COUNT, "constant_units": NOT_NEGATIVE},
    "tuning_dimensions": {"explained_variance": (None, 1.0001), "cumulative_variance": (None, 1.0001)},
    "tuning_scores": {"r_squared": NEARLY_SHARE, "null_r_squared": NEARLY_SHARE, "p_value": SHARE},
    "dimension_completeness": {
        "frames": COUNT,
        "labelled": NOT_NEGATIVE,
        **dict.fromkeys(("agreement_kept", "agreement_removed"), SHARE),
        **dict.fromkeys(("accuracy_clean", "accuracy_kept", "accuracy_removed"), SHARE),
    },
    "dimension_paths": {"spearman": COSINE, "drift": NOT_NEGATIVE},
    "concepts": {"quarantined": NOT_NEGATIVE},
    "concept_analyses": {"penalty": (1e-12, None), "held_out": (1e-6, 0.999999)},
    "tcav_tests": {"random_sets": (3, None), **TCAV_RANGES, "agreement": COSINE},
    "attack_experiments": {"random_sets": (3, None), "steps": COUNT},
    "attacks": {"epsilon": (0, 255), "fraction": SHARE, "images": COUNT, "perceptual": (0, 4.0001)},
    "attack_scores": {**TCAV_RANGES, "cosine": COSINE},
    "attack_features": {"flagged": SHARE, "auc": SHARE},
    "facet_analyses": {"unit": NOT_NEGATIVE, "weight": NOT_NEGATIVE, "epsilon": (1, 255), "steps": COUNT},
    "trust_analyses": {"random_sets": COUNT, "calibration_sets": NOT_NEGATIVE},
    "trust_checks": {"threshold": NOT_NEGATIVE},
    "runs": {"seconds": NOT_NEGATIVE, "peak_memory_bytes": COUNT},
    "mlflow_models": {"version": COUNT},
}
"""The least and the largest value of columns; None: no bound."""

PATTERNS = {
    "networks": {"weights_sha256": SHA256},
    "images": {"image_id": SHA256},
    "quarantine": {"reason": NOT_BLANK},
    "activation_sets": {"activation_set_id": SHA256},
    "shards": {"sha256": SHA256},
    "dictionaries": {"dictionary_id": SHA256},
    "feature_symmetry": {"type": SYMMETRY_TYPE, "stabiliser": STABILISER},
    "unit_sets": {"unit_set_id": SHA256},
    "curve_detectors": {"curve_family": NOT_BLANK},
    "family_analyses": {"family_analysis_id": SHA256},
    "family_shapes": {"type": SYMMETRY_TYPE, "stabiliser": STABILISER},
    "dimension_analyses": {"dimension_analysis_id": SHA256},
    "concepts": {"concept_id": SHA256, "name": NOT_BLANK},
    "concept_analyses": {"concept_analysis_id": SHA256},
    "tcav_tests": {"class_name": NOT_BLANK},
    "attack_experiments": {"attack_experiment_id": SHA256, "class_name": NOT_BLANK},
    "attacks": {"artifact_folder": SHA256},
    "facet_analyses": {"facet_analysis_id": SHA256, "unit_name": NOT_BLANK},
    "trust_analyses": {"trust_analysis_id": SHA256},
    "runs": {"flow": "^[a-z][a-z0-9_-]*$"},
    "provenance": {"result_id": SHA256},
    "mlflow_runs": {"mlflow_run_id": MLFLOW_RUN, "result_id": SHA256},
    "mlflow_models": {"mlflow_run_id": MLFLOW_RUN, "result_id": SHA256},
}
"""The regular expressions that the texts of columns match."""

CHOICES: dict[str, dict[str, Iterable[str]]] = {
    "activation_sets": {"sampling": get_args(Sampling), "transformations": get_args(Kind)},
    "dictionaries": {"architecture": ARCHITECTURES, "method": METHODS, "encode_from": get_args(EncodeFrom)},
    "unit_tuning": {"stimulus_type": STIMULUS_TYPES},
    "curve_detectors": {"rendering": ("any", *RENDERINGS)},
    "feature_families": {"stimulus_type": STIMULUS_TYPES},
    "dimension_analyses": {"method": get_args(Method)},
    "concept_analyses": {"classifier": get_args(Classifier), "pool": get_args(Pool)},
    "attack_experiments": {"classifier": get_args(Classifier), "pool": get_args(Pool)},
    "attacks": {"attack": ATTACKS},
    "attack_features": {"statistic": get_args(Statistic)},
    "trust_checks": {"check_name": get_args(CheckName)},
}
"""The values that columns may have."""


def suite() -> dict[str, list["Expectation"]]:
    """Return the expectations of each table, by its name."""
    from great_expectations import expectations as gxe

    tables = dict.fromkeys([*RANGES, *PATTERNS, *CHOICES])
    return {
        table: [
            *(
                gxe.ExpectColumnValuesToMatchRegex(column=column, regex=pattern)
                for column, pattern in PATTERNS.get(table, {}).items()
            ),
            *(
                gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values))
                for column, values in CHOICES.get(table, {}).items()
            ),
            *(
                gxe.ExpectColumnValuesToBeBetween(column=column, min_value=least, max_value=most)
                for column, (least, most) in RANGES.get(table, {}).items()
            ),
        ]
        for table in tables
    }
