"""Settings of a machine: folders, addresses and limits. What a run computes is set by its config instead."""

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from pydantic import ByteSize, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from tasks.config import Folder, ImagesAddress, from_home
from tasks.errors import UserError, one_line, shown

ROOT = Path(__file__).resolve().parents[1]
"""The folder that contains the packages `flows` and `tasks`: a checkout or site-packages."""
INSTALLED = (ROOT / "tasks" / "_resources").is_dir()
"""Whether the code was installed from a wheel, which has that folder (see pyproject.toml), and is not a checkout."""
RESOURCES = ROOT / "tasks" / "_resources" if INSTALLED else ROOT
"""The folder that contains `sql`, `mlflow` and `prefect.yaml`."""
LOOPBACK = ("127.0.0.1", "localhost")
"""The names of this machine that the servers accept; they listen on the first."""
PREFIX = "KALEIDOSCOPE_"
SHORTEST_TOKEN = 16
TASK_RUNNERS = ("threads", "processes", "dask")
SQLITE = re.compile(r"sqlite(\+pysqlite)?:///(?!:memory:|file:)(?P<file>[^?]*)")
PREFECT_DATABASE = ("PREFECT_API_DATABASE_CONNECTION_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL")
"""Prefect's variables for the URL of its server's database, the first one first."""
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _default_data_dir() -> Path:
    if not INSTALLED:
        return ROOT / "data"
    import platformdirs  # here, because models in MLflow contain this module but not that package

    return platformdirs.user_data_path("kaleidoscope", appauthor=False)


