"""The record of the last publication, by which the next one finds that it has nothing to do.

`published/publication.json` names what the published snapshot was made from: the warehouse, the code, the staged keys
and what is in quarantine. It is written after the snapshot is published. The next publication compares it with the
files themselves: a warehouse or snapshot that has changed since has another SHA-256.
"""

from pathlib import Path
from typing import Any
from uuid import UUID

from tasks.checksums import Damaged, read_document, write_document
from tasks.code import code_sha256
from tasks.keys import file_sha256
from tasks.quarantine import in_quarantine
from tasks.settings import Settings
from tasks.staging import staged_keys, staged_tables
from tasks.warehouse.lake import is_newest

RECORD = "publication.json"
REMEDY = "run `kaleidoscope run publish`"


def record_publication(settings: Settings, staged: list[str]) -> None:
    """Record what the snapshot that is published now was made from. staged: the keys that were staged."""
    write_document(_file(settings), _made_from(settings, staged))


def is_published(settings: Settings) -> bool:
    """Whether a publication would publish the same rows again, with nothing damaged, and the lake has no others.

    Keys that have been staged since count as nothing new if all that they hold is rows of the table `runs`: every run
    stages one, also a run that made nothing. Those rows are loaded by the next publication of something new.
    """
    try:
        record = read_document(_file(settings), REMEDY)
        before = record.get("staged", [])
        staged = [key for key in staged_keys(settings) if key in before or not _is_record_of_a_run(key, settings)]
        return record == _made_from(settings, staged) and is_newest(settings)
    except (Damaged, OSError):
        return False


def set_aside_rows(settings: Settings) -> list[tuple[str, str, str, str]]:
    """Return kind, name, reason and time (ISO 8601, UTC, or empty) of what is in quarantine and wasn't made again."""
    rows = {}
    for entry in in_quarantine(settings):
        if not (settings.data_dir / entry.came_from).exists():
            kind, *name = entry.came_from.parts
            rows[kind, "/".join(name)] = (entry.reason, entry.at)
    return [(*name, *reason_and_time) for name, reason_and_time in rows.items()]


def _made_from(settings: Settings, staged: list[str]) -> dict[str, Any]:
    """Return what is compared. Raises OSError when there is no warehouse or no snapshot."""
    snapshot, warehouse = settings.published_file.resolve(), settings.warehouse_file
    return {
        "code": code_sha256(),
        "set_aside": [list(row) for row in set_aside_rows(settings)],
        "staged": staged,
        "snapshot": [snapshot.stem, file_sha256(snapshot)],
        "warehouse": file_sha256(warehouse),
        "log": warehouse.with_name(f"{warehouse.name}.wal").exists(),  # a killed writer's, which DuckDB would replay
    }


def _is_record_of_a_run(key: str, settings: Settings) -> bool:
    """Whether a key is the id of a flow run, and its folder holds that run's row only. Raises Damaged."""
    try:
        UUID(key)
    except ValueError:
        return False
    return staged_tables(key, settings) == ["runs"]


def _file(settings: Settings) -> Path:
    return settings.published_file.with_name(RECORD)
