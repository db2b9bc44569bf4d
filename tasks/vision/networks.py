"""Networks by name, with pinned weights: their layers with receptive fields, their activations and their logits.

Names: `efficientnet_lite0` (embedded), `inceptionv1-bvlc`, `inceptionv1-lucid`, `inceptionv1-torchvision`, and
`gabor-bank`, which is constructed and not trained. The three InceptionV1 trainings share only the names of their
layers: a unit number means different units in different trainings.
"""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import torch
from torch import fx, nn

from tasks.errors import UserError
from tasks.keys import content_key, file_sha256
from tasks.settings import Settings
from tasks.vision import efficientnet, gabor, inception_v1
from tasks.vision.frozen_graph import read_frozen_graph
from tasks.vision.graph import geometries, prefix, trace

INPUT_SIZE = 224


@dataclass(frozen=True)
class Layer:
    """Unit i along an axis sees the input pixels offset + stride * i … offset + stride * i + receptive_field - 1.

    receptive_field, stride, offset: in input pixels.
    """

    name: str
    channels: int
    receptive_field: int
    stride: int
    offset: int


@dataclass(frozen=True)
class Normalisation:
    """The conversion of RGB in [0, 1] to a network's input: (255 * image - mean) / scale, RGB or BGR.

    mean: in the order of the network's input channels.
    """

    mean: tuple[float, float, float]
    scale: float = 1.0
    bgr: bool = False

    def __call__(self, images_bchw: torch.Tensor) -> torch.Tensor:
        images_bchw = images_bchw.flip(1) if self.bgr else images_bchw
        mean = torch.tensor(self.mean, device=images_bchw.device).view(1, 3, 1, 1)
        return ((images_bchw * 255 - mean) / self.scale).contiguous(memory_format=torch.channels_last)


class Network:
    """An image classifier with access to its layers. Parameters need no gradient; images may.

    weights_sha256: SHA-256 of the weight file
    input_size: side of the square input in pixels
    classes: number of outputs
    module: the classifier as a recorded graph, in evaluation mode
    preprocess: maps RGB float32 in [0, 1], [b, 3, h, w], to the module's input
    """

    input_size = INPUT_SIZE

    def __init__(
        self,
        name: str,
        weights_sha256: str,
        module: nn.Module,
        layer_modules: dict[str, tuple[str, int]],
        preprocess: Normalisation,
    ) -> None:
        self.name, self.weights_sha256, self.preprocess = name, weights_sha256, preprocess
        module = module.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.module, outputs = trace(module)
        self._nodes = {layer: outputs[path][call] for layer, (path, call) in layer_modules.items()}
        self._prefixes: dict[str, fx.GraphModule] = {}

    @cached_property
    def classes(self) -> int:
        return [module for module in self.module.modules() if isinstance(module, nn.Linear)][-1].out_features

    @cached_property
    def _layers(self) -> dict[str, Layer]:
        geometry_of = geometries(self.module)
        return {name: Layer(name, **vars(geometry_of[node])) for name, node in self._nodes.items()}

    def layers(self) -> tuple[str, ...]:
        """Return the names of the layers, in network order."""
        return tuple(self._nodes)

    def layer(self, name: str) -> Layer:
        """Return a layer by its name. Raises UserError if it is unknown."""
        if name not in self._nodes:
            raise UserError(f"network {self.name} has no layer {name!r}; choose one of: {', '.join(self._nodes)}")
        return self._layers[name]

    def node(self, layer: str) -> str:
        """Return the node of `module`'s graph whose output is the layer. Raises UserError for an unknown layer."""
        return self._nodes[self.layer(layer).name]

    def activations(self, images_bchw: torch.Tensor, layer: str) -> torch.Tensor:
        """Compute a layer's activations [b, channels, h', w'] of images [b, 3, h, w], RGB in [0, 1].

        The network runs only up to the layer.
        """
        if layer not in self._prefixes:
            self._prefixes[layer] = prefix(self.module, self.node(layer))
        return self._prefixes[layer](self.preprocess(images_bchw))

    def logits(self, images_bchw: torch.Tensor) -> torch.Tensor:
        """Compute logits [b, classes] of images [b, 3, 224, 224], RGB in [0, 1]."""
        return self.module(self.preprocess(images_bchw))


