"""Every flow, in tiny settings, on a residual network and a vision transformer, up to tables, audits, MLflow and page.

The weights are random, so that the numbers mean nothing; what is tested is that no flow assumes a built-in network.
"""

import json

import pytest

from flows.config import config_class_of, flow_named, read_config
from tasks.dimensions import paths
from tasks.warehouse.query import query
from tests.tasks.concepts.test_analyse import CLASS, write_noise

pytestmark = [pytest.mark.networks, pytest.mark.usefixtures("prefect_api")]
pytest.importorskip("timm", reason="timm is not installed")

NETWORKS = {
    # name: a layer, a lower one
    "timm:test_resnet@random-0?input_size=64": ("layer2", "layer1"),
    "timm:test_vit@random-0?input_size=64": ("blocks.4", "blocks.1"),
}
SCENES = ['random.sources=["dead-leaves"]', "random.scenes=60", "random_sets=8", "random_size=4", "drawn=8"]
IMAGES = ['images.sources=["dead-leaves"]', "images.scenes=6"]


def dictionary(name: str) -> list[str]:
    return [f"{name}.{field}" for field in ("k=4", "steps=10", "batch_size=32")]


def run(flow: str, *assignments: str):
    function = flow_named(flow)
    return function(read_config(config_class_of(function), None, [*assignments]))


@pytest.mark.parametrize("network", NETWORKS)
def test_every_flow_runs(network, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CONFIG", paths.CONFIG.model_copy(update={"channel_size": 64, "steps": 2}))
    layer, lower = NETWORKS[network]
    name, layers = f"network={json.dumps(network)}", f'layers=["{layer}", "{lower}"]'
    of_class = f'{{name="{CLASS}", folder="{write_noise(tmp_path / "cats", 3)}", least_probability=0}}'

    crosscoders = [line for part in ("sae", "crosscoder") for line in (f"{part}.features=24", *dictionary(part))]
    run(
        "atlas",
        f"extraction.{name}",
        f"extraction.layer={layer}",
        *(f"extraction.{line}" for line in (*IMAGES, "orbits=60", "n_rotations=4", "orbits_per_shard=20")),
        *crosscoders,
        "visualised=2",
    )
    run(
        "early-vision", name, layers, *IMAGES, "rows=120", "rows_per_shard=60", "features_per_channel=0.5",
        *dictionary("dictionary"), "visualised=1",
    )  # fmt: skip
    run(
        "tuning", name, layers, *IMAGES, "rows=60", "rows_per_shard=30", 'methods=["pca", "neurons"]',
        'sources=["gratings", "patches"]', "components=4", "frames=2", "rendered=1", "permutations=99",
    )  # fmt: skip
    run("concepts", name, layers, 'concepts=["stripes", "checks"]', f"classes=[{of_class}]", *SCENES)
    run(
        "attack", name, f"layer={layer}", f"of_class={of_class}", *SCENES, "transfer_targets=[]",
        'grid={objectives=["token-pushing"], epsilons=[4], fractions=[1], steps=1}',
        f"facets.{name}", f"facets.layer={layer}", "facets.unit=1", f"facets.facet_layer={lower}", "facets.drawn=4",
        'facets.generic={sources=["dead-leaves"], scenes=5}', "facets.generic_images=4", 'facets.others=["checks"]',
        "facets.attack.steps=2", 'facets.visualisation={objective="channel", channel_size=48, steps=2}',
    )  # fmt: skip
    trusted = run("trust", name, f"layer={layer}", 'concepts=["stripes", "checks"]', *SCENES)

    assert trusted.figures["thresholds"] == "calibrated on 40 clean random sets"
    loaded = query(
        "SELECT network, count(*) FROM (FROM dictionaries JOIN activation_sets USING (activation_set_id)) GROUP BY ALL",
        settings,
    )
    assert loaded.rows() == [(network, 2 + 2)]
    for view in (
        "feature_symmetry",
        "unit_tuning",
        "tuning_methods",
        "concept_importance",
        "attack_effect",
        "facet_effect",
    ):
        assert len(query(f"FROM {view}", settings)) > 0, view
    assert query("SELECT DISTINCT calibration_sets FROM trust_analyses", settings).rows() == [(40,)]
    assert query("SELECT DISTINCT network FROM networks", settings).rows() == [(network,)]
    for page in ("index", "dimensions", "attacks", "curves"):
        assert (settings.site_dir / f"{page}.html").is_file(), page
