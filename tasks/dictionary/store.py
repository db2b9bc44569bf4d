"""Trained dictionaries on disk: one folder per content key, complete once it holds `checksums.json`.

model.safetensors: the tensors of `base.Dictionary`
config.json: config, activation set, network, layer and group; for an imported dictionary also the FVU by scaling
history.parquet: step, metric, value; no row for an imported dictionary
block_fvu.parquet: element, fvu
test_firing.parquet: fired, the number of rows of the test split on which each feature fires
metrics.json: metrics on the test split, and train_seconds

With a shared store (`tasks.shared`), a dictionary is copied there when it is complete, and from there when it is asked
for by its key. A file's checksum is verified when that file is read, so that reading the config doesn't wait for the
model's checksum. PyTorch is imported only where tensors are read or written: a publication reads configs. The shared
store is imported only where it may be needed: a model in MLflow contains this module and has no store.
"""

import json
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tasks.checksums import COMMIT, Damaged, commit_folder, commit_of, committed_file, is_committed
from tasks.dictionary.config import DictionaryConfig, config_from
from tasks.dictionary.methods import METHODS
from tasks.errors import UserError
from tasks.provenance import Made, made_now
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.storage import atomic_file, write_text, writing
from tasks.symmetry.transformations import Transformations, from_stored
from tasks.symmetry.transformations import stored as stored_transformations

if TYPE_CHECKING:
    import polars

    from tasks.activations.shards import ActivationSet
    from tasks.dictionary.base import Dictionary
    from tasks.dictionary.metrics import Evaluation

FILES = (
    "model.safetensors",
    "config.json",
    "history.parquet",
    "block_fvu.parquet",
    "test_firing.parquet",
    "metrics.json",
)
REMEDY = "train or import it again, which sets its folder aside"


def create(config: DictionaryConfig, channels: int, group: Transformations) -> "Dictionary":
    """Create an untrained dictionary of the config's method and architecture; an SAE ignores the group.

    Raises UserError if the config asks for more harmonics than the group's rotations can represent.
    """
    return METHODS[config.method].load()(config, channels, group)


def folder_of(key: str, settings: Settings) -> Path:
    return settings.dictionaries_dir / key


def is_whole(key: str, settings: Settings) -> bool:
    """Return whether a dictionary is trained and undamaged, here or on a machine with the same shared store.

    A damaged one is set aside, so that it is copied from there or trained again.
    """
    folder = folder_of(key, settings)
    for _ in ("as it is here", "as it is in the shared store"):
        try:
            _adopt(folder)
            if not (is_committed(folder) or _fetch(folder, settings)):
                return False
            for name in FILES:
                committed_file(folder, name, REMEDY)
            _share(folder, settings)
            return True
        except Damaged as error:
            set_aside(folder, str(error), settings)
    return False


def _fetch(folder: Path, settings: Settings) -> bool:
    """Copy a dictionary from the shared store; return whether it is here now."""
    from tasks.shared import fetch_folder

    return fetch_folder(folder, settings)


def _share(folder: Path, settings: Settings) -> None:
    """Copy a dictionary to the shared store. What another machine trained there with this key stays: times differ."""
    from tasks.shared import share, shared_document

    shared = shared_document(folder / COMMIT, settings)
    if shared is None or shared[0] == (folder / COMMIT).read_bytes():
        share([folder / name for name in commit_of(folder, REMEDY)["files"]], folder / COMMIT, settings)


def key_of(text: str, settings: Settings) -> str:
    """Return the key of the dictionary, here or in the shared store, whose key begins with `text`.

    Raises UserError unless it is exactly one.
    """
    from tasks.shared import shared_store

    store = shared_store(settings)
    in_store = store.folders_with(settings.dictionaries_dir.name, COMMIT) if store else []
    match [key for key in sorted({*trained(settings), *in_store}) if key.startswith(text)]:
        case [key]:
            return key
        case []:
            raise UserError(f"no trained dictionary {text} in {settings.dictionaries_dir}; train or import it first")
        case several:
            raise UserError(f"{len(several)} dictionaries begin with {text!r}: write more digits of the key")


def newest(keys: Collection[str], settings: Settings) -> str:
    """Return which of the dictionaries was written last. Raises UserError if there is none."""
    folders = [folder_of(key, settings) for key in keys]
    if not folders:
        raise UserError(f"no trained dictionary in {settings.dictionaries_dir}; train or import one first")
    return max(folders, key=lambda folder: (folder / "config.json").stat().st_mtime_ns).name


def trained(settings: Settings) -> tuple[str, ...]:
    """Return the keys of all trained dictionaries of this data folder. Files are checked when they are read."""
    folders = settings.dictionaries_dir.glob("*/")
    return tuple(sorted(folder.name for folder in folders if is_committed(folder) or _is_from_before(folder)))


def describe(key: str, settings: Settings) -> dict[str, Any]:
    """Read config.json of a trained dictionary.

    Its keys are `config`, `activation_set`, `network`, `layer`, `channels`, `group_order`, `version` and those of
    `tasks.symmetry.transformations.stored`; an SAE has the group of order 1. Like all functions below, raises UserError
    if there is no such dictionary and Damaged if the file's checksum is wrong.
    """
    return json.loads(_file(key, "config.json", settings).read_bytes())


def dictionary_config(key: str, settings: Settings) -> DictionaryConfig:
    """Return the config of a trained dictionary. Raises Damaged also if one of its values is not valid any more."""
    try:
        return config_from(describe(key, settings)["config"])
    except ValidationError as error:
        reason = f"can't be used ({error.errors()[0]['msg']})"
        raise Damaged(folder_of(key, settings) / "config.json", reason, "train another one in its place") from None


