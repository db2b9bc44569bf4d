"""Matches against the whole matrix of cosines, and which pairs are staged."""

import numpy as np
import polars as pl
import pytest
import torch

from tasks.checksums import Damaged
from tasks.dictionary import feature_matches
from tasks.dictionary.analyse import analyse
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.feature_matches import best_matches, match_features, matches_key
from tasks.dictionary.store import folder_of, load_dictionary, read_table
from tasks.dictionary.train import train
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, staged_keys
from tests.damage import flip


def test_best_matches_are_those_of_the_whole_matrix(monkeypatch):
    monkeypatch.setattr(feature_matches, "FEATURES_AT_ONCE", 7)
    generator = torch.Generator().manual_seed(3)
    ours_md, others_md = torch.randn(30, 9, generator=generator), torch.randn(11, 9, generator=generator)
    ours_md[4] = 0
    cosine_m, place_m = best_matches(ours_md[:, None], others_md[:, None])
    whole_mm = torch.nn.functional.cosine_similarity(ours_md[:, None], others_md[None], dim=2)
    torch.testing.assert_close(cosine_m, whole_mm.max(1).values)
    assert place_m.tolist() == whole_mm.argmax(1).tolist()


@pytest.fixture
def three(planted_set, tmp_path, monkeypatch):
    """Settings with an SAE and a group crosscoder that were analysed, and a replica of the SAE that was not."""
    monkeypatch.setattr("tasks.dictionary.analyse._patches_of", without_pictures)
    place = Settings(data_dir=tmp_path)
    few = {"features": 12, "k": 2, "steps": 60, "batch_size": 64, "learning_rate": 5e-3}
    configs = (
        DictionaryConfig(architecture="sae", **few),
        DictionaryConfig(**few),
        DictionaryConfig(architecture="sae", seed=1, **few),
    )
    sae, crosscoder, replica = (train("planted", config, place) for config in configs)
    for key in (sae, crosscoder):
        analyse(key, place)
    return place, sae, crosscoder, replica


def without_pictures(best, by_quantile, acts):
    """Planted rows have no patches."""
    positions = pl.concat([examples.select("row", "element") for examples in (best, by_quantile)]).unique()
    return positions.with_columns(image_id=pl.lit("image"), y=0, x=0, patch=pl.lit(b""))


def by_the_matrix(place, dictionary, other):
    """{live feature: (its best match among the features that fire on the other's test split, the cosine)}."""
    live = read_staged_features(place, dictionary)
    ours_md, others_md = (load_dictionary(key, place).blocks()[:, 0].double().numpy() for key in (dictionary, other))
    cosine_mm = ours_md @ others_md.T / np.linalg.norm(ours_md, axis=1)[:, None] / np.linalg.norm(others_md, axis=1)
    cosine_mm[:, read_table(other, "test_firing", place)["fired"].to_numpy() == 0] = -np.inf
    return {feature: (int(cosine_mm[feature].argmax()), cosine_mm[feature].max()) for feature in live}


def read_staged_features(place, dictionary):
    return read_staged(analyse(dictionary, place), place)["features"].filter(dead=False)["feature"].to_list()


def test_pairs_are_staged_in_both_directions_and_once(three):
    place, sae, crosscoder, replica = three
    assert match_features((sae,), place) == 3  # with the crosscoder in both directions, with the replica in one
    for dictionary, other in ((sae, crosscoder), (crosscoder, sae), (sae, replica)):
        tables = read_staged(matches_key(dictionary, other), place)
        expected = by_the_matrix(place, dictionary, other)
        found = tables["feature_matches"]
        assert found["feature"].to_list() == list(expected)
        for row in found.rows(named=True):
            match, cosine = expected[row["feature"]]
            assert (row["dictionary_id"], row["other_dictionary_id"]) == (dictionary, other)
            assert row["other_feature"] == match
            assert row["cosine"] == pytest.approx(cosine, abs=1e-5)
        [pair] = tables["matched_dictionaries"].rows(named=True)
        assert pair["differs_in_seed_alone"] == (other == replica)
        assert pair["other_architecture"] == ("group-crosscoder" if other == crosscoder else "sae")
        assert (pair["other_seed"], pair["other_k"], pair["other_features"]) == (int(other == replica), 2, 12)
    assert not is_staged(matches_key(replica, sae), place)

    before = staged_keys(place)
    assert match_features((sae,), place) == 3
    assert staged_keys(place) == before
    assert match_features((sae, crosscoder), place) == 4
    assert set(staged_keys(place)) - set(before) == {matches_key(crosscoder, replica)}


def test_a_damaged_dictionary_is_left_out(three):
    place, sae, crosscoder, replica = three
    flip(folder_of(replica, place) / "model.safetensors", 500)
    with pytest.raises(Damaged):
        load_dictionary(replica, place)
    assert match_features((sae,), place) == 2
    assert is_staged(matches_key(sae, crosscoder), place)
