"""The console command `kaleidoscope`."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from io import TextIOWrapper
from itertools import islice
from pathlib import Path, PurePosixPath
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from typer.core import TyperCommand

from flows import FLOWS
from tasks.config import URL, from_home
from tasks.dictionary.exchange.libraries import LIBRARIES, SCALINGS
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.storage import check_can_be_written, disk_problem

if TYPE_CHECKING:
    import polars

app = typer.Typer(
    help="Find and measure the symmetric features of vision networks, and test the tools that explain them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
curves = typer.Typer(help="Curve detectors.", no_args_is_help=True)
app.add_typer(curves, name="curves")
# Each command imports what it needs inside its own function, so that `kaleidoscope sql` doesn't wait for PyTorch.


KEY = re.compile("[0-9a-f]{64}")
NARROWEST_FOLDED = 16
"""Characters that a line of a cell has at least in a terminal; longer cells are folded, names of columns are not."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
TABLE_ROWS = 10_000


def _path(typed: str) -> Path:
    try:
        return from_home(typed)
    except ValueError as error:
        raise UserError(f"path {typed!r}: {error}") from None


def _images(typed: str) -> Path | str:
    return typed if URL.match(typed) else _path(typed)


ConfigFile = Annotated[
    Path | None, typer.Option(parser=_path, metavar="FILE", help="TOML file with values of the flow's fields.")
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Value of one field, for example extraction.n_rotations=8."),
]


ReportFormat = Annotated[Literal["table", "json"], typer.Option("--format", help="Output format of the report.")]


