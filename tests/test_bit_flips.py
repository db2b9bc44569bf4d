"""Every kind of file that anything reads back, damaged in every way: what is wrong is refused by name and never used.

That whoever makes a thing sets what was damaged aside and makes it anew, byte for byte, is tested beside each kind.
"""

import json
import random
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars
import pytest
import torch
from skimage import data

from tasks import checksums
from tasks.activations.extract import extract
from tasks.activations.shards import ActivationSet
from tasks.checksums import COMMIT, Damaged, commit_folder, read_commit
from tasks.concepts.cav import Cav
from tasks.concepts.config import AttackGrid
from tasks.concepts.exemplars import ExemplarSet
from tasks.concepts.perturbed_sets import artifact_files, attacked_sets, class_at
from tasks.concepts.store import load_cavs, save_cavs
from tasks.dictionary import store
from tasks.dictionary import train as training
from tasks.dictionary.config import DictionaryConfig
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.staging import read_staged, stage_tables
from tasks.vision.networks import load_network
from tests.damage import flip
from tests.tasks.activations.small_set import SMALL

FLIPS = 12
"""Of each file."""
KEYS = ("a" * 64, "b" * 64)


@dataclass(frozen=True)
class Kind:
    """Two things of a kind. read: all that is read back of one, in plain values."""

    folder: Callable[[Settings], Path]
    make: Callable[[Settings], tuple[str, str]]
    read: Callable[[str, Settings], Any]


def make_tables(settings: Settings) -> tuple[str, str]:
    for place, key in enumerate(KEYS):
        numbers = polars.DataFrame({"n": [place + n / 3 for n in range(200)]})
        stage_tables(key, {"features": numbers, "layers": numbers.with_columns(layer=polars.lit("l"))}, settings)
    return KEYS


def read_all_tables(key: str, settings: Settings) -> Any:
    return {table: rows.to_dict(as_series=False) for table, rows in read_staged(key, settings).items()}


def make_sets(settings: Settings) -> tuple[str, str]:
    small = SMALL.model_copy(update={"n_rotations": 1, "reflections": False, "orbits": 12})
    return tuple(extract(small.model_copy(update={"seed": seed}), settings) for seed in (0, 1))


def read_set(key: str, settings: Settings) -> Any:
    acts = ActivationSet.open(key, settings)
    plan, numbers = acts.plan, [acts.read(shard.index).tolist() for shard in acts.shards]
    images = plan.images.frames, plan.images.quarantine
    return plan.config, plan.network, plan.layer, plan.rows.rows(), images, acts.shards, numbers


TRAINED = {"features": 6, "k": 2, "steps": 4, "batch_size": 4, "log_every": 1}


def make_dictionaries(settings: Settings) -> tuple[str, str]:
    activation_set = make_sets(settings)[0]
    configs = [DictionaryConfig(learning_rate=rate, **TRAINED) for rate in (1e-3, 2e-3)]
    return tuple(training.train_together(activation_set, configs, settings))


def read_dictionary(key: str, settings: Settings) -> Any:
    tables = [store.read_table(key, name, settings).rows() for name in ("history", "block_fvu", "test_firing")]
    tensors = {name: tensor.tolist() for name, tensor in store.load_dictionary(key, settings).state_dict().items()}
    return store.describe(key, settings), store.read_metrics(key, settings), tables, tensors


def make_cavs(settings: Settings) -> tuple[str, str]:
    for place, key in enumerate(KEYS):
        vectors_rd = torch.randn(3, 16, generator=torch.Generator().manual_seed(place))
        save_cavs(key, {("conv", "stripes"): [Cav(vector_d, 0.5, 0.9) for vector_d in vectors_rd]}, settings)
    return KEYS


def read_cavs(key: str, settings: Settings) -> Any:
    found = load_cavs(key, settings).items()
    return {place: (vectors.vectors_rd.tolist(), vectors.intercepts_r.tolist()) for place, vectors in found}


def cuts(name: str, photograph: torch.Tensor) -> ExemplarSet:
    frames = torch.stack([photograph[:, at : at + 64, at : at + 64] for at in (0, 40)])
    return ExemplarSet(name, "concept", frames, (f"{name}0", f"{name}1"))


def make_artifacts(settings: Settings) -> tuple[str, str]:
    network = load_network("efficientnet_lite0", None)
    concept, other, third, images = (
        cuts(name, torch.from_numpy(getattr(data, name)()).permute(2, 0, 1))
        for name in ("chelsea", "coffee", "rocket", "astronaut")
    )
    at = class_at(network, "block2_expand", "tabby", images)
    grid = AttackGrid(objectives=("token-pushing",), epsilons=(8,), fractions=(1.0,), steps=1)
    _, *attacked = attacked_sets(grid, at, concept, [other, third], settings)
    return attacked[0].artifact_folder, attacked[-1].artifact_folder


def read_artifact(key: str, settings: Settings) -> Any:
    return [file.read_bytes() for file in artifact_files(key, settings)]


KINDS = {
    "frames": Kind(lambda settings: settings.staging_dir, make_tables, read_all_tables),
    "activations": Kind(lambda settings: settings.activations_dir, make_sets, read_set),
    "dictionaries": Kind(lambda settings: settings.dictionaries_dir, make_dictionaries, read_dictionary),
    "cavs": Kind(lambda settings: settings.cavs_dir, make_cavs, read_cavs),
    "attacks": Kind(lambda settings: settings.attacks_dir, make_artifacts, read_artifact),
}


