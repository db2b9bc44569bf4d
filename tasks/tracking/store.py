"""The MLflow store: create it, connect to it, and report in one line when it can't be reached."""

import logging
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values
from filelock import FileLock

from tasks.errors import UserError
from tasks.liveness import Holder, left_by_the_dead, waiting_for
from tasks.settings import RESOURCES, Settings, sqlite_url, without_passwords
from tasks.storage import atomic_file, disk_problem, writing
from tasks.tracking.addresses import addresses_elsewhere, move_addresses

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

MLFLOW_LOCK = "mlflow-"
"""Prefix of the names of MLflow runs' locks; the run's id follows."""
MLFLOW_FILES = RESOURCES / "mlflow"
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
"""MLflow's `DATABASE_ENGINES`, without importing MLflow."""


@contextmanager
def tracking(settings: Settings) -> Iterator["MlflowClient"]:
    """Yield a client of the settings' store, and make that store MLflow's current one.

    A SQLite store that doesn't exist yet is created first, as `create_store` does, and runs whose process has died are
    set to KILLED. Raises UserError when the store can't be reached or fails within the block.
    """
    _set_environment()
    import mlflow
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    # MLflow logs the traceback of an error that it also raises
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

    uri = settings.mlflow_tracking_uri
    with _failing_in_one_line(uri, MlflowException, SQLAlchemyError, sqlite3.Error, OSError):
        create_store(settings)
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        client = mlflow.MlflowClient()
        client.search_experiments(max_results=1)
        _end_dead_runs(client, settings)
        yield client


@contextmanager
def _failing_in_one_line(uri: str, *errors: type[Exception]) -> Iterator[None]:
    try:
        yield
    except errors as error:
        if problem := disk_problem(error):
            raise UserError(problem.format(without_passwords(uri))) from error
        reason = re.sub(r"\s+", " ", without_passwords(str(error)))[:200]
        raise UserError(
            f"MLflow at {without_passwords(uri)} failed: {reason}; start or repair it, or set "
            "KALEIDOSCOPE_TRACKING_URI to another"
        ) from error


def end_dead_runs(settings: Settings) -> None:
    """Set MLflow runs whose process has died to KILLED now, before MLflow is used next. Raises as `tracking`."""
    if left_by_the_dead(settings.running_dir, f"{MLFLOW_LOCK}*.lock"):
        with tracking(settings):
            pass


def _end_dead_runs(client: "MlflowClient", settings: Settings) -> None:
    """Set runs whose process has died to KILLED."""
    from mlflow.exceptions import MlflowException

    for lock in left_by_the_dead(settings.running_dir, f"{MLFLOW_LOCK}*.lock"):
        run_id = lock.stem.removeprefix(MLFLOW_LOCK)
        try:
            if client.get_run(run_id).info.status == "RUNNING":
                client.set_terminated(run_id, "KILLED")
        except MlflowException as error:
            # the run belongs to another store, or was deleted
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
        lock.unlink(missing_ok=True)


@contextmanager
def one_at_a_time(settings: Settings) -> Iterator[None]:
    """Hold the lock on MLflow while the block looks for a run or version and creates a missing one: never two."""
    holder = Holder(name="a process", does="writing to MLflow")
    with waiting_for("MLflow", settings.mlflow_dir / ".writer", holder, log.warning):
        yield


def create_store(settings: Settings) -> None:
    """Create MLflow's tables in the settings' database if they don't exist.

    In the store of a data folder that was moved or copied, rewrite the addresses to that folder; a store that the user
    has set stays unchanged. MLflow creates the tables one by one, and fails when two clients do so at once. So one
    process at a time connects to a database server; of a SQLite store, it creates the complete file under another name
    and renames it.
    """
    database = settings.mlflow_database
    if artifact_location(settings) and not database:
        _set_environment()
        from mlflow import MlflowClient

        with writing(settings.mlflow_dir), FileLock(settings.mlflow_dir / "mlflow.lock"):
            try:
                MlflowClient(settings.mlflow_tracking_uri).search_experiments(max_results=1)
            except ImportError as error:
                raise UserError(
                    f"the driver of MLflow's database can't be loaded ({error}): install kaleidoscope[postgresql]"
                ) from error
    if database is None or (database.exists() and not _is_moved(database, settings)):
        return
    _set_environment()
    from mlflow import MlflowClient

    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.with_suffix(".lock")):
        if not database.exists():
            with writing(database.parent), atomic_file(database) as temporary:
                MlflowClient(sqlite_url(temporary)).search_experiments(max_results=1)
        if _is_moved(database, settings):
            move_addresses(database, artifacts_folder(settings))


def _is_moved(database: Path, settings: Settings) -> bool:
    """Whether the data folder's own store contains addresses in another folder."""
    if settings.tracking_uri is not None:
        return False
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        return addresses_elsewhere(connection, artifacts_folder(settings)) > 0


def artifact_location(settings: Settings) -> str | None:
    """Return the URI where new experiments store files: our folder if the store is a database, None if a server."""
    dialect = settings.mlflow_tracking_uri.split(":")[0].split("+")[0]
    return artifacts_folder(settings) if dialect in DATABASES else None


def artifacts_folder(settings: Settings) -> str:
    """Return the URI of the folder for figures and models."""
    return (settings.mlflow_dir / "artifacts").absolute().as_uri()


def server_command(settings: Settings, port: int) -> tuple[list[str], dict[str, str]]:
    """Return arguments and environment of an MLflow server for the settings' store, which must not be a server itself.

    Raises UserError when its database can't be created or read.
    """
    environment = _variables("client.env") | _variables("server.env") | dict(os.environ)
    if settings.mlflow_database:
        with _failing_in_one_line(settings.mlflow_tracking_uri, sqlite3.Error, OSError):
            create_store(settings)
    arguments = [sys.executable, "-m", "mlflow", "server", "--port", str(port)]
    arguments += ["--backend-store-uri", settings.mlflow_tracking_uri]
    arguments += ["--artifacts-destination", artifacts_folder(settings)]
    return arguments, environment


def import_mlflow() -> None:
    """Import MLflow as `tracking` does; a thread can do it while something else is waited for."""
    _set_environment()
    import mlflow  # noqa: F401


def _set_environment() -> None:
    """Set the variables that MLflow reads when it is imported and later; those that the user has set stay."""
    for name, value in _variables("client.env").items():
        os.environ.setdefault(name, value)


def _variables(file: str) -> dict[str, str]:
    return {name: value for name, value in dotenv_values(MLFLOW_FILES / file).items() if value is not None}
