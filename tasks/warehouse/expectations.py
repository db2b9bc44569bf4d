"""The Great Expectations suite: the values allowed in each column of the small tables, independent of other columns.

The large tables (blocks, harmonics, examples, neighbours, curves, pairs, pictures) are checked only in SQL, to avoid
copying them to pandas.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tasks.dictionary.methods import METHODS

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation

SHA256 = "^[0-9a-f]{64}$"
SYMMETRY_TYPE = r"^(?:invariant|mixed|period-\d+(?:\.\d+)?)$"
STABILISER = r"^(?:trivial|full|[CD]_\d+)$"
STIMULUS_TYPES = (
    *("curve", "line", "edge", "angle", "grating", "hatch", "centre-surround", "colour"),
    *("mixed", "other"),
)
CLASSIFIERS = ("logistic", "sgd", "mean-difference")
POOLS = ("mean", "none")
ATTACKS = ("clean", "noise", "random-direction", "token-pushing", "cav", "class-gradient", "random-set")


def suite() -> dict[str, list["Expectation"]]:
    """Return the expectations of each table, by its name."""
    from great_expectations import expectations as gxe

    def between(column: str, least: float | None, most: float | None = None) -> gxe.ExpectColumnValuesToBeBetween:
        return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=least, max_value=most)

    def matches(column: str, pattern: str) -> gxe.ExpectColumnValuesToMatchRegex:
        return gxe.ExpectColumnValuesToMatchRegex(column=column, regex=pattern)

    def one_of(column: str, values: Iterable[str]) -> gxe.ExpectColumnValuesToBeInSet:
        return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values))

    return {
        "networks": [matches("weights_sha256", SHA256), between("input_size", 1), between("classes", 1)],
        "layers": [between("channels", 1), between("receptive_field", 1), between("stride", 1)],
        "images": [matches("image_id", SHA256), between("width", 1), between("height", 1)],
        "quarantine": [matches("reason", r"\S")],
        "activation_sets": [
            matches("activation_set_id", SHA256),
            one_of("sampling", ("uniform", "norm")),
            between("orbits", 1),
        ],
        "shards": [matches("sha256", SHA256), between("bytes", 1)],
        "dictionaries": [
            matches("dictionary_id", SHA256),
            one_of("architecture", ("sae", "group-crosscoder")),
            one_of("method", METHODS),
            one_of("encode_from", ("identity", "orbit")),
            between("train_seconds", 0),
        ],
        "features": [between("density", 0, 1), between("max_activation", 0), between("atom_dimension", 1, 4)],
        "feature_symmetry": [
            matches("type", SYMMETRY_TYPE),
            matches("stabiliser", STABILISER),
            between("confidence", 0, 1),
            between("invariance", -1.0001, 1.0001),
            between("mirror", -1.0001, 1.0001),
        ],
        "unit_sets": [
            matches("unit_set_id", SHA256),
            between("step_degrees", 1e-6, 4),
            between("stimuli", 1),
            between("units", 1),
        ],
        "unit_tuning": [
            one_of("stimulus_type", STIMULUS_TYPES),
            between("confidence", 0, 1),
            between("criteria_met", 0, 5),
        ],
        "curve_detectors": [
            matches("curve_family", r"\S"),
            between("preferred_radius", 1e-6),
            one_of("rendering", ("any", "dark line", "light line", "dark fill", "light fill")),
        ],
        "neurons": [between("density", 0, 1), between("top_rows", 0), between("explained", None, 1)],
        "family_analyses": [
            matches("family_analysis_id", SHA256),
            between("neighbours", 2),
            between("min_family_size", 2),
        ],
        "family_shapes": [
            matches("type", SYMMETRY_TYPE),
            matches("stabiliser", STABILISER),
            between("mean_similarity", -1.0001, 1.0001),
            between("evenness", 0, 1.0001),
            between("covered", 0, 1.0001),
        ],
        "feature_families": [
            one_of("stimulus_type", STIMULUS_TYPES),
            between("strength", 0, 1),
            between("similarity", -1.0001, 1.0001),
        ],
        "dimension_analyses": [
            matches("dimension_analysis_id", SHA256),
            one_of("method", ("pca", "ica", "nmf", "kernel-pca", "neurons", "random")),
            between("components", 1),
            between("rows", 1),
            between("constant_units", 0),
        ],
        "tuning_dimensions": [
            between("explained_variance", None, 1.0001),
            between("cumulative_variance", None, 1.0001),
        ],
        "tuning_scores": [
            between("r_squared", 0, 1.0001),
            between("null_r_squared", 0, 1.0001),
            between("p_value", 0, 1),
        ],
        "dimension_completeness": [
            between("frames", 1),
            between("labelled", 0),
            *(
                between(column, 0, 1)
                for column in (
                    *("agreement_kept", "agreement_removed"),
                    *("accuracy_clean", "accuracy_kept", "accuracy_removed"),
                )
            ),
        ],
        "dimension_paths": [between("spearman", -1.0001, 1.0001), between("drift", 0)],
        "concepts": [matches("concept_id", SHA256), matches("name", r"\S"), between("quarantined", 0)],
        "concept_analyses": [
            matches("concept_analysis_id", SHA256),
            one_of("classifier", CLASSIFIERS),
            one_of("pool", POOLS),
            between("penalty", 1e-12),
            between("held_out", 1e-6, 0.999999),
        ],
        "tcav_tests": [
            matches("class_name", r"\S"),
            between("random_sets", 3),
            *(
                between(column, 0, 1.0001)
                for column in ("score", "magnitude", "random_score", "accuracy", "p_value", "p_holm")
            ),
            between("score_std", 0),
            between("random_score_std", 0),
            between("agreement", -1.0001, 1.0001),
        ],
        "attack_experiments": [
            matches("attack_experiment_id", SHA256),
            matches("class_name", r"\S"),
            between("random_sets", 3),
            one_of("classifier", CLASSIFIERS),
            one_of("pool", POOLS),
            between("steps", 1),
        ],
        "attacks": [
            one_of("attack", ATTACKS),
            between("epsilon", 0, 255),
            between("fraction", 0, 1),
            matches("artifact_folder", SHA256),
            between("images", 1),
            between("perceptual", 0, 4.0001),
        ],
        "attack_scores": [
            *(
                between(column, 0, 1.0001)
                for column in ("score", "magnitude", "random_score", "accuracy", "p_value", "p_holm")
            ),
            between("score_std", 0),
            between("random_score_std", 0),
            between("cosine", -1.0001, 1.0001),
        ],
        "attack_features": [
            one_of("statistic", ("fvu", "rare", "fragile", "plain")),
            between("flagged", 0, 1),
            between("auc", 0, 1),
        ],
        "facet_analyses": [
            matches("facet_analysis_id", SHA256),
            between("unit", 0),
            matches("unit_name", r"\S"),
            between("weight", 0),
            between("epsilon", 1, 255),
            between("steps", 1),
        ],
        "trust_analyses": [matches("trust_analysis_id", SHA256), between("random_sets", 1)],
        "trust_checks": [
            one_of("check_name", ("CAV shift after JPEG", "split-half disagreement", "colour grain")),
            between("threshold", 0),
        ],
        "runs": [
            matches("flow", "^[a-z][a-z0-9_-]*$"),
            between("seconds", 0),
            between("peak_memory_bytes", 1),
        ],
    }