@app.command()
def run(
    flow: Annotated[str, typer.Argument(help=f"One of {', '.join(FLOWS)}.")],
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Run a flow in this process. Its fields are those of its form in the Prefect UI."""
    from flows.config import config_class_of, flow_named, read_config
    from flows.imports import end_quickly, quick_imports
    from flows.servers import prefect_server
    from flows.terminal import progress_bar

    end_quickly()
    # the terminal shows progress bars and the summary; the log is in the Prefect UI
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    with prefect_server(Settings()) as server:
        with progress_bar("Start", transient=True) as progress:
            with quick_imports():
                flow_to_run = flow_named(flow)
                from tasks.tracking.store import import_mlflow
                from tasks.warehouse.migrate import migrate_at_start
            flow_config = read_config(config_class_of(flow_to_run), config, assignments or [])
            progress(1, 4)
            for line in migrate_at_start(Settings()):
                _say(line)
            progress(2, 4)
            if flow != "publish":  # the others log in MLflow, and the server takes about as long as its import
                Thread(target=import_mlflow, daemon=True).start()
            server.wait()
            progress(3, 4)
            _tidy(server.ours)
            progress(4, 4)
        summary = flow_to_run(flow_config)
    _show(summary)


def _tidy(owns_server: bool) -> None:
    """Delete the temporary files and end the flow runs that killed processes left."""
    from prefect.client.orchestration import get_client

    from flows.dead_runs import clear_leftovers, end_dead_runs

    clear_leftovers(Settings())
    with get_client(sync_client=True) as client:
        for line in end_dead_runs(client, Settings(), owns_server=owns_server):
            print(line, file=sys.stderr)


@app.command()
def fit(config: ConfigFile = None, assignments: Assignments = None) -> None:
    """Train the dictionary of a `train` config without Prefect. Under torchrun, all its processes train together.

    `kaleidoscope run train` with the same fields then uses this dictionary: it analyses, logs and registers it.
    """
    from flows.config import read_config
    from flows.terminal import progress_bar
    from flows.train import TrainConfig
    from tasks.activations.plan import plan
    from tasks.dictionary.distributed import is_first, processes
    from tasks.dictionary.train import train
    from tasks.progress import silent

    train_config = read_config(TrainConfig, config, assignments or [])
    dictionary = train_config.dictionary
    check_can_be_written(Settings().data_dir)
    with processes():
        activation_set = plan(train_config.extraction, Settings()).key
        with progress_bar(f"Train {dictionary.name}") if is_first() else nullcontext(silent) as progress:
            key = train(activation_set, dictionary, Settings(), progress, stream=train_config.stream)
        if is_first():
            print(key)


DictionaryKey = Annotated[str, typer.Argument(metavar="DICTIONARY", help="Key of a dictionary, or its first digits.")]
NewFolder = Annotated[
    Path, typer.Argument(parser=_path, metavar="FOLDER", help="Folder to make; it must be absent or empty.")
]


@app.command(name="import")
def import_dictionary(
    folder: Annotated[Path, typer.Argument(parser=_path, metavar="FOLDER", help="Folder that the library wrote.")],
    library: Annotated[str, typer.Option("--from", metavar="LIBRARY", help=f"One of {', '.join(LIBRARIES)}.")],
    scaling: Annotated[
        str | None,
        typer.Option(
            metavar="SCALING",
            help="Scaling of the activations that the dictionary was trained on, if not the one that its files ask "
            f"for: {'; '.join(f'{name}, {meaning}' for name, meaning in SCALINGS.items())}.",
        ),
    ] = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Import a dictionary of another library, evaluate and analyse it like one of ours, and publish it.

    --set extraction.network=… and extraction.layer=… say which activations it is for. This is the flow
    `import-dictionary`.
    """
    given = {"folder": str(folder), "library": library} | ({"scaling": scaling} if scaling else {})
    run("import-dictionary", config, [*(assignments or []), *map(_as_assignment, given.items())])


def _as_assignment(field: tuple[str, str]) -> str:
    """Return `name=value` for `read_config`, with the text of the value quoted as in TOML."""
    import json

    name, text = field
    return f"{name}={json.dumps(text, ensure_ascii=False)}"


@app.command()
def export(
    dictionary: DictionaryKey,
    library: Annotated[str, typer.Option("--to", metavar="LIBRARY", help=f"One of {', '.join(LIBRARIES)}.")],
    folder: Annotated[
        Path | None,
        typer.Argument(
            parser=_path,
            metavar="[FOLDER]",
            help="Folder to make; it must be absent or empty. Default: KEY-LIBRARY in the working directory.",
        ),
    ] = None,
) -> None:
    """Write a sparse autoencoder for another library, as safetensors, JSON and a README with the lines that load it."""
    from tasks.dictionary.exchange.exporting import export_dictionary
    from tasks.dictionary.store import key_of

    key = key_of(dictionary, Settings())
    folder = folder or Path(f"{key[:12]}-{library}")
    export_dictionary(key, library, folder, Settings())
    print(folder)


@app.command(name="publish-model")
def publish_model(
    dictionary: DictionaryKey,
    folder: NewFolder,
    license: Annotated[
        str, typer.Option(help="Licence of the dictionary, as model hubs write it, for example apache-2.0.")
    ] = "other",
) -> None:
    """Write a folder for a model hub: weights as safetensors, config and a model card. Your own tool uploads it."""
    from tasks.dictionary.store import key_of
    from tasks.tracking.hub import write_model_folder

    write_model_folder(key_of(dictionary, Settings()), folder, license, Settings())
    print(folder)


@app.command(name="export-tables")
def export_tables(folder: NewFolder) -> None:
    """Write every published table as Parquet, and schema.json with the meaning of each column."""
    from flows.terminal import progress_bar
    from tasks.warehouse.export import export_tables as exported

    with progress_bar("Export tables") as progress:
        exported(folder, Settings(), progress)
    print(folder)


def _show(summary) -> None:
    console = Console(highlight=False)
    figures = Table(show_header=False)
    for name, value in summary.figures.items():
        figures.add_row(name, value)
    console.print(summary.title, style="bold", markup=False)
    console.print(figures)
    for name, value in {**summary.content_keys, **summary.places}.items():
        console.print(f"{name}: {value}", soft_wrap=True, markup=False)
    for name, reason in summary.missing.items():
        console.print(f"not published {name}: {reason}", soft_wrap=True, markup=False)
    if summary.failures:
        raise UserError("\n".join(f"{name}: {reason}" for name, reason in summary.failures.items()))


@app.command()
def doctor() -> None:
    """Report what this installation has, what is missing and which runs are stuck.

    The exit code is 1 when something is missing that every run needs, or when a run is stuck.
    """
    from flows.doctor import examine

    colours = {"ok": "green", "optional": "yellow", "missing": "red", "stuck": "red"}
    table = Table(Column(no_wrap=True), Column(no_wrap=True), Column(overflow="fold"), show_header=False)
    findings = []
    for finding in examine(Settings()):
        findings.append(finding)
        table.add_row(finding.subject, f"[{colours[finding.state]}]{finding.state}[/]", escape(finding.detail))
    Console(highlight=False).print(table)
    if any(finding.state in ("missing", "stuck") for finding in findings):
        raise typer.Exit(1)


class SqlCommand(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; one that starts with - and contains white space is SQL behind a comment, not an option.

        A blank put in front of it keeps the parser from reading it as an option.
        """
        protected = [f" {arg}" if arg.startswith("-") and len(arg.split()) > 1 else arg for arg in args]
        return super().parse_args(ctx, protected)


@app.command(cls=SqlCommand)
def sql(
    statement: Annotated[
        str | None, typer.Argument(help="A SELECT. Without it, the tables and views are listed.")
    ] = None,
    output: Annotated[
        Literal["table", "csv", "json"], typer.Option("--format", help="Output format of the rows.")
    ] = "table",
) -> None:
    """Query the published snapshot, read-only.

    KALEIDOSCOPE_SQL_MEMORY and KALEIDOSCOPE_SQL_SECONDS limit the memory and the time of a statement.
    """
    from tasks.warehouse.formats import csv_lines, json_lines, shown
    from tasks.warehouse.query import answer

    if statement is None:
        statement = f"SELECT * {'EXCLUDE (columns) ' if output == 'table' else ''}FROM catalogue"
    with answer(_as_unicode(statement), Settings()) as result:
        match output:
            case "table":
                rows = list(islice(result.rows, TABLE_ROWS + 1))
                if len(rows) > TABLE_ROWS:
                    raise UserError(f"a table shows at most {TABLE_ROWS:,} rows: add a LIMIT, or use --format csv")
                _print_table(result.columns, (map(shown, result.kinds, row) for row in rows))
            case "csv":
                if isinstance(sys.stdout, TextIOWrapper):  # a CSV file's encoding must not depend on the terminal
                    sys.stdout.reconfigure(encoding="utf-8")
                sys.stdout.writelines(csv_lines(result))
            case "json":
                sys.stdout.writelines(json_lines(result))


def _as_unicode(argument: str) -> str:
    """Return the argument decoded as UTF-8, where Python decoded it with a locale that lacks its characters."""
    if not any("\ud800" <= letter <= "\udfff" for letter in argument):
        return argument
    try:
        return os.fsencode(argument).decode()
    except UnicodeDecodeError as error:
        raise UserError(f"the statement is not UTF-8: {error}") from error


def _print_table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a table; in a terminal that is too narrow for it, a block of `column: value` lines for each row.

    Where the output is no terminal, the table is as wide as its rows. In a terminal long cells are folded.
    """
    console = Console(highlight=False, markup=False)
    names, cells = [*map(_printable, columns)], [[*map(_cell, row)] for row in rows]
    widths = [
        max(cell_len(line) for cell in column for line in cell.split("\n"))
        for column in zip(names, *cells, strict=True)
    ]
    if console.is_terminal:
        widths = [min(width, max(NARROWEST_FOLDED, cell_len(name))) for name, width in zip(names, widths, strict=True)]
    width = sum(widths) + 3 * len(widths) + 1
    if console.is_terminal and width > console.width:
        if not cells:
            console.print(f"no rows; columns: {', '.join(names)}")
        for number, row in enumerate(cells, start=1):
            console.rule(f"row {number} of {len(cells)}", align="left")
            for name, cell in zip(names, row, strict=True):
                console.print(f"{name}: {cell}", overflow="fold")
        return
    if not console.is_terminal:
        console.width = width
    table = Table(*(Column(name, overflow="fold", min_width=least) for name, least in zip(names, widths, strict=True)))
    for row in cells:
        table.add_row(*row)
    console.print(table)


def _print_dataframe(rows: "polars.DataFrame") -> None:
    _print_table(rows.columns, rows.iter_rows())


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bytes():
            return f"{len(value)} bytes"
        case float():
            return f"{value:.5g}"
        case str() if KEY.fullmatch(value):
            return f"{value[:12]}…"
        case _:
            return _printable(str(value))


def _printable(text: str) -> str:
    """Return the text with control characters escaped: they could command the terminal."""
    return CONTROL.sub(lambda match: repr(match[0])[1:-1], text)


@curves.command()
def coverage(
    responses: Annotated[
        Path,
        typer.Option(
            parser=_path,
            metavar="FILE",
            help='JSON: {"layer": …, "neurons": [id, …], "activations": {id: [n responses over 360°]}}.',
        ),
    ],
    threshold: Annotated[
        float,
        typer.Option(help="A unit covers the orientations where it responds with at least this share of its maximum."),
    ] = 0.5,
    output: ReportFormat = "table",
) -> None:
    """Report peak, width and echo of each unit's tuning curve, and the orientations that no unit covers."""
    import json

    import polars

    from tasks.tuning.coverage import coverage_report, read_responses

    report = coverage_report(read_responses(responses), threshold)
    if output == "json":
        print(json.dumps(report))
        return
    report["unlisted"] = ", ".join(report["unlisted"])
    tables = {name: value for name, value in report.items() if isinstance(value, list)}
    for name, value in tables.items():
        print(name.replace("_", " "))
        _print_dataframe(polars.DataFrame(value, strict=False))
    _print_dataframe(polars.DataFrame([{name: value for name, value in report.items() if name not in tables}]))


@app.command()
def trust(
    folder: Annotated[
        str,
        typer.Argument(parser=_images, help="Folder of a concept's exemplars, or as in docs/images.md."),
    ],
    network: Annotated[str, typer.Option(help="Name of the network.")] = "efficientnet_lite0",
    layer: Annotated[str, typer.Option(help="Name of the layer.")] = "block10",
    random: Annotated[
        str | None,
        typer.Option(
            parser=_images,
            metavar="FOLDER",
            help="Photographs for the random sets; default: scikit-image's, and dead leaves.",
        ),
    ] = None,
    output: ReportFormat = "table",
) -> None:
    """Check whether a concept's exemplars were changed to manipulate its CAV; the exit code is 1 if not trusted."""
    import json
    from dataclasses import asdict

    import polars

    from flows.terminal import progress_bar
    from tasks.concepts.tamper_detection import check_folder

    with progress_bar(f"Check {PurePosixPath(folder).name}") as progress:
        report = check_folder(folder, random, network, layer, Settings(), progress)
    checks = [asdict(check) | {"passed": check.passed} for check in report.checks]
    if output == "json":
        thresholds = str(report.thresholds)
        print(
            json.dumps(
                {"verdict": report.verdict, "reasons": report.reasons, "checks": checks, "thresholds": thresholds}
            )
        )
    else:
        _print_dataframe(polars.DataFrame(checks))
        print("\n".join([f"thresholds of the first two: {report.thresholds}", report.verdict, *report.reasons]))
    if not report.trusted:
        raise typer.Exit(1)


@app.command()
def layers(
    network: Annotated[
        str, typer.Argument(help="A built-in network's name, torchvision:NAME, timm:NAME or module:PATH.FUNCTION.")
    ],
    output: ReportFormat = "table",
) -> None:
    """List a network's layers: channels, stride and receptive field in pixels, and how single units are extracted.

    Layers are nodes of the network's graph; those of built-in networks also have shorter names. JSON has the nodes'
    names too, and the nodes that can't be analysed, each with the reason.
    """
    import json

    from tasks.vision.networks import load_network

    loaded = load_network(network, Settings().weights_dir)
    nodes = loaded.nodes()
    listed = [
        {
            "layer": layer.name,
            "node": nodes[layer.name],
            "channels": layer.channels,
            "stride": layer.stride,
            "receptive_field": layer.receptive_field,
            "extraction": loaded.extraction(layer.name),
        }
        for layer in map(loaded.layer, nodes)
    ]
    refused = loaded.refused()
    if output == "json":
        print(json.dumps({"network": network, "input_size": loaded.input_size, "layers": listed, "refused": refused}))
        return
    columns = ("layer", "channels", "stride", "receptive_field", "extraction")
    _print_table([column.replace("_", " ") for column in columns], ([row[name] for name in columns] for row in listed))
    if refused:
        print(f"{len(refused)} other nodes can't be analysed; --format json lists them with the reasons")


@app.command()
def look(
    image: Annotated[Path, typer.Argument(parser=_path, metavar="IMAGE", help="JPEG, PNG or WebP file.")],
    dictionary: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Key of a dictionary, or its first digits; default: the newest analysed one."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=64, help="Number of features to show.")] = 8,
    picture: Annotated[
        Path | None,
        typer.Option(parser=_path, metavar="FILE", help="PNG file to draw; default: IMAGE-features.png beside IMAGE."),
    ] = None,
    output: ReportFormat = "table",
) -> None:
    """Print and draw which features of a dictionary fire where on an image."""
    import json

    from tasks.dictionary.analyse import analysed
    from tasks.dictionary.image_features import image_features
    from tasks.dictionary.store import key_of, newest, trained
    from tasks.report.figures.image_features import features_figure

    settings = Settings()
    key = key_of(dictionary, settings) if dictionary else newest(analysed(settings) or trained(settings), settings)
    seen = image_features(key, image, settings)
    strongest = seen.strongest(count)
    file = picture or image.with_name(f"{image.stem}-features.png")
    features_figure(seen, count, f"{image.name}, dictionary {key[:12]} at {seen.layer.name}").savefig(
        file, format="png"
    )
    if output == "json":
        print(json.dumps({"dictionary": key, "features": strongest.to_dicts(), "picture": str(file)}))
        return
    _print_dataframe(strongest)
    print(f"dictionary {key[:12]} at {seen.layer.name}; y and x in pixels of the frame; drawn in {file}")


@app.command()
def page() -> None:
    """Write the HTML page from the published snapshot."""
    from flows.terminal import progress_bar
    from tasks.report.site import write_site

    with progress_bar("Write the page") as progress:
        site = write_site(Settings(), progress)
    print(site)


@app.command()
def verify(
    output: ReportFormat = "table",
) -> None:
    """Check every checksum and reference in the data folder; change nothing.

    The exit code is 1 when something is wrong or stuck.
    """
    import json

    from flows.terminal import progress_bar
    from tasks.maintenance.verify import WRONG, Finding
    from tasks.maintenance.verify import verify as verified

    with progress_bar("Verify") as progress:
        findings = verified(Settings(), progress)
    if output == "json":
        print(json.dumps([finding._asdict() for finding in findings]))
    elif findings:
        _print_table(Finding._fields, findings)
    else:
        print("no problem found")
    if any(finding.state in WRONG for finding in findings):
        raise typer.Exit(1)


@app.command()
def gc(
    delete: Annotated[bool, typer.Option("--delete", help="Delete the listed files and folders.")] = False,
    output: ReportFormat = "table",
) -> None:
    """List the files and folders that can be deleted.

    No row, registered model or unfinished run refers to them, or they exceed the number or the age to keep
    (the settings KALEIDOSCOPE_KEEP_…).
    """
    import json

    from flows.terminal import progress_bar
    from tasks.maintenance.garbage import delete_garbage, find_garbage

    if delete:
        with progress_bar("Delete") as progress:
            garbage = delete_garbage(Settings(), progress)
    else:
        garbage = find_garbage(Settings())
    if output == "json":
        print(json.dumps([{"path": str(path), "bytes": size, "why": why} for path, size, why in garbage]))
        return
    if garbage:
        rows = [(str(path), f"{size:,}", why) for path, size, why in garbage]
        _print_table(["path", "bytes", "why"], rows)
    size = f"{sum(item.bytes for item in garbage) / 2**20:,.1f} MiB"
    print(f"{size} deleted" if delete else f"{size} to delete with `kaleidoscope gc --delete`")


@app.command()
def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be done, and write nothing.")] = False,
) -> None:
    """Migrate the warehouse and the staged tables to the current schema, as `up`, `run` and every publication do."""
    from tasks.warehouse.migrate import migrate as migrated

    for line in migrated(Settings(), dry_run, _say):
        print(line)


@app.command()
def backup(
    destination: Annotated[Path, typer.Argument(parser=_path, help="Folder to make; it must be absent or empty.")],
    activations: Annotated[
        bool, typer.Option("--activations", help="Copy the shards of activations too; they can be extracted again.")
    ] = False,
) -> None:
    """Copy warehouse, snapshot, MLflow, Prefect, staged tables and models into a new folder; runs may go on meanwhile.

    The exit code is 1 when something damaged was left out.
    """
    from flows.terminal import progress_bar
    from tasks.maintenance.backup import back_up

    with progress_bar("Back up") as progress:
        copied = back_up(destination, Settings(), activations=activations, say=_say, progress=progress)
    print(f"{destination}: {copied.files:,} files, {copied.bytes / 2**20:,.1f} MiB")
    _report_left_out(copied.left_out)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(parser=_path, help="Folder that `kaleidoscope backup` wrote.")],
) -> None:
    """Restore the data folder from a backup; the data folder must be absent or empty.

    The exit code is 1 when the backup had left something damaged out.
    """
    from flows.terminal import progress_bar
    from tasks.maintenance.backup import restore as restore_backup

    settings = Settings()
    with progress_bar("Restore") as progress:
        restored = restore_backup(source, settings, progress)
    print(f"{settings.data_dir}: {restored.files:,} files, {restored.bytes / 2**20:,.1f} MiB")
    _report_left_out(restored.left_out)


