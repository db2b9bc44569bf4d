"""Each metric equals the one of the package visaebench on activations in its shape, [images, patches, channels]."""

import warnings

import numpy as np
import pytest
import torch
from torch import Tensor

from tasks.benchmark.absorption import absorption
from tasks.benchmark.cross_domain import cross_domain
from tasks.benchmark.downstream import downstream
from tasks.benchmark.fvu import Moments, fvu, their_fvu, their_fvu_elsewhere
from tasks.benchmark.localisation import Localisation
from tasks.benchmark.monosemanticity import monosemanticity
from tasks.benchmark.sparse_probing import accuracies, area

warnings.filterwarnings("ignore", module="visaebench")
theirs = pytest.importorskip("visaebench.metrics")

SIDE, CHANNELS, FEATURES, CLASSES, OF_CLASS, SEED = 6, 12, 130, 6, 14, 42
IMAGES, PATCHES = CLASSES * OF_CLASS, SIDE * SIDE


class Sparse(torch.nn.Module):
    """A dictionary with their interface: random encoder, of whose activations the largest are kept."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.encoder_dm = torch.randn(CHANNELS, FEATURES, generator=generator) / CHANNELS**0.5
        self.decoder_md = torch.linalg.pinv(self.encoder_dm)

    def encode(self, x_pd: Tensor) -> Tensor:
        pre_pm = torch.relu(x_pd @ self.encoder_dm.to(x_pd))
        return pre_pm * (pre_pm >= pre_pm.topk(20, dim=1).values[:, -1:])

    def decode(self, f_pm: Tensor) -> Tensor:
        return 2 * f_pm @ self.decoder_md.to(f_pm)


SAE = Sparse()


def activations(seed: int, offset: float = 0.0) -> tuple[Tensor, np.ndarray]:
    """Smooth maps whose channels depend on the image's class, [images, patches, channels], and the classes."""
    generator = torch.Generator().manual_seed(seed)
    labels_n = np.repeat(np.arange(CLASSES), OF_CLASS)
    maps = torch.randn(IMAGES, CHANNELS, SIDE + 2, SIDE + 2, generator=generator)
    maps = torch.nn.functional.avg_pool2d(maps, 3, stride=1) * 3
    maps += torch.randn(CLASSES, CHANNELS, 1, 1, generator=generator)[labels_n] * 0.5 + offset
    return maps.flatten(2).transpose(1, 2).contiguous(), labels_n


@pytest.fixture(scope="module")
def acts():
    return activations(0)


def normalised(acts_npd: Tensor, of_npd: Tensor) -> tuple[Tensor, Tensor, float]:
    rows = Moments(CHANNELS)
    rows.add(of_npd.flatten(0, 1))
    return (acts_npd - rows.mean().float()) / rows.deviation(), rows.mean().float(), rows.deviation()


def pooled(acts_npd: Tensor) -> np.ndarray:
    return SAE.encode(acts_npd.flatten(0, 1)).view(len(acts_npd), PATCHES, FEATURES).amax(1).numpy()


def test_the_normalisation_is_theirs(acts, tmp_path):
    from visaebench.data import compute_or_load_norm_stats

    torch.save(acts[0], tmp_path / "shard.pt")
    mean_d, deviation = compute_or_load_norm_stats([tmp_path / "shard.pt"])
    rows = Moments(CHANNELS)
    rows.add(acts[0].flatten(0, 1))
    torch.testing.assert_close(rows.mean().float(), mean_d, atol=1e-6, rtol=1e-6)
    assert rows.deviation() == pytest.approx(deviation, rel=1e-6)


def test_localisation(acts):
    metric = theirs.METRIC_REGISTRY["localization"]((SIDE, SIDE), min_images_per_feature=10)
    expected = metric.compute(SAE, acts[0], device="cpu")
    ours = Localisation(FEATURES)
    for batch_bpd in acts[0].split(13):
        ours.add(SAE.encode(batch_bpd.flatten(0, 1)).view(-1, SIDE, SIDE, FEATURES))
    scores_m = ours.scores(10)
    assert len(scores_m) == expected.metadata["num_features_scored"] > 20
    np.testing.assert_allclose(scores_m, expected.metadata["distribution"], atol=1e-6)
    assert scores_m.mean().item() == pytest.approx(expected.value, abs=1e-6)


@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_fvu(acts, offset):
    shown_npd, _ = activations(0, offset)
    _, mean_d, deviation = normalised(shown_npd, shown_npd)
    x_pd = shown_npd.flatten(0, 1).double()
    expected = theirs.METRIC_REGISTRY["fvu"]().compute(SAE, x_pd, device="cpu", mean=mean_d.double(), std=deviation)

    rows, residuals = Moments(CHANNELS), Moments(CHANNELS)
    for batch_pd in x_pd.split(500):
        z_pd = (batch_pd - mean_d) / deviation
        rows.add(batch_pd)
        residuals.add((z_pd - SAE.decode(SAE.encode(z_pd))) * deviation)
    assert 0.05 < their_fvu(rows, residuals, rows.mean()) == pytest.approx(expected.value, abs=1e-6)


def test_our_fvu_is_about_the_mean_of_each_channel_and_theirs_where_nothing_is_biased():
    generator = torch.Generator().manual_seed(0)
    x_pd, residuals_pd = torch.randn(2, 500, CHANNELS, generator=generator).double()
    for bias in (0.0, 0.3):
        rows, residuals = Moments(CHANNELS), Moments(CHANNELS)
        rows.add(x_pd + 5)
        residuals.add(residuals_pd - residuals_pd.mean(0) + bias)
        expected = (residuals_pd - residuals_pd.mean(0) + bias).square().sum() / (x_pd - x_pd.mean(0)).square().sum()
        assert fvu(rows, residuals) == pytest.approx(expected.item())
        assert (their_fvu(rows, residuals, rows.mean()) == pytest.approx(expected.item())) == (bias == 0)


