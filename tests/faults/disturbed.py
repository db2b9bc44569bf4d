"""The console command, disturbed at a named point: `python -m tests.faults.disturbed {kill,fill} POINT run train …`."""

import inspect
import os
import re
import signal
import sys
import types
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module

from flows import cli, config
from tasks.settings import Settings


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fill() -> None:
    """Leave no byte free on the data folder's disk; the file `ballast` beside the folder takes it all."""
    with suppress(OSError), open(Settings().data_dir.parent / "ballast", "ab", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))


ACTIONS = {"kill": kill, "fill": fill}


@dataclass(frozen=True)
class AtRename:
    """Before (or after) a file is first renamed to a path that the pattern finds."""

    pattern: str
    after: bool = False

    def arm(self, act: Callable[[], None]) -> None:
        rename = os.replace

        def replace(source, target, **options) -> None:
            hit = re.search(self.pattern, os.fspath(target))
            if hit and not self.after:
                act()
            rename(source, target, **options)
            if hit and self.after:
                act()

        os.replace = replace


@dataclass(frozen=True)
class AtCall:
    """When a function is called for the nth time, whoever has imported it under whatever name."""

    module: str
    function: str
    nth: int = 1

    def arm(self, act: Callable[[], None]) -> None:
        function = getattr(import_module(self.module), self.function)
        original = types.FunctionType(
            function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
        )
        original.__kwdefaults__ = function.__kwdefaults__
        counted = self._counted(original, act)
        # the code of the function itself is exchanged: others hold references to the function
        function.__signature__ = inspect.signature(original)
        function.__globals__[f"armed_{self.function}"] = counted
        namespace: dict = {}
        exec(f"def stand_in(*args, **kwargs): return armed_{self.function}(*args, **kwargs)", namespace)
        function.__defaults__ = function.__kwdefaults__ = None
        function.__code__ = namespace["stand_in"].__code__

    def _counted(self, original: Callable, act: Callable[[], None]) -> Callable:
        calls = 0

        def counted(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == self.nth:
                act()
            return original(*args, **kwargs)

        return counted


TRAINING = {
    "during a shard": AtRename(r"/shard-00001\.safetensors$"),
    "between a shard and its receipt": AtRename(r"/shard-00001\.safetensors$", after=True),
    "before the manifest": AtRename(r"/activations/\w+/manifest\.json$"),
    "between checkpoints": AtRename(r"/dictionaries/\w+/checkpoint", after=True),
    "before a dictionary is committed": AtRename(r"/dictionaries/\w+/checksums\.json$"),
    "before MLflow": AtCall("tasks.tracking.runs", "log_training"),
    "while MLflow logs": AtCall("tasks.tracking.runs", "log_figures"),
    "while a model is registered": AtCall("tasks.tracking.registry", "point"),
}
PUBLICATION = {
    "before the load": AtCall("tasks.warehouse.load", "_insert"),
    "inside the transaction": AtCall("tasks.warehouse.load", "_insert", nth=9),
    "before the snapshot": AtRename(r"/published/snapshots/\w+\.duckdb$"),
    "before the snapshot is published": AtRename(r"/published/kaleidoscope\.duckdb$"),
    "after the publication": AtCall("tasks.tracking.promotion", "promote"),
    "during the page": AtCall("tasks.report.pages.features", "gallery_script"),
}
POINTS = TRAINING | PUBLICATION


def main() -> None:
    act, point = ACTIONS[sys.argv.pop(1)], POINTS[sys.argv.pop(1)]
    named = config.flow_named

    def flow_named(name: str):
        # by now Prefect's server is known, and Prefect may be imported
        flow = named(name)
        point.arm(act)
        return flow

    config.flow_named = flow_named
    cli.main()


if __name__ == "__main__":
    main()
