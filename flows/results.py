"""Prefect's results under `data/prefect/storage`.

Prefect's database holds their absolute paths. They are rewritten when the data folder was moved or copied.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from tasks.settings import Settings
from tasks.storage import write_text

TABLES = ("flow_run_state", "task_run_state", "artifact", "artifact_collection")
OURS = re.compile(r"/.*/prefect/storage/(?P<name>[^/]+)")
WAIT_SECONDS = 60


def follow_the_folder(home: Path) -> None:
    """Rewrite the paths of results in Prefect's database when `home`, Prefect's folder, was moved or copied.

    Otherwise a copied data folder would read the original's results. The file `location` in `home` holds the path that
    `home` had before.
    """
    database, location, storage = home / "prefect.db", home / "location", home / "storage"
    if not database.exists() or (location.exists() and location.read_text(encoding="utf-8") == str(home)):
        return

    def moved(key: str | None) -> str | None:
        match = key and OURS.fullmatch(key)
        return str(storage / match["name"]) if match else key

    with closing(sqlite3.connect(database, timeout=WAIT_SECONDS)) as connection, connection:
        connection.create_function("moved", 1, moved, deterministic=True)
        connection.execute("BEGIN IMMEDIATE")
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if table in TABLES:
                key = "json_extract(data, '$.storage_key')"
                new = f"json_set(data, '$.storage_key', moved({key}))"
                connection.execute(f"UPDATE {table} SET data = {new} WHERE moved({key}) <> {key}")
    write_text(location, str(home))


def remove_old_results(settings: Settings) -> int:
    """Delete the results of runs that Prefect has deleted; return how many there were."""
    from tasks.maintenance.garbage import old_results  # it imports PyTorch, and a server starts before that

    old = old_results(settings)
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
