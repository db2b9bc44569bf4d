"""What flows.prefect_app changes in Prefect's server, each beside the fault that it mends."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.orm_models import FlowRun
from sqlalchemy import create_engine, func, insert, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from flows.prefect_app import let_runs_be_scheduled, let_transactions_wait

TRANSACTIONS = 6


def test_scheduled_runs_can_be_inserted_in_bulk():
    let_runs_be_scheduled()
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE flow (id CHAR(36) PRIMARY KEY)")
        FlowRun.__table__.create(connection)
        due = {
            "next_scheduled_start_time": datetime.now(UTC),
            "state_type": "SCHEDULED",
            "state_name": "Scheduled",
            "state": {},
        }
        with Session(connection) as session:
            session.execute(
                insert(FlowRun), [{"id": uuid4(), "flow_id": uuid4(), "name": name, **due} for name in "ab"]
            )
            assert session.execute(select(func.count()).select_from(FlowRun.__table__)).scalar_one() == 2


@pytest.fixture
def prefect_database(tmp_path, monkeypatch) -> Path:
    """A database with one empty table. What a test changes in Prefect's class is undone."""
    monkeypatch.setattr(AioSqliteConfiguration, "begin_transaction", AioSqliteConfiguration.begin_transaction)
    path = tmp_path / "prefect.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE counted (rows INTEGER)")
    engine.dispose()
    return path


async def count_and_insert(database: AioSqliteConfiguration) -> int:
    """Read first, then write, in one transaction, and return the number of rows that it found."""
    async with await database.session(await database.engine()) as session, database.begin_transaction(session):
        rows: int = await session.scalar(text("SELECT count(*) FROM counted"))
        await asyncio.sleep(0.02)
        await session.execute(text("INSERT INTO counted VALUES (:rows)"), {"rows": rows})
    return rows


def at_once(path: Path) -> list[int]:
    async def all_of_them() -> list[int]:
        database = AioSqliteConfiguration(connection_url=f"sqlite+aiosqlite:///{path}")
        return list(await asyncio.gather(*(count_and_insert(database) for _ in range(TRANSACTIONS))))

    return asyncio.run(all_of_them())


def test_prefect_fails_transactions_that_read_before_they_write(prefect_database):
    with pytest.raises(OperationalError, match="database is locked"):
        at_once(prefect_database)


def test_transactions_wait_for_each_other(prefect_database):
    let_transactions_wait()
    assert sorted(at_once(prefect_database)) == list(range(TRANSACTIONS))


def test_a_transaction_inside_another_does_not_wait_for_it(prefect_database):
    let_transactions_wait()

    async def read_inside(begin: bool) -> int:
        database = AioSqliteConfiguration(connection_url=f"sqlite+aiosqlite:///{prefect_database}")
        engine = await database.engine()
        async with await database.session(engine) as outer, database.begin_transaction(outer):
            await outer.execute(text("INSERT INTO counted VALUES (0)"))
            async with await database.session(engine) as inner:
                if not begin:
                    return await inner.scalar(text("SELECT count(*) FROM counted"))
                async with database.begin_transaction(inner):
                    return await inner.scalar(text("SELECT count(*) FROM counted"))

    assert asyncio.run(asyncio.wait_for(read_inside(begin=False), 30)) == 0
    assert asyncio.run(asyncio.wait_for(read_inside(begin=True), 30)) == 1  # the first one's row was committed
