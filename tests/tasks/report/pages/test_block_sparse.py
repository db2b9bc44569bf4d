"""The page of a feature of several dimensions, from a real small block-sparse SAE."""

import json
import re

import pytest

from tasks.activations.shards import activation_tables
from tasks.dictionary.analyse import analyse, details_key
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.feature_matches import match_features, matches_key
from tasks.dictionary.metrics import span_similarity
from tasks.dictionary.store import load_dictionary
from tasks.dictionary.train import train
from tasks.report.site import write_pages
from tasks.report.text import feature_page
from tasks.staging import read_staged
from tests.tasks.dictionary.small_analysis import FEW, small_analysis
from tests.tasks.report.conftest import snapshot_of
from tests.tasks.report.markup import text_of

DIMENSION = 3


def test_the_page_says_what_several_dimensions_are(tmp_path):
    small = small_analysis(tmp_path / "data")
    config = DictionaryConfig(architecture="sae", method="block-topk", atom_dimension=DIMENSION, **FEW)
    key = train(small.acts.key, config, small.settings)
    tables = activation_tables(small.acts) | read_staged(analyse(key, small.settings), small.settings)
    match_features((small.sae, key), small.settings)
    for staged in (details_key(key), matches_key(key, small.sae)):
        tables |= read_staged(staged, small.settings)
    write_pages(snapshot_of(tables), tmp_path / "site", lambda done, total: None)

    feature, neighbour, similarity = (
        tables["feature_neighbours"].filter(rank=1).select("feature", "neighbour", "similarity").row(0)
    )
    page = (tmp_path / "site" / "features" / feature_page(key, feature)).read_text()
    said = text_of(page)
    assert f"Dimension {DIMENSION} decoder vectors; its activation is the norm of what they add" in said
    assert f"how similar the spans of their {DIMENSION} decoder vectors are" in said
    assert f"the feature’s {DIMENSION} decoder vectors write most. Beside each: the norm of its weights" in said
    assert "Dictionary Feature Similarity Mutual" in said
    assert "by the cosine of" not in said
    assert 'id="polar"' not in page

    atoms_mjd = load_dictionary(key, small.settings).blocks()
    expected = span_similarity(atoms_mjd[[feature]], atoms_mjd[[neighbour]]).item()
    assert similarity == pytest.approx(expected, abs=1e-5)
    assert f"{neighbour} {similarity:.2f}" in said
    details = json.loads(re.search(r'id="details-data">(.*?)</script>', page)[1])
    weights = atoms_mjd[feature].norm(dim=0)
    strongest = details["neurons"][0]
    assert strongest["neuron"] == weights.argmax().item()
    assert strongest["weight"] == pytest.approx(weights.max().item(), rel=1e-4)
    [match] = details["matches"]
    assert 0 <= match["cosine"] <= 1
    assert match["dictionary_id"] == small.sae
