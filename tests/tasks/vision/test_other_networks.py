"""Networks of torchvision, timm and users: names, weights, configuration, keys, and what each mistake says."""

import pytest
import torch
from safetensors.torch import save_file

from tasks.errors import UserError
from tasks.settings import Settings
from tasks.vision.classes import class_index, class_name, class_names, labeller
from tasks.vision.graph import cut
from tasks.vision.networks import load_network
from tasks.vision.other_networks import parsed, read_state
from tests.tasks.vision.architectures import shaken
from tests.tasks.vision.own_module import small

OWN = "module:tests.tasks.vision.own_module.small"
RESNET = "torchvision:resnet18@random-0?input_size=64"


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """Empty caches of the libraries."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "torch" / "hub" / "checkpoints"


def saved(tmp_path, **changes):
    """A state dict of the user's module in a file."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        state = small().state_dict()
    path = tmp_path / "own.safetensors"
    save_file({**state, **changes}, path)
    return path


def test_a_name_has_four_parts():
    whole = parsed(
        "timm:vit_tiny_patch16_224.augreg_in21k@random-7?input_size=64&mean=0.5&std=0.5,0.25,1&class_names=a.txt"
    )
    assert (whole.library, whole.network, whole.weights) == ("timm", "vit_tiny_patch16_224.augreg_in21k", "random-7")
    assert whole.seed == 7
    assert vars(whole.options) == {"input_size": 64, "mean": (0.5,), "std": (0.5, 0.25, 1.0), "class_names": "a.txt"}
    assert parsed("torchvision:resnet18").weights is None
    assert parsed("module:a.b@~/w.pth").seed is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("torchvision:", "names no network after torchvision: write for example torchvision:resnet18"),
        ("torchvision:resnet", r"torchvision has no network 'resnet': did you mean .*resnet18"),
        ("torchvision:resnet18?size=3", "unknown option 'size'; choose of: input_size, mean, std, class_names"),
        ("torchvision:resnet18?mean=1,2", "mean=1,2 is no number, or not one for each of RGB"),
        ("torchvision:resnet18?input_size=a", "input_size=a is no number"),
        ("torchvision:resnet18?input_size=8", "input_size must be from 16 to 4096 pixels, not 8"),
        ("torchvision:resnet18?std=0", "std must be above 0"),
        (
            "torchvision:resnet18@absent.pth",
            "weights of torchvision:resnet18@absent.pth: there is no file absent.pth in",
        ),
        ("timm:resnet18.nobody", r"timm: Invalid pretrained tag \(nobody\) for resnet18. It has .*resnet18.a1_in1k"),
        ("timm:resnet0", "timm has no network 'resnet0': did you mean"),
        ("module:tests.absent.function", r"tests.absent.function can't be imported \(No module named 'tests.absent'\)"),
        ("module:function", "function can't be imported"),
        ("module:tests.tasks.vision.own_module.nothing", r"nothing\(\) returned NoneType, not a torch.nn.Module"),
        (
            "module:tests.tasks.vision.own_module.Branching",
            r"can't be traced in gate.1 \(Deciding\), at 'return x if x.sum\(\) > 0 else -x': symbolically traced",
        ),
        ("module:tests.tasks.vision.own_module.Many", r"returns several values, not logits \[images, classes\]"),
        (f"{OWN}?class_names=absent.txt", "class names of .*: there is no file absent.txt in"),
        ("torchvision:vit_b_32@random?input_size=65", "can't be built|Input shape indivisible|divisible"),
    ],
)
def test_each_mistake_gives_one_clear_line(name, message):
    with pytest.raises(UserError, match=message) as raised:
        load_network(name, Settings().weights_dir)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        (
            "torchvision:resnet18",
            r"resnet18-f37072fd.pth \(https://download.pytorch.org/models/resnet18-f37072fd.pth\)",
        ),
        (
            "timm:resnet18",
            r"resnet18.a1_in1k.safetensors \(model.safetensors of timm/resnet18.a1_in1k on the Hugging Face",
        ),
        ("timm:test_vit.r160_in1k", "test_vit.r160_in1k.safetensors"),
    ],
)
def test_weights_that_are_not_there_are_named(name, file, cached, tmp_path):
    with pytest.raises(UserError, match=f"network {name} needs {file}.*put it into {cached}, or give other weights"):
        load_network(name, None)
    with pytest.raises(UserError, match=f"put it into {tmp_path}, or"):
        load_network(name, tmp_path)


def test_a_librarys_weights_are_read_from_its_cache_or_the_folder_of_weights(cached, tmp_path):
    from torchvision.models import squeezenet1_1

    state = squeezenet1_1().eval().state_dict()
    cached.mkdir(parents=True)
    torch.save(state, cached / "squeezenet1_1-b8a52dc0.pth")
    network = load_network("torchvision:squeezenet1_1", None)
    assert torch.equal(network.module.state_dict()["classifier.1.weight"], state["classifier.1.weight"])
    (cached / "squeezenet1_1-b8a52dc0.pth").rename(tmp_path / "squeezenet1_1-b8a52dc0.pth")
    assert load_network("torchvision:squeezenet1_1", tmp_path).weights_sha256 == network.weights_sha256


