"""Prefect's results in a data folder that was moved, and those that are old."""

import json
import os
import shutil
import sqlite3
import time
from contextlib import closing

from flows.results import TABLES, follow_the_folder, remove_old_results
from tasks.settings import Settings


def make_database(home) -> None:
    """As much of Prefect's database as names results: one key in each table, and what is no key of ours."""
    home.mkdir(parents=True)
    with closing(sqlite3.connect(home / "prefect.db")) as database, database:
        for table in TABLES:
            database.execute(f"CREATE TABLE {table} (id INTEGER, data JSON)")
            rows = [{"storage_key": str(home / "storage" / "abc")}, {"storage_key": "s3-key"}, "# Published", None]
            database.executemany(f"INSERT INTO {table} VALUES (?, ?)", [(i, json.dumps(r)) for i, r in enumerate(rows)])


def keys(home) -> list:
    with closing(sqlite3.connect(home / "prefect.db")) as database:
        rows = [database.execute(f"SELECT data FROM {table} ORDER BY id").fetchall() for table in TABLES]
    return [[json.loads(data) for (data,) in of_one] for of_one in rows]


def expected(home) -> list:
    return [[{"storage_key": str(home / "storage" / "abc")}, {"storage_key": "s3-key"}, "# Published", None]] * 4


def test_a_copy_reads_its_own_results(tmp_path):
    original, copy, copy_of_copy = (tmp_path / name / "prefect" for name in ("a", "b", "c c"))
    make_database(original)
    follow_the_folder(original)
    assert keys(original) == expected(original)
    for source, target in ((original, copy), (copy, copy_of_copy)):
        shutil.copytree(source, target)
        follow_the_folder(target)
        assert keys(target) == expected(target)
        assert keys(source) == expected(source)


def test_a_folder_of_before_is_followed_too(tmp_path):
    make_database(tmp_path / "a" / "prefect")
    (tmp_path / "a").rename(tmp_path / "b")
    follow_the_folder(tmp_path / "b" / "prefect")
    assert keys(tmp_path / "b" / "prefect") == expected(tmp_path / "b" / "prefect")


def test_where_there_is_no_database_nothing_is_written(tmp_path):
    follow_the_folder(tmp_path / "prefect")
    assert not (tmp_path / "prefect").exists()


def test_results_go_with_the_runs_that_made_them(tmp_path):
    settings = Settings(data_dir=tmp_path, keep_runs_days=2)
    storage = tmp_path / "prefect" / "storage"
    assert remove_old_results(settings) == 0
    storage.mkdir(parents=True)
    for name, days in (("old", 3), ("new", 1)):
        (storage / name).touch()
        os.utime(storage / name, (time.time() - days * 86400,) * 2)
    assert remove_old_results(settings) == 1
    assert [path.name for path in storage.iterdir()] == ["new"]
