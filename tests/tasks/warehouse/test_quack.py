"""`kaleidoscope serve` as a process, and its DuckDB clients: they read what is published, and can do nothing else."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile

import duckdb
import polars as pl
import pytest

from flows.servers import HOST, free_port
from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.settings import ROOT, Settings
from tasks.warehouse.database import writing_to
from tasks.warehouse.extensions import load_extensions
from tasks.warehouse.load import load
from tasks.warehouse.publish import _swap_link, publish
from tasks.warehouse.quack import EXTENSIONS, access_token, address, snapshot_server
from tests.sample_tables import sample_tables
from tests.tasks.warehouse.test_query import WAYS_OUT

SECONDS = 60
PUBLICATIONS = 10
WRONG = "wrong-token-of-this-test"
MAIN = "import sys; from flows.cli import main; sys.argv[0] = 'kaleidoscope'; main()"

# One statement reads two numbers that are equal in each snapshot; another scans a table by itself.
CLIENT = """
import json, sys
from tests.tasks.warehouse.test_quack import attached

both = "SELECT (SELECT count(*) FROM runs), (SELECT max(number) FROM loads)"
with attached(int(sys.argv[1]), sys.argv[2]) as client:
    print("reading", flush=True)
    answers = []
    while True:
        [answer] = client.execute("FROM kaleidoscope.query($$" + both + "$$)").fetchall()
        [(rows,)] = client.execute("SELECT count(*) FROM kaleidoscope.runs").fetchall()
        answers.append((*answer, rows))
        if rows == 10:
            break
