"""Names and tags of flow runs, from their configuration: what a run does, and its network and layers."""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.exceptions import ParameterTypeError
from pydantic import BaseModel

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.methods import summary_of

MOST_NAMES = 3
"""Of more things, a run's name has the number."""


def run_name() -> str:
    """Return the name of the current flow run, such as "atlas of efficientnet_lite0 block5_expand".

    It is the flow's name alone if the run has no configuration or one that is not valid.
    """
    context = FlowRunContext.get()
    assert context is not None, "Prefect asks for a name within a run"
    assert context.flow is not None, "the run that Prefect asks for is a flow's"
    return name_of(context.flow.name, config_of(context.flow, context.parameters or {}))


def add_tags(flow: Flow, run, state) -> None:
    """Give a flow run the tags of its flow, network and layers, beside those that it has."""
    tags = {*run.tags, flow.name, *network_and_layers(config_of(flow, run.parameters))}
    with get_client(sync_client=True) as client:
        client.update_flow_run(run.id, tags=sorted(tags))


def config_of(flow: Flow, parameters: dict[str, Any]) -> BaseModel | None:
    """Return the configuration of a run with these parameters; None if its flow takes none, or if it is not valid."""
    if "config" not in inspect.signature(flow.fn).parameters:
        return None
    try:
        given = flow.validate_parameters(parameters).get("config")
    except ParameterTypeError:
        return None
    return given or inspect.signature(flow.fn).parameters["config"].default


def name_of(flow: str, config: Any) -> str:
    """Return the name of a run of a flow with a configuration, or with None."""
    if config is None or flow not in WORK:
        return flow
    return WORK[flow](config)


def network_and_layers(config: Any) -> tuple[str, ...]:
    """Return the names of the network and the layers that a configuration, or its extraction, states; none for None."""
    fields = type(config).model_fields if config is not None else {}
    if "extraction" in fields:
        return network_and_layers(config.extraction)
    if "network" not in fields:
        return ()
    return config.network, *(config.layers if "layers" in fields else (config.layer,))


def place(config: Any) -> str:
    """Return the network and the layers, such as "efficientnet_lite0 block1_expand, block5_expand"."""
    network, *layers = network_and_layers(config)
    return f"{network} {few(layers, 'layers')}".strip()


def few(names: Sequence[str], nouns: str) -> str:
    """Return up to `MOST_NAMES` names, or their number and the noun."""
    return ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} {nouns}"


def concepts(given: Sequence[str]) -> str:
    """Return the names of concepts that are given by name or folder."""
    return few([Path(concept).name for concept in given], "concepts")


def a_dictionary(config: DictionaryConfig) -> str:
    return summary_of(config.method, config.architecture, config.features)


def dictionaries(keys: Sequence[str]) -> str:
    return f"{len(keys)} {'dictionary' if len(keys) == 1 else 'dictionaries'}"


def methods(config: Any) -> list[str]:
    """Return the names of the methods that a configuration's variants have."""
    return list(dict.fromkeys(variant.method for variant in config.variants))


WORK: dict[str, Callable[[Any], str]] = {
    "atlas": lambda config: f"atlas of {place(config)}",
    "early-vision": lambda config: f"early vision of {place(config)}",
    "extract": lambda config: f"extract {place(config)}",
    "train": lambda config: f"train {a_dictionary(config.dictionary)} on {place(config)}",
    "sweep": lambda config: f"sweep over {dictionaries(config.variants)} on {place(config)}",
    "import-dictionary": lambda config: f"import a dictionary of {config.library} on {place(config)}",
    "benchmark": lambda config: (
        "benchmark of "
        + (
            dictionaries(config.dictionaries)
            if config.dictionaries
            else f"{few(methods(config), 'methods')} on {place(config)}"
        )
    ),
    "symmetry": lambda config: (
        "symmetry of " + (dictionaries(config.dictionaries) if config.dictionaries else "all dictionaries")
    ),
    "tuning": lambda config: (
        f"tuning of {place(config)}" + (f" and {dictionaries(config.dictionaries)}" if config.dictionaries else "")
    ),
    "concepts": lambda config: (
        f"concepts: {concepts(config.concepts)} for "
        f"{few([of_class.name for of_class in config.classes], 'classes')} at {place(config)}"
    ),
    "attack": lambda config: f"attack on {concepts([config.concept])} for {config.of_class.name} at {place(config)}",
    "trust": lambda config: f"tamper detection on {concepts(config.concepts)} at {place(config)}",
    "publish": lambda config: "publish" if config.page else "publish without the page",
    "demo": lambda config: f"demo of every study on {config.atlas.extraction.network}",
}
"""{flow: the name of a run with a configuration}."""
