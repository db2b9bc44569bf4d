"""Which features are looked at first, and that their pictures do what they say."""

import io

import numpy as np
import polars
import torch
from PIL import Image

from tasks.activations.extract import extract
from tasks.activations.extractors import unit_extractor
from tasks.activations.plan import ExtractionConfig
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.store import load_dictionary
from tasks.dictionary.train import train
from tasks.staging import read_staged
from tasks.tuning.curves import analyse_tuning
from tasks.tuning.pictures import features_to_visualise, visualise_features
from tasks.vision.images import ImagesConfig
from tasks.vision.networks import load_network

TUNING = {
    "curve_detectors": polars.DataFrame(
        {"unit": [4, 5, 6], "missing": [True, False, True], "natural_correlation": [0.7, 0.99, 0.9]}
    ),
    "unit_tuning": polars.DataFrame(
        {
            "unit": range(7),
            "stimulus_type": ["line", "line", "colour", "other", "curve", "curve", "mixed"],
            "confidence": [0.5, 0.6, 0.2, 0.9, 0.3, 0.8, 0.05],
        }
    ),
}


def test_missing_detectors_come_first_then_types_take_turns():
    assert features_to_visualise(TUNING) == [6, 4, 2, 5, 1, 0]
    symmetry = polars.DataFrame({"feature": [0, 1, 2], "type": ["a", "a", "b"], "confidence": [0.1, 0.9, 0.5]})
    assert features_to_visualise({"feature_symmetry": symmetry}) == [1, 2, 0]


def test_pictures_excite_and_quiet_their_features(settings):
    images = ImagesConfig(sources=("dead-leaves",), scenes=4)
    rows = ExtractionConfig(layer="block1_expand", images=images, n_rotations=1, reflections=False, orbits=80)
    activation_set = extract(rows.model_copy(update={"test_share": 0.25}), settings)
    config = DictionaryConfig(architecture="sae", features=12, k=3, steps=20, batch_size=32)
    dictionary = train(activation_set, config, settings)
    subject = analyse_tuning(activation_set, dictionary, settings)
    key = visualise_features(dictionary, subject, 2, settings)
    found = read_staged(key, settings)["feature_visualisations"]
    assert visualise_features(dictionary, subject, 2, settings) == key

    wanted = features_to_visualise(read_staged(subject, settings))[:2]
    assert found.select("feature", "direction").rows() == [
        (feature, direction) for direction in ("positive", "negative") for feature in wanted
    ]
    pictures = [np.asarray(Image.open(io.BytesIO(picture))) for picture in found["picture"]]
    images_ncyx = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    network = load_network("efficientnet_lite0")
    side = network.layer("block1_expand").receptive_field
    assert images_ncyx.shape == (4, 3, side, side)
    weight_nd = load_dictionary(dictionary, settings).encoder.weight[wanted]
    with torch.no_grad():
        read_nn = unit_extractor(network, "block1_expand")(images_ncyx) @ weight_nd.T
    assert (read_nn[:2].diagonal() > read_nn[2:].diagonal()).all()
