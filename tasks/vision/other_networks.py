"""Networks that a user names: of torchvision, of timm, or a module of their own (docs/networks.md).

A name has up to four parts, LIBRARY:NETWORK@WEIGHTS?OPTION=VALUE&…

* `torchvision:resnet18`, `timm:vit_tiny_patch16_224.augreg_in21k_ft_in1k`, `module:package.file.function`
* weights: none, the library's own from its cache, or for a module those that the function returns; a file; random-SEED
* options: input_size, mean, std and class_names, in place of the network's own configuration
"""

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlparse

import torch
from torch import nn

from tasks.config import from_home
from tasks.errors import UserError, one_line
from tasks.keys import content_key
from tasks.settings import Settings
from tasks.vision.graph import fingerprint
from tasks.vision.network import IMAGENET, INPUT_SIZE, Network, Normalisation

KEY_VERSION = 1
"""Version of the code that determines what a network computes; part of its key."""
RANDOM = re.compile(r"random(?:-(\d{1,9}))?")
AUXILIARY = re.compile(r"(aux|AuxLogits)")
"""Tensors of classifiers that are used in training only."""
WRAPPED = ("state_dict_ema", "model_ema", "state_dict", "model", "model_state_dict")
"""Where checkpoints of training programs keep the state dict."""


@dataclass(frozen=True)
class Options:
    """What replaces the network's own configuration. input_size: pixels; mean, std: of RGB in [0, 1]."""

    input_size: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    class_names: str | None = None


@dataclass(frozen=True)
class Specifier:
    """The parts of a network's name."""

    name: str
    library: str
    network: str
    weights: str | None
    options: Options

    @property
    def seed(self) -> int | None:
        """The seed of random weights, or None for other weights."""
        match = RANDOM.fullmatch(self.weights or "")
        return int(match[1] or 0) if match else None

    def file(self, settings: Settings) -> Path | None:
        """Return the weight file that the name gives, or None. UserError if it doesn't exist."""
        if self.weights is None or self.seed is not None:
            return None
        return _given_file(self.weights, f"weights of {self.name}", settings)


@dataclass(frozen=True)
class Built:
    """A network before it is recorded. mean, std: of RGB in [0, 1]; leaves: as `LayerTracer`."""

    module: nn.Module
    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...] | str | None = None
    leaves: dict[str, tuple] = field(default_factory=dict)


def load_other(name: str, settings: Settings) -> Network:
    """Load a network by a name of this module's form.

    Raises UserError for an unknown network, for weights that are missing or don't fit, and for a module whose
    operations can't be recorded.
    """
    specifier = parsed(name)
    return recorded(specifier, build(specifier, settings), settings)


def files_of(name: str, settings: Settings) -> list[Path]:
    """Return the files that a network's name gives: weights and class names. UserError if one doesn't exist."""
    specifier = parsed(name)
    names = specifier.options.class_names
    files = [specifier.file(settings), _given_file(names, f"class names of {name}", settings) if names else None]
    return [file for file in files if file is not None]


def build(specifier: Specifier, settings: Settings) -> Built:
    """Build the module that a name specifies, with its weights."""
    return _LIBRARIES[specifier.library](specifier, settings)


def recorded(specifier: Specifier, built: Built, settings: Settings) -> Network:
    """Return a built module as a network. Its key (`weights_sha256`) covers operations, tensors and preprocessing."""
    name, options = specifier.name, specifier.options
    mean, std = (
        _three(given or own, what, name)
        for given, own, what in ((options.mean, built.mean, "mean"), (options.std, built.std, "std"))
    )
    preprocess = Normalisation(_in_levels(mean), _in_levels(std))
    network = Network(name, "", built.module, None, preprocess, built.input_size, leaves=built.leaves)
    network.labels = _labels(specifier, built.labels, network.classes, settings)
    network.weights_sha256 = content_key(
        "network", KEY_VERSION, module=fingerprint(network.module), input_size=network.input_size, mean=mean, std=std
    )
    return network


