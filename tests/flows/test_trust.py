"""The trust flow on small sets: its verdicts, and what it leaves behind for analysts and in MLflow."""

import pytest

from flows.config import read_config
from flows.trust import trust
from tasks.concepts.attack import noise
from tasks.concepts.config import AttackConfig
from tasks.concepts.exemplars import ExemplarSet, drawn_exemplars, write_exemplars
from tasks.concepts.tamper_detection import MAX_COLOUR_GRAIN
from tasks.concepts.tamper_study import TamperStudyConfig
from tasks.tracking.store import tracking
from tasks.warehouse.query import query


@pytest.mark.usefixtures("prefect_api")
def test_the_study_goes_from_exemplars_to_verdicts(settings, tmp_path):
    checks = drawn_exemplars("checks", 8, 224)
    noisy = ExemplarSet("noisy", "concept", noise(checks.frames_ncyx, AttackConfig(epsilon=8)), checks.names)
    write_exemplars(noisy, tmp_path / "noisy")
    config = read_config(
        TamperStudyConfig,
        None,
        [
            "layer=block1",
            f'concepts=["checks", "{tmp_path / "noisy"}"]',
            "drawn=8",
            'random={sources=["dead-leaves"], scenes=32}',
            "random_sets=2",
            "random_size=4",
        ],
    )
    summary = trust(config)
    assert summary.figures["noisy"].startswith("not trusted: ")
    assert "colour grain" in summary.figures["noisy"]
    assert "colour grain" not in summary.figures["checks"]
    found = query("SELECT name, check_name, passed FROM trust_checks JOIN concepts USING (concept_id)", settings)
    assert len(found) == 6
    assert ("noisy", "colour grain", False) in found.rows()
    with tracking(settings) as client:
        experiment = client.get_experiment_by_name("efficientnet_lite0/trust")
        [run] = client.search_runs([experiment.experiment_id])
    assert run.data.tags["trust"] == summary.content_keys["analysis"]
    assert run.data.metrics["colour grain/noisy"] > MAX_COLOUR_GRAIN
    assert trust(config).content_keys == summary.content_keys