def network_names() -> tuple[str, ...]:
    """Return the names of all networks, whether or not their weights are available."""
    return (*_LOADERS, "gabor-bank")


@lru_cache(maxsize=4)
def load_network(name: str, weights_dir: Path | None = None) -> Network:
    """Load a network by name and check its weight file against the pinned SHA-256.

    weights_dir: folder of the user's weight files. Cached, since every shard and every analysis needs the network.

    Raises UserError for an unknown name, and for a missing or wrong weight file; the message names the file, its
    checksum and the folder for it.
    """
    if parameters := gabor.parameters_of(name):
        return _gabor_bank(name, parameters)
    if name not in _LOADERS:
        raise UserError(f"unknown network {name!r}; choose one of: {', '.join(network_names())}")
    return _LOADERS[name](Settings(weights_dir=weights_dir))


def check_weights(path: Path, sha256: str) -> str:
    """Return a file's SHA-256. Raises UserError unless it begins with `sha256`: all 64 digits, or those published."""
    actual = file_sha256(path)
    if not actual.startswith(sha256):
        raise UserError(
            f"weights {path} have the wrong SHA-256 {actual}, expected {sha256}: replace the file by the original"
        )
    return actual


def _gabor_bank(name: str, parameters: gabor.GaborParameters) -> Network:
    # the key of the parameters replaces the checksum of weights, whose last bits differ between machines
    parameters_key = content_key("gabor_bank", gabor.VERSION, **vars(parameters))
    normalisation = Normalisation(mean=(127.5, 127.5, 127.5), scale=127.5)
    return Network(name, parameters_key, gabor.GaborBank(parameters), {"gabor": ("rectifier", 0)}, normalisation)


def _brought_file(network: str, file: str, sha256: str, source: str, settings: Settings) -> Path:
    """Return the path of a weight file that the user must put into weights_dir. Raises UserError if it is missing."""
    if settings.weights_dir is None:
        where = "a folder, and set KALEIDOSCOPE_WEIGHTS_DIR to it"
    else:
        where = str(settings.weights_dir)
        if (settings.weights_dir / file).is_file():
            return settings.weights_dir / file
    raise UserError(f"network {network} needs {file} (SHA-256 {sha256}; {source}): put it into {where}")


BVLC_FILE = "bvlc_googlenet.safetensors"
BVLC_SHA256 = "bca36d88f9a51a6ca1fe87b9b0c8d4eae9a9198e79e81ccc3a6bd20dbeffb632"
LUCID_FILE = "inception5h.zip"
LUCID_GRAPH = "tensorflow_inception_graph.pb"
LUCID_SHA256 = "d13569f6a98159de37e92e9c8ec4dae8f674fbf475f69fe6199b514f756d4364"
"""As pinned by TensorFlow's own build files for https://storage.googleapis.com/download.tensorflow.org/models/."""


def _efficientnet_lite0(settings: Settings) -> Network:
    path = efficientnet.weights_path()
    sha256 = check_weights(path, efficientnet.WEIGHTS_SHA256)
    module = efficientnet.efficientnet_lite0(torch.load(path, map_location="cpu", weights_only=True))
    normalisation = Normalisation(mean=(127.0, 127.0, 127.0), scale=128.0)
    return Network("efficientnet_lite0", sha256, module, efficientnet.layer_modules(), normalisation)


def _bvlc(settings: Settings) -> Network:
    from safetensors.torch import load_file

    source = "BVLC GoogLeNet as safetensors, tensors named as Caffe's blobs, convolutions (out, in, height, width)"
    path = _brought_file("inceptionv1-bvlc", BVLC_FILE, BVLC_SHA256, source, settings)
    sha256 = check_weights(path, BVLC_SHA256)
    modules = inception_v1.caffe_names()
    module = inception_v1.bvlc()
    tensors = {tuple(name.rsplit(".", 1)): tensor for name, tensor in load_file(path).items()}
    module.load_state_dict({f"{modules[blob]}.{kind}": tensor for (blob, kind), tensor in tensors.items()})
    normalisation = Normalisation(mean=(104.0, 117.0, 123.0), bgr=True)
    return Network("inceptionv1-bvlc", sha256, module, inception_v1.layer_modules(), normalisation)


