"""Labels of things that are not in the warehouse yet, by the same SQL as those in its views (sql/labels.sql)."""

from collections.abc import Iterable, Mapping

import polars

from tasks.activations.plan import ExtractionPlan
from tasks.activations.shards import transformation_columns
from tasks.dictionary.analyse import dictionary_row
from tasks.dictionary.store import describe
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.warehouse.database import in_memory

TYPES = {
    **dict.fromkeys(("activation_set_id", "network", "layer", "transformations", "sampling"), polars.String),
    **dict.fromkeys(("n_rotations", "scales_per_octave", "group_order", "orbits", "seed"), polars.Int32),
    "reflections": polars.Boolean,
    "octaves": polars.Float64,
}
"""The columns of `activation_sets` that labels need."""


def label_of(kind: str, key: str, tables: Mapping[str, polars.DataFrame]) -> str:
    """Return a thing's label, such as the `trust_analysis_label` of views for the kind `trust_analysis`.

    tables: its row, and the rows that it refers to, by name as in `sql/schema`. Views add digits of the key to equal
    labels; here, only labels of things in `tables` are compared.
    """
    with in_memory(tables) as connection:
        labels = connection.sql(f"FROM {kind}_labels()").fetchall()
    return dict(labels)[key]


def dictionary_label(key: str, settings: Settings) -> str:
    """Return the label of a trained dictionary. Raises as `describe`."""
    return label_of("dictionary", key, dictionary_tables(key, settings))


def dictionary_labels(keys: Iterable[str], settings: Settings) -> dict[str, str]:
    """Return {key: label} of trained dictionaries; equal labels end with digits of the keys. Raises as `describe`."""
    each = [dictionary_tables(key, settings) for key in keys]
    if not each:
        return {}
    tables = {name: polars.concat([of_one[name] for of_one in each], how="diagonal_relaxed") for name in each[0]}
    tables["activation_sets"] = tables["activation_sets"].unique("activation_set_id")
    with in_memory(tables) as connection:
        return dict(connection.sql("FROM dictionary_labels()").fetchall())


def dictionary_tables(key: str, settings: Settings) -> dict[str, polars.DataFrame]:
    """Return a trained dictionary's row of `dictionaries`, and its activation set's of `activation_sets`."""
    row = dictionary_row(key, settings)
    try:
        return {"dictionaries": row} | activation_set_tables(row["activation_set_id"].item(), settings)
    except UserError:  # the set was deleted: what the dictionary itself knows of it
        known = describe(key, settings)
        sets = {"activation_set_id": known["activation_set"], "sampling": None, "orbits": None, "seed": None}
        sets |= {name: known[name] for name in ("network", "layer", "group_order")}
        sets |= {name: known.get(name) for name in ("n_rotations", "reflections")}
        sets |= {"transformations": known.get("transformations", "rotations")}
        return {"dictionaries": row, "activation_sets": polars.DataFrame([sets], schema_overrides=TYPES)}


def activation_set_tables(key: str, settings: Settings) -> dict[str, polars.DataFrame]:
    """Return the columns that labels need of a set's row of `activation_sets`. Raises as `ExtractionPlan.open`."""
    config = ExtractionPlan.open(key, settings).config
    columns = {name: getattr(config, name) for name in TYPES if name in type(config).model_fields}
    columns |= {"activation_set_id": key} | transformation_columns(config.group)
    return {"activation_sets": polars.DataFrame([columns], schema_overrides=TYPES)}
