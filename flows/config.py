"""A run's config from a TOML file and `field=value` options."""

import inspect
import tomllib
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from flows import FLOWS
from tasks.errors import UserError, one_line, shown

NO_TOML = (ValueError, RecursionError)
"""What tomllib raises: beside its own ValueError, Python's for a number of too many digits, and for deep nesting."""


def flow_named(name: str):
    """The flow of a deployment: early-vision is `early_vision` in flows/early_vision.py. UserError: there is none."""
    if name not in FLOWS:
        raise UserError(f"no flow {name!r}; there are {', '.join(FLOWS)}")
    module = name.replace("-", "_")
    return getattr(import_module(f"flows.{module}"), module)


def config_class_of(flow) -> type[BaseModel]:
    """The model of a flow's one parameter `config`: its form in the Prefect UI."""
    return inspect.signature(flow.fn).parameters["config"].annotation


def over(default: BaseModel, value: Any) -> Any:
    """A section's `value`, with the default's fields where it names only some; for a validator with mode="before"."""
    if not isinstance(value, dict):
        return value
    merged = dict(default) | value
    for name, part in dict(default).items():
        if isinstance(part, BaseModel):
            merged[name] = over(part, merged[name])
    return merged


def read_config(model: type[BaseModel], file: Path | None, assignments: list[str]) -> BaseModel:
    """The file's values, or the defaults, with `section.field=value` assignments over them.

    Values are TOML; what is no TOML is text. UserError: one line for each thing that is wrong.
    """
    values = _read_toml(file) if file else {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise UserError(f"--set {assignment!r} is no assignment; write --set field=value")
        _assign(values, path.strip().split("."), _toml_value(text.strip()))
    return validated(model, values)


def validated(model: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    """The config of these values. UserError: one line for each thing that is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        details = error.errors()
        # a collection whose item is wrong may be said to be too short as well: what is wrong inside says it all
        inner = [each for each in details if not any(_is_inside(other["loc"], each["loc"]) for other in details)]
        raise UserError("\n".join(_explain(model, detail) for detail in inner)) from None


def _is_inside(location: tuple, other: tuple) -> bool:
    return len(location) > len(other) and location[: len(other)] == other


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"can't read config {file}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None
    except NO_TOML as error:
        raise UserError(f"config {file} is no TOML: {one_line(error)}") from None


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except NO_TOML:
        return text


def _assign(values: dict[str, Any], path: list[str], value: Any) -> None:
    *sections, field = path
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise UserError(f"--set {'.'.join(path)}: {section} is a value, not a section")
    values[field] = value


def _explain(model: type[BaseModel], detail: dict[str, Any]) -> str:
    path = [part for part in detail["loc"] if isinstance(part, str)]
    name = one_line(".".join(map(str, detail["loc"])))
    if detail["type"] == "value_error":
        return ": ".join(filter(None, [name, one_line(detail["ctx"]["error"])]))
    if detail["type"] != "extra_forbidden":
        return f"{name}: {one_line(detail['msg'])}, not {shown(detail['input'])}"
    fields = fields_of(_section(model, path[:-1]))
    guess = get_close_matches(path[-1], fields, n=1)
    return f"unknown field {name}; " + (f"did you mean {guess[0]}?" if guess else f"there are {', '.join(fields)}")


def _section(model: type[BaseModel], path: list[str]) -> type[BaseModel]:
    for part in path:
        model = model.model_fields[part].annotation
        model = next(iter(get_args(model)), model)  # of a list of sections, the section
    return model


def fields_of(model: type[BaseModel]) -> list[str]:
    """Names of a model's fields, those of its sections dotted."""
    names = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += [f"{name}.{inner}" for inner in fields_of(field.annotation)]
        else:
            names.append(name)
    return names
