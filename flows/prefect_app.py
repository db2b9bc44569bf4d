"""Prefect's server behind `WebGuard`, run by `python -m uvicorn --factory flows.prefect_app:create_app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
        let_transactions_wait()
        return WebGuard(server.create_app(final=True))


def let_runs_be_scheduled() -> None:
    """Let Prefect's scheduler insert runs: SQLAlchemy 2.1 refuses the `state` that Prefect 3.8 gives with each run.

    The state of a run is a row of its own, which Prefect inserts next. As SQLAlchemy 2.0 did, ignore it in the run.
    """
    from prefect.server.database.orm_models import FlowRun
    from sqlalchemy import inspect

    state: Any = inspect(FlowRun).all_orm_descriptors["state"]
    state.bulk_dml_setter = lambda cls, mapping, value: mapping.pop("state")


def let_transactions_wait() -> None:
    """Let Prefect's transactions on SQLite wait for each other, as its PostgreSQL ones do.

    Prefect 3.8 begins most of them DEFERRED. If another transaction commits between the first read and the first write
    of such a one, SQLite fails it at once with "database is locked", whatever the busy timeout. A transaction that
    begins IMMEDIATE waits for the others instead. One inside another would wait for itself, so that it stays DEFERRED.
    """
    from prefect.server.database.configurations import SQLITE_BEGIN_MODE, AioSqliteConfiguration
    from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

    @asynccontextmanager
    async def begin_transaction(
        self: AioSqliteConfiguration, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncIterator[AsyncSessionTransaction]:
        inside_another = SQLITE_BEGIN_MODE.get() is not None
        token = SQLITE_BEGIN_MODE.set("DEFERRED" if inside_another and not with_for_update else "IMMEDIATE")
        try:
            async with session.begin() as transaction:
                await session.connection()  # begins in the database
                SQLITE_BEGIN_MODE.set("DEFERRED")  # for sessions that are opened inside this transaction
                yield transaction
        finally:
            SQLITE_BEGIN_MODE.reset(token)

    AioSqliteConfiguration.begin_transaction = begin_transaction  # type: ignore[method-assign]
