"""Networks by name: their layers with receptive fields, their activations and their logits.

Names with pinned weights: `efficientnet_lite0` and `efficientnet_lite1` (embedded), `inceptionv1-bvlc`,
`inceptionv1-lucid`, `inceptionv1-torchvision`, and `gabor-bank`, which is constructed and not trained. The three
InceptionV1 trainings share only the names of their layers: a unit number means different units in different trainings.
Other names begin with `torchvision:`, `timm:` or `module:` (tasks/vision/other_networks.py, docs/networks.md).
"""

import zipfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch

from tasks.errors import UserError
from tasks.keys import content_key, file_sha256
from tasks.settings import Settings
from tasks.vision import efficientnet, gabor, inception_v1
from tasks.vision.frozen_graph import read_frozen_graph
from tasks.vision.network import IMAGENET, Network, Normalisation

PREFIXES = ("torchvision:", "timm:", "module:")
"""How the names of other networks begin."""


def network_names() -> tuple[str, ...]:
    """Return the names of all built-in networks, whether or not their weights are available."""
    return (*_LOADERS, "gabor-bank")


def load_network(name: str, weights_dir: Path | None = None) -> Network:
    """Load a network by name; the weight file of a built-in one is checked against its pinned SHA-256.

    weights_dir: folder of the user's weight files. Networks are cached, since every shard and every analysis needs one.
    A network with a file of the user's is loaded again when the file has changed.

    Raises UserError for an unknown name, and for a missing or wrong weight file; the message names the file, its
    checksum and the folder for it.
    """
    if not name.startswith(PREFIXES):
        return _built_in(name, weights_dir)
    from tasks.vision.other_networks import files_of  # needed by few

    settings = Settings(weights_dir=weights_dir)
    versions = tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files_of(name, settings))
    return _other(name, weights_dir, versions)


@lru_cache(maxsize=2)
def _other(name: str, weights_dir: Path | None, versions: tuple[tuple[Path, int, int], ...]) -> Network:
    from tasks.vision.other_networks import load_other

    return load_other(name, Settings(weights_dir=weights_dir))


@lru_cache(maxsize=4)
def _built_in(name: str, weights_dir: Path | None) -> Network:
    if parameters := gabor.parameters_of(name):
        return _gabor_bank(name, parameters)
    if name not in _LOADERS:
        others = ", ".join(f"{prefix}NAME" for prefix in PREFIXES)
        raise UserError(f"unknown network {name!r}; choose one of: {', '.join(network_names())}, or {others}")
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
    module, layers = gabor.GaborBank(parameters), {"gabor": ("rectifier", 0)}
    return Network(name, parameters_key, module, layers, normalisation, labels=gabor.class_names(parameters))


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


def _efficientnet_lite(variant: efficientnet.Variant) -> Network:
    path = efficientnet.weights_path(variant)
    sha256 = check_weights(path, variant.sha256)
    module = efficientnet.efficientnet_lite(torch.load(path, map_location="cpu", weights_only=True), variant)
    normalisation = Normalisation(mean=(127.0, 127.0, 127.0), scale=128.0)
    layers = efficientnet.layer_modules(variant)
    return Network(variant.name, sha256, module, layers, normalisation, variant.input_size, labels=IMAGENET)


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
    return Network("inceptionv1-bvlc", sha256, module, inception_v1.layer_modules(), normalisation, labels=IMAGENET)


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
    first, second = (
        inception_v1.LocalResponseNorm(
            size=(size := 2 * int(norm["depth_radius"]) + 1),
            alpha=norm["alpha"] * size,
            beta=round(norm["beta"], 6),
            k=norm["bias"],
        )
        for norm in (frozen.normalisations["localresponsenorm0"], frozen.normalisations["localresponsenorm1"])
    )
    module = inception_v1.lucid((first, second))
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
    return Network(
        "inceptionv1-torchvision", sha256, module, torchvision_googlenet.layer_modules(), normalisation, labels=IMAGENET
    )


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
    "efficientnet_lite0": lambda settings: _efficientnet_lite(efficientnet.LITE0),
    "efficientnet_lite1": lambda settings: _efficientnet_lite(efficientnet.LITE1),
    "inceptionv1-bvlc": _bvlc,
    "inceptionv1-lucid": _lucid,
    "inceptionv1-torchvision": _torchvision,
}
