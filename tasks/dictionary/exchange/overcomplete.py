"""overcomplete: a folder with config.json and the state dict of an SAE with a linear encoder.

The library has no format on disk: its users save a module with torch.save, a pickle. We read a state dict, as
safetensors or with `weights_only`, and the arguments of the class from a config.json of ours: `class`, `top_k`,
`running_threshold` (an attribute that a state dict lacks) and `normalization`.

Its dictionary layer has no bias. A dictionary with one is written with a last concept that is active on every row, with
the code `CONSTANT`; its atom is b_dec / `CONSTANT` [ours].
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tasks.dictionary.exchange.files import ConfigFile, Foreign, WeightFile, Written, foreign
from tasks.dictionary.exchange.plain import PlainSAE, centred, present

WEIGHTS, PICKLED, CONFIG = "sae.safetensors", "sae.pt", "config.json"
METHODS = {"SAE": "relu", "TopKSAE": "topk", "BatchTopKSAE": "batchtopk", "JumpSAE": "jumprelu"}
CONSTANT = 2.0**20
"""Far above other features, so that it is among the k largest; a power of two, so that the division is exact."""
NORMALISATIONS = {
    "l2": lambda norm_m: norm_m + 1e-8,
    "max_l2": lambda norm_m: norm_m.amax(),
    "l1": lambda norm_m: norm_m + 1e-8,
    "max_l1": lambda norm_m: norm_m.amax(),
}
"""What the library divides the atoms by, given their norms."""
LOADER = """\
from overcomplete.sae import {name}
from safetensors.torch import load_file
sae = {name}({arguments}, dictionary_params={{"normalization": "identity"}})
sae.load_state_dict(load_file("{weights}"))
sae = sae.eval()
"""


def written(sae: PlainSAE, about: dict[str, Any]) -> Written:
    """Return the files of a sparse autoencoder; about: `network` and `layer` of the activations, and `dictionary`."""
    if sae.method == "gated":
        sae = sae.as_jumprelu()
    method = "batchtopk" if sae.method == "matryoshka" else sae.method
    name = next(name for name, of_name in METHODS.items() if of_name == method)
    has_constant = bool(sae.decoder_bias_d.any())
    more = 1 if has_constant else 0
    settings = {
        "class": name,
        "input_shape": sae.channels,
        "nb_concepts": sae.features + more,
        "normalization": "identity",
        "constant_concept": has_constant,
        "network": about["network"],
        "layer": about["layer"],
        "kaleidoscope_dictionary": about["dictionary"],
    }
    tensors = _tensors(sae, has_constant)
    arguments = f"{sae.channels}, {sae.features + more}"
    loader = LOADER
    match method:
        case "topk":
            settings["top_k"] = present(sae.k) + more
            arguments += f", top_k={settings['top_k']}"
        case "batchtopk":
            settings["running_threshold"] = present(sae.threshold_m)[0].item()
            loader += f"sae.running_threshold = {settings['running_threshold']!r}\n"
    return Written(WEIGHTS, tensors, CONFIG, settings, loader.format(name=name, arguments=arguments, weights=WEIGHTS))


def _tensors(sae: PlainSAE, has_constant: bool) -> dict[str, Tensor]:
    rows = 1 if has_constant else 0
    nothing_rd, constant_r = torch.zeros(rows, sae.channels), torch.full((rows,), CONSTANT)
    tensors = {
        "encoder.final_block.0.weight": torch.cat([sae.encoder_md, nothing_rd]),
        "encoder.final_block.0.bias": torch.cat([sae.bias_without_centring(), constant_r]),
        "dictionary._weights": torch.cat([sae.decoder_md, sae.decoder_bias_d.expand(rows, -1) / CONSTANT]),
        "dictionary.multiplier": torch.zeros(()),
    }
    if sae.method == "jumprelu":
        # 0, which has no logarithm, becomes the smallest number: nothing lies between them
        threshold_m = torch.cat([present(sae.threshold_m), torch.ones(rows)])
        tensors["thresholds"] = threshold_m.clamp_min(torch.finfo(torch.float32).tiny).log()
    return tensors


def read(folder: Path) -> Foreign:
    """Read an SAE with a linear encoder. Raises UserError for a file that is missing, damaged or of another kind."""
    settings, tensors = ConfigFile(folder / CONFIG), WeightFile(folder, WEIGHTS, PICKLED)
    name = settings.text("class")
    if name not in METHODS:
        raise settings.wrong("class", f"can't be imported, only {', '.join(METHODS)}")
    decoder_md = _dictionary(settings, tensors)
    features, channels = decoder_md.shape
    encoder_md, bias_m = _encoder(tensors, decoder_md)
    k = threshold_m = None
    match name:
        case "TopKSAE":
            k = settings.count("top_k", features)
        case "BatchTopKSAE":
            # its top_k counts active features of a whole batch, so the number per row is not known
            threshold_m = torch.tensor(settings.number("running_threshold")).expand(features)
        case "JumpSAE":
            threshold_m = tensors.take("thresholds", features).exp()
    method = "jumprelu" if name == "BatchTopKSAE" else METHODS[name]
    sae = PlainSAE(method, encoder_md, bias_m, decoder_md, torch.zeros(channels), k, threshold_m)
    if settings.get("constant_concept", False):
        sae = _without_constant(sae, settings)
    return foreign(sae, "none", tensors, settings)


def _dictionary(settings: ConfigFile, tensors: WeightFile) -> Tensor:
    """Return the atoms [m, d] as the library's evaluation mode uses them: normalised, and multiplied."""
    weights_md = tensors.take("dictionary._weights", None, None)
    multiplier = tensors.take("dictionary.multiplier").exp() if "dictionary.multiplier" in tensors else 1.0
    normalisation = settings.get("normalization", "l2")
    if normalisation == "identity":
        return weights_md * multiplier
    if not isinstance(normalisation, str) or normalisation not in NORMALISATIONS:
        raise settings.wrong("normalization", f"can't be imported, only identity, {', '.join(NORMALISATIONS)}")
    norm_m = weights_md.norm(p=2 if normalisation.endswith("l2") else 1, dim=1, keepdim=True)
    return weights_md / NORMALISATIONS[normalisation](norm_m) * multiplier


