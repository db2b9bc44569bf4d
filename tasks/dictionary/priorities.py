"""The order in which features are looked at where not all of them can be."""

import polars


def by_turns(units: polars.DataFrame, unit: str, kind: str) -> list[int]:
    """Return the units with the most confident of each kind in turn, so that no kind fills the top of the list.

    unit, kind: names of columns; the confidence is in the column of that name.
    """
    surest_first = units.sort("confidence", unit, descending=[True, False])
    turn = polars.int_range(polars.len()).over(kind).alias("turn")
    return surest_first.with_columns(turn).sort("turn", kind, maintain_order=True)[unit].to_list()


def densest_first(features: polars.DataFrame) -> list[int]:
    """Return the live features by falling density. features: rows of the table of that name, of one dictionary."""
    live = features.filter(~polars.col("dead"))
    return live.sort("density", "feature", descending=[True, False])["feature"].to_list()
