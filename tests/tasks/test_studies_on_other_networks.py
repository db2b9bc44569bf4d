"""Every study, in tiny settings, on a residual network and a vision transformer: its tables load and pass every audit.

The weights are random, so that the numbers mean nothing; what is tested is that nothing assumes a built-in network.
"""

import numpy as np
import pytest
from PIL import Image

from tasks.activations.extract import ExtractionConfig, extract
from tasks.activations.shards import ActivationSet, activation_tables
from tasks.concepts.analyse import analyse_concepts
from tasks.concepts.attack import AttackConfig
from tasks.concepts.attack_experiment import analyse_attack
from tasks.concepts.config import AttackExperimentConfig, ClassImages, ConceptsConfig
from tasks.concepts.facet_study import FacetStudyConfig, analyse_facets
from tasks.concepts.facets import FacetConfig
from tasks.concepts.perturbed_sets import AttackGrid
from tasks.concepts.tamper_study import TamperStudyConfig, analyse_tampering
from tasks.dictionary.analyse import analyse
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.reconstruction_loss import measure_splicing
from tasks.dictionary.train import train
from tasks.dimensions.analyse import analyse_dimensions
from tasks.dimensions.config import DimensionsConfig
from tasks.dimensions.paths import render_path
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tuning.curves import analyse_tuning
from tasks.tuning.pictures import visualise_features
from tasks.vision.images import ImagesConfig
from tasks.warehouse.audit import run_sql_audit
from tasks.warehouse.database import open_warehouse, sql_files
from tasks.warehouse.load import load

pytestmark = pytest.mark.networks
pytest.importorskip("timm", reason="timm is not installed")

NETWORKS = {
    # name: a layer, a lower one
    "timm:test_resnet@random-0?input_size=64": ("layer2", "layer1"),
    "timm:test_vit@random-0?input_size=64": ("blocks.4", "blocks.1"),
}


@pytest.fixture(params=NETWORKS)
def network(request) -> str:
    return request.param


@pytest.fixture
def kept(settings):
    """Load a staged key's tables, and check them."""

    def keep(key: str) -> str:
        load(key, read_staged(key, settings), settings)
        with open_warehouse(settings) as connection:
            audits = [run_sql_audit(connection, file) for file in sql_files("audits")]
        assert [result for result in audits if not result.passed] == []
        return key

    return keep


def extracted(network: str, settings: Settings, n_rotations: int) -> str:
    config = ExtractionConfig(
        network=network,
        layer=NETWORKS[network][0],
        images=ImagesConfig(sources=("dead-leaves",), scenes=6, frame_size=224),
        n_rotations=n_rotations,
        reflections=False,
        orbits=48,
        orbits_per_shard=16,
        test_share=0.3,
    )
    key = extract(config, settings)
    load(key, activation_tables(ActivationSet.open(key, settings)), settings)
    return key


SMALL = DictionaryConfig(architecture="sae", features=24, k=4, steps=20, batch_size=16, auxiliary_k=0)


def test_dictionaries_their_symmetry_curves_and_pictures(network, settings, kept):
    orbits = extracted(network, settings, n_rotations=4)
    crosscoder = train(orbits, SMALL.model_copy(update={"architecture": "group-crosscoder"}), settings)
    kept(analyse(crosscoder, settings))
    rows = extracted(network, settings, n_rotations=1)
    dictionary = train(rows, SMALL, settings)
    kept(analyse(dictionary, settings))
    kept(measure_splicing(dictionary, settings))
    tuning = kept(analyse_tuning(rows, dictionary, settings))
    kept(visualise_features(dictionary, tuning, 1, settings))


def test_dimensions(network, settings, kept):
    rows = extracted(network, settings, n_rotations=1)
    config = DimensionsConfig(components=4, frames=2, permutations=99)
    analysis = kept(analyse_dimensions(rows, None, config, settings))
    kept(render_path(analysis, 0, settings))


def class_images(folder) -> ClassImages:
    folder.mkdir()
    for index in range(4):
        pixels = np.random.default_rng(index).integers(0, 256, size=(80, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return ClassImages(name="tabby", folder=folder, least_probability=0)


SCENES = ImagesConfig(sources=("dead-leaves",), scenes=12)


def test_concepts_attack_facets_and_trust(network, settings, kept, tmp_path):
    layer, lower = NETWORKS[network]
    common = {"network": network, "random": SCENES, "random_sets": 3, "random_size": 4, "drawn": 8}
    of_class = class_images(tmp_path / "cats")
    kept(
        analyse_concepts(
            ConceptsConfig(**common, layers=(layer,), concepts=("stripes",), classes=(of_class,)), settings
        )
    )
    grid = AttackGrid(epsilons=(8,), fractions=(1.0,), steps=2)
    attack = AttackExperimentConfig(
        **common, layer=layer, concept="stripes", of_class=of_class, grid=grid, transfer_targets=()
    )
    kept(analyse_attack(attack, settings))
    unit = FacetStudyConfig(
        network=network, layer=layer, unit=1, facet_layer=lower, drawn=4,
        generic=ImagesConfig(sources=("dead-leaves",), scenes=5), generic_images=4, others=("checks",),
        attack=AttackConfig(steps=2), visualisation=FacetConfig(objective="channel", channel_size=48, steps=2),
    )  # fmt: skip
    kept(analyse_facets(unit, settings))
    more = {"random_sets": 2, "random": SCENES.model_copy(update={"scenes": 36})}  # some to calibrate thresholds on
    trusted = TamperStudyConfig(**common | more, layer=layer, concepts=("stripes",))
    kept(analyse_tampering(trusted, settings))