def _encoder(tensors: WeightFile, decoder_md: Tensor) -> tuple[Tensor, Tensor]:
    """Return weight [m, d] and bias [m] of a linear encoder, a tieable encoder or one tied to the dictionary."""
    features, channels = decoder_md.shape
    if "encoder.final_block.0.weight" in tensors:
        weight_md = tensors.take("encoder.final_block.0.weight", features, channels)
        return weight_md, tensors.take("encoder.final_block.0.bias", features)
    if "encoder.tied_to._weights" in tensors:
        tensors.take("encoder.tied_to._weights", features, channels)
        tensors.take("encoder.tied_to.multiplier")
        weight_md = decoder_md
    else:
        weight_md = tensors.take("encoder.weight", features, channels)
    bias_m = tensors.take("encoder.bias", features) if "encoder.bias" in tensors else torch.zeros(features)
    return weight_md, bias_m


def _without_constant(sae: PlainSAE, settings: ConfigFile) -> PlainSAE:
    """Turn the last concept, which is active on every row, into the bias of the decoder."""
    *_, last_d = sae.encoder_md
    *_, code = sae.encoder_bias_m
    if last_d.any() or code <= 0 or sae.features < 2 or sae.k == 1:
        raise settings.wrong("constant_concept", "is not what the weights have: their last concept depends on the row")
    decoder_bias_d = code * sae.decoder_md[-1]
    encoder_md = sae.encoder_md[:-1]
    return PlainSAE(
        sae.method,
        encoder_md,
        centred(sae.encoder_bias_m[:-1], encoder_md, decoder_bias_d),
        sae.decoder_md[:-1],
        decoder_bias_d,
        None if sae.k is None else sae.k - 1,
        None if sae.threshold_m is None else sae.threshold_m[:-1],
    )
