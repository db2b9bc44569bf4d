"""Steerable crosscoders against the group law written out, and on orbits of planted prototypes."""

from types import SimpleNamespace

import psutil
import pytest
import torch
from pydantic import ValidationError

from tasks.activations.shards import ActivationSet
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.limits import check_fits
from tasks.dictionary.metrics import cosine_matrix, evaluate
from tasks.dictionary.store import create, load_dictionary
from tasks.dictionary.train import train
from tasks.errors import UserError
from tasks.symmetry.fourier import fourier_basis
from tasks.symmetry.group import DihedralGroup
from tests.tasks.dictionary.conftest import PlantedOrbits

CHANNELS, PROTOTYPES, BATCH = 5, 4, 6
GROUPS = {"D_4": DihedralGroup(4), "D_3": DihedralGroup(3), "C_5": DihedralGroup(5, reflections=False)}


@pytest.fixture(params=["topk", "batchtopk"])
def method(request):
    return request.param


@pytest.fixture(params=[None, 1])
def harmonics(request):
    return request.param


@pytest.fixture(params=GROUPS)
def group(request):
    return GROUPS[request.param]


@pytest.fixture
def dictionary(method, harmonics, group):
    return random_dictionary(group, method=method, harmonics=harmonics)


def random_dictionary(group, **fields):
    torch.manual_seed(0)
    features = PROTOTYPES * group.order
    config = DictionaryConfig(architecture="steerable-crosscoder", features=features, k=2, auxiliary_k=2, **fields)
    dictionary = create(config, CHANNELS, group)
    for parameter in dictionary.parameters():
        torch.nn.init.normal_(parameter)
    dictionary.scale.fill_(0.7)
    return dictionary


def rows(group, count=BATCH):
    return torch.randn(group.order, count, CHANNELS, generator=torch.Generator().manual_seed(1))


def turned(dictionary, weight_qpd):
    """[|G|, m, d]: the blocks of every feature, one by one, from products of the group's elements."""
    group = dictionary.group
    if dictionary.config.harmonics is not None:
        basis_gq = torch.from_numpy(fourier_basis(group, dictionary.config.harmonics)).float()
        weight_qpd = torch.einsum("gq,qpd->gpd", basis_gq, weight_qpd)
    features = [(prototype, turn) for prototype in range(PROTOTYPES) for turn in range(group.order)]
    return torch.stack(
        [
            torch.stack([weight_qpd[int(group.compose(g, turn)), prototype] for prototype, turn in features])
            for g in range(group.order)
        ]
    )


def dense_pre_activations(dictionary, z_gbd):
    """All orientations, and then only the best one of each prototype."""
    encoder_gmd = turned(dictionary, dictionary.encoder.weight)
    bias_m = dictionary.encoder.bias.repeat_interleave(dictionary.group.order)
    pre_bph = (torch.einsum("gbd,gmd->bm", z_gbd, encoder_gmd) + bias_m).unflatten(1, (PROTOTYPES, -1))
    return torch.where(pre_bph == pre_bph.amax(2, keepdim=True), pre_bph, 0.0).flatten(1)


def contributions(dictionary):
    return turned(dictionary, dictionary.decoder.weight).square().sum((0, 2)).div(dictionary.group.order).sqrt()


def largest(score_bm, k, together):
    if together:
        return score_bm >= score_bm.flatten().topk(k * len(score_bm)).values[-1]
    return score_bm >= score_bm.topk(k, dim=1).values[:, -1:]


def dense_loss(dictionary, x_gbd, dead_m):
    config, z_gbd = dictionary.config, x_gbd * dictionary.scale
    weight_gmd = turned(dictionary, dictionary.decoder.weight)
    pre_bm = dense_pre_activations(dictionary, z_gbd)
    score_bm = (pre_bm * contributions(dictionary)).detach()
    f_bm = torch.where(largest(score_bm, config.k, config.method == "batchtopk"), pre_bm, 0.0).relu()
    error_gbd = z_gbd - torch.einsum("bm,gmd->gbd", f_bm, weight_gmd) - dictionary.decoder.bias
    loss = error_gbd.square().mean()
    whole_m = dead_m.view(PROTOTYPES, -1).all(1).repeat_interleave(dictionary.group.order)
    dead_bm = torch.where(whole_m & largest(score_bm.masked_fill(~whole_m, -1e9), config.auxiliary_k, False), pre_bm, 0)
    left_gbd = error_gbd.detach() - torch.einsum("bm,gmd->gbd", dead_bm.relu(), weight_gmd)
    return loss + config.auxiliary_coefficient * left_gbd.square().mean(), f_bm


