"""`kaleidoscope serve`: serve the published snapshot to DuckDB clients, and each later one once it is published."""

import signal
import time

from flows.servers import STOP_SIGNALS, require_free_port
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.warehouse.quack import address, snapshot_server

SECONDS_BETWEEN_LOOKS = 0.2


def serve(settings: Settings, port: int) -> None:
    """Serve until Ctrl-C, SIGTERM or SIGHUP.

    Raises UserError when nothing is published, the port is taken or an extension is missing.
    """
    require_free_port("the snapshot's server", port, "--port")
    for stop_signal in STOP_SIGNALS:
        signal.signal(stop_signal, signal.default_int_handler)
    try:
        with snapshot_server(settings, port) as server:
            print(
                f"serving {settings.published_file}, read-only; a client writes:",
                *_how_to_attach(settings, port),
                sep="\n  ",
            )
            print("docs/analyst.md has the same for Python, polars and notebooks; Ctrl-C stops the server", flush=True)
            reported = None
            while True:
                time.sleep(SECONDS_BETWEEN_LOOKS)
                try:
                    if server.follow():
                        reported = None
                        print(f"serving the snapshot {server.snapshot.stem[:12]}…", flush=True)
                except UserError as error:
                    if str(error) != reported:
                        reported = str(error)
                        print(f"still serving {server.snapshot.stem[:12]}…: {reported}", flush=True)
    except KeyboardInterrupt:
        print("stopped")


def _how_to_attach(settings: Settings, port: int) -> list[str]:
    """Return the statements of a client. They read the token from its file, so that no terminal or log shows it."""
    attach = f"ATTACH '{address(port)}' AS kaleidoscope (TOKEN {{}});"
    if settings.serve_token:
        return ["LOAD quack;", attach.format("'the value of KALEIDOSCOPE_SERVE_TOKEN'"), "FROM kaleidoscope.catalogue;"]
    file = str(settings.serve_token_file).replace("'", "''")
    return [
        "LOAD quack;",
        f"SET VARIABLE token = (SELECT content FROM read_text('{file}'));",
        attach.format("getvariable('token')"),
        "FROM kaleidoscope.catalogue;",
    ]