def test_timms_weights_are_read_from_a_file_with_another_number_of_classes(tmp_path):
    timm = pytest.importorskip("timm", reason="timm is not installed")
    plain = timm.create_model("test_resnet", num_classes=3).eval()
    save_file(plain.state_dict(), tmp_path / "pets.safetensors")
    (tmp_path / "pets.txt").write_text("cat\ndog\nguinea pig\n")
    name = "timm:test_resnet@pets.safetensors?class_names=pets.txt"
    network = load_network(name, tmp_path)
    assert (network.classes, network.input_size, class_names(network)) == (3, 160, ("cat", "dog", "guinea pig"))
    assert class_index(network, "guinea pig") == 2
    assert labeller(network)("n01440764_tench.JPEG") is None
    images = torch.rand(1, 3, 160, 160)
    mean, std = (torch.tensor(plain.pretrained_cfg[value]).view(3, 1, 1) for value in ("mean", "std"))
    torch.testing.assert_close(network.logits(images), plain((images - mean) / std), rtol=1e-4, atol=1e-4)
    with pytest.raises(UserError, match=r"pets.txt has 3 class names, 3 of them different, but .* has 1000 classes"):
        load_network("timm:test_resnet@random?class_names=pets.txt", tmp_path)


def test_a_users_module_and_its_weights(tmp_path):
    path = saved(tmp_path)
    network = load_network(f"{OWN}@{path}?input_size=48&mean=0.5&std=0.25", Settings().weights_dir)
    plain = small().eval()
    plain.load_state_dict(read_state(path))
    images = torch.rand(2, 3, 48, 48)
    torch.testing.assert_close(network.logits(images), plain((images - 0.5) / 0.25), rtol=1e-5, atol=1e-5)
    assert (network.input_size, network.classes, network.layers()) == (48, 5, ("0", "1", "2"))
    assert network.readout()[0] == "2"
    assert torch.equal(network.readout()[1], plain[5].weight)
    assert class_name(network, 4) == "class 4"
    torch.save(
        {"state_dict": {f"module.{name}": tensor for name, tensor in plain.state_dict().items()}}, tmp_path / "own.pt"
    )
    wrapped = load_network(f"{OWN}@own.pt?input_size=48&mean=0.5&std=0.25", tmp_path)
    assert wrapped.weights_sha256 == network.weights_sha256


def test_weights_that_do_not_fit_are_named(tmp_path):
    saved(tmp_path, **{"5.bias": torch.zeros(4), "6.bias": torch.zeros(1)})
    with pytest.raises(UserError, match=r"don't fit .*: 6.bias is unknown; 5.bias is \[4\], not \[5\]"):
        load_network(f"{OWN}@own.safetensors", tmp_path)
    (tmp_path / "own.safetensors").write_bytes(b"no tensors")
    with pytest.raises(UserError, match=r"own.safetensors can't be read as safetensors"):
        load_network(f"{OWN}@own.safetensors", tmp_path)
    torch.save(small(), tmp_path / "whole.pt")
    with pytest.raises(UserError, match=r"whole.pt can't be read as a state dict .*save a state dict"):
        load_network(f"{OWN}@whole.pt", tmp_path)
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(UserError, match=r"list.pt hold no state dict"):
        load_network(f"{OWN}@list.pt", tmp_path)


def test_the_key_covers_weights_architecture_and_preprocessing():
    def key(name: str) -> str:
        return load_network(name, Settings().weights_dir).weights_sha256

    same, *others = (
        f"{OWN}@random-0",
        f"{OWN}@random-1",
        f"{OWN}@random-0?mean=0.5",
        f"{OWN}@random-0?std=0.5",
        f"{OWN}@random-0?input_size=64",
    )
    assert key(same) == key(same)
    assert len({key(name) for name in (same, *others)}) == 5
    relu, gelu = (torch.nn.Sequential(small(), activation) for activation in (torch.nn.ReLU(), torch.nn.GELU()))
    from tasks.vision.graph import fingerprint, trace

    gelu.load_state_dict(relu.state_dict())
    assert fingerprint(trace(relu.eval())[0]) != fingerprint(trace(gelu.eval())[0])


def test_names_of_layers_are_torchvisions():
    from torchvision.models import get_model
    from torchvision.models.feature_extraction import get_graph_node_names

    for name in ("resnet18", "googlenet"):
        options = {"init_weights": False} if name == "googlenet" else {}
        _, theirs = get_graph_node_names(get_model(name, **options), suppress_diff_warning=True)
        network = load_network(f"torchvision:{name}@random-0?input_size=64", Settings().weights_dir)
        ours = {*network.layers(), *network.refused()}
        assert set(theirs) - ours == {"x"}
        assert ours <= set(theirs)


def test_configuration_comes_from_the_librarys():
    network = load_network(RESNET, Settings().weights_dir)
    assert network.preprocess.mean == pytest.approx((0.485 * 255, 0.456 * 255, 0.406 * 255))
    assert network.preprocess.scale == pytest.approx((0.229 * 255, 0.224 * 255, 0.225 * 255))
    assert (network.input_size, network.classes, class_names(network)[340]) == (64, 1000, "zebra")
    assert labeller(network)("n01440764_tench.JPEG") == 0


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        (RESNET, "layer2.0.bn1"),
        ("torchvision:convnext_tiny@random-0?input_size=64", "features.1.0.block.2"),
        ("torchvision:vit_b_32@random-0?input_size=64", "encoder.layers.encoder_layer_1"),
        ("torchvision:swin_t@random-0?input_size=64", "features.1.0"),
    ],
)
def test_the_two_parts_of_a_network_cut_at_a_layer_answer_as_the_whole(name, layer):
    network = load_network(name, Settings().weights_dir)
    shaken(network.module)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    before, after = cut(network.module, network.node(layer))
    with torch.no_grad():
        acts_bcyx, *others = before(network.preprocess(images))
        assert acts_bcyx.shape[1] == network.layer(layer).channels
        assert torch.equal(acts_bcyx, network.activations(images, layer))
        torch.testing.assert_close(after(acts_bcyx, *others), network.logits(images))
        other = after(2 * acts_bcyx.flip(1), *others)
    assert not torch.allclose(other, network.logits(images), rtol=1e-3, atol=1e-5)