def provenance_of(key: str, settings: Settings) -> Made | None:
    """Return how a trained dictionary was made; None for one that is older than this record."""
    _file(key, "config.json", settings)
    return commit_of(folder_of(key, settings), REMEDY).get("made_by")


def read_metrics(key: str, settings: Settings) -> dict[str, float]:
    """Read metrics.json of a trained dictionary: metrics on the test split, and `train_seconds`."""
    return json.loads(_file(key, "metrics.json", settings).read_bytes())


def read_table(key: str, name: str, settings: Settings) -> "polars.DataFrame":
    """Read a table of a trained dictionary; name: "history", "block_fvu" or "test_firing"."""
    import polars

    return polars.read_parquet(_file(key, f"{name}.parquet", settings))


def load_dictionary(key: str, settings: Settings) -> "Dictionary":
    """Load a trained dictionary in evaluation mode, without gradients. Raises UserError if it doesn't exist."""
    return _load(describe(key, settings), dictionary_config(key, settings), _file(key, "model.safetensors", settings))


def write_dictionary(
    key: str,
    dictionary: "Dictionary",
    evaluation: "Evaluation",
    acts: "ActivationSet",
    settings: Settings,
    *,
    version: int,
    history: Sequence[tuple[int, str, float]] = (),
    seconds: float = 0.0,
    **about: Any,
) -> None:
    """Write the files of a dictionary, the checksums last.

    version: of the code that made it; history: (step, metric, value) and seconds: of its training; about: further
    entries of config.json. Hold `writing` of its folder. If two processes made the same dictionary, only the first
    writes: their `seconds` would differ.
    """
    from filelock import FileLock
    from safetensors.torch import save_file

    folder = folder_of(key, settings)
    with FileLock(folder / ".commit"):
        if not is_committed(folder):
            _write_tables(folder, evaluation, history)
            with atomic_file(folder / "model.safetensors") as temporary:
                save_file(dictionary.state_dict(), temporary)
            description = {
                "config": dictionary.config.model_dump(mode="json", exclude=set(dictionary.config.unused)),
                "activation_set": acts.key,
                "network": acts.config.network,
                "layer": acts.config.layer,
                "channels": acts.channels,
                "group_order": dictionary.group.order,
                **stored_transformations(dictionary.group),
                "version": version,
                **about,
            }
            write_text(folder / "config.json", json.dumps(description, indent=1))
            metrics = evaluation.scalars() | {"train_seconds": seconds}
            write_text(folder / "metrics.json", json.dumps(metrics, indent=1))
            commit_folder(folder, FILES, made_by=made_now())
        _share(folder, settings)


def _write_tables(folder: Path, evaluation: "Evaluation", history: Sequence[tuple[int, str, float]]) -> None:
    import polars

    history_schema = {"step": polars.Int32, "metric": polars.String, "value": polars.Float64}
    tables = {
        "history": polars.DataFrame(history, schema=history_schema, orient="row"),
        "block_fvu": polars.DataFrame({"element": range(len(evaluation.fvu_g)), "fvu": evaluation.fvu_g}),
        "test_firing": polars.DataFrame({"fired": evaluation.firing_counts_m}),
    }
    for name, table in tables.items():
        with atomic_file(folder / f"{name}.parquet") as temporary:
            table.write_parquet(temporary)


def copy_files(key: str, names: Collection[str], settings: Settings, folder: Path) -> None:
    """Copy files of a trained dictionary into another folder and write their checksums there."""
    for name in names:
        shutil.copyfile(_file(key, name, settings), folder / name)
    commit_folder(folder, names)


def _file(key: str, name: str, settings: Settings) -> Path:
    """Verify the checksum of a trained dictionary's file and return its path; copy it from the shared store first."""
    folder = folder_of(key, settings)
    _adopt(folder)
    if not (is_committed(folder) or _fetch(folder, settings)):
        raise UserError(f"no trained dictionary {key} in {settings.dictionaries_dir}; train it first")
    return committed_file(folder, name, REMEDY)


def _load(description: dict[str, Any], config: DictionaryConfig, model: Path) -> "Dictionary":
    from tasks.tensors import read_tensors

    # dictionaries older than band-limited decoders have only the order in config.json; free blocks need no more
    older = {"n_rotations": description["group_order"], "reflections": False}
    group = from_stored(older | description)
    dictionary = create(config, description["channels"], group)
    try:
        dictionary.load_state_dict(read_tensors(model, REMEDY))
    except RuntimeError as error:
        raise Damaged(model, "contains other tensors than its config requires", REMEDY) from error
    return dictionary.eval().requires_grad_(False)


def _is_from_before(folder: Path) -> bool:
    """Whether a dictionary is complete but older than checksums: then its last file was metrics.json."""
    return (folder / "metrics.json").is_file() and not is_committed(folder)


def _adopt(folder: Path) -> None:
    """Write checksums for a dictionary that is older than checksums. Raises Damaged if a file of it can't be read."""
    if not _is_from_before(folder):
        return
    import polars

    names = [name for name in FILES if (folder / name).is_file()]
    try:
        for name in names:
            if name.endswith(".parquet"):
                polars.read_parquet(folder / name)
            elif name.endswith(".json"):
                json.loads((folder / name).read_bytes())
        name, description = "model.safetensors", json.loads((folder / "config.json").read_bytes())
        _load(description, DictionaryConfig.model_validate(description["config"]), folder / name)
    # any of these can follow from a flipped bit in JSON, Parquet or safetensors
    except (UserError, ValueError, KeyError, TypeError, OSError, polars.exceptions.PolarsError) as error:
        raise Damaged(folder / name, f"can't be read ({type(error).__name__})", REMEDY) from error
    with writing(folder):
        commit_folder(folder, names)
