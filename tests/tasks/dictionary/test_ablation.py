"""Changes of the logits against a hook that edits the activations, and what is kept of them."""

import numpy as np
import polars as pl
import pytest
import torch

from tasks.activations import whole_frames
from tasks.dictionary.ablation import (
    LOWERED,
    RAISED,
    ablate_features,
    features_to_ablate,
    logit_changes,
    strongest_changes,
)
from tasks.dictionary.analyse import analysis_key
from tasks.dictionary.store import load_dictionary
from tasks.staging import read_staged
from tasks.vision.classes import class_names
from tests.tasks.dictionary.small_analysis import LAYER, MODULE, small_analysis


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_analysis(tmp_path_factory.mktemp("ablation"))


def by_a_hook(network, dictionary, feature, frame_cyx):
    """The change of the logits of one image, position by position."""
    [weight_md], _ = dictionary.decoder_blocks(1)

    def without(module, arguments, acts_bcyx):
        edited = acts_bcyx.clone()
        for y in range(acts_bcyx.shape[2]):
            for x in range(acts_bcyx.shape[3]):
                row_bd = acts_bcyx[:, :, y, x]
                code = dictionary.encode(row_bd[:, None] if dictionary.is_crosscoder else row_bd)[:, feature]
                edited[:, :, y, x] -= code * weight_md[feature] / dictionary.scale
        return edited

    images = frame_cyx[None].float() / 255
    clean = network.logits(images)
    hook = network.module.get_submodule(MODULE).register_forward_hook(without)
    try:
        return (network.logits(images) - clean)[0]
    finally:
        hook.remove()


@pytest.mark.parametrize("kind", ["sae", "crosscoder"])
def test_changes_are_what_a_hook_gives(small, lite0, kind, monkeypatch):
    assert small.acts.config.layer == LAYER
    monkeypatch.setattr(whole_frames, "FRAMES_AT_ONCE", 4)  # not a divisor of the number of images
    dictionary = load_dictionary(getattr(small, kind), small.settings)
    examples = read_staged(analysis_key(getattr(small, kind)), small.settings)["feature_examples"]
    features = examples["feature"].unique().sort()[:2].to_list()
    pairs = examples.filter(pl.col("feature").is_in(features)).select("feature", "image_id")
    seen = []
    changes = logit_changes(
        dictionary, small.acts, pairs, small.settings, lambda done, total: seen.append((done, total))
    )
    assert list(changes) == features
    assert seen[-1] == (pairs["image_id"].n_unique(),) * 2
    with torch.no_grad():
        for feature, changes_nk in changes.items():
            images = pairs.filter(feature=feature)["image_id"]
            places = small.acts.plan.images.frames.places(images)
            expected = [
                by_a_hook(lite0, dictionary, feature, small.acts.plan.frame(image))
                for image in sorted(images, key=places.__getitem__)
            ]
            torch.testing.assert_close(changes_nk, torch.stack(expected), atol=2e-4, rtol=1e-3)
            assert changes_nk.abs().max() > 1e-2


def test_the_classes_that_change_most_are_kept():
    changes_nk = torch.randn(6, 40, generator=torch.Generator().manual_seed(2))
    mean_k = changes_nk.numpy().astype(float).mean(0)
    error_k = changes_nk.numpy().astype(float).std(0, ddof=1) / np.sqrt(6)
    order = np.argsort(mean_k)
    expected = [("lowered", rank, order[rank - 1]) for rank in range(1, LOWERED + 1)]
    expected += [("raised", rank, order[-rank]) for rank in range(1, RAISED + 1)]
    found = strongest_changes(changes_nk)
    assert [row[:3] for row in found] == expected
    assert [row[3:] for row in found] == [pytest.approx((mean_k[k], error_k[k]), rel=1e-5) for _, _, k in expected]


def test_a_class_that_does_not_change_is_none_of_them_and_one_image_has_no_error():
    assert strongest_changes(torch.tensor([[0.0, -2.0, 0.0, 1.0]])) == [
        ("lowered", 1, 1, -2.0, None),
        ("raised", 1, 3, 1.0, None),
    ]
    assert strongest_changes(torch.zeros(3, 10)) == []


def test_an_sae_is_ablated_from_its_densest_feature_on_and_a_crosscoder_by_types(small):
    features = read_staged(analysis_key(small.sae), small.settings)["features"]
    densest = features.sort("density", "feature", descending=[True, False])["feature"].to_list()
    live = features["density"].gt(0).sum()
    assert features_to_ablate(read_staged(analysis_key(small.sae), small.settings)) == densest[:live]
    symmetry = read_staged(analysis_key(small.crosscoder), small.settings)["feature_symmetry"]
    first = features_to_ablate(read_staged(analysis_key(small.crosscoder), small.settings))[0]
    of_type = symmetry.filter(type=symmetry.filter(feature=first)["type"].item())
    assert symmetry.filter(feature=first)["confidence"].item() == of_type["confidence"].max()


def test_what_is_staged_are_the_changes_with_the_names_of_the_classes(small, lite0):
    table = read_staged(ablate_features(small.sae, 3, small.settings), small.settings)["feature_logit_effects"]
    analysis = read_staged(analysis_key(small.sae), small.settings)
    chosen = features_to_ablate(analysis)[:3]
    assert set(table["feature"]) <= set(chosen)
    pairs = analysis["feature_examples"].filter(pl.col("feature").is_in(chosen)).select("feature", "image_id")
    changes = logit_changes(load_dictionary(small.sae, small.settings), small.acts, pairs, small.settings)
    for feature, changes_nk in changes.items():
        rows = table.filter(feature=feature).sort("direction", "rank").rows(named=True)
        found = [(row["direction"], row["rank"], row["class_index"], row["change"], row["std_error"]) for row in rows]
        assert found == strongest_changes(changes_nk)
        assert {row["images"] for row in rows} <= {len(changes_nk)}
        assert [row["class_name"] for row in rows] == [class_names(lite0)[row["class_index"]] for row in rows]
