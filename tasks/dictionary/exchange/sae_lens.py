"""sae-lens: a folder with cfg.json and sae_weights.safetensors, which `SAE.load_from_disk` reads (version 6).

sae-lens saves BatchTopK and Matryoshka as JumpReLU with one threshold; so do we.
"""

from pathlib import Path
from typing import Any

from tasks.dictionary.exchange.files import ConfigFile, Foreign, WeightFile, Written, foreign
from tasks.dictionary.exchange.plain import PlainSAE, centred, present

WEIGHTS, CONFIG = "sae_weights.safetensors", "cfg.json"
VERSION = "6.0.0"
"""First version of sae-lens whose cfg.json looks like ours; the library adapts files of earlier ones."""
METHODS = {"standard": "relu", "topk": "topk", "jumprelu": "jumprelu", "gated": "gated"}
NORMALISATIONS = {
    None: "none",
    False: "none",
    "none": "none",
    True: "mean-norm",
    "expected_average_only_in": "mean-norm",
}
LOADER = """\
from sae_lens import SAE
sae = SAE.load_from_disk(".")
"""


def written(sae: PlainSAE, about: dict[str, Any]) -> Written:
    """Return the files of a sparse autoencoder; about: `network` and `layer` of the activations, and `dictionary`."""
    if sae.method in ("batchtopk", "matryoshka"):
        sae = sae.as_jumprelu()
    tensors = {"W_enc": sae.encoder_md.T, "W_dec": sae.decoder_md, "b_dec": sae.decoder_bias_d}
    settings = {
        "architecture": next(name for name, method in METHODS.items() if method == sae.method),
        "d_in": sae.channels,
        "d_sae": sae.features,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": VERSION,
            "model_name": about["network"],
            "hook_name": about["layer"],
            "kaleidoscope_dictionary": about["dictionary"],
        },
    }
    match sae.method:
        case "gated":
            tensors["b_gate"] = sae.encoder_bias_m
            tensors |= {"r_mag": present(sae.log_scale_m), "b_mag": present(sae.magnitude_bias_m)}
        case "topk":
            tensors["b_enc"] = sae.encoder_bias_m
            settings |= {"k": sae.k, "rescale_acts_by_decoder_norm": False}
        case "jumprelu":
            tensors |= {"b_enc": sae.encoder_bias_m, "threshold": present(sae.threshold_m)}
        case _:
            tensors["b_enc"] = sae.encoder_bias_m
    return Written(WEIGHTS, tensors, CONFIG, settings, LOADER)


def read(folder: Path) -> Foreign:
    """Read an inference SAE. Raises UserError for a file that is missing, damaged or of another kind."""
    settings, tensors = ConfigFile(folder / CONFIG), WeightFile(folder, WEIGHTS)
    method = _method(settings)
    decoder_md = tensors.take("W_dec", None, None)
    features, channels = decoder_md.shape
    encoder_md = tensors.take("W_enc", channels, features).T.contiguous()
    decoder_bias_d = tensors.take("b_dec", channels)
    bias_m = tensors.take("b_gate" if method == "gated" else "b_enc", features)
    if not settings.get("apply_b_dec_to_input", True):
        bias_m = centred(bias_m, encoder_md, decoder_bias_d)
    k = threshold_m = log_scale_m = magnitude_bias_m = None
    match method:
        case "topk":
            k = _k(settings, features)
            if settings.get("rescale_acts_by_decoder_norm"):
                norm_m = decoder_md.norm(dim=1).clamp_min(1e-8)
                encoder_md, bias_m, decoder_md = (
                    encoder_md * norm_m[:, None],
                    bias_m * norm_m,
                    decoder_md / norm_m[:, None],
                )
        case "jumprelu":
            threshold_m = tensors.take("threshold", features)
        case "gated":
            log_scale_m, magnitude_bias_m = tensors.take("r_mag", features), tensors.take("b_mag", features)
            if not settings.get("apply_b_dec_to_input", True):
                magnitude_bias_m = centred(magnitude_bias_m, log_scale_m.exp()[:, None] * encoder_md, decoder_bias_d)
    if "scaling_factor" in tensors and (tensors.take("scaling_factor", features) != 1).any():
        raise settings.wrong("finetuning_scaling_factor", "is of sae-lens before 4, and can't be imported")
    sae = PlainSAE(
        method, encoder_md, bias_m, decoder_md, decoder_bias_d, k, threshold_m, log_scale_m, magnitude_bias_m
    )
    return foreign(sae, _scaling(settings), tensors, settings)


def _method(settings: ConfigFile) -> str:
    architecture = settings.get("architecture", "standard")
    # before version 6 the activation function was a field of its own
    activation = settings.get("activation_fn", settings.get("activation_fn_str", "relu"))
    if architecture == "standard" and activation == "topk":
        architecture = "topk"
    elif activation not in ("relu", "topk"):
        raise settings.wrong("activation_fn", "can't be imported, only relu and topk")
    if not isinstance(architecture, str) or architecture not in METHODS:
        raise settings.wrong("architecture", f"can't be imported, only {', '.join(METHODS)}")
    return METHODS[architecture]


def _k(settings: ConfigFile, features: int) -> int:
    # before version 6 it was an argument of the activation function
    before = settings.get("activation_fn_kwargs")
    return (settings.section("activation_fn_kwargs") if before else settings).count("k", features)


def _scaling(settings: ConfigFile) -> str:
    given = settings.get("normalize_activations")
    if isinstance(given, list | dict) or given not in NORMALISATIONS:
        raise settings.wrong("normalize_activations", "can't be imported, only none and expected_average_only_in")
    return NORMALISATIONS[given]
