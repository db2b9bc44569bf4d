"""Write, audit, publish: what analysts read is a snapshot that passed every audit.

`published/kaleidoscope.duckdb` is a symbolic link to `snapshots/<SHA-256 of the file>.duckdb`. One rename of the link
publishes a snapshot together with its checksum, so readers see the old one or the new one, and a killed publisher
leaves nothing half done.
"""

import os
import uuid
from pathlib import Path

import duckdb

from tasks.errors import UserError, reason_of
from tasks.keys import file_sha256
from tasks.settings import Settings
from tasks.storage import remove_leftovers, sync_folder
from tasks.warehouse.audit import AuditFailed, run_audits
from tasks.warehouse.database import create_schema, create_views, open_warehouse, schema, writing_to


def publish(settings: Settings) -> Path:
    """Audit the warehouse and swap in a snapshot of it with the analysts' views; returns `settings.published_file`.

    Raises AuditFailed when an audit finds a row, UserError when nothing was loaded, another process holds the warehouse
    or the disk is full. The snapshot published before stays in each case. Readers are never waited for: an open
    snapshot lasts for as long as it is open, and one that was just looked up for `keep_snapshots` - 1 publications.
    """
    published = settings.published_file
    with open_warehouse(settings, must_exist=True) as warehouse:
        failed = [result for result in run_audits(warehouse) if not result.passed]
        if failed:
            raise AuditFailed(failed, settings.warehouse_file)
        try:
            snapshot = _write_snapshot(warehouse, published.parent)
            _swap_link(published, snapshot, settings.keep_snapshots)
        except (duckdb.Error, OSError) as error:
            raise UserError(f"can't publish {published}: {reason_of(error)}; the last snapshot stays") from error
    return published


def _write_snapshot(warehouse: duckdb.DuckDBPyConnection, folder: Path) -> Path:
    snapshots = folder / "snapshots"
    snapshots.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    temporary = folder / f".tmp-{uuid.uuid4().hex}.duckdb"
    try:
        with writing_to(temporary) as copy:
            create_schema(copy)
            for table in schema():
                copy.from_arrow(warehouse.table(table).to_arrow_reader()).insert_into(table)
            create_views(copy)
            copy.execute("CHECKPOINT")  # closing would checkpoint too, but keep quiet if it failed
        _sync(temporary)
        temporary.chmod(0o444)
        snapshot = snapshots / f"{file_sha256(temporary)}.duckdb"
        os.replace(temporary, snapshot)
        sync_folder(snapshots)
    except BaseException:
        remove_leftovers(folder)
        raise
    return snapshot


def _swap_link(published: Path, snapshot: Path, keep: int) -> None:
    before = published.resolve()
    link = published.parent / f".tmp-{uuid.uuid4().hex}-link"
    link.symlink_to(snapshot.relative_to(published.parent))
    os.replace(link, published)
    sync_folder(published.parent)
    for old in old_snapshots(published, keep, before):
        old.unlink()


def old_snapshots(published: Path, keep: int, *before: Path) -> list[Path]:
    """Snapshots beyond `keep`: the published one is kept first, then those published `before`, then the newest."""
    newest_first = sorted((published.parent / "snapshots").glob("*.duckdb"), key=lambda file: -file.stat().st_mtime)
    in_order = dict.fromkeys([published.resolve(), *before, *newest_first])
    return [file for file in [*in_order][keep:] if file in newest_first]


def _sync(file: Path) -> None:
    with open(file, "rb+") as handle:
        os.fsync(handle.fileno())
