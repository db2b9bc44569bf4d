"""The console command: what it prints, and one clear line with exit code 2 for what the user can mend."""

import base64
import csv
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from flows import cli, doctor
from flows.config import read_config
from flows.servers import free_port
from flows.train import TrainConfig
from tasks.activations.extract import extract
from tasks.dictionary.store import trained
from tasks.liveness import Holder, alive, waiting_for
from tasks.quarantine import set_aside
from tasks.settings import ROOT, Settings
from tasks.staging import stage_tables
from tasks.tracking.store import create_store
from tasks.warehouse.query import query
from tests.sample_tables import sample_tables
from tests.sample_tables.planted import CROSSCODER
from tests.tasks.tracking.conftest import write_dictionary


@pytest.fixture
def published(settings, published_template):
    shutil.copytree(published_template.data_dir, settings.data_dir, symlinks=True)
    return settings


def the_error(result: tuple[int, str, str]) -> str:
    code, out, err = result
    assert code == 2, err
    assert out == ""
    [line] = err.splitlines()
    return line.removeprefix("kaleidoscope: ")


def the_lines(result: tuple[int, str, str]) -> list[str]:
    code, out, err = result
    assert code == 0, err
    return out.splitlines()


def test_an_unknown_flow_names_the_flows(kaleidoscope):
    assert the_error(kaleidoscope("run", "atlass")) == (
        "no flow 'atlass'; there are atlas, early-vision, extract, train, sweep, import-dictionary, "
        "benchmark, symmetry, tuning, concepts, attack, trust, publish, demo"
    )


@pytest.mark.usefixtures("prefect_api")
class TestRun:
    def test_a_flow_runs_here_and_now(self, kaleidoscope, settings):
        stage_tables("sample", sample_tables(), settings)
        code, out, err = kaleidoscope("run", "publish", "--set", "page=false")
        assert code == 0, err
        assert "Published" in out
        assert f"published: {settings.published_file}\n" in out
        assert settings.published_file.exists()
        assert not settings.site_dir.exists()

    @pytest.mark.parametrize(
        ("assignment", "message"),
        [
            ("n_rotations=0", "n_rotations: Input should be greater than or equal to 1, not 0"),
            ("layers=block1", "unknown field layers; did you mean layer?"),
            ("network=alexnet", "unknown network 'alexnet'; choose one of: "),
            ("layer=mixed3b", "network efficientnet_lite0 has no layer 'mixed3b'; choose one of: "),
            ("images={sources = ['folder'], folder = '/nowhere'}", "/nowhere"),
        ],
    )
    def test_what_the_user_can_mend_is_one_line(self, kaleidoscope, settings, assignment, message):
        code, out, err = kaleidoscope("run", "extract", "--set", assignment)
        assert code == 2
        assert out == ""
        said = [line for line in err.splitlines() if line.startswith("kaleidoscope: ")]
        assert len(said) == 1
        assert message in said[0]
        assert "Traceback" not in err
        assert not settings.activations_dir.exists()

    def test_k_above_m_is_one_line(self, kaleidoscope, settings):
        error = the_error(kaleidoscope("run", "train", "--set", "dictionary.k=64", "--set", "dictionary.features=8"))
        assert error.startswith("dictionary: k = 64 is more than the 8 features")
        assert not settings.data_dir.exists()

    def test_an_mlflow_server_that_is_not_there_is_one_line(self, kaleidoscope, settings, monkeypatch):
        monkeypatch.setenv("KALEIDOSCOPE_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
        small = ["layer=block1", "orbits=20", "n_rotations=1", 'images.sources=["dead-leaves"]', "images.scenes=2"]
        options = [f"extraction.{assignment}" for assignment in small]
        options += ["dictionary.features=8", "dictionary.k=2", "dictionary.steps=2"]
        code, _, err = kaleidoscope("run", "train", *(part for option in options for part in ("--set", option)))
        assert code == 2
        assert [line for line in err.splitlines() if line.startswith("kaleidoscope: MLflow at http://127.0.0.1")]
        assert "Traceback" not in err


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--from", "jax"), "library: Input should be 'sae-lens', 'dictionary-learning' or 'overcomplete', not 'jax'"),
        (("--from", "sae-lens", "--scaling", "7"), "scaling: Input should be 'none', 'mean-norm', 'mean-square' or"),
        (("--from", "sae-lens"), "is not a folder: give the folder that sae-lens wrote"),
        (("--from", "sae-lens", "--set", "extraction.layer=conv9"), "has no layer 'conv9'; choose one of: "),
    ],
)
def test_an_import_that_can_not_be_done_is_one_line(kaleidoscope, settings, tmp_path, options, message):
    assert message in the_error(kaleidoscope("import", str(tmp_path / "7"), *options))
    assert not settings.activations_dir.exists()


