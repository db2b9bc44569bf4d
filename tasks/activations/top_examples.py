"""Top examples: the rows on which a unit is most active."""

import polars


def top_examples(rows: polars.DataFrame, unit: str, count: int) -> polars.DataFrame:
    """Return at most `count` rows of `rows` per unit, sorted by unit, strongest first, at most one per image.

    unit: name of the column with the units. rows: the columns `unit`, row, image, activation, and any others. At most
    one row per image, because neighbouring positions of a photograph excite a unit similarly.
    """
    ordered = rows.sort(unit, "activation", "row", descending=[False, True, False])
    one_per_image = ordered.unique([unit, "image"], keep="first", maintain_order=True)
    return one_per_image.group_by(unit, maintain_order=True).head(count).select(rows.columns)
