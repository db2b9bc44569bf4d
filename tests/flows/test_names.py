"""Flow runs are named by what they do, and tagged by flow, network and layers."""

import pytest
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from pydantic import BaseModel

from flows import FLOWS, names
from flows.config import config_class_of, flow_named, read_config
from flows.names import WORK, config_of, name_of, network_and_layers
from flows.steps import kaleidoscope_flow

DEFAULTS = {
    "atlas": "atlas of efficientnet_lite0 block5_expand",
    "early-vision": "early vision of efficientnet_lite0 block1_expand, block5_expand",
    "extract": "extract efficientnet_lite0 block5_expand",
    "train": "train TopK group crosscoder of 1,024 features on efficientnet_lite0 block5_expand",
    "sweep": "sweep over 4 dictionaries on efficientnet_lite0 block5_expand",
    "import-dictionary": "import a dictionary of sae-lens on efficientnet_lite0 block5_expand",
    "benchmark": "benchmark of 6 methods on efficientnet_lite0 block1_expand, block5_expand",
    "symmetry": "symmetry of all dictionaries",
    "tuning": "tuning of gabor-bank gabor",
    "concepts": "concepts: stripes, dots, checks for Egyptian cat at efficientnet_lite0 block10_expand",
    "attack": "attack on checks for Egyptian cat at efficientnet_lite0 block10_expand",
    "trust": "tamper detection on stripes, dots, checks at efficientnet_lite0 block10",
    "publish": "publish",
    "demo": "demo of every study on efficientnet_lite0",
}


def test_every_flow_has_a_name_for_its_runs():
    assert list(WORK) == list(FLOWS)


@pytest.mark.parametrize("name", FLOWS)
def test_the_default_run_says_what_it_does(name):
    flow = flow_named(name)
    assert name_of(name, config_of(flow, {})) == DEFAULTS[name]


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("symmetry", ['dictionaries=["a"]'], "symmetry of 1 dictionary"),
        ("tuning", ['dictionaries=["a", "b"]'], "tuning of gabor-bank gabor and 2 dictionaries"),
        ("tuning", ["layers=[]", 'dictionaries=["a"]'], "tuning of gabor-bank and 1 dictionary"),
        (
            "concepts",
            ['concepts=["stripes", "dots", "zigzags", "checks"]', 'layers=["a", "b", "c", "d"]'],
            "concepts: 4 concepts for Egyptian cat at efficientnet_lite0 4 layers",
        ),
        (
            "attack",
            ["concept=/photographs/striped", "of_class.name=zebra", "layer=block7"],
            "attack on striped for zebra at efficientnet_lite0 block7",
        ),
        ("publish", ["page=false"], "publish without the page"),
    ],
)
def test_a_configured_run_says_what_differs(name, changes, expected):
    config = read_config(config_class_of(flow_named(name)), None, changes)
    assert name_of(name, config) == expected


def test_a_form_that_is_filled_in_part_counts_with_its_defaults():
    config = config_of(flow_named("atlas"), {"config": {"extraction": {"layer": "block1"}}})
    assert name_of("atlas", config) == "atlas of efficientnet_lite0 block1"
    assert network_and_layers(config) == ("efficientnet_lite0", "block1")


def test_a_configuration_that_is_not_valid_has_the_name_of_its_flow():
    assert config_of(flow_named("atlas"), {"config": {"extraction": {"orbits": -1}}}) is None
    assert name_of("atlas", None) == "atlas"
    assert network_and_layers(None) == ()


class Place(BaseModel):
    network: str = "net"
    layers: tuple[str, ...] = ("low", "high")


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.parametrize("given", [{}, {"config": Place(network="other")}])
def test_a_run_that_is_called_has_its_name_and_tags(monkeypatch, given):
    monkeypatch.setitem(names.WORK, "visit", lambda config: f"visit {names.place(config)}")

    @kaleidoscope_flow(name="visit")
    def visit(config: Place = Place()) -> tuple[str, str]:
        return flow_run.id, flow_run.name

    run_id, seen = visit(**given)
    network = given["config"].network if given else "net"
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(run_id)
    assert run.name == seen == f"visit {network} low, high"
    assert sorted(run.tags) == sorted(["visit", network, "low", "high"])
