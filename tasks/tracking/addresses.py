"""Rewrite the absolute addresses in MLflow's database when the data folder was moved or copied.

They must be absolute: MLflow resolves a relative artifact location when it creates an experiment, and
`mlflow-artifacts:` needs a server. So neither lets a client that opens the database directly find the files of a folder
that was moved.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
OURS = re.compile(r"(file://)?/.*/mlflow/artifacts(?P<below>/.*)?")
DEFAULT_EXPERIMENT = re.compile(r"(file://)?/.*/mlruns/0")
"""Where MLflow stores files of its experiment `Default`: below the folder in which the store was created."""
WAIT_SECONDS = 60


def addresses_elsewhere(connection: sqlite3.Connection, artifacts: str) -> int:
    """Return how many addresses of our files are not below `artifacts`, a file URI. Raises sqlite3.Error."""
    return sum(connection.execute(count).fetchone()[0] for count, _ in _statements(connection, artifacts))


def move_addresses(database: Path, artifacts: str) -> None:
    """Rewrite every address of our files to one below `artifacts`, in one transaction. Raises sqlite3.Error."""
    with closing(sqlite3.connect(database, timeout=WAIT_SECONDS)) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")
        for _, update in _statements(connection, artifacts):
            connection.execute(update)


def _statements(connection: sqlite3.Connection, artifacts: str) -> list[tuple[str, str]]:
    """Return, for each column of addresses in the database, a statement that counts and one that rewrites them."""

    def moved(address: str | None) -> str | None:
        if address and (match := OURS.fullmatch(address)):
            return artifacts + (match["below"] or "")
        return artifacts if address and DEFAULT_EXPERIMENT.fullmatch(address) else address

    connection.create_function("moved", 1, moved, deterministic=True)
    columns = "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?"
    return [
        (
            f"SELECT count(*) FROM {table} WHERE moved({column}) <> {column}",
            f"UPDATE {table} SET {column} = moved({column}) WHERE moved({column}) <> {column}",
        )
        for table, column in ADDRESSES
        if connection.execute(columns, (table, column)).fetchone()[0]
    ]
