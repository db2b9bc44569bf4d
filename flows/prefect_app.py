"""Prefect's server behind `WebGuard`, run by `python -m uvicorn --factory flows.prefect_app:create_app`."""

from typing import Any

from flows.imports import end_quickly, quick_imports
from tasks.web_guard import WebGuard


def create_app() -> WebGuard:
    """Return Prefect's server, with its background services, as an app that refuses requests of foreign web pages.

    Its settings are the PREFECT_SERVER_* variables, as with `prefect server start`.
    """
    end_quickly()  # whoever stops the server waits
    with quick_imports():
        from prefect.server.api import server

        let_runs_be_scheduled()
        return WebGuard(server.create_app(final=True))


def let_runs_be_scheduled() -> None:
    """Let Prefect's scheduler insert runs: SQLAlchemy 2.1 refuses the `state` that Prefect 3.8 gives with each run.

    The state of a run is a row of its own, which Prefect inserts next. As SQLAlchemy 2.0 did, ignore it in the run.
    """
    from prefect.server.database.orm_models import FlowRun
    from sqlalchemy import inspect

    state: Any = inspect(FlowRun).all_orm_descriptors["state"]
    state.bulk_dml_setter = lambda cls, mapping, value: mapping.pop("state")