def test_export_writes_a_folder_for_a_library(kaleidoscope, settings, tmp_path, monkeypatch):
    write_dictionary("ab" * 32, settings, architecture="sae")
    monkeypatch.chdir(tmp_path)
    assert the_lines(kaleidoscope("export", "ab", "--to", "sae-lens")) == [f"{'ab' * 6}-sae-lens"]
    files = {path.name for path in (tmp_path / f"{'ab' * 6}-sae-lens").iterdir()}
    assert files == {"README.md", "cfg.json", "sae_weights.safetensors"}
    assert the_lines(kaleidoscope("export", "ab", str(tmp_path / "out"), "--to", "overcomplete")) == [
        str(tmp_path / "out")
    ]


def test_what_can_not_be_taken_home_is_one_line(kaleidoscope, settings, tmp_path):
    write_dictionary("ab" * 32, settings)
    for arguments, message in (
        (("export", "ab", "--to", "sae-lens"), "is a group crosscoder, and sae-lens has none"),
        (("export", "ab", "--to", "jax"), "unknown library 'jax'; choose one of: sae-lens, "),
        (("export", "cd", "--to", "sae-lens"), "no trained dictionary cd in "),
        (("publish-model", "ab", str(tmp_path / "out")), "there is no activation set "),
        (("publish-model", "ab", str(tmp_path / "out"), "--license", "a b"), "the licence 'a b' is not an identifier"),
    ):
        assert message in the_error(kaleidoscope(*arguments))
    code, _, err = kaleidoscope("export-tables", str(tmp_path / "out"))
    [said] = [line for line in err.splitlines() if line.startswith("kaleidoscope: ")]
    assert (code, "nothing is published at " in said) == (2, True)
    assert not (tmp_path / "out").exists()


ODD = "da ta?x#y%20é'\"&;@"
"""A folder's name whose letters mean something in a URL, in SQL or to a shell."""


