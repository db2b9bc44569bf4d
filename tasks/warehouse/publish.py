"""Load the staged tables, audit the warehouse and publish a snapshot, which is what analysts read.

`published/kaleidoscope.duckdb` is a symbolic link to `snapshots/<SHA-256 of the file>.duckdb`. One rename of the link
publishes a snapshot together with its checksum: readers see either the old or the new snapshot, also when the publisher
is killed. Loads that can't be inserted or fail an audit are set aside one by one; the rest is published.
"""

import os
import uuid
from bisect import bisect_left
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from tasks.errors import UserError, reason_of
from tasks.keys import file_sha256
from tasks.progress import Progress, silent
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.staging import fetch_staged, set_strays_aside, staged_keys
from tasks.storage import naming_disk_problems, remove_leftovers, sync_folder
from tasks.warehouse.audit import AuditFailed, AuditResult, run_audits, summary_of
from tasks.warehouse.database import (
    Discarded,
    create_schema,
    create_views,
    make_again,
    open_warehouse,
    schema,
    writing_to,
)
from tasks.warehouse.lake import Overtaken
from tasks.warehouse.load import load_staged, loaded_keys
from tasks.warehouse.publication import is_published, record_publication, set_aside_rows

WAITING = "waiting"
"""Kind, in the table `set_aside`, of staged keys whose rows refer to rows that don't exist."""


def publish(settings: Settings, progress: Progress = silent) -> Path:
    """Load the staged tables, audit the warehouse, publish a snapshot with the views; return `settings.published_file`.

    Tables that other machines staged are copied from the shared store first. Staged folders that are damaged or
    foreign, and those whose rows are refused or fail an audit, are set aside. A warehouse that proves to be damaged is
    rebuilt. Keys that were loaded before are not read again. Where nothing is new and nothing is damaged
    (`is_published`), nothing is audited or written. With a lake, what is loaded is added to it, and what other machines
    have added is published too; when one does so at the same time, this publication starts again.
    Raises AuditFailed when published rows fail an audit and can't be rebuilt because they are no longer staged;
    UserError when nothing was ever loaded, another process holds the warehouse, or a disk is full or read-only. In
    these cases the warehouse and the snapshot stay as they were.
    A publication doesn't wait for readers: an open snapshot stays readable for as long as it is open, and one that a
    reader has looked up but not opened stays for `keep_snapshots` - 1 further publications. progress counts the loads.
    """
    set_strays_aside(settings)
    fetch_staged(settings)
    if is_published(settings):
        return settings.published_file
    rebuilt = False
    while True:
        try:
            return _publish(settings, progress)
        except Overtaken:
            continue  # with the rows that the other machine has loaded
        except AuditFailed as failure:
            with suppress(Overtaken):
                _set_offenders_aside(settings, failure)
        except duckdb.Error as error:
            if rebuilt or isinstance(error, duckdb.OutOfMemoryException):
                raise UserError(
                    f"can't publish {settings.published_file}: {reason_of(error)}; the last snapshot stays"
                ) from error
            make_again(settings, f"is damaged ({reason_of(error)})")
            rebuilt = True


def _publish(settings: Settings, progress: Progress) -> Path:
    keys, published = staged_keys(settings), settings.published_file
    with open_warehouse(settings, must_exist=not keys) as warehouse:
        loading = load_staged(warehouse, set(keys) - loaded_keys(warehouse), settings, progress)
        _write_set_aside(warehouse, loading.waiting, settings)
        if failed := _failed_audits(warehouse):
            raise AuditFailed(failed, loading.loaded)
        with naming_disk_problems(published):
            snapshot = _write_snapshot(warehouse, published.parent)
    with naming_disk_problems(published):
        _swap_link(published, snapshot, settings.keep_snapshots)
        record_publication(settings, sorted({*keys} & {*staged_keys(settings)}))  # without those that were set aside
    return published


def _failed_audits(warehouse: duckdb.DuckDBPyConnection) -> list[AuditResult]:
    return [result for result in run_audits(warehouse) if not result.passed]


