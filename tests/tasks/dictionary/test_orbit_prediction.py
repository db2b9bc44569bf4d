"""What the identity block determines is predicted, linearly or not, and nothing else is."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from tasks.activations.shards import ShardInfo
from tasks.dictionary import orbit_prediction as module
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.orbit_prediction import (
    GENERATOR_STEPS,
    PASSES,
    RIDGE,
    errors_on_test_rows,
    fit_generators,
    fit_linear,
    fit_network,
    has_generators,
    measure_equivariance,
    measure_orbit_prediction,
    whole_fvu,
)
from tasks.dictionary.rows import every_row
from tasks.dictionary.store import load_dictionary
from tasks.dictionary.train import train
from tasks.errors import UserError
from tasks.progress import silent
from tasks.staging import read_staged
from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.scales import ScaleRange
from tests.tasks.dictionary.small_analysis import FEW, small_analysis

GROUP, CHANNELS, ORBITS = DihedralGroup(2), 5, 512
CONFIG = DictionaryConfig(orbit_reuse=False, batch_size=64)
ANOTHER = DictionaryConfig(architecture="sae", seed=3, **FEW)


def reading(acts: list[torch.Tensor]) -> dict:
    """The ways to read an activation set in memory."""
    return {"read": acts.__getitem__, "read_each": partial(map, acts.__getitem__)}


def orbits_of(blocks_of) -> SimpleNamespace:
    """An activation set in memory: standard normal identity blocks, and the other blocks that `blocks_of` makes."""
    generator = torch.Generator().manual_seed(0)
    acts = []
    for _ in range(2):
        x_bd = torch.randn(ORBITS, CHANNELS, generator=generator)
        acts.append(torch.stack([x_bd, *blocks_of(x_bd, generator)], dim=1))
    shards = tuple(ShardInfo(index, split, ORBITS, 0, "") for index, split in enumerate(("train", "test")))
    return SimpleNamespace(group=GROUP, channels=CHANNELS, shards=shards, **reading(acts))


def linear_blocks(x_bd, generator):
    maps = torch.randn(GROUP.order - 1, CHANNELS, CHANNELS, generator=torch.Generator().manual_seed(1))
    return [x_bd @ each + 0.5 for each in maps]


def bent_blocks(x_bd, generator):
    return [x_bd.abs()] * (GROUP.order - 1)


def unrelated_blocks(x_bd, generator):
    return [torch.randn(x_bd.shape, generator=generator) for _ in range(GROUP.order - 1)]


def fvu_g(predictor, acts):
    error_g, variance_g = errors_on_test_rows(predictor, acts, CONFIG)
    return (error_g / variance_g).numpy()


def test_linear_blocks_are_predicted_and_unrelated_ones_are_not():
    acts = orbits_of(linear_blocks)
    assert fvu_g(fit_linear(acts, CONFIG), acts) == pytest.approx(np.zeros(GROUP.order), abs=1e-5)
    acts = orbits_of(unrelated_blocks)
    identity, *others = fvu_g(fit_linear(acts, CONFIG), acts)
    assert identity < 1e-5
    assert others == pytest.approx([1.0] * len(others), abs=0.05)


def test_the_linear_predictor_is_scikit_learns_ridge_regression():
    acts = orbits_of(unrelated_blocks)
    train, test = (acts.read(index).flatten(1).numpy() for index in (0, 1))
    x_bd = train[:, :CHANNELS]
    ridge = Ridge(alpha=RIDGE * x_bd.var(0).mean() * len(x_bd)).fit(x_bd, train)
    found = fit_linear(acts, CONFIG)(torch.from_numpy(test[:, :CHANNELS])).numpy()
    np.testing.assert_allclose(found, ridge.predict(test[:, :CHANNELS]), atol=1e-5)


def test_variances_are_those_of_the_test_rows():
    acts = orbits_of(bent_blocks)
    _, variance_g = errors_on_test_rows(fit_linear(acts, CONFIG), acts, CONFIG)
    np.testing.assert_allclose(variance_g, acts.read(1).double().numpy().var(0).sum(1))


def test_the_network_predicts_what_a_linear_map_cannot():
    acts = orbits_of(bent_blocks)
    linear = fit_linear(acts, CONFIG)
    assert fvu_g(linear, acts)[1:].min() > 0.9
    bent = fvu_g(fit_network(linear, acts, CONFIG, 300), acts)
    assert bent[1:].max() < 0.15
    assert bent[0] < 0.01


def test_the_same_seed_gives_the_same_network_and_leaves_the_generator_alone():
    acts = orbits_of(bent_blocks)
    linear = fit_linear(acts, CONFIG)
    state = torch.random.get_rng_state()
    once, again = (fvu_g(fit_network(linear, acts, CONFIG, 20), acts) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_with_orbit_reuse_every_element_stands_at_the_identity():
    acts = orbits_of(lambda x_bd, generator: [torch.ones_like(x_bd)] * (GROUP.order - 1))
    reused, seen = CONFIG.model_copy(update={"orbit_reuse": True}), []
    fit_linear(acts, reused, lambda *counts: seen.append(counts))
    assert seen[-1] == (PASSES * ORBITS // CONFIG.batch_size,) * 2
    mean_of_plain, mean_of_reused = (fit_linear(acts, config).mean_d.mean().item() for config in (CONFIG, reused))
    assert mean_of_plain == pytest.approx(0.0, abs=0.1)
    assert mean_of_reused == pytest.approx(1 - 1 / GROUP.order, abs=0.1)


def turned_by_matrices(group):
    """Orbits in which every block is the identity's times a matrix, and those are a representation of the group."""
    generator = torch.Generator().manual_seed(3)
    angle, mix_dd = 2 * np.pi / group.n_rotations, torch.linalg.qr(torch.randn(4, 4, generator=generator)).Q
    turn_dd, mirror_dd = torch.eye(4), torch.diag(torch.tensor([-1.0, 1.0, 1.0, 1.0]))
    turn_dd[:2, :2] = torch.tensor([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    of_element = [torch.linalg.matrix_power(turn_dd, k) for k in range(group.n_rotations)]
    of_element += [mirror_dd @ each_dd for each_dd in of_element] if group.reflections else []
    acts = []
    for _ in range(2):
        x_bd = torch.randn(ORBITS, 4, generator=generator)
        acts.append(torch.stack([x_bd @ each_dd @ mix_dd + 2 for each_dd in of_element], dim=1))
    shards = tuple(ShardInfo(index, split, ORBITS, 0, "") for index, split in enumerate(("train", "test")))
    return SimpleNamespace(group=group, channels=4, shards=shards, **reading(acts))


@pytest.mark.parametrize("group", [DihedralGroup(5), DihedralGroup(6, reflections=False), DihedralGroup(1)])
def test_one_matrix_per_generator_predicts_a_representation(group):
    """Also under orbit reuse, where other blocks stand at the identity: the matrices are the same everywhere."""
    acts = turned_by_matrices(group)
    for config in (CONFIG, CONFIG.model_copy(update={"orbit_reuse": True})):
        error_g, variance_g = errors_on_test_rows(fit_generators(acts, config, 0), acts, config)
        assert (error_g / variance_g).max() < 1e-3


def test_training_the_matrices_improves_their_powers():
    """Blocks whose noise makes the regression shrink: its powers shrink the more, and training corrects that."""
    acts = turned_by_matrices(DihedralGroup(8, reflections=False))
    noise = torch.Generator().manual_seed(4)
    noisy = [acts.read(index) + 0.5 * torch.randn(ORBITS, 8, 4, generator=noise) for index in (0, 1)]
    acts = SimpleNamespace(**vars(acts) | reading(noisy))
    fvu = []
    for steps in (0, 1000):
        error_g, variance_g = errors_on_test_rows(fit_generators(acts, CONFIG, steps), acts, CONFIG)
        fvu.append((error_g.sum() / variance_g.sum()).item())
    assert fvu[1] < fvu[0]


def test_unrelated_blocks_are_predicted_by_their_mean():
    acts = orbits_of(unrelated_blocks)
    identity, *others = fvu_g(fit_generators(acts, CONFIG, 0), acts)
    assert identity < 1e-12
    assert others == pytest.approx([1.0] * len(others), abs=0.05)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_analysis(tmp_path_factory.mktemp("small"))


def test_predictions_of_a_crosscoder_are_staged_once_and_by_steps(small, monkeypatch):
    seen = []
    keys = measure_orbit_prediction(small.crosscoder, 20, small.settings, lambda *counts: seen.append(counts))
    assert seen[-1] == (1000, 1000)
    tables = {name: read_staged(key, small.settings)["orbit_predictions"] for name, key in keys.items()}
    for name, steps in (("linear", 0), ("nonlinear", 20), ("generators", GENERATOR_STEPS)):
        table = tables[name]
        assert table["element"].to_list() == list(range(small.acts.group.order))
        assert table.select("dictionary_id", "predictor", "steps").unique().rows() == [(small.crosscoder, name, steps)]
        assert table["fvu"].min() <= whole_fvu(table) <= table["fvu"].max()
    assert tables["linear"]["fvu"][0] < 0.01
    assert whole_fvu(tables["linear"]) > 0.01
    longer = measure_orbit_prediction(small.crosscoder, 21, small.settings)
    assert longer["linear"] == keys["linear"]
    assert longer["nonlinear"] != keys["nonlinear"]
    monkeypatch.setattr(module, "fit_linear", lambda *rest: pytest.fail("measured again"))
    assert measure_orbit_prediction(small.crosscoder, 20, small.settings) == keys
    assert measure_orbit_prediction(small.crosscoder, 0, small.settings) == {
        name: keys[name] for name in ("linear", "generators")
    }


def test_scales_are_no_group_and_have_no_generators(small, monkeypatch):
    assert has_generators(small.acts)
    assert not has_generators(SimpleNamespace(group=ScaleRange(octaves=1, scales_per_octave=2)))
    monkeypatch.setattr(module, "has_generators", lambda acts: False)
    assert measure_orbit_prediction(small.crosscoder, 0, small.settings).keys() == {"linear"}
    with pytest.raises(UserError, match="is no SAE on a set of orbits"):
        module.measure_equivariance(train(small.acts.key, ANOTHER, small.settings), small.settings)


def test_matrices_of_the_same_rows_are_fitted_once(monkeypatch):
    fitted = []
    monkeypatch.setattr(module, "_last_fitted", {})
    monkeypatch.setattr(module, "fit_generators", lambda acts, config, *_: fitted.append(config.seed) or object())
    acts = SimpleNamespace(key="a" * 64)
    first, same, other = (
        module._fitted_generators(acts, config, silent)
        for config in (CONFIG, CONFIG.model_copy(update={"k": 1}), CONFIG.model_copy(update={"seed": 7}))
    )
    assert first is same is not other
    assert fitted == [CONFIG.seed, 7]


def test_a_dictionary_that_does_not_predict_blocks_is_refused(small):
    with pytest.raises(UserError, match="is no group crosscoder that encodes the identity block"):
        measure_orbit_prediction(small.sae, 0, small.settings)


def test_an_sae_with_turned_reconstructions_is_measured_over_all_blocks(small):
    """Its error of every block, and its FVU, from whole matrices in numpy."""
    table = read_staged(measure_equivariance(small.sae, small.settings), small.settings)["dictionary_metrics"]
    assert table.drop("value").rows() == [(small.sae, "equivariant_fvu")]
    sae = load_dictionary(small.sae, small.settings)
    group, config = small.acts.group, sae.config.model_copy(update={"architecture": "group-crosscoder"})
    matrices = fit_generators(small.acts, config, GENERATOR_STEPS)
    mean_d, rotation_dd, mirror_dd = (
        each.detach().numpy() for each in (matrices.mean_d, matrices.rotation_dd, matrices.mirror_dd)
    )
    errors, rows = 0.0, []
    for shard in small.acts.shards:
        if shard.split == "test":
            for _, x_gbd in every_row(small.acts, config, shard, group.order):
                rows.append(x_gbd.numpy())
                left_bd = sae.decode(sae.encode(x_gbd[0]))[:, 0].numpy() - mean_d
                for g in range(group.order):
                    k, mirrored = g % group.n_rotations, g >= group.n_rotations
                    matrix_dd = (mirror_dd if mirrored else np.eye(len(mean_d))) @ np.linalg.matrix_power(
                        rotation_dd, k
                    )
                    errors += ((rows[-1][g] - mean_d - left_bd @ matrix_dd) ** 2).sum()
    rows_gbd = np.concatenate(rows, 1)
    variance = ((rows_gbd - rows_gbd.mean(1, keepdims=True)) ** 2).sum()
    assert table["value"].item() == pytest.approx(errors / variance, rel=1e-3)
    with pytest.raises(UserError, match="is no SAE on a set of orbits"):
        measure_equivariance(small.crosscoder, small.settings)


def test_matrices_that_do_not_fit_into_memory_are_refused(small, monkeypatch):
    monkeypatch.setattr(module.psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    with pytest.raises(UserError, match="GiB of memory"):
        module.check_fits(small.acts.channels, small.acts.group.order)
