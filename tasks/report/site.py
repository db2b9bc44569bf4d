"""The page of an atlas: a static site, written from the published snapshot alone, that a browser opens from disk."""

import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from pathlib import Path

from tasks.checksums import Damaged, commit_folder, is_committed, read_commit
from tasks.code import code_sha256
from tasks.errors import UserError
from tasks.migrations import schema_version
from tasks.progress import Progress, silent
from tasks.report.pages.attacks import attacks_shown, write_attacks
from tasks.report.pages.curves import curve_panels, write_curves
from tasks.report.pages.dimensions import dimension_sections, write_dimensions
from tasks.report.pages.families import family_analyses, write_families
from tasks.report.pages.features import write_features
from tasks.report.pages.findings import all_findings
from tasks.report.pages.lineage import write_lineage
from tasks.report.pages.neurons import shown_neurons, write_neurons
from tasks.report.pages.overview import write_overview
from tasks.report.pages.writer import PageWriter
from tasks.report.previous import SHEETS, Previous
from tasks.report.sheets import Draw, SheetWriter
from tasks.report.snapshot import Snapshot
from tasks.settings import Settings
from tasks.storage import naming_disk_problems, sync_folder
from tasks.warehouse.database import version_of
from tasks.warehouse.snapshot import open_snapshot

STATIC = Path(__file__).parent / "static"
FOLDERS = ("patches", "optimised", "features", "neurons", "families", "dimensions", "attacks")


def write_site(settings: Settings, progress: Progress = silent, draw: Draw | None = None) -> Path:
    """Write the site of the published snapshot and return its index.html.

    The site stays as it is if the same code wrote it from the same snapshot and no file of it has changed since.
    progress: in pages of live features. draw: as of `SheetWriter`. Raises UserError as `open_snapshot` and
    `swapped_in`, and when another version of Kaleidoscope published the snapshot.
    """
    # looked up before it is opened: after a publication in between, the site counts as one of the older snapshot
    made_from = {"snapshot": settings.published_file.resolve().stem, "code": code_sha256()}
    with open_snapshot(settings.published_file) as connection:
        if (version := version_of(connection)) != schema_version():
            raise UserError(
                f"{settings.published_file} has tables of schema version {version}, the page needs version "
                f"{schema_version()}: run `kaleidoscope run publish`"
            )
        if not is_written(settings.site_dir, made_from):
            with swapped_in(settings.site_dir, settings.keep_sites, **made_from) as folder:
                previous = Previous(settings.site_dir.resolve() if settings.site_dir.is_symlink() else None)
                write_pages(Snapshot(connection), folder, progress, previous, draw)
    return settings.site_dir / "index.html"


def is_written(site: Path, made_from: dict[str, str]) -> bool:
    """Whether the site was made from this, and all its files are as they were written."""
    if not site.is_symlink():
        return False
    try:
        commit = read_commit(site.resolve(), "run `kaleidoscope page`")
    except Damaged:
        return False
    return {name: commit.get(name) for name in made_from} == made_from


def write_pages(
    snapshot: Snapshot, folder: Path, progress: Progress, previous: Previous | None = None, draw: Draw | None = None
) -> None:
    """Write all files of the site into an empty folder. A study without rows has no page and no entry in the menu.

    previous: the site that is replaced; its pages and sheets that stay the same are linked. draw: as of `SheetWriter`.
    """
    previous = previous or Previous()
    shutil.copytree(STATIC, folder / "assets")
    for name in FOLDERS:
        (folder / name).mkdir()
    examples, panels = snapshot.examples(), curve_panels(snapshot)
    analyses = family_analyses(snapshot)
    sections = dimension_sections(snapshot, folder / "dimensions")
    attacks = attacks_shown(snapshot, folder / "attacks")
    # most of the time goes into sheets, elsewhere, and into pages of features, here
    with ThreadPoolExecutor(1) as reader, SheetWriter(folder, previous, draw) as sheets:
        sheets_written = reader.submit(copy_context().run, snapshot.write_sheets, sheets)
        neurons = shown_neurons(snapshot, panels, sheets)
        menu = [
            ("index", "index.html", "Overview"),
            ("features", "features.html", "Features"),
            *([("families", "families.html", "Families")] if analyses else []),
            *([("curves", "curves.html", "Curves")] if panels else []),
            *([("dimensions", "dimensions.html", "Dimensions")] if sections else []),
            *([("attacks", "attacks.html", "Attacks")] if attacks else []),
            *([("neurons", "neurons.html", "Mixed neurons")] if neurons.mixed else []),
            ("lineage", "lineage.html", "Lineage"),
        ]
        writer = PageWriter(folder, snapshot, examples, menu, previous)
        kinds = [
            *snapshot.types,
            *snapshot.stimuli,
            *attacks.kinds,
            *(kind for part in sections for kind in part.kinds),
        ]
        writer.write("assets/types.css", "types.css", kinds=list(dict.fromkeys(kinds)))
        write_families(writer, snapshot, examples, analyses)
        if panels:
            write_curves(writer, panels)
        if sections:
            write_dimensions(writer, sections)
        if attacks:
            write_attacks(writer, attacks)
        write_neurons(writer, snapshot, neurons)
        write_lineage(writer, snapshot)
        write_features(writer, snapshot, examples, analyses, progress)
        sheets_written.result()
    (folder / SHEETS).write_text(json.dumps(sheets.made_from, sort_keys=True), encoding="utf-8")
    # last, because it chooses among the sheets
    write_overview(writer, snapshot, examples, all_findings(snapshot, analyses, panels, sections, attacks, neurons))


@contextmanager
def swapped_in(site: Path, keep: int = 2, **made_from: str) -> Iterator[Path]:
    """Yield an empty folder that becomes `site` when the block ends without an exception.

    made_from: stored with the checksums of its files, for `is_written`.
    `site` is a link into <site>-versions and is replaced by one rename, so a reader finds the old site or the new one,
    never a mix. The newest `keep` versions, the new one included, stay for readers that still have them open.
    UserError when `site` is a folder that Kaleidoscope did not write, when another process is writing it, and when the
    disk is full or read-only.
    """
    if site.exists() and not site.is_symlink():
        raise UserError(f"{site} was not written by `kaleidoscope page` and is not replaced: move it and run again")
    versions = site.with_name(f"{site.name}-versions")
    with naming_disk_problems(site), ExitStack() as opened:
        versions.mkdir(parents=True, exist_ok=True)
        lock = opened.enter_context(open(versions / ".lock", "w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another process is writing {site}: run again when it has finished") from None
        for version in versions.glob("[!.]*"):
            if version != site.resolve() and not is_committed(version):
                shutil.rmtree(version)
        fresh = versions / uuid.uuid4().hex
        fresh.mkdir()
        try:
            yield fresh
            files = (str(file.relative_to(fresh)) for file in fresh.rglob("*") if file.is_file())
            commit_folder(fresh, files, **made_from)
            link = fresh / ".link"
            link.symlink_to(fresh.relative_to(site.parent))
            os.replace(link, site)
        except BaseException:
            shutil.rmtree(fresh)
            raise
        sync_folder(site.parent)
        for version in old_sites(site, keep):
            shutil.rmtree(version)


def old_sites(site: Path, keep: int) -> list[Path]:
    """Return complete versions of the site beyond the `keep` to be kept: the current one, then the newest."""
    shown = site.resolve()
    versions = site.with_name(f"{site.name}-versions").glob("[!.]*")
    whole = [version for version in versions if version == shown or is_committed(version)]
    return sorted(whole, key=lambda version: (version != shown, -version.stat().st_mtime))[keep:]
