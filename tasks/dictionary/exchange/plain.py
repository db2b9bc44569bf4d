"""The form that all libraries share: a sparse autoencoder on the network's own activations."""

from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from tasks.dictionary.base import Dictionary
from tasks.dictionary.batchtopk import BatchTopK
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.gated import Gated
from tasks.dictionary.jumprelu import UNIT, JumpReLU
from tasks.dictionary.store import create
from tasks.symmetry.group import DihedralGroup

NO_TRANSFORMS = DihedralGroup(1, reflections=False)
T = TypeVar("T")


@dataclass(frozen=True)
class PlainSAE:
    """f = activation(W_enc (x − b_dec) + b_enc), x̂ = f W_dec + b_dec; float32.

    method: one of `METHODS`, which says what the activation is
    encoder_md, decoder_md: [m, d]; encoder_bias_m: [m]; decoder_bias_d: [d]
    k: active features per row of topk; their mean of batchtopk and matryoshka
    threshold_m: [m]; smallest pre-activation that counts as active, of batchtopk, jumprelu and matryoshka
    log_scale_m, magnitude_bias_m: [m]; the magnitude of gated is exp(log_scale) W_enc (x − b_dec) + magnitude_bias
    """

    method: str
    encoder_md: Tensor
    encoder_bias_m: Tensor
    decoder_md: Tensor
    decoder_bias_d: Tensor
    k: int | None = None
    threshold_m: Tensor | None = None
    log_scale_m: Tensor | None = None
    magnitude_bias_m: Tensor | None = None

    @property
    def features(self) -> int:
        return self.decoder_md.shape[0]

    @property
    def channels(self) -> int:
        return self.decoder_md.shape[1]

    def on_unscaled(self, factor: Tensor | float, mean_d: Tensor | float = 0.0) -> "PlainSAE":
        """Return the autoencoder of rows x that gives the same features as this one of rows (x − mean) · factor.

        factor: a number, or [d]. Its reconstruction of x is that of this one divided by the factor, plus the mean.
        """
        factor = torch.as_tensor(factor, dtype=torch.float64)
        return replace(
            self,
            encoder_md=(self.encoder_md * factor).float(),
            decoder_md=(self.decoder_md / factor).float(),
            decoder_bias_d=(self.decoder_bias_d / factor + mean_d).float(),
        )

    def bias_without_centring(self) -> Tensor:
        """Return b_enc − W_enc b_dec [m], for libraries that don't subtract b_dec from the row."""
        return (self.encoder_bias_m - self.encoder_md.double() @ self.decoder_bias_d.double()).float()

    def as_jumprelu(self) -> "PlainSAE":
        """Return the same function as a JumpReLU.

        Of a gated dictionary, the magnitude path becomes the encoder. Its gate is open where the magnitude exceeds
        magnitude_bias − exp(log_scale) · b_enc (Rajamanoharan et al. 2024a, §3.2).
        """
        match self.method:
            case "jumprelu":
                return self
            case "batchtopk" | "matryoshka":
                return replace(self, method="jumprelu", k=None)
            case "relu":
                return replace(self, method="jumprelu", threshold_m=torch.zeros(self.features))
            case "gated":
                scale_m, magnitude_bias_m = present(self.log_scale_m).double().exp(), present(self.magnitude_bias_m)
                threshold_m = magnitude_bias_m - scale_m * self.encoder_bias_m
                return PlainSAE(
                    "jumprelu",
                    (scale_m[:, None] * self.encoder_md).float(),
                    magnitude_bias_m,
                    self.decoder_md,
                    self.decoder_bias_d,
                    threshold_m=threshold_m.clamp_min(0).float(),
                )
            case method:
                raise ValueError(f"{method} has no fixed thresholds")


def present(value: T | None) -> T:
    """Return a field of a `PlainSAE` that its method has. Raises ValueError if the field is None."""
    if value is None:
        raise ValueError("the sparse autoencoder lacks a field of its method")
    return value


def centred(bias_m: Tensor, encoder_md: Tensor, decoder_bias_d: Tensor) -> Tensor:
    """Return b_enc + W_enc b_dec [m]: the inverse of `PlainSAE.bias_without_centring`."""
    return (bias_m + encoder_md.double() @ decoder_bias_d.double()).float()


@torch.no_grad()
def plain(dictionary: Dictionary) -> PlainSAE:
    """Return a sparse autoencoder of ours in the common form; its scale is folded into the weights."""
    config, method = dictionary.config, dictionary.config.method
    threshold_m = log_scale_m = magnitude_bias_m = None
    match dictionary:
        case BatchTopK() if dictionary.threshold < 0:  # never trained: it encodes as TopK does
            method = "topk"
        case BatchTopK():
            threshold_m = dictionary.threshold.expand(config.features)
        case JumpReLU():
            threshold_m = dictionary.threshold_m
        case Gated():
            log_scale_m, magnitude_bias_m = dictionary.magnitude_log_scale, dictionary.magnitude_bias
    scaled = PlainSAE(
        method,
        dictionary.encoder.weight,
        dictionary.encoder.bias,
        dictionary.decoder.weight[0],
        dictionary.decoder.bias[0],
        config.k if config.has_k else None,
        threshold_m,
        log_scale_m,
        magnitude_bias_m,
    )
    return scaled.on_unscaled(dictionary.scale.double())


def dictionary_of(sae: PlainSAE, config: DictionaryConfig, scale: float) -> Dictionary:
    """Return a dictionary of ours with the same features of the same rows, in evaluation mode.

    scale: E‖scale · x‖ = √d, as in every dictionary of ours.
    """
    scaled = sae.on_unscaled(1 / scale)
    tensors = {
        "encoder.weight": scaled.encoder_md,
        "encoder.bias": scaled.encoder_bias_m,
        "decoder.weight": scaled.decoder_md[None],
        "decoder.bias": scaled.decoder_bias_d[None],
        "scale": torch.tensor(scale),
    }
    match sae.method:
        case "batchtopk" | "matryoshka":
            tensors["threshold"] = present(sae.threshold_m)[0].clamp_min(0)
        case "jumprelu":
            # 0, which has no logarithm, becomes the smallest number: nothing lies between them
            tensors["log_threshold"] = present(sae.threshold_m).clamp_min(torch.finfo(torch.float32).tiny).log() / UNIT
        case "gated":
            tensors["magnitude_log_scale"] = present(sae.log_scale_m)
            tensors["magnitude_bias"] = present(sae.magnitude_bias_m)
    dictionary = create(config, sae.channels, NO_TRANSFORMS)
    dictionary.load_state_dict(tensors)
    return dictionary.eval().requires_grad_(False)
