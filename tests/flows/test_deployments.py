"""prefect.yaml against the flows: nothing deployed that is not there, nothing there that is not deployed."""

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from pydantic import BaseModel

from flows import FLOWS, WORK_POOL
from flows.config import config_class_of, flow_named
from tasks.concepts.synthetic_patterns import PATTERNS
from tasks.settings import ROOT
from tasks.vision.networks import load_network, network_names

DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]


def test_every_flow_has_a_deployment_and_every_deployment_a_flow():
    files = [path for path in (ROOT / "flows").glob("*.py") if "@kaleidoscope_flow" in path.read_text()]
    modules = [name.replace("-", "_") for name in FLOWS]
    assert {path.stem for path in files} == set(modules)
    assert sorted(deployment["entrypoint"] for deployment in DEPLOYMENTS) == sorted(
        f"flows/{module}.py:{module}" for module in modules
    )
    assert sorted(deployment["name"] for deployment in DEPLOYMENTS) == sorted(FLOWS)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_a_deployment_is_complete(deployment):
    assert deployment["work_pool"]["name"] == WORK_POOL
    assert deployment["tags"]
    assert deployment["description"]
    flow = load_flow_from_entrypoint(str(ROOT / deployment["entrypoint"]))
    assert flow.name == deployment["name"]


@pytest.mark.parametrize("name", FLOWS)
def test_a_form_has_one_config_with_every_field_described(name):
    flow = flow_named(name)
    schema = parameter_schema(flow)
    assert list(schema.properties) == ["config"]
    assert schema.required == []
    assert schema.properties["config"]["description"]
    undescribed = [
        f"{model}.{field}"
        for model, definition in schema.definitions.items()
        for field, properties in definition["properties"].items()
        if "description" not in properties
    ]
    assert undescribed == []


@pytest.mark.parametrize("name", FLOWS)
def test_a_form_calls_optional_what_may_be_left_empty_alone(name):
    """Prefect's form writes "(Optional)" beside each field that is not required."""
    for model, definition in parameter_schema(flow_named(name)).definitions.items():
        for field, properties in definition["properties"].items():
            may_be_empty = properties.get("default", "needed") in (None, [])
            assert (field in definition["required"]) != may_be_empty, f"{model}.{field}"


def test_a_form_offers_known_names_and_takes_others():
    form = parameter_schema(flow_named("concepts")).definitions["ConceptsConfig"]["properties"]
    known, other = form["network"]["anyOf"]
    assert known["enum"] == list(network_names())
    assert "enum" not in other
    assert form["layers"]["anyOf"][0]["items"]["enum"] == list(load_network("efficientnet_lite0").layers())
    assert form["concepts"]["anyOf"][0]["items"]["enum"] == list(PATTERNS)
    assert form["network"]["default"] == "efficientnet_lite0"


@pytest.mark.parametrize("name", FLOWS)
def test_a_form_offers_the_known_names_of_every_network_and_layer(name):
    for model, definition in parameter_schema(flow_named(name)).definitions.items():
        for field in definition["properties"].keys() & {"network", "layer", "layers", "facet_layer", "concept"}:
            known, other, *none = definition["properties"][field]["anyOf"]
            assert known.get("items", known)["enum"], f"{model}.{field}"
            assert "enum" not in other.get("items", other)
            assert [option["type"] for option in none] == ["null"] * len(none)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_a_run_needs_not_give_the_whole_config(deployment):
    """The server would refuse what is left out, since the form's fields are required; the flow fills it in."""
    assert deployment["enforce_parameter_schema"] is False
    flow = flow_named(deployment["name"])
    config = next(iter(config_class_of(flow).model_fields))
    default = getattr(config_class_of(flow)(), config)
    assert flow.validate_parameters({"config": {config: default}})["config"] == config_class_of(flow)()


@pytest.mark.parametrize("name", FLOWS)
def test_a_form_filled_with_its_defaults_is_the_default_config(name):
    flow = flow_named(name)
    filled = parameter_schema(flow).properties["config"]["default"]
    assert flow.validate_parameters({"config": filled})["config"] == config_class_of(flow)()


@pytest.mark.parametrize("name", FLOWS)
def test_configs_are_frozen_and_refuse_unknown_fields(name):
    def models(model: type[BaseModel]):
        yield model
        for field in model.model_fields.values():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                yield from models(field.annotation)

    for model in models(config_class_of(flow_named(name))):
        assert model.model_config["frozen"]
        assert model.model_config["extra"] == "forbid"
