"""The site that is replaced: files that stay the same are linked into the new one instead of being written again."""

import hashlib
import json
import os
from pathlib import Path

from tasks.checksums import Damaged, check_file, commit_of

SHEETS = "sheets.json"
"""The file of a site that holds, for each of its sheets, what `tasks.report.sheets.made_from` gives."""
REMEDY = "run `kaleidoscope page`"


class Previous:
    """Files of a written site, which two sites can share: a file of a site never changes.

    folder: the site; None, or one that is not complete: there are no files.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._files: dict[str, str] = {}
        self._made: dict[str, str] = {}
        if folder is not None:
            try:
                self._files = commit_of(folder, REMEDY)["files"]
                check_file(folder / SHEETS, self._files[SHEETS], REMEDY)
                self._made = json.loads((folder / SHEETS).read_bytes())
            except (Damaged, KeyError):  # a site without them was written by an earlier version
                self._made = {}

    def link_made(self, name: str, made_from: str, folder: Path) -> bool:
        """Link a sheet into another site's folder if it was made from the same; return whether it was linked."""
        return self._made.get(name) == made_from and self._link(name, folder)

    def link_equal(self, name: str, content: bytes, folder: Path) -> bool:
        """Link a file into another site's folder if it has this content; return whether it was linked."""
        return self._files.get(name) == hashlib.sha256(content).hexdigest() and self._link(name, folder)

    def _link(self, name: str, folder: Path) -> bool:
        """Link an undamaged file; not where the file system has no links, or no more of this file."""
        assert self._folder is not None
        try:
            check_file(self._folder / name, self._files[name], REMEDY)
            os.link(self._folder / name, folder / name)
        except (KeyError, Damaged, OSError):
            return False
        return True
