"""Neurons that are sums of known atoms, and the plain loops that the fast way must equal."""

from types import SimpleNamespace

import numpy as np
import polars
import pytest
import torch

from tasks.activations.extract import ExtractionConfig, extract
from tasks.activations.shards import ActivationSet, ShardInfo, activation_tables
from tasks.dictionary import polysemantic, store
from tasks.dictionary.analyse import analyse
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.polysemantic import EXAMPLES_EACH, FEATURES_SHOWN, decompose_neurons
from tasks.dictionary.train import train
from tasks.staging import read_staged
from tasks.symmetry.group import DihedralGroup
from tasks.vision.images import ImagesConfig
from tasks.warehouse.audit import run_audits
from tasks.warehouse.database import open_warehouse
from tasks.warehouse.load import load

SIDE = 9


class PlantedRows:
    """Untransformed rows of known activations, where an ActivationSet stands; a patch's grey level is its row."""

    def __init__(self, acts_rd: torch.Tensor, images: list[str], shard_rows: list[int]):
        self.acts, self.channels = acts_rd.half(), acts_rd.shape[1]
        self.group = SimpleNamespace(order=1)
        self.starts = np.cumsum([0, *shard_rows])
        self.shards = [ShardInfo(index, "train", count, 0, "") for index, count in enumerate(shard_rows)]
        self.plan = SimpleNamespace(patch=SimpleNamespace(side=SIDE), patches=self.patches)
        rows = np.arange(len(images), dtype=np.int32)
        self.table = polars.DataFrame({"row": rows, "image": images, "y": rows + 10, "x": rows + 20})

    def read(self, shard: int) -> torch.Tensor:
        return self.acts[self.starts[shard] : self.starts[shard + 1], None]

    def rows(self, shard: int) -> polars.DataFrame:
        return self.table[self.starts[shard] : self.starts[shard + 1]]

    def patches(self, rows: polars.DataFrame, side: int):
        return (torch.full((3, side, side), row, dtype=torch.uint8) for row in rows["row"])


def dictionary_of(atoms_md: torch.Tensor, bias_d: torch.Tensor, k: int, scale: float = 1.0):
    """A TopK SAE that writes these atoms, and reads them back exactly where they are linearly independent."""
    features, channels = atoms_md.shape
    config = DictionaryConfig(architecture="sae", features=features, k=k)
    dictionary = store.create(config, channels, DihedralGroup(1, reflections=False)).requires_grad_(False)
    dictionary.decoder.weight.copy_(atoms_md[None])
    dictionary.decoder.bias.copy_(bias_d[None])
    dictionary.encoder.weight.copy_(torch.linalg.pinv(atoms_md).T)
    dictionary.scale.fill_(scale)
    return dictionary


@pytest.fixture
def decompose(monkeypatch, settings):
    """Frames of a planted dictionary on planted rows."""

    def run(dictionary, acts, key="planted"):
        monkeypatch.setattr(store, "load_dictionary", lambda key, settings: dictionary)
        monkeypatch.setattr(store, "describe", lambda key, settings: {"activation_set": "planted"})
        monkeypatch.setattr(ActivationSet, "open", lambda key, settings: acts)
        return read_staged(decompose_neurons(key, settings), settings)

    return run


# atoms x neurons: neurons 0 to 2 are sums of two atoms, 3 is one atom's own, 4 has one that takes away, 5 is silent
ATOMS = torch.tensor(
    [
        [2.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1.0, 3.0, 0.0, 0.0, 4.0, 0.0],
        [0.0, 1.0, 1.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 5.0, -1.0, 0.0],
    ]
)
IMAGES_EACH, STRENGTHS = 6, (1.0, 4.0, 2.0)


def planted_rows() -> PlantedRows:
    """Image i shows atom i % 4 alone, in three rows of different strength; shards cut images in two."""
    count = len(ATOMS) * IMAGES_EACH
    acts_rd = torch.cat([strength * ATOMS[[image % len(ATOMS)]] for image in range(count) for strength in STRENGTHS])
    names = [f"image {image:02}" for image in range(count) for _ in STRENGTHS]
    return PlantedRows(acts_rd, names, [10, 31, len(names) - 41])


def carriers(tables, neuron: int) -> dict[int, tuple[float, int]]:
    found = tables["neuron_features"].filter(neuron=neuron).sort("rank")
    assert found["rank"].to_list() == list(range(1, len(found) + 1))
    return {feature: (share, rows) for feature, share, rows in found.select("feature", "share", "rows_carried").rows()}


