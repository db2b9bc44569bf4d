"""Which rows excite a unit most."""

import polars


def top_examples(found: polars.DataFrame, unit: str, count: int) -> polars.DataFrame:
    """At most `count` rows of `found` for each `unit`, strongest first, one an image; units in order.

    found: columns `unit` (by that name), row, image, activation, and any others. One an image, since neighbouring
    positions of a photograph excite a unit alike.
    """
    ordered = found.sort(unit, "activation", "row", descending=[False, True, False])
    one_an_image = ordered.unique([unit, "image"], keep="first", maintain_order=True)
    return one_an_image.group_by(unit, maintain_order=True).head(count).select(found.columns)
