"""Prefect's scheduler inserts runs in bulk, each with its state, which SQLAlchemy 2.1 refuses."""

from datetime import UTC, datetime
from uuid import uuid4

from prefect.server.database.orm_models import FlowRun
from sqlalchemy import create_engine, func, insert, select
from sqlalchemy.orm import Session

from flows.prefect_app import let_runs_be_scheduled


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