def _write_set_aside(warehouse: duckdb.DuckDBPyConnection, waiting: dict[str, str], settings: Settings) -> None:
    """Replace the rows of the table `set_aside`: what is in quarantine and has not been made again, and what waits."""
    rows = [
        (*name_and_reason, datetime.fromisoformat(at).replace(tzinfo=None) if at else None)
        for *name_and_reason, at in set_aside_rows(settings)
    ]
    rows += [(WAITING, key, reason, None) for key, reason in waiting.items()]
    warehouse.execute("DELETE FROM set_aside")
    if rows:
        table = pl.DataFrame(rows, schema=["kind", "name", "reason", "since"], orient="row")
        warehouse.from_arrow(table.to_arrow()).insert_into("set_aside")


def _set_offenders_aside(settings: Settings, failure: AuditFailed) -> None:
    """Find the loads whose rows fail audits and set them aside. Raises `failure` when that isn't possible."""
    loads = list(failure.loads)
    if _offending(settings, ()):
        _go_back(settings, failure)
        return
    while failed := _offending(settings, loads):
        # no load refers to a later one, so the loads before an offender can be audited without it
        first = bisect_left(range(len(loads)), True, key=lambda last: bool(_offending(settings, loads[: last + 1])))
        offender = loads.pop(first)
        set_aside(settings.staging_dir / offender, f"its rows fail audits: {summary_of(failed)}", settings)


def _offending(settings: Settings, loads: Iterable[str]) -> list[AuditResult]:
    """Return the audits that fail when only these staged keys are added to the warehouse; it is left as it was."""
    failed = []
    with open_warehouse(settings) as warehouse:
        load_staged(warehouse, loads, settings)
        failed = _failed_audits(warehouse)
        raise Discarded
    return failed


def _go_back(settings: Settings, failure: AuditFailed) -> None:
    """Rebuild the warehouse without the offending rows of earlier loads: from the last snapshot, or empty.

    Rows that were never published and are no longer staged stay in quarantine with the old warehouse. Raises
    AuditFailed when published rows would be lost.
    """
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as warehouse:
        loads = loaded_keys(warehouse)
    published = set()
    if settings.published_file.exists():
        with duckdb.connect(str(settings.published_file), read_only=True) as snapshot:
            published = loaded_keys(snapshot)
    lost = loads - set(staged_keys(settings))
    why = f"contains rows that fail audits: {summary_of(failure.failed)}"
    if never_published := lost - published:
        why += f"; the rows of {', '.join(sorted(never_published))} are stored nowhere else: run their flows again"
    if published < loads:
        make_again(settings, why, own_tables=False)
    elif loads and not lost:
        make_again(settings, why, own_tables=False, snapshot=False)
    else:
        raise AuditFailed(failure.failed, tuple(sorted(lost)))


def _write_snapshot(warehouse: duckdb.DuckDBPyConnection, folder: Path) -> Path:
    snapshots = folder / "snapshots"
    snapshots.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    temporary = folder / f".tmp-{uuid.uuid4().hex}.duckdb"
    try:
        with writing_to(temporary) as copy:
            copy.begin()  # outside a transaction, a full disk would lose rows without an error
            create_schema(copy)
            for table in schema():
                copy.from_arrow(warehouse.table(table).to_arrow_reader()).insert_into(table)
            create_views(copy)
            copy.commit()
            copy.execute("CHECKPOINT")  # closing would checkpoint too, but hide a failure
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
    """Return the snapshots beyond the `keep` to keep: the published one, then those in `before`, then the newest."""
    newest_first = sorted((published.parent / "snapshots").glob("*.duckdb"), key=lambda file: -file.stat().st_mtime)
    in_order = dict.fromkeys([published.resolve(), *before, *newest_first])
    return [file for file in [*in_order][keep:] if file in newest_first]


def _sync(file: Path) -> None:
    with open(file, "rb+") as handle:
        os.fsync(handle.fileno())
