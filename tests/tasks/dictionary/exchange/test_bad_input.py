"""What can't be imported or exported is one clear line."""

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from tasks.checksums import Damaged
from tasks.dictionary.exchange.exporting import export_dictionary, write_files
from tasks.dictionary.exchange.importing import read_foreign
from tasks.dictionary.exchange.libraries import LIBRARIES
from tasks.dictionary.exchange.plain import plain
from tasks.dictionary.store import key_of
from tasks.errors import UserError
from tests.tasks.dictionary.exchange.conftest import CHANNELS, random_sae
from tests.tasks.tracking.conftest import write_dictionary

ABOUT = {"network": "efficientnet_lite0", "layer": "block1", "dictionary": "a" * 64}
METHOD = {"sae-lens": "jumprelu", "dictionary-learning": "topk", "overcomplete": "batchtopk"}
FILES = {
    "sae-lens": ("sae_weights.safetensors", "cfg.json"),
    "dictionary-learning": ("ae.safetensors", "config.json"),
    "overcomplete": ("sae.safetensors", "config.json"),
}


@pytest.fixture(params=LIBRARIES)
def library(request):
    return request.param


@pytest.fixture
def folder(library, tmp_path):
    """A folder of a library that can be read."""
    write_files(LIBRARIES[library].load().written(plain(random_sae(METHOD[library])), ABOUT), tmp_path)
    read_foreign(tmp_path, library, CHANNELS)
    return tmp_path


def the_line(folder, library, channels=CHANNELS, error=UserError) -> str:
    with pytest.raises(error) as refused:
        read_foreign(folder, library, channels)
    [line] = str(refused.value).splitlines()
    assert line.isprintable()
    return line


def change(folder, library, **values):
    config = folder / FILES[library][1]
    settings = json.loads(config.read_bytes())
    (settings.get("trainer") or settings).update(values)
    config.write_text(json.dumps(settings))


def test_another_width(folder, library):
    assert the_line(folder, library, channels=24) == (
        f"the dictionary in {folder} is for {CHANNELS} channels, and the layer has 24: "
        "choose the layer that it was trained on"
    )


def test_an_unknown_library(tmp_path):
    assert the_line(tmp_path, "saelens") == (
        "unknown library 'saelens'; choose one of: sae-lens, dictionary-learning, overcomplete"
    )


def test_no_folder(library, tmp_path):
    assert the_line(tmp_path / "nowhere", library).endswith(f"is not a folder: give the folder that {library} wrote")


@pytest.mark.parametrize("which", [0, 1])
def test_a_missing_file(folder, library, which):
    name = FILES[library][which]
    (folder / name).unlink()
    line = the_line(folder, library)
    assert line.startswith(f"{folder} has no {name}")
    assert line.endswith("give the folder that the library wrote")


@pytest.mark.parametrize("text", ["", "{", "[1]", '"a"', "[" * 5000, "\x00"])
def test_a_config_that_is_none(folder, library, text):
    (folder / FILES[library][1]).write_text(text)
    assert FILES[library][1] in the_line(folder, library)


def test_weights_that_are_none(folder, library):
    (folder / FILES[library][0]).write_bytes(b"no tensors")
    assert "can't be read" in the_line(folder, library, error=Damaged)


@pytest.mark.parametrize("odd", [None, 7, "PatchSAE", ["a"], {}])
def test_a_kind_of_dictionary_that_is_not_known(folder, library, odd):
    name = {"sae-lens": "architecture", "dictionary-learning": "dict_class", "overcomplete": "class"}[library]
    change(folder, library, **{name: odd})
    assert f"{name} = " in the_line(folder, library)


@pytest.mark.parametrize("odd", [0, -1, 41, 2.5, "5", True, None])
@pytest.mark.parametrize("before_version_6", [True, False])
def test_a_k_that_is_none(odd, before_version_6, tmp_path):
    write_files(LIBRARIES["sae-lens"].load().written(plain(random_sae("topk")), ABOUT), tmp_path)
    change(tmp_path, "sae-lens", **({"activation_fn_kwargs": {"k": odd}} if before_version_6 else {"k": odd}))
    assert "is needed, and a whole number from 1 to 40" in the_line(tmp_path, "sae-lens")