def test_neurons_that_are_sums_of_atoms_are_taken_apart_into_these(decompose):
    tables = decompose(dictionary_of(ATOMS, torch.zeros(6), k=2), planted_rows())
    expected = {0: {0: 2, 1: 1}, 1: {1: 3, 2: 1}, 2: {2: 1, 3: 1}, 3: {3: 1}, 5: {}}
    for neuron, weights in expected.items():
        total = sum(weights.values())
        found = carriers(tables, neuron)
        assert found.keys() == weights.keys()
        for feature, weight in weights.items():
            assert found[feature] == (pytest.approx(weight / total, abs=1e-5), IMAGES_EACH)
    neurons = {row["neuron"]: row for row in tables["neurons"].rows(named=True)}
    assert [neurons[n]["top_rows"] for n in range(6)] == [12, 12, 12, 6, 6, 0]
    assert [neurons[n]["max_activation"] for n in range(6)] == [8, 12, 4, 20, 16, 0]
    assert [neurons[n]["density"] for n in range(6)] == [1 / 2, 1 / 2, 1 / 2, 1 / 4, 1 / 4, 0]
    for n in range(4):
        assert neurons[n]["explained"] == pytest.approx(1, abs=1e-4)
        assert neurons[n]["carried"] == pytest.approx(1, abs=1e-4)
        assert neurons[n]["suppressed"] == neurons[n]["bias"] == 0
    assert neurons[5]["explained"] is neurons[5]["carried"] is None


def test_examples_are_each_images_strongest_row_split_by_feature(decompose):
    tables = decompose(dictionary_of(ATOMS, torch.zeros(6), k=2), planted_rows())
    examples = tables["neuron_examples"]
    for neuron, features in {0: [0, 1], 1: [1, 2], 2: [2, 3], 3: [3]}.items():
        for feature in features:
            of_feature = examples.filter(neuron=neuron, feature=feature).sort("rank")
            assert of_feature["rank"].to_list() == list(range(1, EXAMPLES_EACH + 1))
            assert set(of_feature["activation"]) == {4 * ATOMS[feature, neuron].item()}
            assert {int(name.split()[1]) % 4 for name in of_feature["image_id"]} == {feature}
            assert of_feature["image_id"].n_unique() == EXAMPLES_EACH
            for image, y, x in of_feature.select("image_id", "y", "x").rows():
                row = 3 * int(image.split()[1]) + 1
                assert (y, x) == (row + 10, row + 20)
    assert all(patch[:4] == b"RIFF" and patch[8:12] == b"WEBP" for patch in examples["patch"])


def test_what_takes_away_the_bias_and_what_no_feature_explains_are_told_apart(decompose):
    bias_d = torch.tensor([0.0, 0, 0, 0, 0.5, 0])
    acts = PlantedRows((2 * ATOMS[1] + ATOMS[3] + bias_d).expand(4, -1), ["a", "b", "c", "d"], [4])
    whole = 2 * 4 - 1 + 0.5
    for k, told in {2: (1, 8 / whole, 1 / whole), 1: (1 - 1 / whole, 8 / whole, 0)}.items():
        tables = decompose(dictionary_of(ATOMS, bias_d, k), acts, f"k = {k}")
        (neuron,) = tables["neurons"].filter(neuron=4).rows(named=True)
        assert [neuron[name] for name in ("explained", "carried", "suppressed")] == pytest.approx(told, abs=1e-3)
        assert neuron["bias"] == pytest.approx(0.5 / whole, abs=1e-3)


def plain(dictionary, acts: PlantedRows, top_rows: int) -> dict[int, dict]:
    """The definitions of the module, one neuron and one row after the other."""
    z_rd = acts.acts.float() * dictionary.scale
    codes_rm = dictionary.encode(acts.acts.float())
    weight_md, bias_d = dictionary.decoder.weight[0], dictionary.decoder.bias[0]
    images, found = acts.table["image"].to_list(), {}
    for n in range(acts.channels):
        strongest = {}
        for row, image in enumerate(images):
            if acts.acts[row, n] > 0 and (image not in strongest or acts.acts[row, n] > acts.acts[strongest[image], n]):
                strongest[image] = row
        top = sorted(strongest.values(), key=lambda row: (-acts.acts[row, n].item(), row))[:top_rows]
        added = {row: codes_rm[row] * weight_md[:, n] for row in top}
        total = sum(added.values(), torch.zeros(len(weight_md)))
        whole = sum(z_rd[row, n] for row in top)
        missed = sum((z_rd[row, n] - added[row].sum() - bias_d[n]).abs() for row in top)
        found[n] = {
            "rows": top,
            "shares": total.clamp(min=0) / total.clamp(min=0).sum(),
            "leads": torch.bincount(torch.tensor([added[row].argmax() for row in top]), minlength=len(weight_md)),
            "explained": 1 - missed / whole,
            "carried": total.clamp(min=0).sum() / whole,
            "suppressed": -total.clamp(max=0).sum() / whole,
            "bias": len(top) * bias_d[n] / whole,
        }
    return found


