"""Readers go on, each from one whole snapshot, while publications replace and remove snapshots."""

import json
import shutil
import subprocess
import sys

import polars as pl
import pytest

from tasks.settings import ROOT
from tasks.warehouse.load import load
from tasks.warehouse.publish import publish
from tests.sample_tables import sample_tables

PROCESSES, THREADS, PUBLICATIONS = 5, 10, 10

# Ten threads read until standard input ends, and once more. The two counts of a snapshot are equal: a load writes both
# in one go. Each look hashes the snapshot, so that without pauses the readers would leave the publisher no processor.
READERS = f"""
import json, sys, threading
from pathlib import Path
from tasks.warehouse.snapshot import open_snapshot

published, ended = Path(sys.argv[1]), threading.Event()
seen, wrong = [[] for _ in range({THREADS})], []

def read(counts):
    last = False
    while not last:
        last = ended.wait(2)
        try:
            with open_snapshot(published) as connection:
                runs = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
                ended.wait(0.3)
                loaded = connection.execute("SELECT sum(rows) FROM loads WHERE table_name = 'runs'").fetchone()[0]
            counts.append(runs)
            if runs != loaded:
                wrong.append(f"{{runs}} runs, {{loaded}} loaded")
        except Exception as error:
            wrong.append(repr(error))

threads = [threading.Thread(target=read, args=(counts,)) for counts in seen]
for thread in threads:
    thread.start()
print("reading", flush=True)
sys.stdin.read()
ended.set()
for thread in threads:
    thread.join()
print(json.dumps({{"seen": seen, "wrong": wrong}}))
"""


@pytest.mark.faults
def test_fifty_readers_while_ten_publications_happen(published_template, settings):
    shutil.copytree(published_template.data_dir, settings.data_dir, symlinks=True)
    command = [sys.executable, "-c", READERS, str(settings.published_file)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    readers = [subprocess.Popen(command, **pipes) for _ in range(PROCESSES)]
    try:
        assert [reader.stdout.readline() for reader in readers] == ["reading\n"] * PROCESSES
        snapshots = {settings.published_file.resolve().name}
        for number in range(PUBLICATIONS):
            load(
                f"run {number}",
                {"runs": sample_tables()["runs"].with_columns(flow_run_id=pl.lit(f"run {number}"))},
                settings,
            )
            publish(settings)
            snapshots.add(settings.published_file.resolve().name)
        is_answering = [json.loads(reader.communicate()[0]) for reader in readers]
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
    assert len(snapshots) == PUBLICATIONS + 1
    assert [answer["wrong"] for answer in is_answering] == [[]] * PROCESSES
    counts = [counts for answer in is_answering for counts in answer["seen"]]
    assert len(counts) == PROCESSES * THREADS
    assert all(seen == sorted(seen) for seen in counts)  # a reader never falls back to an older snapshot
    assert {seen[-1] for seen in counts} == {PUBLICATIONS + 1}
    assert len({count for seen in counts for count in seen}) > 2
