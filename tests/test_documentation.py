"""The documents' commands are run or checked: one that does not work fails here, and so does one that is left out."""

import csv
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

from flows import FLOWS, cli
from flows.config import config_class_of, flow_named, read_config
from tasks.settings import PREFECT_DATABASE, ROOT, Settings
from tasks.warehouse.database import sql_files
from tasks.warehouse.formats import csv_lines, json_lines
from tasks.warehouse.query import answer

GUIDES = [
    ROOT / name
    for name in ("README.md", "docs/researcher.md", "docs/analyst.md", "docs/operator.md", "docs/dictionaries.md")
]
DOCUMENTS = sorted({*GUIDES, *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")})
MAKEFILE = (ROOT / "Makefile").read_text()
PYPROJECT = (ROOT / "pyproject.toml").read_text()
CI = (ROOT / ".ci" / "run").read_text()
SETTINGS = {f"KALEIDOSCOPE_{name.upper()}" for name in Settings.model_fields}
UNDERSTOOD = {
    *("trust", "look", "verify", "gc", "backup", "restore", "migrate", "up", "serve"),
    *("export", "import", "publish-model", "export-tables"),
}
"""Commands whose arguments are parsed here; test_cli, test_up, test_quack and test_dictionaries_document run them."""
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
QUESTIONS = 32
"""Number of an analyst's questions in docs/analyst.md."""
READING = {"sql", "page", "doctor", "curves", "layers"}


def text_of(documents: list[Path]) -> str:
    return "\n".join(document.read_text() for document in documents)


def commands() -> list[str]:
    """Lines of the documents' shell blocks; a backslash joins lines, output and comments are left out."""
    blocks = re.findall(r"^```(?:console|bash|sh)\n(.*?)^```", text_of(DOCUMENTS), re.DOTALL | re.MULTILINE)
    found = []
    for block in blocks:
        lines = block.replace("\\\n", " ").splitlines()
        if any(line.startswith("$ ") for line in lines):
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        found += [line.split(" # ")[0].strip() for line in lines if line.strip() and not line.startswith("#")]
    return list(dict.fromkeys(found))


def split(command: str) -> tuple[dict[str, str], list[str]]:
    """Variables set before a command, and its words."""
    words = shlex.split(command)
    variables = {}
    while words and re.match(r"[A-Z_]+=", words[0]):
        name, _, variables[name] = words.pop(0).partition("=")
    return variables, words


@pytest.fixture(scope="module")
def published(published_template, tmp_path_factory) -> Settings:
    """A copy of the published data, because `kaleidoscope page` writes into it."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("documented") / "data")
    shutil.copytree(published_template.data_dir, settings.data_dir, symlinks=True)
    return settings


@pytest.mark.parametrize("command", commands())
def test_a_command_works(command, published, monkeypatch):
    variables, words = split(command)
    for name in variables:
        assert name in SETTINGS or name in MAKEFILE, f"nothing reads {name}"
    match words:
        case ["export", *assignments]:
            assert {assignment.partition("=")[0] for assignment in assignments} <= {
                *SETTINGS,
                *PREFECT_DATABASE,
                "PREFECT_API_URL",
            }
        case ["pip", "install", package]:
            assert (
                package.removeprefix(".[").removesuffix("]")
                in tomllib.loads(PYPROJECT)["project"]["optional-dependencies"]
            )
        case ["source", script]:
            assert script.removesuffix("bin/activate") == ".venv/"
            assert "-m venv .venv" in MAKEFILE
        case ["make", target]:
            assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), f"Makefile has no target {target}"
            assert target in {"up", "lock", "clean", "test-networks"} or f"make {target}" in CI
        case ["kaleidoscope", "run", flow, *options]:
            assert_run_is_understood(flow, options)
        case ["torchrun", "--nproc-per-node", "2", "--no-python", "kaleidoscope", "fit", *options]:
            assert_run_is_understood("train", options)  # test_cli runs it
        case ["kaleidoscope", verb, *_] if verb in READING:
            monkeypatch.setenv("KALEIDOSCOPE_DATA_DIR", str(published.data_dir))
            bin_folder = str(Path(sys.executable).parent)
            monkeypatch.setenv("PATH", bin_folder, prepend=":")
            ended = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
            assert ended.returncode == 0, ended.stderr
            assert ended.stdout.strip()
        case ["kaleidoscope", verb, *options] if verb in UNDERSTOOD:
            typer.main.get_command(cli.app).commands[verb].make_context(verb, options)
        case ["dask", role, *options]:  # tests/faults/test_killed_workers.py runs both
            parser = pytest.importorskip(f"distributed.cli.dask_{role}", reason="Dask is not installed").main
            parser.make_context(role, options)
        case ["prefect", "worker", "start", "--pool", pool, "--work-queue", queue]:  # tests/faults/test_work_pool.py
            pools = [deployment["work_pool"] for deployment in DEPLOYMENTS]
            assert (pool, queue) in {(used["name"], used.get("work_queue_name")) for used in pools}
        case ["prefect", "deployment", "run", deployment, "--param", parameter]:  # the same
            flow, _, name = deployment.partition("/")
            assert name in {deployment["name"] for deployment in DEPLOYMENTS}
            config_class_of(flow_named(flow)).model_validate_json(parameter.removeprefix("config="))
        case ["python", "-m", "pytest", file]:
            assert (ROOT / file).is_file()
        case ["python", "-m", "tests.tasks.concepts.captums", config, *assignments]:
            read_config(config_class_of(flow_named("attack")), ROOT / config, assignments)
        case _:
            pytest.fail(f"nothing runs this command of the documents: {command}")


QUERIES = list(
    dict.fromkeys(words[2] for _, words in map(split, commands()) if words[:2] == ["kaleidoscope", "sql"] and words[2:])
)


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_has_rows_in_csv_and_json(sql, published):
    """A reader who copies a query gets rows, in every format."""
    with answer(sql, published) as rows:
        in_csv = list(csv.reader(io.StringIO("".join(csv_lines(rows)))))
    with answer(sql, published) as rows:
        in_json = json.loads("".join(json_lines(rows)))
    assert len(in_csv) == 1 + len(in_json) > 1
    assert {len(line) for line in in_csv} == {len(in_json[0])}


def test_each_question_of_an_analyst_is_answered_by_one_view():
    document = (ROOT / "docs" / "analyst.md").read_text().replace("\\\n", " ")
    numbered = re.findall(r"^# (\d+)\. .+\?.*\n(.+)$", document, re.MULTILINE)
    assert [int(number) for number, _ in numbered] == [*range(1, QUESTIONS + 1)]
    views = {file.stem for file in sql_files("views")}
    for number, command in numbered:
        [view] = re.findall(r"\b(?:FROM|JOIN) (\w+)", split(command)[1][2])
        assert view in views, number


def assert_run_is_understood(flow: str, options: list[str]) -> None:
    arguments = typer.main.get_command(cli.app).commands["run"].make_context("run", [flow, *options]).params
    config = arguments["config"]
    model = config_class_of(flow_named(flow))
    read_config(model, ROOT / config if config else None, arguments["assignments"] or [])


def test_every_command_flow_and_setting_is_in_the_guides():
    text = text_of(GUIDES)
    verbs = set(typer.main.get_command(cli.app).commands)
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    missing = [f"kaleidoscope {verb}" for verb in verbs - targets if f"kaleidoscope {verb}" not in text]
    missing += [f"kaleidoscope run {flow}" for flow in FLOWS if f"| `{flow}` |" not in text]
    missing += [name for name in SETTINGS if name not in text]
    missing += [f"make {target}" for target in targets if f"make {target}" not in text]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_the_links_of_a_document_lead_to_files_and_headings(document):
    for target in re.findall(r"\]\(([^)\s:]+)\)", document.read_text()):
        name, _, anchor = target.partition("#")
        file = document.parent / name if name else document
        assert file.is_file(), target
        assert not anchor or anchor in anchors_of(file), target


def anchors_of(document: Path) -> set[str]:
    """The anchors that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
