"""Verify that all files in the data folder are what was written, and that everything that is referred to exists.

Nothing is changed, so the disk may be read-only.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from tasks.activations.adopt import PLAN
from tasks.activations.plan import ExtractionPlan
from tasks.activations.shards import ActivationSet, shard_path
from tasks.checksums import COMMIT, Damaged, check_file, is_committed, read_commit
from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.liveness import holder_of, is_held, left_by_the_dead
from tasks.maintenance.garbage import find_garbage, has_writer
from tasks.maintenance.inventory import (
    COMMITS,
    KINDS,
    QUERIES,
    Busy,
    flow_runs_going_on,
    folders_of,
    is_finished,
    leftovers,
    mlflow_database,
    open_read_only,
    reading,
)
from tasks.progress import Progress, silent
from tasks.quarantine import in_quarantine
from tasks.settings import Settings
from tasks.shared import is_shared, shared_document
from tasks.staging import staged_keys
from tasks.tracking.addresses import addresses_elsewhere
from tasks.tracking.store import artifacts_folder

State = Literal["wrong", "stuck", "unfinished", "orphaned", "quarantine"]
WRONG: tuple[State, ...] = ("wrong", "stuck")
"""States that need an action of the user."""
MADE_BY = {
    "frames": "run the flow that makes it again",
    "activations": "run its extraction again",
    "dictionaries": "train or import it again",
    "cavs": "run the `concepts` flow again",
    "attacks": "run the `attack` flow again",
}
FROM_BACKUP = "restore it from a backup"
CHECKPOINT = re.compile(r"checkpoint-\d+-(?P<sha256>[0-9a-f]{64})\.safetensors")


class Finding(NamedTuple):
    """A problem or an observation.

    what: what is wrong; where: the file, the folder or the run; remedy: what to do.
    """

    state: State
    what: str
    where: str
    remedy: str


Check = Callable[[], Iterator[Finding]]


def verify(settings: Settings, progress: Progress = silent) -> list[Finding]:
    """Check every file and every reference. Raises UserError when there is no data folder.

    progress counts the checks: one per folder, and one for each database and each other part of the data folder.
    """
    if not settings.data_dir.is_dir():
        raise UserError(f"{settings.data_dir} is not a folder: set KALEIDOSCOPE_DATA_DIR to the data folder")
    checks = _checks(settings)
    findings: list[Finding] = []
    for done, check in enumerate(checks, start=1):
        findings += check()
        progress(done, len(checks))
    return findings


def _checks(settings: Settings) -> list[Check]:
    def of(check: Callable[..., Iterator[Finding]], *about: Any) -> Check:
        return lambda: check(*about, settings)

    folders = [of(_folder, kind, folder) for kind in KINDS for folder in folders_of(kind, settings)]
    others = (_warehouse, _published, _mlflow, _prefect, _site, _locks, _leftovers, _garbage, _quarantine)
    return [*folders, *map(of, others)]


def _folder(kind: str, folder: Path, settings: Settings) -> Iterator[Finding]:
    """Check one result: whether it is finished, and whether its files and its name are those that were committed."""
    where = str(folder)
    try:
        if kind == "activations":
            yield from _activation_set(folder, settings)
        elif is_committed(folder):
            read_commit(folder, MADE_BY[kind])
        elif is_finished(kind, folder):
            yield _before_checksums(folder)
        elif not has_writer(folder):
            yield Finding("unfinished", f"lacks {COMMIT}", where, MADE_BY[kind])
        for checkpoint in folder.glob("checkpoint-*.safetensors"):
            if name := CHECKPOINT.fullmatch(checkpoint.name):
                check_file(checkpoint, name["sha256"], MADE_BY[kind])
        if kind == "dictionaries" and is_committed(folder):
            yield from _made_from(folder, settings)
    except Damaged as error:
        yield Finding("wrong", error.reason, str(error.path), error.remedy)
    except UserError as error:
        yield Finding("wrong", str(error), where, MADE_BY[kind])


def _activation_set(folder: Path, settings: Settings) -> Iterator[Finding]:
    remedy = MADE_BY["activations"]
    if not (folder / "plan.json").is_file():
        yield Finding("unfinished", "lacks plan.json", str(folder), remedy)
        return
    if _is_before_checksums(folder / "plan.json"):
        yield _before_checksums(folder)
        return
    plan = ExtractionPlan.open(folder.name, settings)
    written = sum(shard_path(folder, index).is_file() for index in range(plan.shards))
    if not (folder / COMMITS["activations"]).is_file():
        yield Finding("unfinished", f"has {written} of {plan.shards} shards", str(folder), remedy)
        return
    for shard in ActivationSet.open(folder.name, settings).shards:
        path = shard_path(folder, shard.index)
        if not path.exists() and is_shared(path, shard.bytes, settings):
            continue  # it is copied, and checked, when it is read
        try:
            check_file(path, shard.sha256, remedy)
        except Damaged as error:
            yield Finding("wrong", error.reason, str(error.path), error.remedy)


def _before_checksums(folder: Path) -> Finding:
    return Finding("unfinished", "was written without checksums", str(folder), "the next run that reads it adds them")


def _is_before_checksums(plan: Path) -> bool:
    try:
        return set(json.loads(plan.read_bytes())) == PLAN
    except (ValueError, TypeError, RecursionError):
        return False


def _made_from(dictionary: Path, settings: Settings) -> Iterator[Finding]:
    from tasks.dictionary.store import describe  # imports PyTorch

    activation_set = describe(dictionary.name, settings)["activation_set"]
    plan = settings.activations_dir / activation_set / "plan.json"
    if not (plan.is_file() or shared_document(plan, settings)):
        what = f"its activation set {activation_set} is missing"
        yield Finding("wrong", what, str(dictionary), MADE_BY["activations"])


def _warehouse(settings: Settings) -> Iterator[Finding]:
    """Check every block of the file and every folder that its rows refer to; report staged tables not yet loaded."""
    file = settings.warehouse_file
    try:
        rows = _rows_refer_to(file) if file.exists() else []
    except Busy as error:
        yield Finding("unfinished", str(error), str(file), "run `kaleidoscope verify` again when it is done")
        return
    except UserError as error:
        remedy = "move it away and run `kaleidoscope run publish`, which loads the staged tables again"
        yield Finding("wrong", str(error), str(file), remedy)
        return
    for kind, key in rows:
        folder = settings.data_dir / kind / key
        document = folder / ("plan.json" if kind == "activations" else COMMIT)
        if not (folder.is_dir() or shared_document(document, settings)):
            yield Finding("wrong", "is missing, but rows of the warehouse refer to it", str(folder), MADE_BY[kind])
    for key in sorted({*staged_keys(settings)} - {key for kind, key in rows if kind == "frames"}):
        folder = settings.staging_dir / key
        yield Finding("unfinished", "is staged and not loaded yet", str(folder), "run `kaleidoscope run publish`")


def _rows_refer_to(warehouse: Path) -> list[tuple[str, str]]:
    """Read every value of the warehouse, so that DuckDB checks every block; return (kind, key) of folders it names."""
    with open_read_only(warehouse) as connection:
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall():
            connection.execute(f'SELECT max(hash(rows)) FROM "{table}" AS rows').fetchall()
        return connection.execute((QUERIES / "folders_of_rows.sql").read_text()).fetchall()


def _published(settings: Settings) -> Iterator[Finding]:
    """Check that the link points to a snapshot, and that each snapshot is named by its SHA-256."""
    link, remedy = settings.published_file, "run `kaleidoscope run publish`"
    if link.is_symlink() and not link.exists():
        yield Finding("wrong", f"links to {link.readlink()}, which is missing", str(link), remedy)
    elif link.exists() and not link.is_symlink():
        yield Finding("wrong", "is not a link to a snapshot", str(link), remedy)
    for snapshot in sorted((link.parent / "snapshots").glob("*.duckdb")):
        if file_sha256(snapshot) != snapshot.stem:
            yield Finding("wrong", "is damaged (its checksum is not its name)", str(snapshot), remedy)


def _mlflow(settings: Settings) -> Iterator[Finding]:
    """Check the database, the addresses in it, and the files and inputs of every registered model."""
    database = mlflow_database(settings)
    if not database:
        return
    artifacts = settings.mlflow_dir / "artifacts"
    try:
        with reading(database) as connection:
            yield from _integrity(connection, database)
            versions = connection.execute((QUERIES / "mlflow_versions.sql").read_text()).fetchall()
            running = connection.execute((QUERIES / "mlflow_running.sql").read_text()).fetchall()
            elsewhere = addresses_elsewhere(connection, artifacts_folder(settings))
    except sqlite3.Error as error:
        yield Finding("wrong", f"can't be read ({error})", str(database), FROM_BACKUP)
        return
    if elsewhere:
        what = f"{elsewhere} addresses point to another data folder"
        yield Finding("wrong", what, str(database), "any run, or `kaleidoscope up`, rewrites them")
    for model, version, model_id, tag, value in versions:
        files = artifacts / "models" / model_id / "artifacts"
        yield from _model_files(files, f"{model} version {version}")
        kind = {"dictionary": "dictionaries", "analysis": "cavs"}[tag]
        folder = settings.data_dir / kind / value
        if not is_finished(kind, folder):
            yield Finding(
                "wrong", f"is missing, but {model} version {version} was made from it", str(folder), MADE_BY[kind]
            )
    for run, name in running:
        if not flow_runs_going_on(settings):
            what = f"run {name} is RUNNING, but its process has died"
            yield Finding("stuck", what, f"MLflow run {run}", "run its flow again, which ends it")


def _model_files(files: Path, name: str) -> Iterator[Finding]:
    """Check a model's files: its dictionary is a committed folder; the SHA-256 of its CAVs is in the model's config."""
    try:
        for commit in files.rglob(COMMIT):
            read_commit(commit.parent, FROM_BACKUP)
        python = yaml.safe_load((files / "MLmodel").read_bytes())["flavors"]["python_function"]
        if sha256 := python["config"].get("sha256"):
            check_file(files / python["artifacts"]["cav"]["path"], sha256, FROM_BACKUP)
    except Damaged as error:
        yield Finding("wrong", f"{error.reason} ({name})", str(error.path), error.remedy)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        what = f"is missing or damaged ({name}: {type(error).__name__})"
        yield Finding("wrong", what, str(files / "MLmodel"), FROM_BACKUP)


def _prefect(settings: Settings) -> Iterator[Finding]:
    """Check the database, and look for flow runs whose process has died."""
    database = settings.prefect_file
    if settings.prefect_database_url or not database.is_file():
        return
    try:
        with reading(database) as connection:
            yield from _integrity(connection, database)
            yield from _stuck(connection, settings)
    except sqlite3.Error as error:
        yield Finding("wrong", f"can't be read ({error})", str(database), "restore it from a backup, or delete it")


def stuck(settings: Settings) -> list[Finding]:
    """Return the flow runs whose process has died, and the slots that no run uses. Raises sqlite3.Error.

    Empty where Prefect's server uses another database than the data folder's file.
    """
    database = settings.prefect_file
    if settings.prefect_database_url or not database.is_file():
        return []
    with reading(database) as connection:
        return list(_stuck(connection, settings))


def _stuck(connection: sqlite3.Connection, settings: Settings) -> Iterator[Finding]:
    for run, name, state in connection.execute((QUERIES / "prefect_running.sql").read_text()).fetchall():
        if not is_held(settings.running_dir / f"{run}.lock"):
            what = f"run {name} is {state}, but its process has died"
            yield Finding("stuck", what, f"flow run {run}", "any run, or `kaleidoscope up`, ends it as Crashed")
    # the database lacks tables if the server was killed while it created them
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()}
    if not tables >= {"concurrency_limit_v2", "deployment"}:
        return
    for deployment, slots in connection.execute((QUERIES / "prefect_slots.sql").read_text()).fetchall():
        what = f"has {slots} taken concurrency slots without a run"
        yield Finding("stuck", what, f"deployment {deployment}", "any run, or `kaleidoscope up`, frees them")


def _integrity(connection: sqlite3.Connection, database: Path) -> Iterator[Finding]:
    [result, *_] = connection.execute("PRAGMA integrity_check").fetchone()
    if result != "ok":
        yield Finding("wrong", f"is damaged ({result.splitlines()[0]})", str(database), FROM_BACKUP)


def _site(settings: Settings) -> Iterator[Finding]:
    if settings.site_dir.is_symlink() and not (settings.site_dir / "index.html").is_file():
        yield Finding("wrong", "links to a folder without a page", str(settings.site_dir), "run `kaleidoscope page`")


def _locks(settings: Settings) -> Iterator[Finding]:
    """Report the locks of processes that have died, and the process that holds the warehouse."""
    for lock in left_by_the_dead(settings.running_dir):
        what = f"was left by {holder_of(lock) or 'a process'}, which has died"
        yield Finding("unfinished", what, str(lock), "the next run, or `kaleidoscope up`, removes it")
    if is_held(settings.warehouse_lock):
        what = f"is held by {holder_of(settings.warehouse_lock) or 'another process'}"
        yield Finding("unfinished", what, str(settings.warehouse_lock), "wait, or stop that process")


def _leftovers(settings: Settings) -> Iterator[Finding]:
    for path in leftovers(settings):
        if not has_writer(path.parent):
            remedy = "the next run deletes it, or `kaleidoscope gc --delete` after a day"
            yield Finding("unfinished", "was left by a killed process", str(path), remedy)


def _garbage(settings: Settings) -> Iterator[Finding]:
    try:
        garbage = find_garbage(settings)
    except UserError:
        return  # a file that can't be read is reported above; it may refer to anything
    temporary = {*leftovers(settings)}
    for item in garbage:
        if item.path not in temporary:
            yield Finding("orphaned", item.why, str(item.path), "`kaleidoscope gc --delete` deletes it")


def _quarantine(settings: Settings) -> Iterator[Finding]:
    for entry in in_quarantine(settings):
        remedy = "run the flow that makes it again, then examine or delete this copy"
        yield Finding("quarantine", f"{entry.came_from}: {entry.reason}", str(entry.path), remedy)
