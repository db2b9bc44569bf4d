"""Our TopK SAE and our metrics against sae-lens's, on the same weights and the same rows."""

import pytest
import torch

from tasks.dictionary import store
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.metrics import evaluate
from tasks.dictionary.train import train


@pytest.fixture(scope="module")
def sae_lens():
    return pytest.importorskip("sae_lens", reason="sae-lens is not installed")


def theirs(sae_lens, ours):
    """sae-lens's inference SAE with our weights; it knows no scale, so it takes rows that are scaled already."""
    config = ours.config
    shape = {"d_in": ours.channels, "d_sae": config.features, "k": config.k}
    sae = sae_lens.TopKSAE(sae_lens.TopKSAEConfig(**shape, rescale_acts_by_decoder_norm=False))
    state = {
        "W_enc": ours.encoder.weight.T.contiguous(),
        "b_enc": ours.encoder.bias,
        "W_dec": ours.decoder.weight[0],
        "b_dec": ours.decoder.bias[0],
    }
    sae.load_state_dict(state)
    return sae.eval()


@pytest.mark.parametrize(("features", "k"), [(16, 2), (40, 7)])
def test_forward_and_metrics_are_theirs(sae_lens, planted_set, settings, features, k):
    from sae_lens.evals import ExplainedVarianceCalculator

    config = DictionaryConfig(architecture="sae", features=features, k=k, steps=60, batch_size=32, orbit_reuse=False)
    ours = store.load_dictionary(train("planted", config, settings), settings)
    reference = theirs(sae_lens, ours)
    x_bd = torch.cat([planted_set.acts[3][:, 0]]).float()
    z_bd = x_bd * ours.scale

    with torch.no_grad():
        their_features_bm = reference.encode(z_bd)
        their_output_bd = reference.decode(their_features_bm)
    f_bm = ours.encode(x_bd)
    torch.testing.assert_close(f_bm, their_features_bm, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.decode(f_bm)[:, 0] * ours.scale, their_output_bd, rtol=1e-5, atol=1e-5)

    found = evaluate(ours, planted_set)
    explained = ExplainedVarianceCalculator()
    for start in range(0, len(z_bd), 20):
        explained.add_batch(their_output_bd[start : start + 20], z_bd[start : start + 20])
    assert found.fvu == pytest.approx(1 - explained.compute(), rel=1e-4)
    assert found.l0 == pytest.approx((their_features_bm != 0).sum(-1).float().mean().item())
    assert found.firing_counts_m.tolist() == (their_features_bm > 0).sum(0).tolist()
