"""The MLflow store: where it lies, how it comes to be, what is said when it can't be reached."""

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
from tasks.settings import RESOURCES, Settings, sqlite_url
from tasks.storage import atomic_file, disk_problem, writing
from tasks.tracking.addresses import addresses_elsewhere, move_addresses

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

MLFLOW_LOCK = "mlflow-"
"""How the names of MLflow runs' locks begin; the run's id follows."""
MLFLOW_FILES = RESOURCES / "mlflow"


@contextmanager
def tracking(settings: Settings) -> Iterator["MlflowClient"]:
    """A client of the store that the settings name, which is also made MLflow's current one.

    A SQLite store that isn't there yet is created first, as `create_store` does. UserError: the store can't be reached,
    or fails on the way.
    """
    _set_environment()
    import mlflow
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

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
            raise UserError(problem.format(_without_passwords(uri))) from error
        reason = re.sub(r"\s+", " ", _without_passwords(str(error)))[:200]
        raise UserError(
            f"MLflow at {_without_passwords(uri)} failed: {reason}; start or mend it, or name another with "
            "KALEIDOSCOPE_TRACKING_URI"
        ) from error


def end_dead_runs(settings: Settings) -> None:
    """Let MLflow runs whose process is gone be KILLED now, before MLflow is used next. UserError as `tracking`."""
    if left_by_the_dead(settings.running_dir, f"{MLFLOW_LOCK}*.lock"):
        with tracking(settings):
            pass


def _end_dead_runs(client: "MlflowClient", settings: Settings) -> None:
    """Let runs whose process is gone be KILLED."""
    from mlflow.exceptions import MlflowException

    for lock in left_by_the_dead(settings.running_dir, f"{MLFLOW_LOCK}*.lock"):
        run_id = lock.stem.removeprefix(MLFLOW_LOCK)
        try:
            if client.get_run(run_id).info.status == "RUNNING":
                client.set_terminated(run_id, "KILLED")
        except MlflowException as error:
            # of another store, or deleted meanwhile
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
        lock.unlink(missing_ok=True)


@contextmanager
def one_at_a_time(settings: Settings) -> Iterator[None]:
    """Hold while looking for a run or version in MLflow and making it where there is none, so that nobody makes two."""
    holder = Holder(name="a process", does="writing to MLflow")
    with waiting_for("MLflow", settings.mlflow_dir / ".writer", holder, log.warning):
        yield


def create_store(settings: Settings) -> None:
    """Create the settings' SQLite store with MLflow's tables, once; a store of the user's own is left alone.

    The store of a data folder that was moved or copied gets addresses in that folder. MLflow fills an empty SQLite file
    table by table, and two first clients at once fail. So the file is made whole under another name, by one process at
    a time, and renamed.
    """
    database = settings.mlflow_database
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
    """Whether the data folder's own store has addresses in another folder."""
    if settings.tracking_uri is not None:
        return False
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        return addresses_elsewhere(connection, artifacts_folder(settings)) > 0


def artifact_location(settings: Settings) -> str | None:
    """Where new experiments put their files: our folder when we write to a database; a server decides itself (None)."""
    from mlflow.store.db.db_types import DATABASE_ENGINES

    dialect = settings.mlflow_tracking_uri.split(":")[0].split("+")[0]
    return artifacts_folder(settings) if dialect in DATABASE_ENGINES else None


def artifacts_folder(settings: Settings) -> str:
    """URI of the folder of figures and models."""
    return (settings.mlflow_dir / "artifacts").absolute().as_uri()


def server_command(settings: Settings, port: int) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment of an MLflow server on the settings' own store (not on another server).

    UserError: its database can't be made or read.
    """
    files = dotenv_values(MLFLOW_FILES / "client.env") | dotenv_values(MLFLOW_FILES / "server.env")
    environment = files | dict(os.environ)
    with _failing_in_one_line(settings.mlflow_tracking_uri, sqlite3.Error, OSError):
        create_store(settings)
    arguments = [sys.executable, "-m", "mlflow", "server", "--port", str(port)]
    arguments += ["--backend-store-uri", settings.mlflow_tracking_uri]
    arguments += ["--artifacts-destination", artifacts_folder(settings)]
    return arguments, environment


def _set_environment() -> None:
    """What MLflow reads when it is imported, and later."""
    for name, value in dotenv_values(MLFLOW_FILES / "client.env").items():
        os.environ.setdefault(name, value)


def _without_passwords(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//", text)