def test_a_run_in_a_folder_with_an_odd_name(kaleidoscope, settings, monkeypatch, tmp_path):
    """Prefect's and MLflow's databases, the warehouse, the snapshot and the page lie in it, and nothing beside it."""
    folder = tmp_path / "parent" / ODD
    monkeypatch.setenv("KALEIDOSCOPE_DATA_DIR", str(folder))
    monkeypatch.setenv("PREFECT_HOME", str(folder / "prefect"))
    settings = Settings()
    stage_tables("sample", sample_tables(), settings)
    create_store(settings)
    environment = dict(os.environ) | {"PREFECT_API_URL": ""}
    console = str(Path(sys.executable).parent / "kaleidoscope")
    ended = subprocess.run([console, "run", "publish"], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert the_lines(kaleidoscope("sql", "SELECT count(*) AS n FROM dictionaries", "--format", "csv")) == ["n", "2"]
    with sqlite3.connect((folder / "prefect" / "prefect.db").as_uri(), uri=True) as database:
        assert database.execute("SELECT state_type FROM flow_run").fetchall() == [("COMPLETED",)]
    assert (settings.site_dir / "index.html").exists()
    assert [path.name for path in folder.parent.iterdir()] == [ODD]
    found = {finding.subject: finding.state for finding in doctor.examine(settings)}
    assert [found[name] for name in ("warehouse", "published snapshot", "MLflow store")] == ["ok"] * 3


def test_two_processes_fit_one_dictionary(settings):
    """The torchrun line of docs/researcher.md, small: the first process writes and prints the key."""
    small = ["layer=block1", "orbits=40", "n_rotations=1", 'images.sources=["dead-leaves"]', "images.scenes=2"]
    options = [f"extraction.{assignment}" for assignment in (*small, "test_share=0.5")]
    options += [f"dictionary.{assignment}" for assignment in ("features=8", "k=2", "steps=3", "batch_size=8")]
    extract(read_config(TrainConfig, None, options).extraction, settings)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    console = str(Path(sys.executable).parent / "kaleidoscope")
    given = [part for option in options for part in ("--set", option)]
    ended = subprocess.run([*torchrun, console, "fit", *given], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert trained(settings) == (ended.stdout.strip(),)


def test_fit_streams(kaleidoscope, settings):
    small = ["layer=block1", "orbits=40", "n_rotations=1", 'images.sources=["dead-leaves"]', "images.scenes=2"]
    options = [f"extraction.{assignment}" for assignment in (*small, "test_share=0.5")]
    options += [f"dictionary.{assignment}" for assignment in ("features=8", "k=2", "steps=3", "batch_size=8")]
    given = [part for option in (*options, "stream=true") for part in ("--set", option)]
    code, printed, _ = kaleidoscope("fit", *given)
    assert (code, trained(settings)) == (0, (printed.strip(),))
    assert not list(settings.activations_dir.glob("*/shard-*"))


def test_sql_in_three_formats(kaleidoscope, published):
    select = "SELECT architecture, features FROM dictionaries ORDER BY architecture"
    _, as_csv, _ = kaleidoscope("sql", select, "--format", "csv")
    rows = [{"architecture": "group-crosscoder", "features": "40"}, {"architecture": "sae", "features": "40"}]
    assert list(csv.DictReader(io.StringIO(as_csv))) == rows
    _, as_json, _ = kaleidoscope("sql", select, "--format", "json")
    assert [{name: str(value) for name, value in row.items()} for row in json.loads(as_json)] == rows
    _, as_table, _ = kaleidoscope("sql", select)
    assert "group-crosscoder" in as_table


def test_sql_writes_pictures_as_base64_and_whole_sums_as_numbers(kaleidoscope, published):
    select = "SELECT min(patch) AS patch, sum(rank) AS ranks FROM feature_examples"
    _, as_json, _ = kaleidoscope("sql", select, "--format", "json")
    [row] = json.loads(as_json)
    assert base64.b64decode(row["patch"]).startswith(b"RIFF")
    assert row["ranks"] > 0
    _, as_csv, _ = kaleidoscope("sql", select, "--format", "csv")
    assert next(csv.DictReader(io.StringIO(as_csv)))["patch"] == row["patch"]
    assert kaleidoscope("sql", "SELECT [1, 2] AS both", "--format", "csv") == (0, 'both\n"[1, 2]"\n', "")


def test_sql_table_is_as_wide_as_its_rows_and_shortens_keys(kaleidoscope, published):
    key = "0123456789abcdef" * 4
    _, out, _ = kaleidoscope(
        "sql", f"SELECT '{key}' AS key, repeat('x', 200) AS wide, 1 / 3 AS third, patch FROM feature_examples LIMIT 1"
    )
    assert "x" * 200 in out
    assert "0123456789ab…" in out
    assert "0.33333" in out
    assert " bytes" in out


def test_sql_with_nothing_lists_tables_and_views(kaleidoscope, published):
    code, out, _ = kaleidoscope("sql", "--format", "csv")
    listed = {row["name"]: row for row in csv.DictReader(io.StringIO(out))}
    assert code == 0
    assert listed["features"]["kind"] == "table"
    assert listed["feature_catalogue"]["kind"] == "view"
    assert all(row["comment"] for row in listed.values())


EXAMPLE = str(ROOT / "docs" / "responses-block5_expand.json")


def test_curves_coverage_as_json_and_as_tables(kaleidoscope):
    code, out, _ = kaleidoscope("curves", "coverage", "--responses", EXAMPLE, "--format", "json")
    report = json.loads(out)
    assert code == 0
    assert {"layer", "threshold", "units", "coverage", "uncovered_arcs", "gaps", "largest_gap"} <= report.keys()
    assert report["threshold"] == 0.5
    assert all({"unit", "peak", "width", "echo"} <= unit.keys() for unit in report["units"])
    _, out, _ = kaleidoscope("curves", "coverage", "--responses", EXAMPLE, "--threshold", "0.9")
    assert "uncovered arcs" in out
    assert "largest_gap" in out


def test_curves_coverage_that_can_not_be_answered_is_one_line(kaleidoscope, tmp_path):
    error = the_error(kaleidoscope("curves", "coverage", "--responses", str(tmp_path / "nowhere.json")))
    assert error == f"can't read responses {tmp_path / 'nowhere.json'}: No such file or directory"
    assert "threshold 2 is not in" in the_error(
        kaleidoscope("curves", "coverage", "--responses", EXAMPLE, "--threshold", "2")
    )


@pytest.fixture
def photographs(tmp_path) -> Path:
    """Folders of PNG: cat, 8 cuts of one photograph; noisy, the same with noise; others, 24 cuts of another."""
    rng = np.random.default_rng(0)
    for name, pixels, count in (("cat", data.chelsea(), 8), ("others", data.rocket(), 24)):
        for index in range(count):
            cut = pixels[index : index + 224, 8 * index : 8 * index + 224]
            noise = rng.integers(-8, 9, size=cut.shape)
            for folder, shown in ((name, cut), ("noisy", (cut + noise).clip(0, 255).astype(np.uint8))):
                (tmp_path / folder).mkdir(exist_ok=True)
                if name == "cat" or folder == name:
                    Image.fromarray(shown).save(tmp_path / folder / f"{index}.png")
    return tmp_path


def test_trust_says_yes_or_no_by_its_exit_code(kaleidoscope, photographs):
    others = ("--random", str(photographs / "others"))
    code, out, err = kaleidoscope("trust", str(photographs / "cat"), *others)
    assert code == 0, err
    assert out.splitlines()[-1] == "trusted"
    code, out, _ = kaleidoscope("trust", str(photographs / "noisy"), *others, "--format", "json")
    report = json.loads(out)
    assert code == 1
    assert report["verdict"] == "not trusted"
    assert len(report["reasons"]) == sum(not check["passed"] for check in report["checks"])
    assert {check["name"]: check["passed"] for check in report["checks"]}["colour grain"] is False


def test_trust_that_can_not_be_answered_is_one_line(kaleidoscope, photographs):
    cat = str(photographs / "cat")
    for options, message in (
        (("--layer", "mixed4d"), "network efficientnet_lite0 has no layer 'mixed4d'"),
        (("--random", cat), "3 random sets of 8 need 24 images"),
    ):
        code, out, err = kaleidoscope("trust", cat, *options)
        assert (code, out) == (2, "")
        [said] = [line for line in err.splitlines() if line.startswith("kaleidoscope: ")]
        assert message in said


def test_sql_shows_whole_numbers_whole(kaleidoscope, published):
    _, out, _ = kaleidoscope("sql", "SELECT 340282366920938463463374607431768211455::UHUGEINT AS h")
    assert "340282366920938463463374607431768211455" in out
    total = "SELECT sum(x) AS s FROM (SELECT 9007199254740993::BIGINT AS x)"
    assert kaleidoscope("sql", total, "--format", "json")[1] == '[{"s": 9007199254740993}]\n'
    assert kaleidoscope("sql", total, "--format", "csv")[1] == "s\n9007199254740993\n"


@pytest.mark.parametrize(
    "statement", ["-- note\nSELECT 1 AS a", "--note\n-- a=b\nSELECT 1 AS a;", "--help me\nSELECT 1 AS a"]
)
def test_sql_may_begin_with_a_comment(kaleidoscope, published, statement):
    assert kaleidoscope("sql", statement, "--format", "csv") == (0, "a\n1\n", "")
    assert kaleidoscope("sql", "--format=csv", statement) == (0, "a\n1\n", "")


def test_sql_refuses_an_unknown_option(kaleidoscope, published):
    code, _, err = kaleidoscope("sql", "SELECT 1", "--formt", "csv")
    assert code == 2
    assert "No such option: --formt" in err


def test_sql_answers_one_statement_at_a_time(kaleidoscope, published):
    assert the_error(kaleidoscope("sql", "SELECT 1 AS a; SELECT 2 AS b")) == (
        "query failed: these are 2 statements; run one at a time"
    )


def test_sql_refuses_what_does_more_than_read(kaleidoscope, published, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert the_error(kaleidoscope("sql", "CALL enable_logging(storage='file')")).startswith(
        "query failed: CALL does more than read; allowed are SELECT, "
    )
    assert sorted(tmp_path.rglob("*")) == before


def test_sql_shows_names_and_text_as_they_are(kaleidoscope, published):
    _, out, _ = kaleidoscope(
        "sql", "SELECT '[red]x[/red]' AS \"[bold]\", chr(27) || '[31m' AS \"a\tb\", 1 AS a, 2 AS a"
    )
    assert "[red]x[/red]" in out
    assert "[bold]" in out
    assert "\\x1b[31m" in out
    assert "\x1b" not in out


def test_sql_table_has_a_bounded_number_of_rows(kaleidoscope, published, monkeypatch):
    monkeypatch.setattr(cli, "TABLE_ROWS", 1_000)
    assert "999" in kaleidoscope("sql", "FROM range(1000)")[1]
    assert the_error(kaleidoscope("sql", "FROM range(1000000000000)")) == (
        "a table shows at most 1,000 rows: add a LIMIT, or use --format csv"
    )


def test_sql_names_the_setting_that_bounds_it(kaleidoscope, published, monkeypatch):
    monkeypatch.setenv("KALEIDOSCOPE_SQL_SECONDS", "0.5")
    assert "KALEIDOSCOPE_SQL_SECONDS" in the_error(kaleidoscope("sql", "SELECT pg_sleep(100000)"))
    monkeypatch.setenv("KALEIDOSCOPE_SQL_MEMORY", "much")
    assert "KALEIDOSCOPE_SQL_MEMORY: " in the_error(kaleidoscope("sql", "SELECT 1"))


def in_a_terminal_of(encoding: str, *arguments: str) -> subprocess.CompletedProcess:
    """The command in a locale without UTF-8, on a terminal that can print the letters of `encoding`."""
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-c", "from flows.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, env=os.environ | locale, cwd=ROOT)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_locale_that_can_not_print_gets_escapes_and_whole_data(published, encoding):
    select = "SELECT 'é → ' || repeat('x', 3) AS \"é\""
    shown = in_a_terminal_of(encoding, "sql", select)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert b"\\u2192 xxx" in shown.stdout
    assert in_a_terminal_of(encoding, "sql", select, "--format", "csv").stdout.decode() == "é\né → xxx\n"
    assert json.loads(in_a_terminal_of(encoding, "sql", select, "--format", "json").stdout) == [{"é": "é → xxx"}]


@pytest.mark.parametrize(
    ("arguments", "code"), [(("--help",), 0), (("sql", "--help"), 0), (("doctor",), 0), (("run", "→"), 2)]
)
def test_a_locale_that_can_not_print_stops_no_command(arguments, code):
    ended = in_a_terminal_of("ascii", *arguments)
    assert ended.returncode == code, ended.stderr
    assert b"Traceback" not in ended.stderr
    assert (ended.stdout + ended.stderr).isascii()


def test_a_closed_pipe_ends_sql_quietly(published):
    command = [sys.executable, "-c", "from flows.cli import main; main()", "sql", "FROM range(1000000000000)"]
    with subprocess.Popen([*command, "--format", "csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ended:
        assert [ended.stdout.readline() for _ in range(2)] == [b"range\n", b"0\n"]
        ended.stdout.close()
        assert ended.stderr.read() == b""


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM nowhere", "DROP TABLE runs", "SELECT * FROM read_csv('/etc/passwd')"]
)
def test_sql_that_can_not_be_answered_is_one_line(kaleidoscope, published, statement):
    assert the_error(kaleidoscope("sql", statement)).startswith("query failed: ")


def test_sql_and_page_before_anything_is_published(kaleidoscope):
    assert "nothing is published" in the_error(kaleidoscope("sql"))
    code, _, err = kaleidoscope("page")
    assert code == 2
    assert "nothing is published" in err


OWN_MODULE = "module:tests.tasks.vision.own_module.gated@random-0?input_size=32"


def test_layers_lists_channels_stride_receptive_field_and_extraction(kaleidoscope):
    code, out, _ = kaleidoscope("layers", OWN_MODULE)
    assert code == 0
    rows = [re.findall(r"[\w.]+", line) for line in out.splitlines() if line.startswith("│")]
    assert rows == [["0", "4", "2", "3", "cone"], ["1.mul", "4", "2", "33", "frame"], ["2", "4", "2", "33", "frame"]]
    assert "5 other nodes can't be analysed" in out


def test_layers_as_json_has_the_reasons(kaleidoscope):
    code, out, _ = kaleidoscope("layers", OWN_MODULE, "--format", "json")
    report = json.loads(out)
    assert (code, report["input_size"], [layer["layer"] for layer in report["layers"]]) == (0, 32, ["0", "1.mul", "2"])
    assert report["refused"]["5"] == "has no positions: its shape is ['images', 5]"
    assert "unknown network 'resnet18'; choose one of: efficientnet_lite0" in the_error(
        kaleidoscope("layers", "resnet18")
    )


def test_page_prints_where_it_is(kaleidoscope, published):
    code, out, _ = kaleidoscope("page")
    assert code == 0
    assert out.strip() == str(published.site_dir / "index.html")
    assert (published.site_dir / "index.html").exists()


def findings(settings) -> dict[str, doctor.Finding]:
    return {finding.subject: finding for finding in doctor.examine(settings)}


def test_doctor_on_a_fresh_machine(kaleidoscope, settings, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("KALEIDOSCOPE_IMAGES_DIR", raising=False)
    code, out, _ = kaleidoscope("doctor")
    assert code == 0
    assert "efficientnet_lite0" in out
    found = findings(settings)
    assert found["weights of efficientnet_lite0"].state == "ok"
    assert found["warehouse"].state == "optional"
    assert found["MLflow store"].state == "optional"
    assert found["Prefect server"].state == "optional"
    assert not settings.data_dir.exists()


def test_doctor_names_what_is_missing(kaleidoscope, settings, monkeypatch, tmp_path):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("KALEIDOSCOPE_IMAGES_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    code, out, _ = kaleidoscope("doctor")
    assert code == 1
    assert "does not answer" in out
    assert "0 files" in out


def test_doctor_sees_a_damaged_warehouse(published):
    assert findings(published)["warehouse"].state == "ok"
    published.warehouse_file.write_bytes(b"not a database")
    assert findings(published)["warehouse"].state == "missing"
    assert findings(published)["published snapshot"].state == "ok"


PREFECT = """
CREATE TABLE flow_run (
    id TEXT, name TEXT, state_type TEXT, start_time TEXT, deployment_id TEXT, state_name TEXT, state_timestamp TEXT
);
CREATE TABLE deployment (id TEXT, name TEXT, concurrency_limit_id TEXT);
CREATE TABLE concurrency_limit_v2 (id TEXT, active_slots INTEGER);
INSERT INTO deployment VALUES ('d1', 'trust', 'l1'), ('d2', 'publish', 'l2');
INSERT INTO concurrency_limit_v2 VALUES ('l1', 1), ('l2', 1);
INSERT INTO flow_run VALUES
    ('11111111-1111-4111-8111-111111111111', 'brave-owl', 'RUNNING', NULL, 'd2', 'Running', NULL),
    ('22222222-2222-4222-8222-222222222222', 'calm-fox', 'COMPLETED', NULL, 'd1', 'Completed', NULL)
"""


def test_doctor_says_what_is_stuck_and_who_holds_the_warehouse(kaleidoscope, settings):
    """A run without a process, and a slot without a run."""
    database = settings.data_dir / "prefect" / "prefect.db"
    database.parent.mkdir(parents=True)
    with sqlite3.connect(database) as connection:
        connection.executescript(PREFECT)
    run = "11111111-1111-4111-8111-111111111111"
    stuck = {finding.subject for finding in doctor.examine(settings) if finding.state == "stuck"}
    assert stuck == {f"flow run {run}", "deployment trust"}
    code, out, _ = kaleidoscope("doctor")
    assert code == 1
    assert "brave-owl" in out

    holder = Holder(name=f"flow run {run}", does="publish")
    with (
        alive(settings.running_dir / f"{run}.lock", holder),
        waiting_for("the warehouse", settings.warehouse_lock, holder, print),
    ):
        found = findings(settings)
    assert f"flow run {run}" not in found
    assert found["warehouse lock"].detail == f"held by {holder}"


HOLDER = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"


def test_doctor_sees_a_warehouse_in_use(published):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(published.warehouse_file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        holder.stdout.readline()
        finding = findings(published)["warehouse"]
    finally:
        holder.communicate(b"\n")
    assert finding.state == "missing"
    assert "lock" in finding.detail
    assert findings(published)["warehouse"].state == "ok"


def test_doctor_sees_what_is_damaged_or_stuck(published):
    assert findings(published)["care"].state == "ok"
    (published.data_dir / "odd").mkdir()
    set_aside(published.data_dir / "odd", "belongs to nothing", published)
    published.published_file.resolve().unlink()
    published.running_dir.mkdir()
    (published.running_dir / "11111111-2222-3333-4444-555555555555.lock").touch()
    finding = findings(published)["care"]
    assert finding.state == "optional"
    assert f"files and folders in quarantine ({published.quarantine_dir}): 1" in finding.detail
    assert f"the published snapshot snapshots/{published.published_file.resolve().name} is missing" in finding.detail
    assert "processes that died during a run: 1: see `kaleidoscope verify`" in finding.detail


def test_verify_exits_with_1_where_something_is_wrong_and_says_what_to_do(kaleidoscope, published):
    stage_tables("sample", sample_tables(), published)
    missing = published.dictionaries_dir / CROSSCODER
    code, out, _ = kaleidoscope("verify")
    assert code == 1
    assert f"{missing}" in out
    code, out, _ = kaleidoscope("verify", "--format", "json")
    assert code == 1
    [finding] = [each for each in json.loads(out.splitlines()[-1]) if each["where"] == str(missing)]
    assert finding == {
        "state": "wrong",
        "what": "is missing, but rows of the warehouse refer to it",
        "where": str(missing),
        "remedy": "train or import it again",
    }


def test_verify_exits_with_0_where_all_is_well(kaleidoscope, settings):
    stage_tables("sample", {"runs": sample_tables()["runs"]}, settings)
    code, out, err = kaleidoscope("verify", "--format", "json")
    assert code == 0, err
    assert [finding["state"] for finding in json.loads(out.splitlines()[-1])] == ["unfinished"]  # not loaded yet


def test_gc_is_dry_until_told_otherwise(kaleidoscope, published):
    old = published.published_file.resolve().with_name("old.duckdb")
    for number in range(2):
        old.with_stem(f"old-{number}").write_bytes(b"12345678")
        os.utime(old.with_stem(f"old-{number}"), (number, number))
    listed = [{"path": str(old.with_stem("old-0")), "bytes": 8, "why": "a snapshot beyond KALEIDOSCOPE_KEEP_SNAPSHOTS"}]
    code, out, err = kaleidoscope("gc", "--format", "json")
    assert code == 0, err
    assert json.loads(out.splitlines()[-1]) == listed
    code, out, _ = kaleidoscope("gc")
    assert "0.0 MiB to delete with `kaleidoscope gc --delete`" in out
    assert old.with_stem("old-0").exists()
    assert kaleidoscope("gc", "--delete")[0] == 0
    assert sorted(old.parent.iterdir()) == sorted([published.published_file.resolve(), old.with_stem("old-1")])


def test_backup_and_restore(kaleidoscope, published, monkeypatch, tmp_path):
    before = query("FROM features", published)
    code, out, err = kaleidoscope("backup", str(tmp_path / "backup"))
    assert code == 0, err
    assert f"{tmp_path / 'backup'}: 2 files, " in out
    assert "is not an empty folder: choose a new or empty" in kaleidoscope("backup", str(tmp_path / "backup"))[2]
    assert "is not an empty folder: choose a new or empty" in kaleidoscope("restore", str(tmp_path / "backup"))[2]
    monkeypatch.setenv("KALEIDOSCOPE_DATA_DIR", str(tmp_path / "restored"))
    code, _, err = kaleidoscope("restore", str(tmp_path / "backup"))
    assert code == 0, err
    assert query("FROM features", Settings()).equals(before)


class TestTrustOfFolders:
    def test_a_tilde_is_the_home_folder(self, kaleidoscope, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", str(tmp_path))
        error = the_last_line(kaleidoscope("trust", "~/photos"))
        assert error == f"images folder {tmp_path / 'photos'} does not exist: give another folder of photographs"

    def test_an_address_may_be_a_url(self, kaleidoscope, tmp_path):
        random = np.random.default_rng(0)
        for place in range(8):
            noise = random.integers(0, 256, (224, 224, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / f"{place}.png")
        for options in (["memory://nowhere/list.csv"], [str(tmp_path), "--random", "memory://nowhere/list.csv"]):
            error = the_last_line(kaleidoscope("trust", *options))
            assert error == "memory://nowhere/list.csv does not exist: check the address"

    def test_a_file_an_empty_folder_and_one_image(self, kaleidoscope, monkeypatch, tmp_path):
        (tmp_path / "photos").mkdir()
        monkeypatch.chdir(tmp_path)
        where = tmp_path / "photos"
        assert the_last_line(kaleidoscope("trust", "photos")).startswith(
            "images folder photos contains no JPEG, PNG or"
        )
        Image.fromarray(data.astronaut()).save(where / "one.png")
        assert the_last_line(kaleidoscope("trust", ".", "--random", "~nobody-is-called-this")).startswith("path ")
        assert the_last_line(kaleidoscope("trust", "photos")).startswith(
            "photos holds only one distinct image that can be read, one.png"
        )
        line = the_last_line(kaleidoscope("trust", str(where / "one.png")))
        assert line == f"images folder {where / 'one.png'} is a file, not a folder: give another folder of photographs"


def the_last_line(result: tuple[int, str, str]) -> str:
    """The one that is said, after a bar."""
    code, _, err = result
    assert code == 2, err
    [line] = [line for line in err.splitlines() if line.startswith("kaleidoscope: ")]
    return line.removeprefix("kaleidoscope: ")