def test_probe_after_over_before(acts):
    acts_npd, labels_n = acts
    z_npd, mean_d, deviation = normalised(acts_npd, acts_npd)
    metric = theirs.METRIC_REGISTRY["downstream_preservation"]()
    expected = metric.compute(SAE, acts_npd, device="cpu", labels=labels_n, mean=mean_d, std=deviation, seed=SEED)
    x_hat_npd = SAE.decode(SAE.encode(z_npd.flatten(0, 1))).view_as(z_npd)
    found = downstream(z_npd.mean(1).numpy(), x_hat_npd.mean(1).numpy(), labels_n, SEED)
    assert found.ratio == pytest.approx(expected.value, abs=1e-6)
    assert found.before == pytest.approx(expected.metadata["accuracy_original"], abs=1e-6)
    assert found.after == pytest.approx(expected.metadata["accuracy_reconstructed"], abs=1e-6)
    assert found.after > 1 / CLASSES


def test_sparse_probing(acts):
    acts_npd, labels_n = acts
    expected = theirs.METRIC_REGISTRY["sparse_probing"]().compute(
        SAE, acts_npd, device="cpu", labels=labels_n, seed=SEED
    )
    found = accuracies(pooled(acts_npd), labels_n, SEED)
    assert found == pytest.approx(expected.metadata["k_accuracies"], abs=1e-6)
    assert list(found) == [1, 5, 10, 20, 50, 100]
    assert area(found) == pytest.approx(expected.value, abs=1e-6)


class Evaluator:
    """Their interface to a second network: an image is a number, and its maps are random."""

    def __init__(self) -> None:
        self.maps_npd = torch.randn(IMAGES, 4, 7, generator=torch.Generator().manual_seed(5)) + 0.3

    def extract_activations(self, images, *, layer):
        return self.maps_npd[images]


def test_monosemanticity(acts):
    evaluator = Evaluator()
    expected = theirs.METRIC_REGISTRY["monosemanticity"]().compute(
        SAE, acts[0], device="cpu", images=range(IMAGES), evaluator_backbone=evaluator
    )
    found = monosemanticity(torch.from_numpy(pooled(acts[0])), evaluator.maps_npd.mean(1))
    np.testing.assert_allclose(found, expected.metadata["ms_distribution"], atol=1e-6)
    assert found.mean().item() == pytest.approx(expected.value, abs=1e-6)


def test_a_feature_of_a_single_image_has_no_pairs():
    codes_nm, embeddings_nd = torch.zeros(20, 3), torch.eye(20)
    codes_nm[3, 0], codes_nm[3, 1], codes_nm[4, 1] = 2.0, 2.0, 1.0
    assert monosemanticity(codes_nm, embeddings_nd).tolist() == [0.0]
    assert monosemanticity(codes_nm, embeddings_nd[:, :1] + 1).tolist() == [1.0]


@pytest.mark.parametrize(("offset", "biased"), [(0.05, False), (1.0, True)])
def test_cross_domain(acts, offset, biased):
    other_npd, labels_n = activations(9, offset)
    _, mean_d, deviation = normalised(acts[0], acts[0])
    entry = {"activations": other_npd, "labels": labels_n}
    metric = theirs.METRIC_REGISTRY["cross_domain"]()
    options = {"device": "cpu", "ood_datasets": {"other": entry}, "mean": mean_d, "std": deviation, "seed": SEED}
    expected = metric.compute(SAE, acts[0][:8], **options).metadata["per_dataset"]["other"]

    rows, residuals = Moments(CHANNELS), Moments(CHANNELS)
    z_pd = ((other_npd - mean_d) / deviation).flatten(0, 1)
    rows.add(other_npd.flatten(0, 1))
    residuals.add((z_pd - SAE.decode(SAE.encode(z_pd))) * deviation)
    active_m = pooled((acts[0][:8] - mean_d) / deviation).max(0) > 0
    found = cross_domain(
        active_m,
        pooled((other_npd - mean_d) / deviation),
        their_fvu_elsewhere(rows, residuals, mean_d.double()),
        labels_n,
        SEED,
    )
    assert found.fvu == pytest.approx(expected["ood_fvu"], abs=1e-6)
    assert (found.fvu == 1.0) == biased
    assert found.coverage == pytest.approx(expected["domain_coverage"], abs=1e-6)
    assert found.overlap == pytest.approx(expected["jaccard_overlap"], abs=1e-6)
    assert found.accuracy == pytest.approx(expected["probe_accuracy_k10"], abs=1e-6)
    assert found.score == pytest.approx(expected["composite"], abs=1e-6)


def test_absorption(acts):
    acts_npd, labels_n = acts
    groups = {"first": [0, 1, 2], "second": [2, 3, 4, 5], "too few": [0, 5], "not there": [17, 18, 19]}
    given = {name: {"class_indices": classes, "hierarchy_depth": 1} for name, classes in groups.items()}
    expected = theirs.METRIC_REGISTRY["absorption"]().compute(
        SAE, acts_npd, device="cpu", labels=labels_n, sibling_groups=given, seed=SEED
    )
    found = absorption(pooled(acts_npd), labels_n, groups.values(), SEED)
    pairs = expected.metadata["per_pair_results"]
    assert len(found) == len(pairs) == 7
    assert [each.overlap for each in found] == pytest.approx([pair["overlap"] for pair in pairs], abs=1e-6)
    assert [each.gap for each in found] == pytest.approx([pair["f1_gap"] for pair in pairs], abs=1e-6)
    assert np.mean([each.absorbed for each in found]) == pytest.approx(expected.value, abs=1e-6)