def test_blocks_are_those_of_the_turned_prototypes(dictionary):
    expected_gmd = turned(dictionary, dictionary.decoder.weight)
    weight_gmd, bias_gd = dictionary.decoder_blocks()
    torch.testing.assert_close(weight_gmd, expected_gmd)
    torch.testing.assert_close(dictionary.blocks(), expected_gmd.detach().transpose(0, 1))
    torch.testing.assert_close(dictionary.decoder_blocks(2)[0], expected_gmd[:2])
    assert (bias_gd == dictionary.decoder.bias).all()
    assert bias_gd.shape == (dictionary.group.order, CHANNELS)


def test_loss_and_gradients_equal_the_dense_form(dictionary):
    x_gbd = rows(dictionary.group)
    # one prototype dead in all orientations, one in all but its first
    dead_m = torch.arange(PROTOTYPES * dictionary.group.order) < 2 * dictionary.group.order
    dead_m[dictionary.group.order] = False
    parameters = list(dictionary.parameters())
    ours, (reference, f_bm) = dictionary.loss(x_gbd, dead_m), dense_loss(dictionary, x_gbd, dead_m)
    torch.testing.assert_close(ours.total, reference)
    assert ours.auxiliary > 0
    for our, dense in zip(
        torch.autograd.grad(ours.total, parameters), torch.autograd.grad(reference, parameters), strict=True
    ):
        torch.testing.assert_close(our, dense, rtol=1e-4, atol=1e-5)
    assert ours.l0 == (f_bm > 0).sum(1).float().mean()
    assert torch.equal(ours.fired_m, (f_bm > 0).any(0))


def test_the_stored_form_encodes_and_decodes_as_the_dense_form(dictionary):
    x_gbd = rows(dictionary.group)
    dictionary.requires_grad_(False)
    expected_bm = dense_loss(dictionary, x_gbd, torch.zeros(dictionary.config.features, dtype=torch.bool))[1]
    before = dictionary.decode(expected_bm)
    norms_m = contributions(dictionary)
    dictionary.finish()
    torch.testing.assert_close(contributions(dictionary), torch.ones(dictionary.config.features))
    torch.testing.assert_close(dictionary.decode(expected_bm * norms_m), before)
    if dictionary.config.method == "topk":
        f_bm = dictionary.encode(x_gbd.transpose(0, 1))
        torch.testing.assert_close(f_bm, expected_bm * norms_m, rtol=1e-4, atol=1e-5)
        values_bk, indices_bk = dictionary.encode_active(x_gbd * dictionary.scale)
        error_gbd = dictionary.residual_of_blocks()(x_gbd * dictionary.scale, values_bk, indices_bk)
        decoded_bgd = dictionary.decode(f_bm)
        torch.testing.assert_close(
            (x_gbd - decoded_bgd.transpose(0, 1)) * dictionary.scale, error_gbd, atol=1e-4, rtol=1e-4
        )


