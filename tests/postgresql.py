"""A PostgreSQL server for tests: that of an environment variable, or one of Debian's package that only a test uses."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from flows.servers import HOST, free_port

VARIABLE = "KALEIDOSCOPE_TEST_POSTGRESQL"
"""URL of a server on which tests may create databases, for example postgresql+psycopg://me@localhost/postgres."""
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield the URL of a server's database; skip the test where there is no server and no program to start one."""
    if url := os.environ.get(VARIABLE):
        yield url
        return
    if not PROGRAMS:
        pytest.skip(f"PostgreSQL is not installed, and {VARIABLE} is not set")
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    as_postgres = []
    if os.getuid() == 0:  # PostgreSQL doesn't run as root
        shutil.chown(folder, "postgres")
        as_postgres = ["runuser", "-u", "postgres", "--"]
    port = free_port()

    def call(program: str, *arguments: str) -> None:
        command = [*as_postgres, str(PROGRAMS[-1] / program), "--pgdata", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)

    try:
        call("initdb", "--auth", "trust", "--username", "postgres", "--no-sync")
        options = f"-h {HOST} -p {port} -k {folder} -c fsync=off"
        call("pg_ctl", "--log", str(folder / "log"), "--wait", "--options", options, "start")
        try:
            yield f"postgresql+psycopg://postgres@{HOST}:{port}/postgres"
        finally:
            call("pg_ctl", "--mode", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@contextmanager
def new_database(server: str, driver: str) -> Iterator[str]:
    """Yield the URL of an empty database for a driver of PostgreSQL; afterwards it is deleted, even if it is in use."""
    name = f"test_{uuid.uuid4().hex}"
    with create_engine(server, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
        try:
            url = make_url(server).set(database=name, drivername=f"postgresql+{driver}")
            yield url.render_as_string(hide_password=False)
        finally:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


def rows(url: str, sql: str) -> list[tuple]:
    """The rows of a query, whatever the driver of the URL."""
    with create_engine(make_url(url).set(drivername="postgresql+psycopg")).connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]
