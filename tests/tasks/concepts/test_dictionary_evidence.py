"""Evidence in features: each statistic by a loop over positions, and rows as the table has them."""

from dataclasses import replace

import pytest
import torch
from sklearn.metrics import roc_auc_score

from tasks.activations.extract import extract
from tasks.concepts.attack import noise
from tasks.concepts.config import AttackConfig
from tasks.concepts.dictionary_evidence import RARE, DictionaryReader
from tasks.concepts.exemplars import drawn_exemplars
from tasks.concepts.tamper_detection import recompressed
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.store import load_dictionary
from tasks.dictionary.train import train
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.vision.networks import load_network
from tests.tasks.activations.small_set import SMALL

LAYER, SIDE = "block1", 64


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Settings, str, str]:
    """Settings, and the keys of a sparse autoencoder and a group crosscoder of one layer."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("evidence"))
    acts = extract(SMALL.model_copy(update={"layer": LAYER}), settings)
    small = {"features": 48, "k": 4, "steps": 5, "batch_size": 16}
    keys = (
        train(acts, DictionaryConfig(architecture=architecture, **small), settings)
        for architecture in ("sae", "group-crosscoder")
    )
    return settings, *keys


@pytest.fixture(scope="module")
def sets():
    """Concept and random sets."""
    return drawn_exemplars("checks", 6, SIDE), [drawn_exemplars("dots", 5, SIDE, seed) for seed in (0, 1)]


@pytest.fixture(scope="module")
def reader(trained, sets):
    settings, sae, _ = trained
    clean, randoms = sets
    return DictionaryReader(sae, randoms, clean, settings)


@pytest.fixture(scope="module")
def noisy(sets):
    clean, _ = sets
    frames_ncyx = noise(clean.frames_ncyx, AttackConfig(epsilon=8, poisoned_fraction=0.5))
    return replace(clean, name="noisy", frames_ncyx=frames_ncyx)


def by_loops(sae, settings, randoms, exemplars):
    """{statistic: [of each exemplar]}, and of each random image by the others."""
    dictionary, network = load_dictionary(sae, settings), load_network("efficientnet_lite0", None)

    def rows(frame_cyx):
        with torch.no_grad():
            [acts_cyx] = network.activations(frame_cyx[None].float() / 255, LAYER)
        x_pd = acts_cyx.permute(1, 2, 0).reshape(-1, acts_cyx.shape[0])
        return x_pd, dictionary.encode(x_pd)

    frames = [frame for one in randoms for frame in one.frames_ncyx]
    looked_at = [rows(frame) for frame in frames]
    mean_d = torch.cat([x_pd for x_pd, _ in looked_at]).mean(0)

    def statistics(frame_cyx, others):
        x_pd, f_pm = rows(frame_cyx)
        error = (x_pd - dictionary.decode(f_pm)[:, 0]).square().sum() / (x_pd - mean_d).square().sum()
        often_m = torch.cat([f_pm > 0 for _, f_pm in others]).float().mean(0)
        after = rows(recompressed(frame_cyx[None])[0])
        plain, fragile = (
            1 - torch.cosine_similarity(one.sum(0), other.sum(0), dim=0)
            for one, other in zip((x_pd, f_pm), after, strict=True)
        )
        return {
            "fvu": error.item(),
            "rare": (f_pm[:, often_m < RARE].sum() / f_pm.sum()).item(),
            "fragile": fragile.item(),
            "plain": plain.item(),
        }

    of_random = [statistics(frame, looked_at[:at] + looked_at[at + 1 :]) for at, frame in enumerate(frames)]
    return [statistics(frame, looked_at) for frame in exemplars.frames_ncyx], of_random


def test_rows_are_those_of_loops(trained, sets, reader, noisy):
    settings, sae, _ = trained
    clean, randoms = sets
    (before, of_random), (after, _) = (by_loops(sae, settings, randoms, one) for one in (clean, noisy))
    changed = [one != other for one, other in zip(clean.images, noisy.images, strict=True)]
    assert sum(changed) == 3
    rows = reader.read(noisy)
    assert [row["statistic"] for row in rows] == list(before[0])
    for row in rows:
        clean_values, values, random = (
            [each[row["statistic"]] for each in some] for some in (before, after, of_random)
        )
        assert row["value"] == pytest.approx(sum(values) / 6, rel=1e-3, abs=1e-5)
        assert row["random_mean"] == pytest.approx(sum(random) / 10, rel=1e-3, abs=1e-5)
        usual = torch.tensor(random).quantile(0.95)
        assert row["flagged"] == pytest.approx(sum(value > usual for value in values) / 6)
        moved = [value for value, is_changed in zip(values, changed, strict=True) if is_changed]
        assert row["auc"] == pytest.approx(roc_auc_score([0] * 6 + [1] * 3, clean_values + moved))
    assert len({row["value"] for row in rows}) == len(rows)


def test_clean_exemplars_are_told_from_themselves_by_chance(sets, reader):
    clean, _ = sets
    assert [row["auc"] for row in reader.read(clean)] == [0.5] * 4


def test_an_image_is_looked_at_once(reader, noisy):
    first = reader.read(noisy)
    told = []
    assert reader.read(noisy, lambda done, total: told.append(done)) == first
    assert told == []


def test_what_can_not_be_read_says_so(trained, sets):
    settings, sae, crosscoder = trained
    clean, randoms = sets
    with pytest.raises(UserError, match=f"dictionary {crosscoder} is a group crosscoder.*give a sparse autoencoder"):
        DictionaryReader(crosscoder, randoms, clean, settings)
    with pytest.raises(UserError, match="no random set to compare with"):
        DictionaryReader(sae, [], clean, settings)
    with pytest.raises(UserError, match="no trained dictionary nothing"):
        DictionaryReader("nothing", randoms, clean, settings)