class Settings(BaseSettings):
    """Settings, read from the environment variables `KALEIDOSCOPE_…` at each construction.

    A blank variable counts as not set. Raises UserError with one line for each wrong variable.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, allow_inf_nan=False)

    data_dir: Folder = Field(default_factory=_default_data_dir, description="folder that everything is written to")
    shared_store: ImagesAddress | None = Field(
        None,
        description="folder or URL (s3://bucket/folder) through which machines share activation sets, dictionaries and "
        "staged tables",
    )
    warehouse: str | None = Field(
        None,
        description="catalogue of a DuckLake that machines share as their warehouse, e.g. "
        "ducklake:postgres:dbname=warehouse host=10.0.0.1; default: a file under data_dir",
        repr=False,
    )
    weights_dir: Folder | None = Field(None, description="folder of the user's weight files")
    images_dir: ImagesAddress | None = Field(None, description="the user's photographs: a folder, or as images.folder")
    tracking_uri: str | None = Field(
        None, description="MLflow tracking URI: a server or a database; default: SQLite under data_dir", repr=False
    )
    task_runner: str = Field(
        "threads",
        description="what mapped steps run on: threads of the run's process, processes, dask (a cluster on this "
        "machine), or the address of a Dask scheduler, e.g. tcp://10.0.0.1:8786",
    )
    workers: int = Field(
        2, ge=1, le=1024, description="shards or other units that threads, processes or dask work on at once"
    )
    keep_runs_days: int = Field(90, ge=1, description="days after which Prefect deletes ended runs, logs and results")
    notify_url: str | None = Field(None, description="webhook that is notified of a failed publication", repr=False)
    keep_snapshots: int = Field(
        2, ge=1, description="published snapshots to keep; with 1, a reader may find its snapshot deleted"
    )
    keep_sites: int = Field(2, ge=1, description="versions of the page to keep")
    keep_quarantine_days: float = Field(90, ge=0, description="days after which gc deletes the content of quarantine")
    keep_unfinished_days: float = Field(30, ge=1, description="days after which gc deletes unfinished work")
    sql_memory: ByteSize = Field(
        ByteSize(2_000_000_000),
        gt=0,
        description="memory that a statement of `sql`, or all clients of `serve`, may use, e.g. 2GB",
    )
    sql_seconds: float = Field(
        300, gt=0, le=10**8, description="seconds after which a statement of `kaleidoscope sql` is stopped"
    )
    serve_token: str | None = Field(
        None, description="token of the clients of `kaleidoscope serve`; default: made once", repr=False
    )

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise UserError("\n".join(map(_explain, error.errors()))) from None

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if not (isinstance(value, str) and not value.strip())}

    @field_validator("data_dir", "shared_store", "weights_dir", "images_dir")
    @classmethod
    def _absolute(cls, folder: Path | str | None) -> Path | str | None:
        """Make paths absolute: servers and workers have another working directory and must use the same folder."""
        return folder.absolute() if isinstance(folder, Path) else folder

    @field_validator("data_dir", "shared_store", "weights_dir", "images_dir")
    @classmethod
    def _can_be_named(cls, folder: Path | str | None) -> Path | str | None:
        """Refuse paths that can't be written in URLs, JSON and logs, which are UTF-8 text."""
        if folder and (CONTROL.search(str(folder)) or not _is_utf8(str(folder))):
            raise ValueError(f"{shown(str(folder))} contains a control character or is not UTF-8: rename the folder")
        return folder

    @field_validator("tracking_uri")
    @classmethod
    def _absolute_database(cls, uri: str | None) -> str | None:
        if uri is None or (file := _sqlite_file(uri)) is None:
            return uri
        _, *query = uri.split("?", 1)
        return "?".join([sqlite_url(from_home(file).absolute()), *query])

    @field_validator("task_runner")
    @classmethod
    def _known_runner(cls, runner: str) -> str:
        if runner not in TASK_RUNNERS and not re.fullmatch(r"(tcp|tls)://[^/\s]+:\d+", runner):
            raise ValueError(
                f"must be {', '.join(TASK_RUNNERS)} or the address of a Dask scheduler as in tcp://10.0.0.1:8786, "
                f"not {shown(runner)}"
            )
        return runner

    @field_validator("warehouse")
    @classmethod
    def _a_lake(cls, catalogue: str | None) -> str | None:
        if catalogue and not re.match(r"ducklake:\S", catalogue):
            raise ValueError("must begin with ducklake: as in ducklake:postgres:dbname=warehouse host=10.0.0.1")
        return catalogue

    @field_validator("notify_url")
    @classmethod
    def _web_address(cls, address: str | None) -> str | None:
        if address and not re.match(r"https?://[^/\s]", address):
            raise ValueError("the address of a webhook must begin with http:// or https://")
        return address

    @field_validator("serve_token")
    @classmethod
    def _can_not_be_guessed(cls, token: str | None) -> str | None:
        if token and len(token) < SHORTEST_TOKEN:
            raise ValueError(f"a token needs at least {SHORTEST_TOKEN} characters")
        return token

    def environment(self) -> dict[str, str]:
        """Return the environment variables that give a process these settings."""
        return {f"{PREFIX}{name.upper()}": str(value) for name, value in self if value is not None}

    @property
    def activations_dir(self) -> Path:
        return self.data_dir / "activations"

    @property
    def dictionaries_dir(self) -> Path:
        return self.data_dir / "dictionaries"

    @property
    def cavs_dir(self) -> Path:
        return self.data_dir / "cavs"

    @property
    def attacks_dir(self) -> Path:
        return self.data_dir / "attacks"

    @property
    def staging_dir(self) -> Path:
        return self.data_dir / "frames"

    @property
    def quarantine_dir(self) -> Path:
        return self.data_dir / "quarantine"

    @property
    def running_dir(self) -> Path:
        return self.data_dir / "running"

    @property
    def warehouse_file(self) -> Path:
        return self.data_dir / "warehouse" / "kaleidoscope.duckdb"

    @property
    def warehouse_lock(self) -> Path:
        """The lock file that a writer to the warehouse holds, from the first load to the snapshot."""
        return self.warehouse_file.with_name(".writer")

    @property
    def prefect_file(self) -> Path:
        return self.data_dir / "prefect" / "prefect.db"

    @property
    def prefect_database_url(self) -> str | None:
        """The database that the environment names for Prefect's server; None if that is the data folder's file."""
        named = next((os.environ[name] for name in PREFECT_DATABASE if os.environ.get(name)), None)
        return None if named and unquote(named).endswith(str(self.prefect_file)) else named

    @property
    def published_file(self) -> Path:
        return self.data_dir / "published" / "kaleidoscope.duckdb"

    @property
    def serve_token_file(self) -> Path:
        return self.data_dir / "serve-token"

    @property
    def site_dir(self) -> Path:
        return self.data_dir / "site"

    @property
    def mlflow_dir(self) -> Path:
        return self.data_dir / "mlflow"

    @property
    def mlflow_tracking_uri(self) -> str:
        return self.tracking_uri or sqlite_url(self.mlflow_dir / "mlflow.db")

    @property
    def mlflow_database(self) -> Path | None:
        """The SQLite file of MLflow's store; None if the store is a server or another database."""
        file = _sqlite_file(self.mlflow_tracking_uri)
        return Path(file) if file else None


def sqlite_url(file: Path, driver: str = "pysqlite") -> str:
    """Return the database URL of a SQLite file for SQLAlchemy; characters with a meaning in URLs are quoted.

    The driver is named only if something is quoted. For a URL without a driver, MLflow creates the folder of the path
    without unquoting it; for a URL with a driver it doesn't.
    """
    quoted = quote(str(file))
    return f"sqlite:///{file}" if quoted == str(file) else f"sqlite+{driver}:///{quoted}"


def without_passwords(text: str) -> str:
    """Return the text without the names and passwords in its URLs."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def _sqlite_file(uri: str) -> str | None:
    match = SQLITE.match(uri)
    return match and unquote(match["file"])


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _explain(detail: ErrorDetails) -> str:
    name = f"{PREFIX}{'.'.join(map(str, detail['loc']))}".upper()
    if detail["type"] == "value_error":
        return f"{name}: {one_line(detail['ctx']['error'])}"
    return f"{name}: {one_line(detail['msg'])}, not {shown(detail['input'])}"
