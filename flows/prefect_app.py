"""Prefect's server behind our guard, as `python -m uvicorn --factory flows.prefect_app:create_app` runs it."""

from prefect.server.api import server

from tasks.web_guard import WebGuard


def create_app() -> WebGuard:
    """All of Prefect's server, its background services included, closed to other web pages.

    Its settings come from PREFECT_SERVER_* in the environment, as with `prefect server start`.
    """
    return WebGuard(server.create_app(final=True))
