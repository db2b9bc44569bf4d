"""Read a run's config from a TOML file and `field=value` options."""

import inspect
import tomllib
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from flows import FLOWS
from tasks.errors import UserError, one_line, shown

Model = TypeVar("Model", bound=BaseModel)
MOST_LISTED = 80
"""Of a config with more fields, an error lists the sections alone."""
NO_TOML = (ValueError, RecursionError)
"""What tomllib raises: a ValueError, also for a number with too many digits, and RecursionError for deep nesting."""


def flow_named(name: str):
    """Return the flow of a deployment: early-vision is `early_vision` in flows/early_vision.py.

    Raises UserError when there is no such flow.
    """
    if name not in FLOWS:
        raise UserError(f"no flow {name!r}; there are {', '.join(FLOWS)}")
    module = name.replace("-", "_")
    return getattr(import_module(f"flows.{module}"), module)


def config_class_of(flow) -> type[BaseModel]:
    """Return the pydantic model of a flow's one parameter `config`, from which the Prefect UI makes the flow's form."""
    return inspect.signature(flow.fn).parameters["config"].annotation


def over(default: BaseModel, value: Any) -> Any:
    """Fill the fields that a section's `value` lacks from `default`; for a validator with mode="before"."""
    if not isinstance(value, dict):
        return value
    merged = dict(default) | value
    for name, part in dict(default).items():
        if isinstance(part, BaseModel):
            merged[name] = over(part, merged[name])
    return merged


def each_over(common: BaseModel | None, variants: Any) -> Any:
    """Fill the fields that each of several `variants` lacks from `common`; for a validator with mode="before"."""
    if common is None or not isinstance(variants, list | tuple):
        return variants
    return [dict(common) | variant if isinstance(variant, dict) else variant for variant in variants]


def read_config(model: type[Model], file: Path | None, assignments: list[str]) -> Model:
    """Return the config of a TOML file, or the default one, changed by `section.field=value` assignments.

    The value of an assignment is read as TOML; one that is not valid TOML is taken as text. Raises UserError with one
    line for each mistake.
    """
    values = _read_toml(file) if file else {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise UserError(f"--set {assignment!r} is not an assignment; write --set field=value")
        _assign(values, path.strip().split("."), _toml_value(text.strip()))
    return validated(model, values)


def validated(model: type[Model], values: dict[str, Any]) -> Model:
    """Return the config with these values. Raises UserError with one line for each mistake."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        details = error.errors()
        # a wrong item may make its collection count as too short as well: report only the error inside
        inner = [detail for detail in details if not any(_is_inside(other["loc"], detail["loc"]) for other in details)]
        raise UserError("\n".join(_explain(model, detail) for detail in inner)) from None


def _is_inside(location: tuple, other: tuple) -> bool:
    return len(location) > len(other) and location[: len(other)] == other


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"can't read config {file}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None
    except NO_TOML as error:
        raise UserError(f"config {file} is not valid TOML: {one_line(error)}") from None


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


def _explain(model: type[BaseModel], detail: ErrorDetails) -> str:
    path = [part for part in detail["loc"] if isinstance(part, str)]
    name = one_line(".".join(map(str, detail["loc"])))
    if detail["type"] == "value_error":
        return ": ".join(filter(None, [name, one_line(detail["ctx"]["error"])]))
    if detail["type"] != "extra_forbidden":
        return f"{name}: {one_line(detail['msg'])}, not {shown(detail['input'])}"
    section = _section(model, path[:-1])
    fields = fields_of(section)
    if guess := get_close_matches(path[-1], fields, n=1):
        return f"unknown field {name}; did you mean {guess[0]}?"
    listed = fields if len(fields) <= MOST_LISTED else section.model_fields
    return f"unknown field {name}; there are {', '.join(listed)}"


def _section(model: type[BaseModel], path: list[str]) -> type[BaseModel]:
    for part in path:
        annotation: Any = model.model_fields[part].annotation
        model = next(iter(get_args(annotation)), annotation)  # list[Section] -> Section
    return model


def fields_of(model: type[BaseModel]) -> list[str]:
    """Return the names of a model's fields, those inside a section as `section.field`."""
    names = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += [f"{name}.{inner}" for inner in fields_of(field.annotation)]
        else:
            names.append(name)
    return names
