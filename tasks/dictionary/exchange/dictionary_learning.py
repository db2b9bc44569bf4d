"""dictionary-learning: a folder with config.json, as its trainers write it, and the state dict of a class.

The library saves the state dict with torch.save, a pickle, as ae.pt, and loads nothing else. We read that with
`weights_only`, and write the same tensors as ae.safetensors, which `load_state_dict` takes.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tasks.dictionary.exchange.files import ConfigFile, Foreign, WeightFile, Written, foreign
from tasks.dictionary.exchange.plain import PlainSAE, centred, present
from tasks.dictionary.matryoshka import prefix_sizes

WEIGHTS, PICKLED, CONFIG = "ae.safetensors", "ae.pt", "config.json"
METHODS = {
    "AutoEncoder": "relu",
    "AutoEncoderNew": "relu",
    "GatedAutoEncoder": "gated",
    "JumpReluAutoEncoder": "jumprelu",
    "AutoEncoderTopK": "topk",
    "BatchTopKSAE": "batchtopk",
    "MatryoshkaBatchTopKSAE": "matryoshka",
}
MODULES = {
    "AutoEncoderTopK": "trainers.top_k",
    "BatchTopKSAE": "trainers.batch_top_k",
    "MatryoshkaBatchTopKSAE": "trainers.matryoshka_batch_top_k",
}
"""Where a class stands in the library, if not in `dictionary`."""
LOADER = """\
from dictionary_learning.{module} import {name}
from safetensors.torch import load_file
sae = {name}({arguments})
sae.load_state_dict(load_file("{weights}"))
"""


def written(sae: PlainSAE, about: dict[str, Any]) -> Written:
    """Return the files of a sparse autoencoder; about: `network` and `layer` of the activations, and `dictionary`."""
    name = next(name for name, method in METHODS.items() if method == sae.method)
    linear = {"encoder.weight": sae.encoder_md, "decoder.weight": sae.decoder_md.T}
    packed = {"W_enc": sae.encoder_md.T, "W_dec": sae.decoder_md, "b_dec": sae.decoder_bias_d}
    counted = {"k": torch.tensor(sae.k or 0, dtype=torch.int32), "threshold": torch.tensor(-1.0)}
    if sae.method in ("batchtopk", "matryoshka"):
        counted["threshold"] = present(sae.threshold_m)[0]
    arguments = f"{sae.channels}, {sae.features}" + (f", k={sae.k}" if sae.k else "")
    match sae.method:
        case "relu":
            tensors = {**linear, "encoder.bias": sae.encoder_bias_m, "bias": sae.decoder_bias_d}
        case "gated":
            tensors = {**linear, "decoder_bias": sae.decoder_bias_d, "gate_bias": sae.encoder_bias_m}
            tensors |= {"r_mag": present(sae.log_scale_m), "mag_bias": present(sae.magnitude_bias_m)}
        case "jumprelu":
            tensors = {**packed, "b_enc": sae.bias_without_centring(), "threshold": present(sae.threshold_m)}
        case "matryoshka":
            ends = prefix_sizes(sae.features)
            groups = [end - start for start, end in zip([0, *ends], ends, strict=False)]
            tensors = {**packed, **counted, "b_enc": sae.encoder_bias_m, "group_sizes": torch.tensor(groups)}
            arguments += f", group_sizes={groups}"
        case _:
            tensors = {**linear, **counted, "encoder.bias": sae.encoder_bias_m, "b_dec": sae.decoder_bias_d}
    trainer = {"dict_class": name, "activation_dim": sae.channels, "dict_size": sae.features}
    trainer |= {"k": sae.k} if sae.k else {}
    trainer |= {"layer": about["layer"], "lm_name": about["network"], "kaleidoscope_dictionary": about["dictionary"]}
    loader = LOADER.format(module=MODULES.get(name, "dictionary"), name=name, arguments=arguments, weights=WEIGHTS)
    return Written(WEIGHTS, tensors, CONFIG, {"trainer": trainer}, loader)


def read(folder: Path) -> Foreign:
    """Read a dictionary. Raises UserError for a file that is missing, damaged or of another kind."""
    settings, tensors = ConfigFile(folder / CONFIG), WeightFile(folder, WEIGHTS, PICKLED)
    trainer = settings.section("trainer")
    name = trainer.text("dict_class")
    if name not in METHODS:
        raise trainer.wrong("dict_class", f"can't be imported, only {', '.join(METHODS)}")
    sae = _packed(name, trainer, tensors) if "W_enc" in tensors else _linear(name, trainer, tensors)
    return foreign(sae, "none", tensors, settings)


def _packed(name: str, trainer: ConfigFile, tensors: WeightFile) -> PlainSAE:
    """Read a class that holds W_enc and W_dec: JumpReluAutoEncoder and MatryoshkaBatchTopKSAE."""
    decoder_md = tensors.take("W_dec", None, None)
    features, channels = decoder_md.shape
    encoder_md = tensors.take("W_enc", channels, features).T.contiguous()
    bias_m, decoder_bias_d = tensors.take("b_enc", features), tensors.take("b_dec", channels)
    if METHODS[name] == "jumprelu":
        bias_m = centred(bias_m, encoder_md, decoder_bias_d)
        threshold_m = tensors.take("threshold", features)
        return PlainSAE("jumprelu", encoder_md, bias_m, decoder_md, decoder_bias_d, threshold_m=threshold_m)
    tensors.take("group_sizes", None)
    k, threshold_m = _counted(trainer, tensors, features)
    return PlainSAE(METHODS[name], encoder_md, bias_m, decoder_md, decoder_bias_d, k, threshold_m)


def _linear(name: str, trainer: ConfigFile, tensors: WeightFile) -> PlainSAE:
    """Read a class that holds two linear layers."""
    encoder_md = tensors.take("encoder.weight", None, None)
    features, channels = encoder_md.shape
    decoder_md = tensors.take("decoder.weight", channels, features).T.contiguous()
    match name:
        case "GatedAutoEncoder":
            bias_m, decoder_bias_d = tensors.take("gate_bias", features), tensors.take("decoder_bias", channels)
            log_scale_m, magnitude_bias_m = tensors.take("r_mag", features), tensors.take("mag_bias", features)
            return PlainSAE(
                "gated", encoder_md, bias_m, decoder_md, decoder_bias_d,
                log_scale_m=log_scale_m, magnitude_bias_m=magnitude_bias_m,
            )  # fmt: skip
        case "AutoEncoder":
            bias_m, decoder_bias_d = tensors.take("encoder.bias", features), tensors.take("bias", channels)
            return PlainSAE("relu", encoder_md, bias_m, decoder_md, decoder_bias_d)
        case "AutoEncoderNew":
            bias_m, decoder_bias_d = tensors.take("encoder.bias", features), tensors.take("decoder.bias", channels)
            return PlainSAE("relu", encoder_md, centred(bias_m, encoder_md, decoder_bias_d), decoder_md, decoder_bias_d)
        case _:
            bias_m, decoder_bias_d = tensors.take("encoder.bias", features), tensors.take("b_dec", channels)
            k, threshold_m = _counted(trainer, tensors, features)
            sae = PlainSAE(METHODS[name], encoder_md, bias_m, decoder_md, decoder_bias_d, k)
            # the threshold of TopK serves an option of `encode` that is off unless asked for
            return sae if name == "AutoEncoderTopK" else replace(sae, threshold_m=threshold_m)


def _counted(trainer: ConfigFile, tensors: WeightFile, features: int) -> tuple[int, torch.Tensor]:
    """Return k and the threshold of every feature; a negative threshold, of before its first update, lets all pass."""
    if "k" in tensors:
        tensors.take("k")
    threshold = tensors.take("threshold").clamp_min(0) if "threshold" in tensors else torch.zeros(())
    return trainer.count("k", features), threshold.expand(features)
