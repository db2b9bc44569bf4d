"""Aliases of registered models, and the promotion of the best dictionaries. A publication imports this without PyTorch.

`candidate` is the newest version. `champion-NETWORK-LAYER-gORDER` is the best version for one network, layer and group
order, because FVU and L0 can't be compared across layers or groups. `champion` is what `models:/METHOD@champion` loads:
the first version that passes the audits gets it, and later it moves only to a better version of the same network, layer
and group order. To point it to another layer is a choice and not a measurement: do that by hand in MLflow.
"""

import glob
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tasks.checksums import Damaged, read_document, write_document
from tasks.code import code_sha256
from tasks.keys import file_sha256
from tasks.settings import Settings
from tasks.tracking.store import one_at_a_time, tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient

CANDIDATE, CHAMPION = "candidate", "champion"
PROMOTED = "promoted.json"
"""Document in the folder of MLflow that says which state of the store was promoted last."""
CONSIDERED = "considered"
"""Tag of the versions that `promote` has seen."""
KIND = ("network", "layer", "group_order")
ALIAS_LENGTH = 255  # MLflow's limit


def promote(name: str, audits_hold: bool, settings: Settings) -> bool:
    """Consider each version of a registered model once as a champion, the oldest first; return if `champion` moved.

    An alias moves if `audits_hold` and either there is no champion, or the version has the champion's network, layer
    and |G|, a lower FVU and an L0 that is not higher (each on the test split of its own activation set). A version that
    was considered before only replaces a champion that is gone, so that an alias that was set by hand stays.
    Raises UserError when MLflow can't be reached.
    """
    if not audits_hold:
        return False
    moved = False
    with tracking(settings) as client:
        versions = {int(version.version): version for version in client.search_model_versions(f"name = '{name}'")}
        aliases = {alias: int(number) for alias, number in aliases_of(client, name).items()}
        champions = {alias: versions[number] for alias, number in aliases.items() if number in versions}
        for _, version in sorted(versions.items()):
            for alias in (champion_of(*(version.tags[tag] for tag in KIND)), CHAMPION):
                champion, new = champions.get(alias), CONSIDERED not in version.tags
                if champion is None or (new and is_better(version.tags, champion.tags)):
                    client.set_registered_model_alias(name, alias, version.version)
                    champions[alias] = version
                    moved |= alias == CHAMPION
            if CONSIDERED not in version.tags:
                client.set_model_version_tag(name, version.version, CONSIDERED, "yes")
    return moved


def promote_all(names: Sequence[str], settings: Settings) -> list[str]:
    """Promote as `promote` after all audits have passed; return the names of the models whose `champion` moved.

    In a store of ours, an SQLite file, nothing is considered again until the file or the code has changed.
    Raises as `promote`.
    """
    if names and _promoted(names, settings) == _last_promoted(settings):
        return []
    with one_at_a_time(settings):  # a version that was registered before the state is recorded would count as seen
        moved = [name for name in names if promote(name, True, settings)]
        if names and settings.mlflow_database:
            write_document(settings.mlflow_dir / PROMOTED, _promoted(names, settings))
    return moved


def _promoted(names: Sequence[str], settings: Settings) -> dict[str, Any]:
    """Return what a promotion depends on; empty, which no record is, where the store is a server or doesn't exist."""
    database = settings.mlflow_database
    if database is None or not database.exists():
        return {}
    logs = sorted(database.parent.glob(f"{glob.escape(database.name)}-*"))  # SQLite's, of what isn't in the file yet
    return {
        "names": list(names),
        "store": settings.mlflow_tracking_uri,
        "files": [file_sha256(file) for file in (database, *logs)],
        "code": code_sha256(),
    }


def _last_promoted(settings: Settings) -> dict[str, Any] | None:
    try:
        return read_document(settings.mlflow_dir / PROMOTED, "run `kaleidoscope run publish`")
    except Damaged:
        return None


def champion_of(network: str, layer: str, group_order: int | str) -> str:
    """Return the alias of the best version for one network, layer and |G|."""
    return alias_of(CHAMPION, network, layer, f"g{group_order}")


def is_better(candidate: dict[str, str], champion: dict[str, str]) -> bool:
    """Whether a version has a lower FVU than the champion and no higher L0, for the same network, layer and |G|.

    candidate, champion: the versions' tags.
    """
    return (
        all(candidate[tag] == champion[tag] for tag in KIND)
        and float(candidate["fvu"]) < float(champion["fvu"])
        and float(candidate["l0"]) <= float(champion["l0"])
    )


def aliases_of(client: "MlflowClient", name: str) -> dict[str, str]:
    """Return {alias: version} of a registered model; empty if there is no such model."""
    return {
        alias: version
        for model in client.search_registered_models(f"name = '{name}'")
        for alias, version in model.aliases.items()
    }


def point(client: "MlflowClient", name: str, alias: str, version: int) -> None:
    """Set an alias to this version, unless it names a newer one."""
    if int(aliases_of(client, name).get(alias, 0)) < version:
        client.set_registered_model_alias(name, alias, str(version))


def alias_of(*parts: str) -> str:
    """Return an alias made of `parts`, with the characters and the length that MLflow allows."""
    return re.sub(r"[^\w-]", "-", "-".join(parts))[:ALIAS_LENGTH]