def _lucid(settings: Settings) -> Network:
    source = "https://storage.googleapis.com/download.tensorflow.org/models/inception5h.zip"
    path = _brought_file("inceptionv1-lucid", LUCID_FILE, LUCID_SHA256, source, settings)
    sha256 = check_weights(path, LUCID_SHA256)
    with zipfile.ZipFile(path) as archive:
        module = lucid_module(archive.read(LUCID_GRAPH))
    normalisation = Normalisation(mean=(117.0, 117.0, 117.0))
    return Network("inceptionv1-lucid", sha256, module, inception_v1.layer_modules(), normalisation)


def lucid_module(serialized_graph: bytes) -> inception_v1.InceptionV1:
    """Return InceptionV1 with the weights and normalisation constants of a frozen inception5h graph.

    TensorFlow stores convolutions as (height, width, in, out), and multiplies the sum of squares over
    2 * depth_radius + 1 channels by alpha without dividing by their number. The auxiliary heads are left out.
    """
    frozen = read_frozen_graph(serialized_graph)
    norms = tuple(
        inception_v1.LocalResponseNorm(
            size=(size := 2 * int(norm["depth_radius"]) + 1),
            alpha=norm["alpha"] * size,
            beta=round(norm["beta"], 6),
            k=norm["bias"],
        )
        for norm in (frozen.normalisations["localresponsenorm0"], frozen.normalisations["localresponsenorm1"])
    )
    module = inception_v1.lucid(norms)
    state = {}
    for theirs, ours in inception_v1.tensorflow_names().items():
        weight = torch.from_numpy(frozen.constants[f"{theirs}_w"].copy())
        state[f"{ours}.weight"] = weight.permute(3, 2, 0, 1) if weight.ndim == 4 else weight.T
        state[f"{ours}.bias"] = torch.from_numpy(frozen.constants[f"{theirs}_b"].copy())
    module.load_state_dict(state)
    return module


def _torchvision(settings: Settings) -> Network:
    from tasks.vision import torchvision_googlenet  # brings half of PyTorch's compiler with it

    path = _torchvision_file(settings)
    sha256 = check_weights(path, torchvision_googlenet.SHA256_PREFIX)
    module = torchvision_googlenet.googlenet(torch.load(path, map_location="cpu", weights_only=True))
    # equals torchvision's transform of ImageNet-normalised input
    normalisation = Normalisation(mean=(127.5, 127.5, 127.5), scale=127.5)
    return Network("inceptionv1-torchvision", sha256, module, torchvision_googlenet.layer_modules(), normalisation)


def _torchvision_file(settings: Settings) -> Path:
    """Return the weight file in weights_dir or in PyTorch's download folder; download it to the latter if missing."""
    from tasks.vision import torchvision_googlenet  # brings half of PyTorch's compiler with it

    file, sha256 = torchvision_googlenet.WEIGHTS_FILE, torchvision_googlenet.SHA256_PREFIX
    downloads = Path(torch.hub.get_dir()) / "checkpoints"
    for folder in filter(None, (settings.weights_dir, downloads)):
        if (folder / file).is_file():
            return folder / file
    downloads.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(torchvision_googlenet.URL, str(downloads / file), sha256, progress=False)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"network inceptionv1-torchvision needs {file} (SHA-256 {sha256}…; {torchvision_googlenet.URL}), and its "
            f"download failed ({error}): put it into {settings.weights_dir or downloads}"
        ) from error
    return downloads / file


_LOADERS: dict[str, Callable[[Settings], Network]] = {
    "efficientnet_lite0": _efficientnet_lite0,
    "inceptionv1-bvlc": _bvlc,
    "inceptionv1-lucid": _lucid,
    "inceptionv1-torchvision": _torchvision,
}
