"""What goes out computes the same in the other library, and what the other library made computes the same here."""

import contextlib
import json

import pytest
import torch
from safetensors.torch import save_file

from tasks.dictionary.config import ImportedConfig
from tasks.dictionary.exchange.exporting import write_files
from tasks.dictionary.exchange.libraries import LIBRARIES
from tasks.dictionary.exchange.plain import dictionary_of, plain
from tasks.dictionary.methods import OF_ONE_ATOM
from tests.tasks.dictionary.exchange.conftest import CHANNELS, FEATURES, K, assert_equal, random_sae

ABOUT = {"network": "efficientnet_lite0", "layer": "block1", "dictionary": "a" * 64}


def ours(library, folder, scale=0.5):
    """The dictionary in a library's folder, as one of ours."""
    foreign = LIBRARIES[library].load().read(folder)
    config = ImportedConfig(
        method=foreign.sae.method,
        features=foreign.sae.features,
        **({"k": foreign.sae.k} if foreign.sae.k else {}),
        library=library,
        scaling=foreign.declared,
        weights_sha256=foreign.weights_sha256,
    )
    return dictionary_of(foreign.sae, config, scale)


def theirs(written, folder):
    """The library's object, by the lines that the README of an exported folder has."""
    names = {}
    with contextlib.chdir(folder):
        exec(written.loader, names)
    return names["sae"]


def forward(sae, x):
    """Features and reconstructions by a library; overcomplete's `encode` gives the pre-activations first."""
    with torch.no_grad():
        features = sae.encode(x)
        features = features[1] if isinstance(features, tuple) else features
        return features, sae.decode(features)


def assert_ours_equals(dictionary, features, reconstruction, x):
    found = dictionary.encode(x)
    assert_equal(found, features)
    assert_equal(dictionary.decode(found)[:, 0], reconstruction)


@pytest.mark.parametrize("method", OF_ONE_ATOM)
@pytest.mark.parametrize("library", LIBRARIES)
def test_there_and_back_again(library, method, rows, tmp_path):
    dictionary = random_sae(method)
    features = dictionary.encode(rows)
    reconstruction = dictionary.decode(features)[:, 0]
    written = LIBRARIES[library].load().written(plain(dictionary), ABOUT)
    write_files(written, tmp_path)
    sae = theirs(written, tmp_path)
    assert type(sae).__name__ == LIBRARIES[library].classes[method]
    their_features, their_reconstruction = forward(sae, rows)
    assert_equal(their_features[:, :FEATURES], features)
    assert_equal(their_reconstruction, reconstruction)
    assert_ours_equals(ours(library, tmp_path), features, reconstruction, rows)
    assert not [file for file in tmp_path.iterdir() if file.suffix not in (".safetensors", ".json")]


