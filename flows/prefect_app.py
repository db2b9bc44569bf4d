"""Prefect's server behind `WebGuard`, run by `python -m uvicorn --factory flows.prefect_app:create_app`."""

import atexit
import gc

from flows.imports import quick_imports
from tasks.web_guard import WebGuard


def create_app() -> WebGuard:
    """Return Prefect's server, with its background services, as an app that refuses requests of foreign web pages.

    Its settings are the PREFECT_SERVER_* variables, as with `prefect server start`.
    """
    atexit.register(
        gc.freeze
    )  # whoever stops the server waits: it ends without looking through all objects for garbage
    with quick_imports():
        from prefect.server.api import server

        return WebGuard(server.create_app(final=True))
