"""Spliced metrics against a hook and the formulas written out, and of dictionaries whose figures are known."""

import pytest
import torch

from tasks.activations import whole_frames
from tasks.activations.extract import extract
from tasks.activations.shards import ActivationSet
from tasks.dictionary import reconstruction_loss
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.reconstruction_loss import spliced_metrics
from tasks.dictionary.store import create
from tasks.settings import Settings
from tests.tasks.activations.small_set import SMALL

LAYER, MODULE = "block1", "_blocks.1._project_conv"
"""A layer of the embedded network, and the module whose output it is."""


@pytest.fixture(scope="module")
def acts(tmp_path_factory) -> ActivationSet:
    settings = Settings(data_dir=tmp_path_factory.mktemp("block1"))
    return ActivationSet.open(extract(SMALL.model_copy(update={"layer": LAYER}), settings), settings)


def frames_of_the_test_split(acts):
    images = acts.plan.rows.filter(split="test")["image"].unique().to_list()
    chosen = [index for index, frame in enumerate(acts.plan.images.frames) if frame.image in images]
    assert 1 < len(chosen) < len(acts.plan.images)
    return torch.stack([acts.plan.images.load(index) for index in chosen]).float() / 255


def trained_a_little(acts, **config):
    """As training starts: features from rows of data."""
    dictionary = create(DictionaryConfig(features=8, k=3, **config), acts.channels, acts.group)
    x_gbd = acts.read(0).transpose(0, 1).float().repeat(1, 2, 1)[: dictionary.block_count, :8]
    dictionary.set_scale(x_gbd)
    dictionary.initialise(x_gbd)
    return dictionary.eval().requires_grad_(False)


def by_hook(network, frames, replace):
    """Logits with the layer's output [b, channels, h, w] replaced."""
    hook = network.module.get_submodule(MODULE).register_forward_hook(lambda module, args, output: replace(output))
    try:
        with torch.no_grad():
            return network.logits(frames)
    finally:
        hook.remove()


def by_the_formulas(dictionary, network, frames):
    clean = network.logits(frames)
    layer_acts = network.activations(frames, LAYER)

    def reconstruct(acts_bcyx):
        out = torch.empty_like(acts_bcyx)
        for y in range(acts_bcyx.shape[2]):
            for x in range(acts_bcyx.shape[3]):
                rows_bd = acts_bcyx[:, :, y, x]
                f_bm = dictionary.encode(rows_bd[:, None] if dictionary.is_crosscoder else rows_bd)
                out[:, :, y, x] = dictionary.decode(f_bm)[:, 0]
        return out

    logits = {
        "clean": clean,
        "spliced": by_hook(network, frames, reconstruct),
        "zero": by_hook(network, frames, lambda acts: acts * 0),
        "mean": by_hook(network, frames, lambda acts: layer_acts.mean((0, 2, 3), keepdim=True) + 0 * acts),
    }
    loss = {name: -(clean.softmax(1) * answer.log_softmax(1)).sum(1).mean() for name, answer in logits.items()}
    change = {name: (answer.argmax(1) != clean.argmax(1)).float().mean() for name, answer in logits.items()}
    return {
        "loss_recovered_zero": (loss["zero"] - loss["spliced"]) / (loss["zero"] - loss["clean"]),
        "loss_recovered_mean": (loss["mean"] - loss["spliced"]) / (loss["mean"] - loss["clean"]),
        "top1_change": change["spliced"],
        "top1_change_zero": change["zero"],
        "top1_change_mean": change["mean"],
        "spliced_frames": len(frames),
    }


@pytest.mark.parametrize("shape", [{"architecture": "sae"}, {}, {"harmonics": 1}], ids=str)
def test_metrics_are_what_a_hook_gives(acts, settings, lite0, monkeypatch, shape):
    dictionary = trained_a_little(acts, **shape)
    expected = by_the_formulas(dictionary, lite0, frames_of_the_test_split(acts))
    # however it is cut into pieces
    monkeypatch.setattr(whole_frames, "FRAMES_AT_ONCE", 1)
    monkeypatch.setattr(whole_frames, "POSITIONS_AT_ONCE", 100)
    seen = []
    metrics = spliced_metrics(dictionary, acts, settings, lambda done, total: seen.append((done, total)))
    assert metrics.keys() == expected.keys()
    assert metrics == pytest.approx({name: float(value) for name, value in expected.items()}, abs=2e-3)
    assert metrics["loss_recovered_zero"] != pytest.approx(metrics["loss_recovered_mean"], abs=1e-2)
    assert [done for done, _ in seen] == list(range(1, seen[-1][1] + 1))


def relu_sae(acts, strength):
    """x̂ = strength · x: a pair of features for each channel, one for each sign."""
    config = DictionaryConfig(architecture="sae", method="relu", features=2 * acts.channels)
    dictionary = create(config, acts.channels, acts.group).eval().requires_grad_(False)
    pairs_md = torch.cat([torch.eye(acts.channels), -torch.eye(acts.channels)])
    dictionary.encoder.weight.copy_(pairs_md)
    dictionary.decoder.weight[0] = strength * pairs_md
    return dictionary


def test_a_perfect_dictionary_recovers_all(acts, settings):
    metrics = spliced_metrics(relu_sae(acts, 1.0), acts, settings)
    assert metrics["loss_recovered_zero"] == pytest.approx(1, abs=1e-4)
    assert metrics["loss_recovered_mean"] == pytest.approx(1, abs=1e-4)
    assert metrics["top1_change"] == 0


def test_a_dictionary_that_says_nothing_is_the_ablation(acts, settings, lite0):
    nothing = relu_sae(acts, 0.0)
    metrics = spliced_metrics(nothing, acts, settings)
    assert metrics["loss_recovered_zero"] == pytest.approx(0, abs=1e-6)
    assert metrics["top1_change"] == metrics["top1_change_zero"] > 0
    nothing.scale.fill_(3.0)
    nothing.decoder.bias[0] = 3.0 * lite0.activations(frames_of_the_test_split(acts), LAYER).mean((0, 2, 3))
    metrics = spliced_metrics(nothing, acts, settings)
    assert metrics["loss_recovered_mean"] == pytest.approx(0, abs=1e-4)


def test_only_as_many_frames_as_are_asked_for(acts, settings, monkeypatch):
    monkeypatch.setattr(reconstruction_loss, "FRAMES", 1)
    assert spliced_metrics(relu_sae(acts, 1.0), acts, settings)["spliced_frames"] == 1


def test_encoding_from_the_orbit_has_no_metrics(acts, settings):
    assert spliced_metrics(trained_a_little(acts, encode_from="orbit"), acts, settings) == {}
