"""Quarantine: what is damaged or foreign is moved out of the way with its reason, so that it stops nothing but itself.

`data/quarantine/KIND/NAME.TIME` is what was moved, `data/quarantine/KIND/NAME.TIME.json` says why. No run reads what is
there; a person may look at it, move it back or delete it.
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
    """A file or folder in quarantine. path: where it is now, below `quarantine_dir`; came_from: where it was."""

    path: Path
    came_from: Path
    reason: str
    at: str


def set_aside(path: Path, reason: str, settings: Settings) -> Path | None:
    """Move a file or folder of the data folder to quarantine, with a warning; returns where it is now.

    None where it is gone: what is missing is damaged too, and another process may have moved it first. The reason is
    written before: after a crash between the two steps it describes nothing, and the next call moves the thing.
    Raises OSError when it can't be moved.
    """
    now = datetime.now(UTC)
    inside = path.relative_to(settings.data_dir)
    target = settings.quarantine_dir / inside.parent / f"{inside.name}.{now:%Y%m%dT%H%M%S%f}"
    about = {"came_from": str(inside), "reason": reason, "at": now.isoformat(timespec="seconds")}
    write_document(_reason_file(target), about)
    try:
        shutil.move(path, target)  # which also moves it to another file system
    except FileNotFoundError:
        _reason_file(target).unlink()
        return None
    sync_folder(path.parent)
    sync_folder(target.parent)
    log.warning("%s was set aside in %s: %s", inside, target.parent, reason)
    return target


def in_quarantine(settings: Settings) -> list[SetAside]:
    """Everything that is in quarantine, oldest first."""
    found = []
    for file in settings.quarantine_dir.rglob("*.json"):
        path = file.with_name(file.name.removesuffix(".json"))
        if os.path.lexists(path) and path.suffix != ".json":
            try:
                about = read_document(file, "delete it")
            except UserError as error:
                about = {"came_from": str(path.relative_to(settings.quarantine_dir)), "reason": str(error), "at": ""}
            found.append(SetAside(path, Path(about["came_from"]), about["reason"], about["at"]))
    return sorted(found, key=lambda one: (one.at, str(one.path)))


def _reason_file(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")
