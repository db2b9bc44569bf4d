"""Small, consistent tables for everything that a load may fill; a module for each file of `sql/schema`.

`tests.sample_tables.planted` says what they are about.
"""

from functools import cache

import numpy as np
import polars as pl

from tasks.keys import content_key
from tests.sample_tables.activations import activation_rows
from tests.sample_tables.attacks import attack_rows
from tests.sample_tables.benchmark import benchmark_rows
from tests.sample_tables.concepts import concept_rows
from tests.sample_tables.dictionaries import dictionary_rows
from tests.sample_tables.dimensions import dimension_rows
from tests.sample_tables.families import family_rows
from tests.sample_tables.feature_details import detail_rows
from tests.sample_tables.lineage import lineage_rows
from tests.sample_tables.operations import operation_rows
from tests.sample_tables.planted import SAE
from tests.sample_tables.polysemantic import polysemantic_rows
from tests.sample_tables.rows import together
from tests.sample_tables.sources import source_rows
from tests.sample_tables.symmetry import symmetry_rows
from tests.sample_tables.tuning import tuning_rows

PLAIN_SET = content_key("sample activation set", 1, group_order=1)
PLAIN_SAE = content_key("sample dictionary", 1, method="relu-sae")
PLAIN_LAYER = "blocks.2"
PLAIN_METRICS = {"loss_recovered_zero": 0.96, "loss_recovered_mean": 0.91, "top1_change": 0.07}


def sample_tables() -> dict[str, pl.DataFrame]:
    """The sample by table name, columns as in `sql/schema`; the same at every call."""
    return dict(_sample_tables())


@cache
def _sample_tables() -> dict[str, pl.DataFrame]:
    random = np.random.default_rng(0)
    parts = [source_rows(), activation_rows(), dictionary_rows(random), symmetry_rows(random), operation_rows()]
    parts += [tuning_rows(), polysemantic_rows(), family_rows(), dimension_rows(), concept_rows(), attack_rows()]
    tables = together([*parts, benchmark_rows()])
    tables |= detail_rows(tables["features"], tables["feature_examples"])
    tables |= lineage_rows(tables)
    return {table: pl.DataFrame(rows, infer_schema_length=None) for table, rows in tables.items()}


@cache
def early_vision_tables() -> dict[str, pl.DataFrame]:
    """A second load: rows of an earlier layer without transforms, a tuned ReLU SAE on them, its neurons taken apart."""
    of_dictionary = ("dictionary_metrics", "dictionary_stability", "block_metrics", "training_steps", "features")
    of_dictionary += ("feature_examples",)
    of_dictionary += ("feature_neighbours", "feature_visualisations", "neurons", "neuron_features", "neuron_examples")
    of_dictionary += ("activation_histograms", "quantile_examples", "feature_neurons", "feature_logit_effects")
    of_dictionary += ("image_frames", "feature_heat_maps")
    of_tuning = ("unit_sets", "unit_tuning", "tuning_curves", "curve_detectors")
    tables = {table: _of_early_layer(table) for table in ("shards", *of_dictionary, *of_tuning)}
    tables["layers"] = _of_early_layer("layers", receptive_field=19).head(1)
    no_group = {"n_rotations": 1, "reflections": False, "group_order": 1}
    tables["activation_sets"] = _of_early_layer("activation_sets", **no_group, sampling="uniform")
    tables["dictionaries"] = _of_early_layer("dictionaries", method="relu", k=None)
    more = {"dictionary_id": PLAIN_SAE, "metric": list(PLAIN_METRICS), "value": list(PLAIN_METRICS.values())}
    tables["dictionary_metrics"] = pl.concat([tables["dictionary_metrics"], pl.DataFrame(more)])
    return tables


def _of_early_layer(table: str, **changes) -> pl.DataFrame:
    """The sample's rows about the layer and its SAE, with the keys of the early layer and its SAE."""
    rows = _sample_tables()[table]
    if "dictionary_id" in rows.columns:
        of_neurons = pl.col("dictionary_id").is_null() & pl.lit(table == "unit_sets")
        rows = rows.filter(pl.col("dictionary_id").eq(SAE) | of_neurons)
    changes |= {"activation_set_id": PLAIN_SET, "dictionary_id": PLAIN_SAE, "layer": PLAIN_LAYER}
    columns = {name: pl.lit(value) for name, value in changes.items() if name in rows.columns}
    if table == "unit_sets":
        columns["dictionary_id"] = pl.when(pl.col("dictionary_id").is_not_null()).then(pl.lit(PLAIN_SAE))
    if "unit_set_id" in rows.columns:
        columns["unit_set_id"] = pl.col("unit_set_id").str.reverse()
    if "element" in rows.columns:
        columns["element"] = pl.lit(0, dtype=rows.schema["element"])
    return rows.with_columns(**columns)


def both_loads() -> dict[str, pl.DataFrame]:
    """All rows of `sample_tables` and `early_vision_tables`."""
    first, second = sample_tables(), early_vision_tables()
    return first | {table: pl.concat([first[table], rows], how="vertical_relaxed") for table, rows in second.items()}