@pytest.mark.parametrize(("pairs_at_once", "top_rows"), [(4096, 200), (7, 12)])
def test_sums_equal_the_plain_loops(decompose, monkeypatch, pairs_at_once, top_rows):
    monkeypatch.setattr(polysemantic, "PAIRS_AT_ONCE", pairs_at_once)
    monkeypatch.setattr(polysemantic, "TOP_ROWS", top_rows)
    generator = torch.Generator().manual_seed(4)
    rows, channels, features = 120, 7, 20
    acts_rd = torch.randn(rows, channels, generator=generator).clamp(min=0)
    acts = PlantedRows(acts_rd, [f"image {row // 4:02}" for row in range(rows)], [33, 41, 46])
    dictionary = dictionary_of(
        torch.randn(features, channels, generator=generator), 0.1 * torch.randn(channels, generator=generator), 5, 0.7
    )
    tables, expected = decompose(dictionary, acts), plain(dictionary, acts, top_rows)
    for n, told in enumerate(tables["neurons"].sort("neuron").rows(named=True)):
        assert told["top_rows"] == len(expected[n]["rows"]) == min(top_rows, len(expected[n]["rows"]))
        for name in ("explained", "carried", "suppressed", "bias"):
            assert told[name] == pytest.approx(float(expected[n][name]), abs=1e-4)
        found = carriers(tables, n)
        shares, leads = expected[n]["shares"], expected[n]["leads"]
        assert list(found) == shares.argsort(descending=True)[: len(found)].tolist()
        assert len(found) == min(polysemantic.FEATURES_KEPT, int((shares > 0).sum()))
        for feature, (share, carried_rows) in found.items():
            assert share == pytest.approx(float(shares[feature]), abs=1e-5)
            assert carried_rows == leads[feature]
        of_neuron = tables["neuron_examples"].filter(neuron=n)
        assert set(of_neuron["feature"]) <= set(list(found)[:FEATURES_SHOWN])
        assert set(of_neuron["y"] - 10) <= set(expected[n]["rows"])


def test_it_is_done_once_and_told_in_shards(decompose, monkeypatch, settings):
    decompose(dictionary_of(ATOMS, torch.zeros(6), k=2), planted_rows())
    monkeypatch.setattr(ActivationSet, "open", None)
    key = decompose_neurons("planted", settings)
    assert set(read_staged(key, settings)) == {"neurons", "neuron_features", "neuron_examples"}
    acts, told = planted_rows(), []
    monkeypatch.setattr(ActivationSet, "open", lambda key, settings: acts)
    decompose_neurons("another", settings, lambda done, total: told.append((done, total)))
    assert told == [(done, 6) for done in range(1, 7)]


def test_a_real_set_without_transforms_is_decomposed_loaded_and_passes_the_audits(settings):
    config = ExtractionConfig(
        layer="block1_depthwise",
        images=ImagesConfig(sources=("dead-leaves",), scenes=6, frame_size=64),
        n_rotations=1,
        reflections=False,
        orbits=120,
        orbits_per_shard=50,
        test_share=0.3,
    )
    acts = ActivationSet.open(extract(config, settings), settings)
    sae = DictionaryConfig(architecture="sae", features=64, k=4, steps=20, batch_size=32)
    dictionary = train(acts.key, sae, settings)
    load("set", activation_tables(acts), settings)
    for key in (analyse(dictionary, settings), decompose_neurons(dictionary, settings)):
        load(key, read_staged(key, settings), settings)
    with open_warehouse(settings) as connection:
        failed = [result for result in run_audits(connection) if not result.passed]
        counted = connection.sql("SELECT count(*), count(*) FILTER (top_rows > 0) FROM neurons").fetchone()
        (examples,) = connection.sql("SELECT count(*) FROM neuron_examples").fetchone()
    assert failed == []
    assert counted[0] == acts.channels
    assert counted[1] > 0
    assert examples > 0
