"""The pages of dictionaries under hue and scale, from real small sets."""

import json
import re

import numpy as np
import pytest

from tasks.activations.extract import extract
from tasks.activations.shards import ActivationSet, activation_tables
from tasks.dictionary.analyse import analyse
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.train import train
from tasks.report.site import write_pages
from tasks.report.text import feature_page
from tasks.staging import read_staged
from tests.tasks.activations.test_transformations import HUE, SCALE
from tests.tasks.report.conftest import snapshot_of
from tests.tasks.report.markup import gallery_of, text_of


@pytest.mark.parametrize("extraction", [HUE, SCALE], ids=["hue", "scale"])
def test_pages_say_what_was_done_to_images(extraction, settings, tmp_path):
    activation_set = extract(extraction, settings)
    scale = extraction.transformations == "scale"
    key = train(activation_set, DictionaryConfig(features=12, k=2, steps=20, orbit_reuse=not scale), settings)
    tables = activation_tables(ActivationSet.open(activation_set, settings))
    tables |= read_staged(analyse(key, settings), settings)
    write_pages(snapshot_of(tables), tmp_path, lambda done, total: None)

    [dictionary] = gallery_of(tmp_path)["dictionaries"]
    blocks = tables["transform_blocks"].sort("feature", "element")
    feature = blocks["feature"][0]
    page = (tmp_path / "features" / feature_page(key, feature)).read_text()
    numbers = json.loads(re.search(r'id="feature-data">(.*?)</script>', page)[1])
    np.testing.assert_allclose(numbers["profile"], blocks.filter(feature=feature)["cosine_to_identity"], atol=1e-4)
    said, overview = text_of(page), text_of((tmp_path / "index.html").read_text())
    if scale:
        assert (dictionary["rotations"], dictionary["kind"], dictionary["scales"]) == (1, "scale", 2)
        assert (numbers["kind"], numbers["scales"]) == ("scale", 2)
        assert "harmonics" not in numbers
        for words in ("Profile over scales", "Preferred scale", "mean cosine over all scales"):
            assert words in said
        for words in ("Stabiliser", "Rotational order", "Harmonics"):
            assert words not in said
        assert "What a vision network sees, scaled" in overview
        assert "5 from 0.5 to 2 times the size, 2 an octave" in overview
    else:
        assert (dictionary["rotations"], dictionary["kind"]) == (4, "hue")
        assert numbers["kind"] == "hue"
        assert len(numbers["harmonics"]) == 3
        for words in ("Profile over the group", "rotation of hue", "Stabiliser", "Harmonics"):
            assert words in said
        assert "What a vision network sees, recoloured" in overview
        assert "hue C₄ 4 rotations of hue, no reflections, |G| = 4" in overview
    # the browser turns patches in the plane alone: here the slider only reads the plot
    assert 'id="turned"' not in page
    assert "Read the plot: move the pointer over the plot, or use the slider." in said
    assert "Transform the top patch" not in said
