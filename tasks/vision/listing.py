"""A listing of a source's images: their names and labels, as a table."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import polars

SCHEMA = {"name": polars.Binary, "label": polars.String}
ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Listing:
    """Names and labels of images, which take a few dozen bytes an image.

    table: SCHEMA; a name is in UTF-8, with the surrogates of file names that aren't text; a label is null if none is
    stated.
    """

    table: polars.DataFrame

    @classmethod
    def of(cls, entries: Iterable[tuple[str, str | None]]) -> "Listing":
        """Make a listing from names and labels."""
        waiting, parts = iter(entries), [polars.DataFrame(schema=SCHEMA)]
        while part := list(islice(waiting, ROWS_AT_ONCE)):
            names, labels = zip(*part, strict=True)
            encoded = [name.encode(errors="surrogatepass") for name in names]
            parts.append(polars.DataFrame({"name": encoded, "label": labels}, schema=SCHEMA))
        return cls(polars.concat(parts))

    def __len__(self) -> int:
        return len(self.table)

    def entries(self, order: np.ndarray | None = None) -> Iterator[tuple[str, str | None]]:
        """Yield name and label of each image; order: indices of images, default all."""
        for start in range(0, len(self) if order is None else len(order), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            rows = self.table[part] if order is None else self.table[order[part]]
            for name, label in rows.iter_rows():
                yield name.decode(errors="surrogatepass"), label

    def only(self, wanted: Callable[[str, str | None], bool]) -> "Listing":
        """Return the entries for whose name and label `wanted` is true."""
        return Listing(self.table.filter([wanted(*entry) for entry in self.entries()]))