def test_a_row_read_from_another_element_has_the_turned_code_and_the_same_error(dictionary):
    """Feature (i, h) becomes (i, g₀h): the group law, for every element."""
    dictionary.eval()
    group, x_gbd = dictionary.group, rows(dictionary.group)
    if dictionary.config.method == "batchtopk":
        dictionary.threshold.fill_(0.4)
    f_bph = dictionary.encode(x_gbd.transpose(0, 1)).unflatten(1, (PROTOTYPES, -1))
    assert (f_bph > 0).sum() > BATCH
    decoded_bgd = dictionary.decode(f_bph.flatten(1))
    loss = dictionary.loss(x_gbd).total
    for g0 in range(group.order):
        chosen = torch.from_numpy(group.reuse_permutation(g0))
        expected_bph = torch.zeros_like(f_bph)
        expected_bph[:, :, group.cayley[g0]] = f_bph
        found_bm = dictionary.encode(x_gbd[chosen].transpose(0, 1))
        torch.testing.assert_close(found_bm, expected_bph.flatten(1), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(dictionary.decode(found_bm), decoded_bgd[:, chosen], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(dictionary.loss(x_gbd[chosen]).total, loss)


def test_a_row_has_one_orientation_of_a_prototype(dictionary):
    f_bph = dictionary.encode(rows(dictionary.group, 50).transpose(0, 1)).unflatten(1, (PROTOTYPES, -1))
    assert ((f_bph > 0).sum(2) <= 1).all()


def test_bfloat16_products_change_the_loss_little(dictionary):
    x_gbd = rows(dictionary.group, 200)
    exact = dictionary.loss(x_gbd).reconstruction
    with torch.autocast("cpu", torch.bfloat16):
        loss = dictionary.loss(x_gbd)
    loss.total.backward()
    assert loss.total.dtype == torch.float32
    assert loss.reconstruction == pytest.approx(exact.item(), rel=0.03)


def test_initial_prototypes_are_the_rows_they_came_from(group):
    dictionary = random_dictionary(group, batch_size=8)
    assert dictionary.first_rows == 8
    x_gbd = rows(group, 8)
    dictionary.set_scale(x_gbd)
    dictionary.initialise(x_gbd)
    deviation_mgd = (x_gbd - x_gbd.mean((0, 1))).transpose(0, 1)[:PROTOTYPES]
    firsts = dictionary.blocks()[:: group.order]
    torch.testing.assert_close(cosine_matrix(firsts, deviation_mgd).diagonal(), torch.ones(PROTOTYPES))
    z_gbd = x_gbd * dictionary.scale
    assert dictionary.loss(x_gbd).reconstruction < (z_gbd - z_gbd.mean((0, 1))).square().mean()


def test_what_does_not_fit_is_refused_in_one_line():
    fields = {"architecture": "steerable-crosscoder"}
    with pytest.raises(
        UserError, match=r"features = 30 is no multiple of the 8 elements of D_4.*set features to 24 or 32"
    ):
        create(DictionaryConfig(features=30, **fields), CHANNELS, GROUPS["D_4"])
    with pytest.raises(UserError, match=r"set features to 8$"):
        create(DictionaryConfig(features=5, k=1, **fields), CHANNELS, GROUPS["D_4"])
    with pytest.raises(
        ValidationError, match="method = relu doesn't train a steerable-crosscoder: set topk or batchtopk"
    ):
        DictionaryConfig(method="relu", **fields)
    assert DictionaryConfig(**fields).reads_all_blocks


class PlantedPrototypes(PlantedOrbits):
    """Turned copies of `prototypes` patterns, numbered as a steerable crosscoder's; at most one of each in a row."""

    def __init__(self, prototypes):
        self.prototypes = prototypes
        super().__init__(shard_orbits=(200, 200, 60), features=6 * prototypes)

    def planted_atoms(self, generator):
        blocks_pgd = torch.randn(self.prototypes, self.group.order, self.channels, generator=generator)
        return blocks_pgd[:, torch.from_numpy(self.group.cayley).T].flatten(0, 1)

    def planted_codes(self, orbits, generator):
        strength_bp = torch.rand(orbits, self.prototypes, generator=generator) + 0.5
        rank_bp = torch.rand(orbits, self.prototypes, generator=generator).argsort(1)
        turns_bp = torch.randint(self.group.order, (orbits, self.prototypes), generator=generator)
        codes_bpg = torch.zeros(orbits, self.prototypes, self.group.order)
        codes_bpg.scatter_(2, turns_bp[:, :, None], (strength_bp * (rank_bp < self.active))[:, :, None])
        return codes_bpg.flatten(1)


@pytest.fixture(scope="module")
def planted():
    return PlantedPrototypes(3)


def test_training_finds_planted_prototypes_and_the_orientation_of_every_row(planted, monkeypatch, settings, method):
    monkeypatch.setattr(ActivationSet, "open", lambda key, settings: planted)
    config = DictionaryConfig(
        architecture="steerable-crosscoder", method=method, features=6 * 6, k=2, steps=600, batch_size=64,
        learning_rate=0.01, dead_after_rows=2000,
    )  # fmt: skip
    dictionary = load_dictionary(train("planted", config, settings), settings)
    evaluation = evaluate(dictionary, planted)
    assert evaluation.fvu < 0.05
    cosine_mm = cosine_matrix(planted.atoms_mgd, dictionary.blocks())
    assert cosine_mm.amax(1).min() > 0.95
    # the orientation that the code says differs from the planted one by a constant of each prototype, on the right
    found = cosine_mm.argmax(1).view(3, 6)
    group = planted.group
    for features_h in found:
        assert len(set((features_h // 6).tolist())) == 1
        offsets = {int(group.compose(group.inverse(h), int(feature) % 6)) for h, feature in enumerate(features_h)}
        assert len(offsets) == 1


def test_memory_is_that_of_the_prototypes(planted, monkeypatch):
    steerable = DictionaryConfig(architecture="steerable-crosscoder", features=6 * 10**4, k=1)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=100 * 2**20))
    check_fits(planted, [steerable])
    with pytest.raises(UserError, match=r"training needs 0\.2 GiB of memory"):
        check_fits(planted, [steerable.model_copy(update={"architecture": "group-crosscoder", "encode_from": "orbit"})])
