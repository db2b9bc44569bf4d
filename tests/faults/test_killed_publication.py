"""kill -9 at every stage of a publication; then the publication again: once, twice, and two at once.

All end as if nothing had happened, and whoever reads meanwhile reads the last snapshot.
"""

import pytest

from tasks.settings import Settings
from tests.faults.disturbed import PUBLICATION
from tests.faults.runs import (
    MODEL,
    PUBLISH,
    TRAIN,
    assert_clean,
    assert_equal_to,
    command,
    copy_of,
    finish,
    published,
    run,
    run_until_killed,
    start,
)

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def trained(prefect_api, tmp_path_factory) -> Settings:
    settings = Settings(data_dir=tmp_path_factory.mktemp("trained") / "data")
    run(TRAIN, settings, prefect_api)
    return settings


@pytest.fixture(scope="module")
def undisturbed(trained, prefect_api, tmp_path_factory) -> dict:
    settings = copy_of(trained, tmp_path_factory.mktemp("undisturbed") / "data")
    run(PUBLISH, settings, prefect_api)
    return published(settings)


def assert_published(undisturbed: dict, settings: Settings, prefect_api: str) -> None:
    from mlflow import MlflowClient

    assert_equal_to(undisturbed, settings, published)
    assert_clean(settings, prefect_api)
    champion = MlflowClient(settings.mlflow_tracking_uri, settings.mlflow_tracking_uri).get_model_version_by_alias(
        MODEL, "champion"
    )
    assert int(champion.version) == 1
    assert (settings.site_dir / "index.html").exists()


@pytest.mark.parametrize("point", PUBLICATION)
def test_a_killed_publication_is_finished_by_the_next(point, trained, undisturbed, prefect_api, tmp_path):
    again = copy_of(trained, tmp_path / "again")
    run_until_killed(point, PUBLISH, again, prefect_api)
    at_once = copy_of(again, tmp_path / "at once")

    for _ in ("once", "twice"):
        run(PUBLISH, again, prefect_api)
        assert_published(undisturbed, again, prefect_api)

    two = [start(command(*PUBLISH), at_once, prefect_api) for _ in range(2)]
    for process in two:
        finish(process)
    assert_published(undisturbed, at_once, prefect_api)