print(json.dumps(answers))
"""


@contextmanager
def attached(port: int, token: str) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as client:
        load_extensions(client, *EXTENSIONS)
        client.execute(f"ATTACH '{address(port)}' AS kaleidoscope (TOKEN '{token}')")
        yield client


def remote(client: duckdb.DuckDBPyConnection, sql: str) -> list[tuple]:
    """Rows of a statement that runs on the server."""
    return client.execute("FROM kaleidoscope.query('{}')".format(sql.replace("'", "''"))).fetchall()


def as_text(row: tuple) -> str:
    """A row with nine digits of each float: DuckDB adds floats in the order in which its threads end."""
    return re.sub(r"\d+\.\d+(e-?\d+)?", lambda number: f"{float(number[0]):.9g}", repr(row))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", MAIN, *arguments]


@contextmanager
def serving(settings: Settings, port: int) -> Iterator[subprocess.Popen]:
    environment = os.environ | {"KALEIDOSCOPE_DATA_DIR": str(settings.data_dir)}
    server = subprocess.Popen(
        command("serve", "--port", str(port)), env=environment, cwd=ROOT, text=True, stdout=-1, stderr=subprocess.STDOUT
    )
    try:
        for line in server.stdout:
            if "Ctrl-C" in line:
                break
        yield server
    finally:
        server.kill()
        server.communicate()


@pytest.fixture(scope="module")
def served(published_template) -> Iterator[tuple[Settings, int]]:
    """Settings and port of a server that runs for all tests of this module."""
    port = free_port()
    with serving(published_template, port):
        yield published_template, port


@pytest.fixture(scope="module")
def client(served) -> Iterator[duckdb.DuckDBPyConnection]:
    settings, port = served
    with attached(port, access_token(settings)) as connection:
        yield connection


def test_every_table_and_view_arrives_as_it_is_published(served, client):
    settings, _ = served
    with duckdb.connect(str(settings.published_file), read_only=True) as snapshot:
        names = [name for (name,) in snapshot.execute("SELECT name FROM catalogue").fetchall()]
        assert len(names) > 100
        for name in names:
            here, there = snapshot.table(name), client.sql(f"FROM kaleidoscope.{name}")
            assert (here.columns, here.types) == (there.columns, there.types), name
            assert sorted(map(as_text, here.fetchall())) == sorted(map(as_text, there.fetchall())), name


def test_what_runs_on_the_server_joins_and_calls_macros(client):
    [(features,)] = client.execute("SELECT count(*) FROM kaleidoscope.features").fetchall()
    joined = "SELECT count(*) FROM features JOIN dictionaries USING (dictionary_id)"
    assert remote(client, joined) == [(features,)]
    assert remote(client, "SELECT photograph_of('astronaut@64+0+0')") == [("astronaut",)]
    assert "density" in [row[0] for row in remote(client, "DESCRIBE features")]
    assert len(remote(client, "SUMMARIZE features")) == 7
    with pytest.raises(duckdb.NotImplementedException, match="Multiple streaming scans"):
        client.execute(
            "SELECT count(*) FROM kaleidoscope.features JOIN kaleidoscope.dictionaries USING (dictionary_id)"
        )


COMMANDS_TO_THE_SERVER = [
    "CALL quack_stop('{address}')",
    "FROM quack_stop('{address}')",
    "SELECT (SELECT count(*) FROM \"QUACK_STOP\"('{address}'))",
    "FROM query('FROM quack_stop(''{address}'')')",
    "FROM quack_serve('quack:localhost:0', token = 'mine')",
    "FROM quack_query('{address}', 'SELECT 1', token = 'mine')",
    "FROM quack_active_connections()",
    "FROM duckdb_secrets()",
    "FROM enable_logging()",
    "SELECT write_log('mine')",
    "SET GLOBAL quack_authorization_function = 'quack_nop_authorization'",
    "RESET GLOBAL quack_authorization_function",
    "ATTACH '{snapshot}' AS other",
    "COPY runs TO '{snapshot}.csv'",
    "FROM read_text('{snapshot}')",
    "FROM glob('{snapshot}')",
    "DETACH kaleidoscope",
    "SELECT 1; CALL quack_stop('{address}')",
]


@pytest.mark.parametrize("sql", WAYS_OUT + COMMANDS_TO_THE_SERVER)
def test_a_client_can_do_nothing_but_read(served, client, tmp_path, sql):
    settings, port = served
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    snapshot = settings.published_file.resolve()
    before = snapshot.read_bytes()
    places = {"folder": tmp_path, "secret": secret, "snapshot": snapshot, "address": f"quack:{HOST}:{port}"}
    with pytest.raises(duckdb.Error):
        remote(client, sql.format(**places))
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]
    assert snapshot.read_bytes() == before
    assert [path.name for path in snapshot.parent.iterdir()] == [snapshot.name]
    assert remote(client, "SELECT 1") == [(1,)]


def blocks(language: str) -> list[str]:
    document = (ROOT / "docs" / "analyst.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", document, re.DOTALL | re.MULTILINE)


def test_what_the_document_tells_clients_to_write_works(served, tmp_path):
    settings, port = served

    def adapted(text: str) -> str:
        text = text.replace("localhost:9494", f"localhost:{port}")
        return text.replace("data/serve-token", str(settings.serve_token_file))

    [python], [sql] = blocks("python"), blocks("sql")
    # a user's home folder without any extension: the first block installs them there, as the second one expects
    home = os.environ | {"HOME": str(tmp_path)}
    access_token(settings)
    ended = subprocess.run([sys.executable, "-c", adapted(python)], env=home, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("shape: (") == 2
    again = f"import duckdb; print(duckdb.sql({adapted(sql)!r}))"
    ended = subprocess.run([sys.executable, "-c", again], env=home, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "group-crosscoder" in ended.stdout


def test_a_client_writes_no_rows(client):
    client.execute("CREATE OR REPLACE TEMP TABLE own AS FROM kaleidoscope.networks")
    with pytest.raises(duckdb.Error, match="Authorization failed"):
        client.execute("INSERT INTO kaleidoscope.networks FROM own")
    with pytest.raises(duckdb.Error, match="Authorization failed"):
        client.execute("CREATE TABLE kaleidoscope.mine AS SELECT 1 AS a")


@pytest.mark.parametrize(("token", "message"), [("", "Could not find"), (WRONG, "Authentication failed")])
def test_another_token_is_refused(served, token, message):
    with pytest.raises(duckdb.InvalidInputException, match=message), attached(served[1], token):
        pass


def test_the_token_is_made_once_for_the_user_alone(settings):
    token = access_token(settings)
    assert access_token(settings) == token
    assert len(token) >= 32
    assert settings.serve_token_file.stat().st_mode & 0o777 == 0o600
    assert access_token(Settings(data_dir=settings.data_dir, serve_token="the-one-of-the-setting")) != token
    settings.serve_token_file.chmod(0o640)
    with pytest.raises(UserError, match=r"^other users can read the token .*: delete it, and a new one is made$"):
        access_token(settings)
    settings.serve_token_file.chmod(0o600)
    settings.serve_token_file.write_text("")
    with pytest.raises(UserError, match="is empty: delete it"):
        access_token(settings)


def test_a_token_that_can_be_guessed_is_refused_and_not_shown(settings):
    with pytest.raises(UserError, match=r"^KALEIDOSCOPE_SERVE_TOKEN: a token needs at least 16 characters$"):
        Settings(data_dir=settings.data_dir, serve_token="short")
    assert "the-one-of-the-setting" not in repr(Settings(serve_token="the-one-of-the-setting"))


def test_the_token_is_printed_nowhere(published):
    port = free_port()
    with serving(published, port) as server:
        token = access_token(published)
        with pytest.raises(duckdb.Error), attached(port, WRONG):
            pass
        server.send_signal(signal.SIGTERM)
        printed, _ = server.communicate(timeout=SECONDS)
        assert server.returncode == 0
    assert token not in printed
    assert printed.endswith("stopped\n")


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM])
def test_the_printed_statements_work_until_the_server_stops(published, stop_signal):
    port = free_port()
    environment = os.environ | {"KALEIDOSCOPE_DATA_DIR": str(published.data_dir)}
    server = subprocess.Popen(command("serve", "--port", str(port)), env=environment, cwd=ROOT, text=True, stdout=-1)
    try:
        printed = takewhile(lambda line: not line.startswith("docs/analyst.md"), server.stdout)
        _, load_line, *statements = [line.strip() for line in printed]
        assert load_line == "LOAD quack;"
        with duckdb.connect() as client:
            load_extensions(client, *EXTENSIONS)
            for statement in statements:
                rows = client.execute(statement).fetchall()
            assert len(rows) > 100
            server.send_signal(stop_signal)
            assert server.wait(SECONDS) == 0
            with pytest.raises(duckdb.IOException, match="Could not connect"):
                client.execute(statements[-1])
    finally:
        server.kill()
        server.communicate()


def publish_changed(settings: Settings, *statements: str) -> None:
    """Swap in a snapshot as a publication does: the published one, changed by statements."""
    published = settings.published_file
    changed = published.with_name("changed.duckdb")
    if published.exists():
        shutil.copyfile(published, changed)
    with writing_to(changed) as connection:
        for statement in statements:
            connection.execute(statement)
    snapshot = published.parent / "snapshots" / f"{file_sha256(changed)}.duckdb"
    snapshot.parent.mkdir(exist_ok=True)
    changed.rename(snapshot)
    _swap_link(published, snapshot, settings.keep_snapshots)


def test_clients_read_one_published_state_each_time_while_snapshots_are_swapped(settings):
    settings.published_file.parent.mkdir(parents=True)
    tables = [
        "CREATE TABLE runs (number INTEGER)",
        "CREATE TABLE loads (number INTEGER)",
        "INSERT INTO loads VALUES (0)",
    ]
    publish_changed(settings, *tables)
    port, token = free_port(), access_token(settings)
    with serving(settings, port) as server:
        arguments = [sys.executable, "-c", CLIENT, str(port), token]
        clients = [subprocess.Popen(arguments, text=True, stdout=-1, stderr=-1, cwd=ROOT) for _ in range(2)]
        try:
            assert [client.stdout.readline() for client in clients] == ["reading\n"] * 2
            for number in range(1, PUBLICATIONS + 1):
                publish_changed(settings, "INSERT INTO runs VALUES (1)", f"INSERT INTO loads VALUES ({number})")
                served = f"serving the snapshot {settings.published_file.resolve().stem[:12]}…\n"
                assert server.stdout.readline() == served
            ended = [client.communicate(timeout=SECONDS) for client in clients]
        finally:
            for client in clients:
                client.kill()
                client.communicate()
        server.send_signal(signal.SIGINT)
        assert server.communicate(timeout=SECONDS)[0] == "stopped\n"
    assert [error for _, error in ended] == ["", ""]
    for out, _ in ended:
        answers = json.loads(out)
        assert all(runs == loads for runs, loads, _ in answers)
        seen = [count for runs, _, alone in answers for count in (runs, alone)]
        assert seen == sorted(seen)
        assert {*seen} <= {*range(PUBLICATIONS + 1)}
        assert len({*seen}) > PUBLICATIONS / 2


def test_a_statement_ends_on_the_snapshot_that_it_began_on(published):
    with snapshot_server(published, port := free_port()) as server, attached(port, server.token) as client:
        before = remote(client, "SELECT count(*) FROM runs")
        started = client.execute(
            "FROM kaleidoscope.query('SELECT count(*) OVER (), r FROM runs, range(200000) AS t(r)')"
        )
        first = started.fetchone()
        runs = sample_tables()["runs"].with_columns(flow_run_id=pl.lit("another"))
        load("another", {"runs": runs}, published)
        publish(published)
        assert server.follow()
        assert not server.follow()
        with attached(port, server.token) as other:
            assert remote(other, "SELECT count(*) FROM runs") == [(before[0][0] + 1,)]
        rest = started.fetchall()
        assert {total for total, _ in [first, *rest]} == {200000 * before[0][0]} == {1 + len(rest)}


def test_a_damaged_snapshot_is_not_served_and_the_old_one_stays(published):
    with snapshot_server(published, port := free_port()) as server, attached(port, server.token) as client:
        served = server.snapshot
        damaged = served.with_name(f"{'0' * 64}.duckdb")
        damaged.write_bytes(served.read_bytes())
        published.published_file.unlink()
        published.published_file.symlink_to(f"snapshots/{damaged.name}")
        with pytest.raises(UserError, match="was changed after it was published"):
            server.follow()
        published.published_file.unlink()
        with pytest.raises(UserError, match="nothing is published"):
            server.follow()
        assert server.snapshot == served
        assert remote(client, "SELECT count(*) > 0 FROM features") == [(True,)]


def test_clients_attach_again_where_columns_have_changed(settings):
    """A client asks for columns by their places in the table that it saw when it attached."""
    settings.published_file.parent.mkdir(parents=True)
    publish_changed(settings, "CREATE TABLE layers AS SELECT 'conv' AS layer, 9 AS channels")
    with snapshot_server(settings, port := free_port()) as server, attached(port, server.token) as client:
        assert client.execute("SELECT channels FROM kaleidoscope.layers").fetchall() == [(9,)]
        publish_changed(settings, "CREATE OR REPLACE TABLE layers AS SELECT 9 AS channels, 'conv' AS layer")
        assert server.follow()
        with pytest.raises(duckdb.Error, match="Invalid connection id"):
            client.execute("SELECT channels FROM kaleidoscope.layers")
        with attached(port, server.token) as again:
            assert again.execute("SELECT channels FROM kaleidoscope.layers").fetchall() == [(9,)]


def test_what_keeps_the_server_from_starting_is_one_line(settings, published_template, monkeypatch):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = subprocess.run(command("serve", "--port", port), cwd=ROOT, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(
        rf"kaleidoscope: port {port} for the snapshot's server can't be used \(Address already in use\); "
        "choose another with --port\n",
        ended.stderr,
    )
    with (
        pytest.raises(UserError, match=r"^nothing is published at .*kaleidoscope run atlas"),
        snapshot_server(settings, 1),
    ):
        pass
    assert not settings.data_dir.exists()
    monkeypatch.setitem(sys.modules, "duckdb_extension_quack", None)
    with (
        pytest.raises(
            UserError, match=r"^DuckDB's extension quack can't be loaded .*: install duckdb-extension-quack=="
        ),
        snapshot_server(published_template, 1),
    ):
        pass


def test_a_data_folder_with_an_odd_name_is_served(tmp_path):
    odd = Settings(data_dir=tmp_path / "what's this?")
    odd.published_file.parent.mkdir(parents=True)
    publish_changed(odd, "CREATE TABLE runs AS SELECT 1 AS number")
    with snapshot_server(odd, port := free_port()) as server, attached(port, server.token) as client:
        publish_changed(odd, "UPDATE runs SET number = 2")
        assert server.follow()
        assert remote(client, "FROM runs") == [(2,)]
