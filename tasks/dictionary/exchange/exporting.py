"""Write a dictionary of ours for another library."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from tasks.dictionary.exchange.files import Written
from tasks.dictionary.exchange.libraries import LIBRARIES
from tasks.dictionary.exchange.plain import plain
from tasks.dictionary.methods import ARCHITECTURES, BLOCK_SPARSE
from tasks.dictionary.store import describe, load_dictionary
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.storage import naming_disk_problems, new_folder

README = """\
# {name} of {features} features, for {library}

A dictionary of the activations of `{layer}` in `{network}`, {channels} channels, written by Kaleidoscope. It takes the
network's own activations, float32 [rows, {channels}]: the scaling of its training is folded into the weights.

```python
{loader}```

{note}Dictionary `{dictionary}`.
"""
CONSTANT_NOTE = """\
The library's dictionary layer has no bias. The last concept is therefore active on every row; its atom times its code
is the bias of the decoder. The other {features} concepts are the features.

"""


def export_dictionary(dictionary: str, library: str, folder: Path, settings: Settings) -> None:
    """Write a dictionary (a key) into a new or empty folder for a library, with a README that loads it.

    Features and reconstructions there are those here up to rounding. Raises UserError for an unknown library, for a
    group crosscoder, and when the folder is not empty.
    """
    if library not in LIBRARIES:
        raise UserError(f"unknown library {library!r}; choose one of: {', '.join(LIBRARIES)}")
    description, written = describe(dictionary, settings), written_for(library, dictionary, settings)
    method, features = description["config"]["method"], description["config"]["features"]
    note = CONSTANT_NOTE.format(features=features) if written.settings.get("constant_concept") else ""
    readme = README.format(
        **{name: description[name] for name in ("network", "layer", "channels")},
        name=LIBRARIES[library].classes[method],
        features=features,
        library=library,
        loader=written.loader,
        note=note,
        dictionary=dictionary,
    )
    with naming_disk_problems(folder), new_folder(folder) as temporary:
        write_files(written, temporary)
        (temporary / "README.md").write_text(readme, encoding="utf-8")


def written_for(library: str, dictionary: str, settings: Settings) -> Written:
    """Return the files of a dictionary for a library. Raises UserError for a crosscoder or a block-sparse SAE."""
    description = describe(dictionary, settings)
    architecture = description["config"]["architecture"]
    if architecture != "sae":
        raise UserError(
            f"dictionary {dictionary} is a {ARCHITECTURES[architecture]}, and {library} has none: export a sparse "
            "autoencoder (architecture sae), or write the crosscoder with `kaleidoscope publish-model`"
        )
    if description["config"]["method"] in BLOCK_SPARSE:
        raise UserError(
            f"dictionary {dictionary} is block-sparse, and {library} has no such class: export an SAE of another method"
        )
    about = {"network": description["network"], "layer": description["layer"], "dictionary": dictionary}
    return LIBRARIES[library].load().written(plain(load_dictionary(dictionary, settings)), about)


def write_files(written: Written, folder: Path) -> None:
    save_tensors(written.tensors, folder / written.weights)
    (folder / written.config).write_text(json.dumps(written.settings, indent=1), encoding="utf-8")


def save_tensors(tensors: Mapping[str, Tensor], file: Path) -> None:
    """Write tensors, each with memory of its own, as the format wants it."""
    save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, file, {"format": "pt"})
    file.chmod(0o644)  # safetensors makes a file that only its owner can read
