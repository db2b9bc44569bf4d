"""Types of fields and the base class that all configs share."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

MOST = 2**31 - 1
"""The largest number that an INTEGER column of the warehouse can hold."""

URL = re.compile(r"[a-z][a-z0-9+.-]*(::[a-z][a-z0-9+.-]*)*://", re.IGNORECASE)
"""The beginning of a URL; those of fsspec may chain protocols, as simplecache::s3://bucket/list.csv does."""

Whole = Annotated[int, Field(le=MOST)]
"""An integer that fits into an INTEGER column of the warehouse."""
Seed = Annotated[int, Field(ge=0, le=MOST)]
"""Seed of a random generator; at least 0."""


def _require_values(form: dict[str, Any]) -> None:
    """Mark the fields that must hold a value as required in a JSON schema: the Prefect form calls others optional.

    A field whose default is None or empty may be left empty. `model_validate` fills in defaults all the same.
    """
    empty: tuple[Any, ...] = (None, [], "")
    form["required"] = [name for name, field in form["properties"].items() if field.get("default", ...) not in empty]


def choices(title: str, names: Iterable[str], other: str, none: str | None = None) -> WithJsonSchema:
    """Return the schema of a text that the Prefect form offers as a choice of names, beside a field for any other text.

    title, other: labels of the two; none: label of a third choice, no text, for a field that may be None.
    """
    known, text = {"type": "string", "title": title, "enum": list(names)}, {"type": "string", "title": other}
    return WithJsonSchema({"anyOf": [known, text, *([{"type": "null", "title": none}] if none else [])]})


def several_choices(title: str, names: Iterable[str], other: str) -> WithJsonSchema:
    """As `choices`, for a list of texts: the form shows items with choices of their own as JSON."""
    known, text = {"type": "string", "enum": list(names)}, {"type": "string"}
    return WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "title": title, "items": known},
                {"type": "array", "title": other, "items": text},
            ]
        }
    )


class Config(BaseModel):
    """Base class of configs: immutable; unknown fields, infinities and NaN are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, json_schema_extra=_require_values)


def from_home(path: str | Path) -> Path:
    """Return a path that a person has typed, with a leading `~` or `~user` replaced by the home folder.

    Raises ValueError when it is blank (which would mean the working directory), when the home folder is not known, and
    when it contains the character NUL.
    """
    if not str(path).strip():
        raise ValueError("is blank: write a path, or leave it out")
    if "\0" in str(path):
        raise ValueError("contains the character NUL: write a path without it")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"the home folder {Path(path).parts[0]} is not known: write the whole path") from None


def images_address(given: object) -> Path | str:
    """Return where images are: a local path with `~` expanded, or a URL as it is. Raises ValueError as `from_home`."""
    if not isinstance(given, str | Path):
        raise ValueError("is not text: write a path or a URL")
    path = from_home(given)
    return given if isinstance(given, str) and URL.match(given) else path


def _expanded(given: object) -> object:
    # as text: when it validates JSON, pydantic accepts only text as a path
    return str(from_home(given)) if isinstance(given, str | Path) else given


def _name_or_folder(text: str) -> str:
    return str(from_home(text)) if text.startswith("~") or not text.strip() else text


Folder = Annotated[Path, BeforeValidator(_expanded)]
"""A folder; a leading `~` is the home folder."""
NameOrFolder = Annotated[str, AfterValidator(_name_or_folder)]
"""The name of something built in, or a folder with a leading `~` expanded."""
ImagesAddress = Annotated[Path | str, PlainValidator(images_address, json_schema_input_type=str)]
"""Where images are (docs/images.md): a local path, or as text a URL that fsspec opens."""