def parsed(name: str) -> Specifier:
    """Take a network's name apart. Raises UserError for an unknown option or a value of the wrong kind."""
    library, _, rest = name.partition(":")
    rest, _, query = rest.partition("?")
    network, _, weights = rest.partition("@")
    if not network:
        raise UserError(f"network {name!r} names no network after {library}: write for example {EXAMPLES[library]}")
    given: dict[str, Any] = {}
    for option, text in parse_qsl(query, keep_blank_values=True):
        try:
            given[option] = _OPTIONS[option](text)
        except KeyError:
            raise UserError(f"network {name}: unknown option {option!r}; choose of: {', '.join(_OPTIONS)}") from None
        except ValueError:
            raise UserError(f"network {name}: {option}={text} is no number, or not one for each of RGB") from None
    if not 16 <= given.get("input_size", INPUT_SIZE) <= 4096:
        raise UserError(f"network {name}: input_size must be from 16 to 4096 pixels, not {given['input_size']}")
    if any(value <= 0 for value in given.get("std", ())):
        raise UserError(f"network {name}: std must be above 0")
    return Specifier(name, library, network, weights or None, Options(**given))


EXAMPLES = {
    "torchvision": "torchvision:resnet18",
    "timm": "timm:resnet18.a1_in1k",
    "module": "module:package.file.function@weights.safetensors",
}


def _numbers(text: str) -> tuple[float, ...]:
    values = tuple(float(part) for part in text.split(","))
    if len(values) not in (1, 3) or not all(abs(value) < 1e6 for value in values):
        raise ValueError
    return values


_OPTIONS: Mapping[str, Callable[[str], Any]] = {
    "input_size": int,
    "mean": _numbers,
    "std": _numbers,
    "class_names": str,
}
assert set(_OPTIONS) == {option.name for option in fields(Options)}


