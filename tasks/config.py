"""What all configs and settings share: how a field of a kind is read and bounded."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MOST = 2**31 - 1
"""The largest number that an INTEGER column of the warehouse holds."""

Whole = Annotated[int, Field(le=MOST)]
"""A whole number that fits its column."""
Seed = Annotated[int, Field(ge=0, le=MOST)]


class Config(BaseModel):
    """Can't be changed once made; an unknown field, an infinity and NaN are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def from_home(path: str | Path) -> Path:
    """A path as a person types it, with a leading `~` or `~user` replaced by the home folder.

    ValueError: it is blank, which would mean the working directory; nobody's home is known; it holds a NUL.
    """
    if not str(path).strip():
        raise ValueError("is blank: write a path, or leave it out")
    if "\0" in str(path):
        raise ValueError("holds the character NUL, which no path can")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"nobody knows the home folder {Path(path).parts[0]}: write the whole path") from None


def _expanded(given: object) -> object:
    # text again: of JSON pydantic takes nothing else for a path
    return str(from_home(given)) if isinstance(given, str | Path) else given


def _name_or_folder(text: str) -> str:
    return str(from_home(text)) if text.startswith("~") or not text.strip() else text


Folder = Annotated[Path, BeforeValidator(_expanded)]
"""A folder as a person types it."""
NameOrFolder = Annotated[str, AfterValidator(_name_or_folder)]
"""What is built in, by its name, or else a folder as a person types it."""
