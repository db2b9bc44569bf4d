"""The page of lineage: every result with its key, its runs and its versions."""

import re

import polars as pl

from tasks.report.site import write_pages
from tests.sample_tables import both_loads, sample_tables
from tests.sample_tables.lineage import REVISION
from tests.sample_tables.planted import ACTIVATION_SET, SAE
from tests.tasks.report.conftest import snapshot_of
from tests.tasks.report.markup import text_of


def articles(folder) -> dict[str, str]:
    """{key of a result: the text about it}."""
    found = re.findall(
        r'<article class="panel" id="[a-z-]+?-(\w{64}(?:-\w{64})?)">(.*?)</article>',
        (folder / "lineage.html").read_text(),
        re.S,
    )
    return {key: text_of(markup) for key, markup in found}


def test_each_result_has_its_key_its_runs_and_its_versions(site, tables):
    found = articles(site)
    results = ("activation_sets", "dictionaries", "unit_sets", "family_analyses", "dimension_analyses")
    results += ("concept_analyses", "attack_experiments", "facet_analyses", "trust_analyses")
    keys = {key for table in results for key in tables[table].to_series(0)}
    scores = tables["benchmarked_dictionaries"].select("benchmark_id", "dictionary_id")
    scored = {"-".join(keys) for keys in scores.rows()}
    assert found.keys() == keys | scored
    runs = dict(tables["mlflow_runs"].select("result_id", "mlflow_run_id").iter_rows())
    for key, text in found.items():
        assert f"Key {key.split('-')[0]}" in text
        assert "Made 2 January 2025, 03:05 UTC by flow run sample-run of atlas" in text
        assert f"revision {REVISION}" in text
        assert key not in runs or f"MLflow run {runs[key]} experiment" in text
    assert "Model models:/topk-sae/1" in found[SAE]
    assert "Images 6 dead-leaves, folder, scikit-image" in found[ACTIVATION_SET]


def test_results_of_older_versions_say_so(tmp_path):
    tables = both_loads()
    for table in ("provenance", "mlflow_runs", "mlflow_models", "activation_set_images"):
        tables[table] = tables[table].clear()
    write_pages(snapshot_of(tables), tmp_path, lambda done, total: None)
    text = articles(tmp_path)[SAE]
    assert text.endswith("Made by a version that did not record it")
    assert "None" not in "".join(articles(tmp_path).values())


def test_what_was_made_outside_a_flow_names_none(tmp_path):
    provenance = sample_tables()["provenance"].with_columns(flow_run_id=pl.lit(None, pl.String))
    write_pages(snapshot_of(sample_tables() | {"provenance": provenance}), tmp_path, lambda done, total: None)
    assert "03:05 UTC outside a flow" in articles(tmp_path)[SAE]
