"""Processes that tests start."""

import os

from tasks.settings import Settings


def environment_for(settings: Settings) -> dict[str, str]:
    """The environment of a process that starts its own Prefect server in the data folder.

    It has no variable of Prefect's: a server that another test of this process started has left its own.
    """
    others = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return others | {
        "PREFECT_HOME": str(settings.data_dir / "prefect"),
        "KALEIDOSCOPE_DATA_DIR": str(settings.data_dir),
    }