def test_tensors_that_are_missing_odd_or_too_many(folder, library):
    weights = folder / FILES[library][0]
    tensors = load_file(weights)
    name = next(name for name, tensor in sorted(tensors.items()) if tensor.ndim == 2)
    cases = {
        f"has no tensor {name}": {key: tensor for key, tensor in tensors.items() if key != name},
        f"tensor {name} has the shape [3]": tensors | {name: torch.zeros(3)},
        f"tensor {name} has values that are infinite or not a number": tensors | {name: tensors[name] * torch.nan},
        "tensors surplus belong to no kind of dictionary": tensors | {"surplus": torch.zeros(1)},
    }
    for message, changed in cases.items():
        save_file(changed, weights)
        assert message in the_line(folder, library)


def test_weights_that_overflow_when_combined(tmp_path):
    write_files(LIBRARIES["overcomplete"].load().written(plain(random_sae("relu")), ABOUT), tmp_path)
    weights = tmp_path / "sae.safetensors"
    save_file(load_file(weights) | {"dictionary.multiplier": torch.tensor(1000.0)}, weights)
    assert "its weights overflow" in the_line(tmp_path, "overcomplete")


@pytest.mark.parametrize("odd", [None, "1", True, float("nan"), float("inf")])
def test_a_threshold_that_is_none(odd, tmp_path):
    write_files(LIBRARIES["overcomplete"].load().written(plain(random_sae("batchtopk")), ABOUT), tmp_path)
    change(tmp_path, "overcomplete", running_threshold=odd)
    assert "is needed, and a finite number" in the_line(tmp_path, "overcomplete")


class Code:
    def __reduce__(self):
        return print, ("this pickle ran code",)


@pytest.mark.parametrize("library", ["dictionary-learning", "overcomplete"])
@pytest.mark.parametrize("content", ["code", "module", "list", "text"])
def test_a_pickle_of_more_than_tensors(folder, library, content, capsys):
    weights = folder / FILES[library][0]
    pickled = weights.with_suffix(".pt")
    weights.unlink()
    match content:
        case "code":
            pickled.write_bytes(pickle.dumps(Code()))
        case "module":
            torch.save(torch.nn.Linear(2, 2), pickled)
        case "list":
            torch.save([torch.zeros(2)], pickled)
        case "text":
            pickled.write_text("no pickle")
    line = the_line(folder, library)
    assert str(pickled) in line
    assert "state_dict()" in line
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("odd", ["layer_norm", "covariance_whitening", 7, {}])
def test_a_scaling_by_row(odd, tmp_path):
    write_files(LIBRARIES["sae-lens"].load().written(plain(random_sae("relu")), ABOUT), tmp_path)
    change(tmp_path, "sae-lens", normalize_activations=odd)
    line = the_line(tmp_path, "sae-lens")
    assert line.endswith("can't be imported, only none and expected_average_only_in")


def test_a_group_crosscoder_is_not_exported(settings, library, tmp_path):
    write_dictionary("b" * 64, settings)
    with pytest.raises(UserError, match=f"is a group crosscoder, and {library} has none"):
        export_dictionary("b" * 64, library, tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()


def test_an_export_overwrites_nothing(settings, library, tmp_path):
    write_dictionary("b" * 64, settings, architecture="sae")
    (tmp_path / "mine").write_text("")
    with pytest.raises(UserError, match="is not an empty folder"):
        export_dictionary("b" * 64, library, tmp_path, settings)
    with pytest.raises(UserError, match=r"can't make .*: Not a directory; choose another folder"):
        export_dictionary("b" * 64, library, tmp_path / "mine" / "out", settings)
    with pytest.raises(UserError, match="unknown library 'jax'"):
        export_dictionary("b" * 64, "jax", tmp_path / "out", settings)


def test_a_key_may_be_shortened_while_it_is_one(settings):
    for key in ("b" * 64, "ba" * 32):
        write_dictionary(key, settings)
    assert key_of("ba", settings) == "ba" * 32
    with pytest.raises(UserError, match="2 dictionaries begin with 'b': write more digits of the key"):
        key_of("b", settings)
    with pytest.raises(UserError, match=r"no trained dictionary c in .*; train or import it first"):
        key_of("c", settings)
