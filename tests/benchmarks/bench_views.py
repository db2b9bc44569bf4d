"""Every view on a large dictionary: seconds of reading all its rows, and all its columns of one feature.

    python -m tests.benchmarks.bench_views [FEATURES]

Without a number, 16,000 features under 64 transforms. All rows are read as an aggregate over every column, so that
DuckDB computes each of them and Python converts none. One feature's rows are converted. The reference is the same
aggregate over the largest table, `transform_blocks`. Exits with 1 if a view takes more than LARGEST_RATIO of it.
"""

import json
import sys
import time
from collections.abc import Callable

import duckdb
from rich.console import Console
from rich.table import Table

from tests.benchmarks.large_tables import large_tables
from tests.tasks.report.conftest import snapshot_of

LARGEST_RATIO = 25.0
TRIES = 3


def best_of(work: Callable[[], object]) -> float:
    """Return the least wall seconds of TRIES."""
    seconds = []
    for _ in range(TRIES):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measured(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[int, float, float | None]:
    """Return the number of rows of a view, the seconds of reading all, and those of one feature if it has features."""
    columns = connection.table(name).columns
    everything = ", ".join(f'count("{column}"), min(hash("{column}"))' for column in columns)
    [rows] = connection.sql(f"SELECT count(*) FROM {name}").fetchone()
    whole = best_of(lambda: connection.sql(f"SELECT {everything} FROM {name}").fetchall())
    if not {"dictionary_id", "feature"} <= {*columns}:
        return rows, whole, None
    return rows, whole, best_of(lambda: connection.sql(f"SELECT * FROM {name} WHERE feature = 7").fetchall())


def main(features: int) -> int:
    connection = snapshot_of(large_tables(features)).connection
    views = [name for [name] in connection.sql("SELECT name FROM catalogue WHERE kind = 'view'").fetchall()]
    _, reference, _ = measured(connection, "transform_blocks")
    result = {name: measured(connection, name) for name in views}
    table = Table("view", "rows", "seconds, all", "seconds, one feature", title=f"{features:,} features, |G| = 64")
    for name, (rows, whole, one) in sorted(result.items(), key=lambda item: -item[1][1]):
        table.add_row(name, f"{rows:,}", f"{whole:.3f}", "" if one is None else f"{one:.3f}")
    Console(width=100).print(table)
    slowest = max(whole for _, whole, _ in result.values()) / reference
    print(json.dumps({"features": features, "reference_seconds": reference, "slowest_ratio": slowest, **result}))
    return int(slowest > LARGEST_RATIO)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 16_000))