@dataclass(frozen=True)
class Made:
    """A copy of two things, to be damaged. expected: what is read of the first one."""

    kind: Kind
    settings: Settings
    keys: tuple[str, str]
    expected: Any

    @property
    def folders(self) -> list[Path]:
        return [self.kind.folder(self.settings) / key for key in self.keys]

    def files(self) -> list[Path]:
        return sorted(path for path in self.folders[0].iterdir() if not path.name.startswith("."))

    def refusal(self) -> str | None:
        """Why reading is refused, in one line that names a file or the key; None where it gives what it gave."""
        checksums._sha256_of.cache_clear()  # damage may come and go within a tick of the clock
        try:
            found = self.kind.read(self.keys[0], self.settings)
        except UserError as error:
            return str(error)
        assert found == self.expected
        return None

    def is_refused_with(self, file: Path, spoil: Callable[[Path], Any]) -> bool:
        """Spoil a file, read, and mend the file."""
        content = file.read_bytes()
        spoil(file)
        refusal = self.refusal()
        if file.is_dir():
            file.rmdir()
        file.write_bytes(content)
        assert refusal is None or ("\n" not in refusal and self.keys[0] in refusal)
        return refusal is not None


@pytest.fixture(scope="module")
def templates(tmp_path_factory) -> dict[str, tuple[Settings, tuple[str, str], Any]]:
    made = {}
    for name, kind in KINDS.items():
        settings = Settings(data_dir=tmp_path_factory.mktemp(name))
        keys = kind.make(settings)
        made[name] = settings, keys, kind.read(keys[0], settings)
    return made


@pytest.fixture(params=KINDS)
def made(request, templates, settings) -> Made:
    template, keys, expected = templates[request.param]
    shutil.copytree(template.data_dir, settings.data_dir, dirs_exist_ok=True)
    return Made(KINDS[request.param], settings, keys, expected)


def is_receipt(file: Path) -> bool:
    """Of a set that is finished nobody reads receipts but the extraction."""
    return file.name.startswith("shard-") and file.suffix == ".json"


def test_no_flipped_bit_is_used(made):
    draw = random.Random(0)
    for file in made.files():
        bits = [draw.randrange(8 * file.stat().st_size) for _ in range(FLIPS)]
        refused = [made.is_refused_with(file, partial(flip, bit=bit)) for bit in bits]
        # JSON may say the same with another space
        enough = 0 if is_receipt(file) else FLIPS // 3 if file.suffix == ".json" else FLIPS
        assert sum(refused) >= enough, file.name
    assert made.refusal() is None


WAYS = {
    "empty": lambda file: file.write_bytes(b""),
    "half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "without its last byte": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "with a byte more": lambda file: file.write_bytes(file.read_bytes() + b"\0"),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "gone": lambda file: file.unlink(),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_other_damage_is_used(made, way):
    for file in made.files():
        refused = made.is_refused_with(file, WAYS[way])
        # a folder without its checksums may be one from before there were any, and its files are what they were
        assert refused or is_receipt(file) or (way == "gone" and file.name == COMMIT), file.name
    assert made.refusal() is None


def test_files_that_changed_places_are_not_used(made):
    """Each with the next one in the folder, and with the same one of another thing."""
    files, other = made.files(), made.folders[1]
    pairs = [(one, another) for one, another in pairwise(files) if one.suffix == another.suffix]
    pairs += [(file, other / file.name) for file in files if (other / file.name).is_file()]
    differ = [pair for pair in pairs if pair[0].read_bytes() != pair[1].read_bytes()]
    assert len(differ) > len(files) // 2
    for one, another in differ:
        content = another.read_bytes()
        another.write_bytes(one.read_bytes())
        refused = made.is_refused_with(one, lambda file, content=content: file.write_bytes(content))
        another.write_bytes(content)
        assert refused or is_receipt(one), (one.name, another.name)
    assert made.refusal() is None


def test_a_thing_under_the_name_of_another_is_not_used(made):
    one, other = made.folders
    other.rename(other.with_name("0" * 64))
    one.rename(other)
    other.with_name("0" * 64).rename(one)
    assert made.refusal() is not None


def with_shape(file: Path, name: str, shape: list[int]) -> None:
    """Change the header of a safetensors file, so that one of its tensors has another shape of as many numbers."""
    content = file.read_bytes()
    [length] = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert torch.Size(shape).numel() == torch.Size(header[name]["shape"]).numel()
    header[name]["shape"] = shape
    text = json.dumps(header, separators=(",", ":")).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


@pytest.mark.parametrize("recommitted", [False, True])
def test_a_tensor_of_another_shape_is_not_used(templates, settings, recommitted):
    """Also where whoever changed it wrote its checksum anew."""
    template, keys, expected = templates["dictionaries"]
    shutil.copytree(template.data_dir, settings.data_dir)
    made = Made(KINDS["dictionaries"], settings, keys, expected)
    file = made.folders[0] / "model.safetensors"
    shape = store.load_dictionary(keys[0], settings).encoder.weight.shape
    with_shape(file, "encoder.weight", [*reversed(shape)])
    if recommitted:
        commit_folder(file.parent, store.FILES)
        assert read_commit(file.parent, "")
    with pytest.raises(Damaged, match=r"model\.safetensors (is damaged|contains other tensors)"):
        store.load_dictionary(keys[0], settings)
    assert made.refusal() is not None


def test_what_is_whole_is_hashed_once_a_process(made, monkeypatch):
    checksums._sha256_of.cache_clear()
    hashed, real = [], checksums.file_sha256
    monkeypatch.setattr(checksums, "file_sha256", lambda path: hashed.append(path) or real(path))
    for _ in range(3):
        assert made.kind.read(made.keys[0], made.settings) == made.expected
    assert len(hashed) == len(set(hashed)) > 0
