"""Flow `publish`: staged frames into the warehouse, audited, published; champions; the page."""

from pydantic import Field

from flows.steps import Summary, as_holder, kaleidoscope_flow, recorded, reported, say, show, step
from tasks.checksums import Damaged
from tasks.config import Config
from tasks.dictionary.store import config_of, trained
from tasks.frames import read_frames, staged, tables_of
from tasks.liveness import waiting_for
from tasks.report.page import write_site
from tasks.settings import Settings
from tasks.tracking.registry import promote
from tasks.warehouse import load as loader
from tasks.warehouse.database import schema
from tasks.warehouse.publish import publish as publish_snapshot
from tasks.warehouse.query import catalogue

SHOWN_TABLES = ("images", "activation_sets", "dictionaries", "features", "quarantine")


class PublishConfig(Config):
    """What is published."""

    page: bool = Field(True, description="write the page of the new snapshot too")


@kaleidoscope_flow
def publish(config: PublishConfig = PublishConfig()) -> Summary:
    """Load what was staged, audit the warehouse, publish a snapshot, promote models, write the page.

    Args:
        config: what is published
    """
    settings = Settings()
    with recorded("publish", config, settings):
        return show(publish_staged(config, settings))


def publish_staged(config: PublishConfig, settings: Settings) -> Summary:
    """Steps of the flow."""
    keys = _in_order_of_reference({key: tables_of(key, settings) for key in staged(settings)})
    with waiting_for("the warehouse", settings.warehouse_lock, as_holder(), say), reported("Load") as progress:
        for done, key in enumerate(keys, start=1):
            step(load_staged)(key, settings)
            progress(done, len(keys))
        published = step(publish_snapshot, name="audit and publish")(settings)
    # publish has raised unless every audit holds
    names, failures = _models(settings)
    moved = [name for name in names if step(promote)(name, True, settings)]
    where = {"published": str(published), "SQL": "kaleidoscope sql", "MLflow": settings.mlflow_tracking_uri}
    if config.page:
        with reported("Write the page") as progress:
            where["page"] = str(step(write_site)(settings, progress))
    rows = dict(catalogue(settings).select("name", "rows").iter_rows())
    return Summary(
        title="Published",
        figures={name: f"{rows[name]:,}" for name in SHOWN_TABLES} | {"new champions": ", ".join(moved) or "none"},
        where=where,
        failures=failures,
    )


def _models(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Names of the registered models of all trained dictionaries; {dictionary: why it was passed over}."""
    names, damaged = set(), {}
    for key in trained(settings):
        try:
            names.add(config_of(key, settings).name)
        except Damaged as error:
            damaged[f"dictionary {key[:8]}"] = str(error)
    return sorted(names), damaged


def load_staged(key: str, settings: Settings) -> bool:
    """Load the frames of a key; False when they were loaded before."""
    return loader.load(key, read_frames(key, settings), settings)


def _in_order_of_reference(tables_of: dict[str, list[str]]) -> list[str]:
    """Keys in an order in which no row refers to one that comes later.

    Tables that many keys bring along say nothing of a key's place: what its rows refer to there, it has itself.
    """
    position = {table: index for index, table in enumerate(schema()) if table not in loader.SHARED}
    return sorted(
        tables_of, key=lambda key: (min(position[table] for table in tables_of[key] if table in position), key)
    )
