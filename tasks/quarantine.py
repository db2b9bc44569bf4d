"""Quarantine: damaged or foreign files and folders are moved out of the way with the reason, so that work can go on.

`data/quarantine/KIND/NAME.TIME` is the moved file or folder, `data/quarantine/KIND/NAME.TIME.json` holds the reason. No
run reads the quarantine; a person may examine its content, move it back or delete it.
"""

import logging
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tasks.checksums import read_document, write_document
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.storage import sync_folder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SetAside:
    """A file or folder in quarantine.

    path: where it is now, below `quarantine_dir`; came_from: where it was, relative to the data folder; at: when it was
    moved (ISO 8601, UTC).
    """

    path: Path
    came_from: Path
    reason: str
    at: str


def set_aside(path: Path, reason: str, settings: Settings) -> Path | None:
    """Move a file or folder of the data folder to quarantine, log a warning, and return its new path.

    Returns None when it doesn't exist: a missing file counts as damaged too, and another process may have moved it
    first. The reason is written before the move. After a crash between the two steps, the reason describes nothing, and
    the next call moves the file. Raises OSError when it can't be moved.
    """
    now = datetime.now(UTC)
    inside = path.relative_to(settings.data_dir)
    target = settings.quarantine_dir / inside.parent / f"{inside.name}.{now:%Y%m%dT%H%M%S%f}"
    about = {"came_from": str(inside), "reason": reason, "at": now.isoformat(timespec="seconds")}
    write_document(_reason_file(target), about)
    try:
        shutil.move(path, target)  # also works across file systems
    except FileNotFoundError:
        _reason_file(target).unlink()
        return None
    sync_folder(path.parent)
    sync_folder(target.parent)
    log.warning("%s was set aside in %s: %s", inside, target.parent, reason)
    return target


def in_quarantine(settings: Settings) -> list[SetAside]:
    """Return everything that is in quarantine, the oldest first."""
    entries = []
    for file in settings.quarantine_dir.rglob("*.json"):
        path = file.with_name(file.name.removesuffix(".json"))
        if os.path.lexists(path) and path.suffix != ".json":
            try:
                about = read_document(file, "delete it")
            except UserError as error:
                about = {"came_from": str(path.relative_to(settings.quarantine_dir)), "reason": str(error), "at": ""}
            entries.append(SetAside(path, Path(about["came_from"]), about["reason"], about["at"]))
    return sorted(entries, key=lambda entry: (entry.at, str(entry.path)))


def _reason_file(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")
