"""prefect.yaml against the flows: nothing deployed that is not there, nothing there that is not deployed."""

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from pydantic import BaseModel

from flows import FLOWS, WORK_POOL
from flows.config import config_class_of, flow_named
from tasks.settings import ROOT

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
