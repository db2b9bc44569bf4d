"""Keys of dictionaries as fields of configs: Prefect's form offers those that are trained, each with what it is."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from tasks.checksums import is_committed
from tasks.config import several_choices
from tasks.dictionary.methods import summary_of
from tasks.errors import UserError
from tasks.settings import Settings

CHOICE = re.compile(r".* · ([0-9a-f]{64})")


def trained_choices(settings: Settings) -> Iterator[str]:
    """Yield a choice for each trained dictionary, "NETWORK LAYER · what it is · KEY"; of damaged ones there is none."""
    for folder in sorted(settings.dictionaries_dir.glob("*/")):
        # the configs are read without PyTorch and unchecked: whoever uses the dictionary checks its files
        with suppress(OSError, ValueError, KeyError, TypeError):
            if is_committed(folder):
                known = json.loads((folder / "config.json").read_bytes())
                config = known["config"]
                what = summary_of(config["method"], config["architecture"], config["features"])
                yield f"{known['network']} {known['layer']} · {what}, seed {config.get('seed', 0)} · {folder.name}"


def _key_of(given: object) -> object:
    """Return the key at the end of a choice; anything else as it is."""
    return found[1] if isinstance(given, str) and (found := CHOICE.fullmatch(given)) else given


class _OfTrained:
    """Makes the schema of the field when it is asked for, since dictionaries are trained meanwhile."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        try:
            names = [*trained_choices(Settings())]
        except UserError:  # a setting that is not valid stops whatever needs it, and not the import of a flow
            names = []
        if not names:
            return handler(schema)
        return several_choices("trained dictionaries", names, "keys of dictionaries").json_schema or {}


DictionaryKeys = Annotated[tuple[Annotated[str, BeforeValidator(_key_of)], ...], _OfTrained()]
"""Keys of trained dictionaries; a choice of the form stands for the key that it ends with."""