@pytest.mark.parametrize("method", ["batchtopk", "matryoshka"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_without_a_threshold_they_go_as_topk(library, method, rows, tmp_path):
    dictionary = random_sae(method)
    dictionary.threshold.fill_(-1.0)
    features = dictionary.encode(rows)
    assert int((features > 0).sum(1).max()) == K
    written = LIBRARIES[library].load().written(plain(dictionary), ABOUT)
    write_files(written, tmp_path)
    assert_equal(forward(theirs(written, tmp_path), rows)[0][:, :FEATURES], features)


def random_weights(module):
    torch.manual_seed(2)
    for name, parameter in module.named_parameters():
        torch.nn.init.normal_(parameter, mean=0.3 if "threshold" in name else 0.0, std=0.5)
    return module


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("architecture", ["standard", "topk", "topk, rescaled", "jumprelu", "gated"])
def test_what_sae_lens_saved(architecture, centred, rows, tmp_path):
    import sae_lens

    name, _, rescaled = architecture.partition(", ")
    classes = {
        "standard": (sae_lens.StandardSAE, sae_lens.StandardSAEConfig),
        "topk": (sae_lens.TopKSAE, sae_lens.TopKSAEConfig),
        "jumprelu": (sae_lens.JumpReLUSAE, sae_lens.JumpReLUSAEConfig),
        "gated": (sae_lens.GatedSAE, sae_lens.GatedSAEConfig),
    }
    made, config = classes[name]
    of_topk = {"k": K, "rescale_acts_by_decoder_norm": bool(rescaled)} if name == "topk" else {}
    sae = random_weights(made(config(d_in=CHANNELS, d_sae=FEATURES, apply_b_dec_to_input=centred, **of_topk)))
    sae.save_model(tmp_path)
    assert_ours_equals(ours("sae-lens", tmp_path), *forward(sae, rows), rows)


def test_a_config_of_sae_lens_before_version_6(rows, tmp_path):
    import sae_lens

    sae = random_weights(sae_lens.TopKSAE(sae_lens.TopKSAEConfig(d_in=CHANNELS, d_sae=FEATURES, k=K)))
    sae.save_model(tmp_path)
    old = {"d_in": CHANNELS, "d_sae": FEATURES, "activation_fn_str": "topk", "activation_fn_kwargs": {"k": K}}
    old |= {"normalize_activations": "expected_average_only_in", "hook_point": "blocks.0.hook_resid_pre"}
    (tmp_path / "cfg.json").write_text(json.dumps(old))
    assert LIBRARIES["sae-lens"].load().read(tmp_path).declared == "mean-norm"
    assert_ours_equals(ours("sae-lens", tmp_path), *forward(sae, rows), rows)


def dictionary_learning_classes():
    from dictionary_learning import dictionary
    from dictionary_learning.trainers import batch_top_k, matryoshka_batch_top_k, top_k

    return {
        "AutoEncoder": lambda: dictionary.AutoEncoder(CHANNELS, FEATURES),
        "AutoEncoderNew": lambda: dictionary.AutoEncoderNew(CHANNELS, FEATURES),
        "GatedAutoEncoder": lambda: dictionary.GatedAutoEncoder(CHANNELS, FEATURES),
        "JumpReluAutoEncoder": lambda: dictionary.JumpReluAutoEncoder(CHANNELS, FEATURES),
        "AutoEncoderTopK": lambda: top_k.AutoEncoderTopK(CHANNELS, FEATURES, K),
        "BatchTopKSAE": lambda: batch_top_k.BatchTopKSAE(CHANNELS, FEATURES, K),
        "MatryoshkaBatchTopKSAE": lambda: matryoshka_batch_top_k.MatryoshkaBatchTopKSAE(
            CHANNELS, FEATURES, K, group_sizes=[10, 30]
        ),
    }


@pytest.mark.parametrize("threshold", [-1.0, 0.8])
@pytest.mark.parametrize("name", LIBRARIES["dictionary-learning"].load().METHODS)
def test_what_dictionary_learning_saved(name, threshold, rows, tmp_path):
    """ae.pt as its trainer saves it, a pickle. A negative threshold is that of before its first update."""
    sae = random_weights(dictionary_learning_classes()[name]())
    if name in ("AutoEncoderTopK", "BatchTopKSAE", "MatryoshkaBatchTopKSAE"):
        sae.threshold.fill_(threshold)
    torch.save({key: tensor.cpu() for key, tensor in sae.state_dict().items()}, tmp_path / "ae.pt")
    (tmp_path / "config.json").write_text(json.dumps({"trainer": {"dict_class": name, "k": K}, "buffer": {}}))
    assert_ours_equals(ours("dictionary-learning", tmp_path), *forward(sae, rows), rows)


def save_overcomplete(sae, folder, **config):
    save_file({name: tensor.clone() for name, tensor in sae.state_dict().items()}, folder / "sae.safetensors")
    (folder / "config.json").write_text(json.dumps({"class": type(sae).__name__, **config}))


@pytest.mark.parametrize("normalisation", ["identity", "l2", "max_l2", "l1", "max_l1"])
@pytest.mark.parametrize("name", LIBRARIES["overcomplete"].load().METHODS)
def test_what_overcomplete_made(name, normalisation, rows, tmp_path):
    from overcomplete import sae as overcomplete

    of_topk = {"top_k": K} if name == "TopKSAE" else {}
    dictionary_params = {"normalization": normalisation, "use_multiplier": True}
    sae = getattr(overcomplete, name)(CHANNELS, FEATURES, dictionary_params=dictionary_params, **of_topk)
    random_weights(sae)
    settings = {"normalization": normalisation, **of_topk}
    if name == "BatchTopKSAE":
        sae.running_threshold = torch.tensor(0.7)
        settings["running_threshold"] = 0.7
    save_overcomplete(sae, tmp_path, **settings)
    assert_ours_equals(ours("overcomplete", tmp_path), *forward(sae.eval(), rows), rows)


@pytest.mark.parametrize("how", ["tied", "untied", "untied, with a bias"])
def test_overcompletes_other_linear_encoders(how, rows, tmp_path):
    from overcomplete.sae import SAE

    sae = SAE(CHANNELS, FEATURES)
    sae = sae.tied() if how == "tied" else sae.untied(bias="bias" in how)
    save_overcomplete(random_weights(sae), tmp_path)
    assert_ours_equals(ours("overcomplete", tmp_path), *forward(sae.eval(), rows), rows)
