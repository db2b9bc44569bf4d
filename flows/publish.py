"""Flow `publish`: load the staged tables, audit the warehouse, publish a snapshot, promote models, write the page."""

from pathlib import Path

from prefect.cache_policies import NO_CACHE
from pydantic import Field

from flows.runners import lost_worker
from flows.steps import Summary, as_holder, kaleidoscope_flow, recorded, reported, say, show, step
from tasks.checksums import Damaged
from tasks.config import Config
from tasks.dictionary.store import dictionary_config, trained
from tasks.errors import UserError
from tasks.liveness import waiting_for
from tasks.progress import Progress
from tasks.quarantine import in_quarantine
from tasks.report.sheets import draw_sheets
from tasks.report.site import write_site
from tasks.settings import Settings
from tasks.tracking.promotion import promote_all
from tasks.warehouse.publish import publish as publish_snapshot
from tasks.warehouse.query import catalogue, query

SHOWN_TABLES = ("images", "activation_sets", "dictionaries", "features", "quarantine")


class PublishConfig(Config):
    """What to publish besides the snapshot."""

    page: bool = Field(True, description="also write the HTML page of the new snapshot")


@kaleidoscope_flow
def publish(config: PublishConfig = PublishConfig()) -> Summary:
    """Load the staged tables, audit the warehouse, publish a snapshot, promote models, write the page.

    Args:
        config: what to publish besides the snapshot
    """
    settings = Settings()
    with recorded("publish", config, settings):
        return show(publish_staged(config, settings))


def publish_staged(config: PublishConfig, settings: Settings) -> Summary:
    """Run the steps of the flow. Models are promoted only after every audit has passed.

    The summary lists what this run set aside and what waits for rows that are not loaded yet.
    """
    before = set(in_quarantine(settings))
    with waiting_for("the warehouse", settings.warehouse_lock, as_holder(), say), reported("Load") as progress:
        published = step(publish_snapshot, name="load, audit and publish")(settings, progress)
    # every audit has passed here: otherwise no snapshot is published
    names, failures = _models(settings)
    moved = step(promote_all, name="promote")(names, settings)
    places = {"published": str(published), "SQL": "kaleidoscope sql", "MLflow": settings.mlflow_tracking_uri}
    if config.page:
        with reported("Write the page") as progress:
            places["page"] = str(write_page(settings, progress))
    rows = dict(catalogue(settings).select("name", "rows").iter_rows())
    return Summary(
        title="Published",
        figures={name: f"{rows[name]:,}" for name in SHOWN_TABLES} | {"new champions": ", ".join(moved) or "none"},
        places=places,
        missing={str(item.came_from): item.reason for item in in_quarantine(settings) if item not in before}
        | dict(query("SELECT name, reason FROM set_aside WHERE kind = 'waiting'", settings).iter_rows()),
        failures=failures,
    )


def write_page(settings: Settings, progress: Progress) -> Path:
    """Write the page and return its index.html; sheets are drawn on the task runner.

    It is a step only if the task runner is threads, which draw sheets at the least cost: a step can't submit tasks to
    other processes, because its progress report can't be pickled.
    """
    if settings.task_runner == "threads":
        return step(write_site)(settings, progress)
    # the sheets themselves go there and back; a run needs them once
    draw = step(draw_sheets, cache_policy=NO_CACHE, persist_result=False)
    try:
        return write_site(settings, progress, draw.submit)
    except Exception as error:
        if message := lost_worker(error):
            raise UserError(message) from error
        raise


def _models(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Return the names of all trained dictionaries' registered models, and {dictionary: reason} of the damaged ones."""
    names, damaged = set(), {}
    for key in trained(settings):
        try:
            names.add(dictionary_config(key, settings).name)
        except Damaged as error:
            damaged[f"dictionary {key}"] = str(error)
    return sorted(names), damaged