def _three(values: tuple[float, ...], what: str, name: str) -> tuple[float, float, float]:
    if len(values) not in (1, 3):
        raise UserError(f"network {name} has a {what} of {len(values)} channels: only RGB images can be given to it")
    red, green, blue = (float(value) for value in values * (3 // len(values)))
    return red, green, blue


def _in_levels(rgb: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return values of RGB in [0, 1] as those of RGB in [0, 255]."""
    red, green, blue = rgb
    return 255 * red, 255 * green, 255 * blue


def _labels(
    specifier: Specifier, own: tuple[str, ...] | str | None, classes: int, settings: Settings
) -> tuple[str, ...] | str | None:
    """Return the class names of the file that the name gives, or the network's own if their number is right."""
    if (given := specifier.options.class_names) is None:
        return own if classes == (1000 if own == IMAGENET else len(own or ())) else None
    path = _given_file(given, f"class names of {specifier.name}", settings)
    names = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    if len(names) != classes or len(set(names)) != classes:
        raise UserError(
            f"{path} has {len(names)} class names, {len(set(names))} of them different, but {specifier.name} has "
            f"{classes} classes: write a name of its own for each, one a line"
        )
    return names


def _given_file(text: str, what: str, settings: Settings) -> Path:
    """Return a file by the path that the user gave; a relative one is looked up in the folder of weights first."""
    try:
        path = from_home(text)
    except ValueError as error:
        raise UserError(f"{what}: path {text!r} {error}") from None
    folders = [folder for folder in (settings.weights_dir, Path.cwd()) if folder]
    found = next((folder / path for folder in folders if (folder / path).is_file()), None)
    if found is None:
        where = " or ".join(map(str, folders if not path.is_absolute() else [path.parent]))
        raise UserError(f"{what}: there is no file {path.name if path.is_absolute() else path} in {where}")
    return found


# Weights --------------------------------------------------------------------------------------------------------------


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict from safetensors, or from a file of PyTorch with weights_only.

    Raises UserError if the file holds anything else.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"weights {path} can't be read as {'safetensors' if path.suffix == '.safetensors' else 'a state dict'} "
            f"({one_line(str(error).split('.')[0])}): save a state dict, best as safetensors"
        ) from error
    for wrapper in WRAPPED:
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError(f"weights {path} hold no state dict: save model.state_dict(), best as safetensors")
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def fit_state(module: nn.Module, state: dict[str, torch.Tensor], path: Path, name: str) -> None:
    """Load a state dict into a module. Raises UserError with the first tensors that are missing, unknown or misshapen.

    Tensors of auxiliary classifiers may be missing or left over.
    """
    own = module.state_dict()
    problems = [f"{key} is missing" for key in own if key not in state and not AUXILIARY.match(key)]
    problems += [f"{key} is unknown" for key in state if key not in own and not AUXILIARY.match(key)]
    problems += [
        f"{key} is {list(state[key].shape)}, not {list(tensor.shape)}"
        for key, tensor in own.items()
        if key in state and state[key].shape != tensor.shape
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise UserError(f"weights {path} don't fit {name}: {'; '.join(problems[:3])}{more}")
    module.load_state_dict({key: tensor for key, tensor in state.items() if key in own}, strict=False)


def _classes_of(state: Mapping[str, torch.Tensor], classifier: str | None) -> dict[str, int]:
    """Return the argument num_classes for a state dict whose classifier has another number of classes."""
    weight = state.get(f"{classifier}.weight") if classifier else None
    return {} if weight is None else {"num_classes": len(weight)}


def _seeded(build: Callable[[], nn.Module], specifier: Specifier, path: Path | None = None) -> nn.Module:
    """Build a module, whose random weights depend only on the seed. path: the weights that `build` reads, if any.

    Raises UserError if the library refuses its arguments or the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(specifier.seed or 0)
        try:
            return build()
        except (RuntimeError, KeyError, ValueError, AssertionError) as error:
            subject = f"weights {path} don't fit" if path else "can't be built"
            raise UserError(f"network {specifier.name} {subject}: {one_line(error)}") from error


# torchvision ----------------------------------------------------------------------------------------------------------


def _torchvision(specifier: Specifier, settings: Settings) -> Built:
    from torchvision import models

    name = specifier.network
    known = models.list_models(module=models)
    if name not in known:
        raise UserError(f"torchvision has no network {name!r}{_hint(name, known)}")
    offered = models.get_model_weights(name)
    chosen = offered.__members__.get(specifier.weights or "", offered.DEFAULT)
    own_weights = specifier.weights is None or specifier.weights in offered.__members__
    transform = chosen.transforms()
    size = specifier.options.input_size or transform.crop_size[0]
    arguments = _torchvision_arguments(name, size)
    mean, std = tuple(transform.mean), tuple(transform.std)
    path = None
    if own_weights:
        path = _torchvision_file(specifier, chosen, settings)
        if name in ("googlenet", "inception_v3"):  # their own weights transform the input
            mean = std = (0.5,) * 3
    elif specifier.seed is None:
        path = specifier.file(settings)
    state = read_state(path) if path else {}
    if path:
        arguments |= _classes_of(state, _last_classifier(state))
    module = _seeded(lambda: models.get_model(name, weights=None, **arguments), specifier)
    if path:
        fit_state(module, state, path, specifier.name)
    categories = tuple(chosen.meta["categories"])
    return Built(module, size, mean, std, IMAGENET if len(categories) == 1000 else categories)


def _torchvision_arguments(name: str, size: int) -> dict[str, Any]:
    if name.startswith("vit_"):
        return {"image_size": size}
    if name.startswith("maxvit"):
        return {"input_size": (size, size)}
    return {"init_weights": False} if name in ("googlenet", "inception_v3") else {}


def _last_classifier(state: Mapping[str, torch.Tensor]) -> str | None:
    """Return the module of the last weights of a state dict, which in torchvision's networks classify."""
    weights = [key for key in state if key.endswith(".weight") and not AUXILIARY.match(key)]
    return weights[-1].removesuffix(".weight") if weights else None


def _torchvision_file(specifier: Specifier, weights: Any, settings: Settings) -> Path:
    """Return the file of torchvision's own weights, in the folder of weights or in PyTorch's cache."""
    return _cached(specifier, Path(urlparse(weights.url).path).name, weights.url, settings)


def _cached(specifier: Specifier, file: str, source: str, settings: Settings, found: str | None = None) -> Path:
    """Return a library's weight file from the folder of weights, or from a cache. UserError names it if missing."""
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    candidates = [folder / file for folder in (settings.weights_dir, cache) if folder]
    for path in [*candidates, *([Path(found)] if found else [])]:
        if path.is_file():
            return path
    where = settings.weights_dir or cache
    raise UserError(
        f"network {specifier.name} needs {file} ({source}): put it into {where}, or give other weights, "
        f"{specifier.library}:{specifier.network}@FILE or @random-0"
    )


def _hint(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=5)
    return (
        f": did you mean {', '.join(close)}?" if close else f"; it has {len(known)}, for example {', '.join(known[:5])}"
    )


# timm -----------------------------------------------------------------------------------------------------------------


def _timm(specifier: Specifier, settings: Settings) -> Built:
    try:
        import timm
        from timm.layers import get_notrace_functions, get_notrace_modules
    except ImportError:
        raise UserError(
            f"network {specifier.name} needs timm, which isn't installed: pip install 'kaleidoscope[timm]'"
        ) from None
    name = specifier.network
    if not timm.is_model(name):
        raise UserError(f"timm has no network {name!r}{_hint(name, timm.list_models())}")
    try:
        config = timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        tags = ", ".join(timm.list_pretrained(f"{name.partition('.')[0]}.*"))
        raise UserError(f"timm: {one_line(error)} It has {tags}") from error
    path = _timm_file(specifier, config, settings) if specifier.weights is None else specifier.file(settings)
    arguments: dict[str, Any] = {}
    if path:
        if isinstance(config.classifier, str):
            arguments |= _classes_of(read_state(path), config.classifier)
        # with its own number of classes in the configuration, timm would leave the file's classifier out
        arguments |= {"pretrained": True, "pretrained_cfg_overlay": {"file": str(path), **arguments}}
    module = _seeded(lambda: _timm_module(name, specifier.options.input_size, arguments), specifier, path)
    data = timm.data.resolve_model_data_config(module)
    size = specifier.options.input_size or data["input_size"][-1]
    leaves = {"leaves": tuple(get_notrace_modules()), "functions": tuple(get_notrace_functions())}
    return Built(module, size, data["mean"], data["std"], _timm_labels(config), leaves)


def _timm_module(name: str, size: int | None, arguments: dict[str, Any]) -> nn.Module:
    """Build a network for images of another size; those that run on any size have no argument for it."""
    import timm

    if size is None:
        return timm.create_model(name, **arguments)
    try:
        return timm.create_model(name, img_size=size, **arguments)
    except TypeError:
        return timm.create_model(name, **arguments)


def _timm_file(specifier: Specifier, config: Any, settings: Settings) -> Path:
    """Return the file of a network's own weights: in the folder of weights, or in timm's cache."""
    if not config or not (config.hf_hub_id or config.url):
        raise UserError(
            f"timm has no weights for {specifier.network}: give a file, {specifier.library}:{specifier.network}@FILE, "
            "or @random-0"
        )
    if not config.hf_hub_id:
        return _cached(specifier, Path(urlparse(config.url).path).name, config.url, settings)
    from huggingface_hub import try_to_load_from_cache

    names = [config.hf_hub_filename] if config.hf_hub_filename else ["model.safetensors", "pytorch_model.bin"]
    found = [try_to_load_from_cache(config.hf_hub_id, name) for name in names]
    cached = next((path for path in found if isinstance(path, str)), None)
    tag = f"{config.architecture}.{config.tag}" if config.tag else config.architecture
    source = f"{names[0]} of {config.hf_hub_id} on the Hugging Face hub"
    return _cached(specifier, f"{tag}{Path(names[0]).suffix}", source, settings, cached)


def _timm_labels(config: Any) -> tuple[str, ...] | str | None:
    """Return the class names of timm's subsets of ImageNet; a name that occurs twice gets its WordNet id."""
    from timm.data import ImageNetInfo, infer_imagenet_subset

    subset = infer_imagenet_subset(config.to_dict()) if config else None
    if subset is None or subset == "imagenet-1k":
        return IMAGENET if subset else None
    info = ImageNetInfo(subset)
    names = [info.index_to_description(index) for index in range(info.num_classes())]
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    return tuple(f"{name} ({info.index_to_label_name(i)})" if name in twice else name for i, name in enumerate(names))


# A user's own module --------------------------------------------------------------------------------------------------


def _own_module(specifier: Specifier, settings: Settings) -> Built:
    path, _, function = specifier.network.rpartition(".")
    try:
        build = getattr(importlib.import_module(path), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(
            f"network {specifier.name}: {specifier.network} can't be imported ({one_line(error)}): write "
            "module:package.file.function, and put the folder of the package on PYTHONPATH"
        ) from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(specifier.seed or 0)
        module = build()
    if not isinstance(module, nn.Module):
        raise UserError(
            f"network {specifier.name}: {specifier.network}() returned {type(module).__name__}, not a torch.nn.Module"
        )
    if file := specifier.file(settings):
        fit_state(module, read_state(file), file, specifier.name)
    return Built(module, specifier.options.input_size or INPUT_SIZE, (0.0,), (1.0,))


_LIBRARIES = {"torchvision": _torchvision, "timm": _timm, "module": _own_module}