def _report_left_out(left_out: dict[str, str]) -> None:
    """Print what the backup doesn't contain because it was damaged; exit with code 1 if there is anything."""
    for name, reason in left_out.items():
        _say(f"left out: {name}: {reason}")
    if left_out:
        raise typer.Exit(1)


@app.command()
def up(
    prefect_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the Prefect server, on loopback.")
    ] = 4200,
    mlflow_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the MLflow server, on loopback.")] = 5000,
) -> None:
    """Start the Prefect server, its worker and the MLflow server; Ctrl-C stops them all."""
    from flows.up import up as serve

    serve(Settings(), prefect_port, mlflow_port)


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the server, on loopback.")] = 9494,
) -> None:
    """Serve the published snapshot to DuckDB clients, read-only, until Ctrl-C; later publications are served too.

    KALEIDOSCOPE_SQL_MEMORY limits the memory of all clients' statements together.
    """
    from flows.serve import serve as serve_snapshot

    serve_snapshot(Settings(), port)


def main() -> None:
    """Run the command. A mistake that the user can correct gives one line on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the locale's encoding may lack characters
    try:
        app()
    except UserError as error:
        sys.exit(_say(str(error)))
    except OSError as error:
        sys.exit(_say(_data_folder_problem(error)))


def _data_folder_problem(error: OSError) -> str:
    """Return one line about an error of the data folder; raise any other error again."""
    folder = Settings().data_dir
    try:
        check_can_be_written(folder)
    except UserError as explained:
        return str(explained)
    if problem := disk_problem(error):
        return problem.format(folder)
    raise error


def _say(message: str) -> int:
    for line in message.splitlines():
        print(f"kaleidoscope: {line}", file=sys.stderr)
    return 2
