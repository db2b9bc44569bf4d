"""A folder for a model hub: a dictionary's weights, its configuration and a model card with figures, data and licence.

A sparse autoencoder is written as sae-lens reads it, in cfg.json and sae_weights.safetensors. A group crosscoder, which
no library has, is written as model.safetensors with the lines of PyTorch that encode and decode. Both have the scale
folded into their weights, and a config.json with the settings of training and extraction. Nothing is uploaded.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tasks.activations.plan import ExtractionPlan
from tasks.dictionary.analyse import analysis_key
from tasks.dictionary.base import Dictionary
from tasks.dictionary.batchtopk import BatchTopK
from tasks.dictionary.exchange.exporting import save_tensors, write_files, written_for
from tasks.dictionary.gated import Gated
from tasks.dictionary.jumprelu import JumpReLU
from tasks.dictionary.methods import METHODS
from tasks.dictionary.store import describe, dictionary_config, load_dictionary, read_metrics
from tasks.errors import UserError, shown
from tasks.report.figures.dictionaries import dictionary_figures
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged
from tasks.storage import naming_disk_problems, new_folder
from tasks.tracking.registry import model_card
from tasks.warehouse.query import query

WEIGHTS = "model.safetensors"
LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
COUNTS = {"rows", "spliced_frames"}
"""Figures that say how much was measured, and not how good the dictionary is."""


def write_model_folder(dictionary: str, folder: Path, licence: str, settings: Settings) -> None:
    """Write a dictionary (a key) into a new or empty folder, ready to be uploaded to a model hub.

    The figures are those of the published snapshot, or of the evaluation if the dictionary isn't published; the
    pictures are added if it was analysed. licence: identifier such as apache-2.0, for the card's header. Raises
    UserError for a licence that is no identifier, and when the folder is not empty.
    """
    if not LICENCE.fullmatch(licence):
        raise UserError(f"the licence {shown(licence)} is not an identifier: write one such as apache-2.0, or other")
    description, config = describe(dictionary, settings), dictionary_config(dictionary, settings)
    plan, metrics = ExtractionPlan.open(description["activation_set"], settings), _figures(dictionary, settings)
    with naming_disk_problems(folder), new_folder(folder) as temporary:
        use = _write_weights(dictionary, temporary, settings)
        pictures = _write_pictures(dictionary, plan, temporary, settings)
        _write_config(dictionary, description, metrics, plan, temporary)
        card = model_card(
            "hub_card.md.jinja",
            dictionary=dictionary,
            name=config.name,
            method=METHODS[config.method],
            metrics=metrics,
            measured={name: value for name, value in metrics.items() if name not in COUNTS},
            pictures=pictures,
            use=use,
            licence=licence,
            images=Counter(frame.source for frame in plan.images.frames),
            network_sha256=plan.network["weights_sha256"],
            extraction=plan.config,
            **description,
        )
        (temporary / "README.md").write_text(f"{card}\n", encoding="utf-8")


def _figures(dictionary: str, settings: Settings) -> dict[str, float]:
    """Return {metric: value}; the published ones include those of later analyses."""
    metrics = read_metrics(dictionary, settings)
    del metrics["train_seconds"]
    if settings.published_file.exists():
        published = query("SELECT dictionary_id, metric, value FROM metrics_of_dictionaries() ORDER BY ALL", settings)
        metrics |= dict(published.filter(dictionary_id=dictionary).select("metric", "value").iter_rows())
    return metrics


def _write_weights(dictionary: str, folder: Path, settings: Settings) -> str:
    """Write the weights; return Python that defines `encode` and `decode`."""
    loaded = load_dictionary(dictionary, settings)
    if not loaded.is_crosscoder:
        written = written_for("sae-lens", dictionary, settings)
        write_files(written, folder)
        return f"{written.loader}encode, decode = sae.encode, sae.decode"
    save_tensors(crosscoder_tensors(loaded), folder / WEIGHTS)
    orientation = ORIENTATION.format(order=loaded.group.order) if loaded.turns is not None else ""
    return CROSSCODER.format(weights=WEIGHTS, orientation=orientation, activation=_activation(loaded))


def _write_pictures(dictionary: str, plan: ExtractionPlan, folder: Path, settings: Settings) -> list[str]:
    """Write the figures of an analysed dictionary as PNG; return their names."""
    key = analysis_key(dictionary)
    if not is_staged(key, settings):
        return []
    figures = dictionary_figures(read_staged(key, settings), plan.group)
    (folder / "figures").mkdir()
    for name, figure in figures.items():
        figure.savefig(folder / "figures" / f"{name}.png")
    return sorted(figures)


def _write_config(
    dictionary: str, description: dict[str, Any], metrics: dict[str, float], plan: ExtractionPlan, folder: Path
) -> None:
    # a path of this machine means nothing elsewhere
    extraction = plan.config.model_dump(mode="json", exclude={"images": {"folder"}})
    config = {"dictionary": dictionary, **description, "metrics": metrics, "extraction": extraction}
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


# Group crosscoders ----------------------------------------------------------------------------------------------------

CROSSCODER = """\
import torch
from safetensors.torch import load_file

w = load_file("{weights}")


def encode(x):
    pre = torch.einsum("bhd,hmd->bm", x[:, : len(w["encoder"])], w["encoder"]) + w["encoder_bias"]
{orientation}{activation}


def decode(f):
    return torch.einsum("bm,gmd->bgd", f, w["decoder"]) + w["decoder_bias"]"""
ORIENTATION = """\
    of_prototypes = pre.unflatten(1, (-1, {order}))
    pre = of_prototypes.where(of_prototypes == of_prototypes.amax(2, keepdim=True), 0.0).flatten(1)
"""
THRESHOLD = """\
    return torch.where(pre > w["threshold"], pre, 0.0)"""
ACTIVATIONS = {
    "topk": """\
    top = pre.topk({k})
    return torch.zeros_like(pre).scatter(1, top.indices, top.values.relu())""",
    "relu": """\
    return pre.relu()""",
    "batchtopk": THRESHOLD,
    "jumprelu": THRESHOLD,
    "matryoshka": THRESHOLD,
    "gated": """\
    magnitude = (pre - w["encoder_bias"]) * w["log_scale"].exp() + w["magnitude_bias"]
    return torch.where(pre > 0, magnitude.relu(), 0.0)""",
}


def _activation(dictionary: Dictionary) -> str:
    return ACTIVATIONS[_encodes_as(dictionary)].format(k=dictionary.config.k)


def _encodes_as(dictionary: Dictionary) -> str:
    """Return the method whose activation the dictionary has: BatchTopK encodes as TopK before it has a threshold."""
    untrained = isinstance(dictionary, BatchTopK) and dictionary.threshold < 0
    return "topk" if untrained else dictionary.config.method


@torch.no_grad()
def crosscoder_tensors(dictionary: Dictionary) -> dict[str, Tensor]:
    """Return the tensors of a crosscoder on unscaled orbits; coefficients of a band become blocks, prototypes features.

    encoder [h, m, d], where h is 1 or |G|; encoder_bias [m]; decoder [|G|, m, d]; decoder_bias [|G|, d]; threshold,
    log_scale, magnitude_bias [m], as the method has them.
    """
    encoder_hmd = dictionary.encoder_weight_hmd()
    if dictionary.reads_all_blocks and dictionary.basis_gq is not None and dictionary.turns is None:
        encoder_hmd = torch.tensordot(dictionary.basis_gq, encoder_hmd, 1)
    weight_gmd, bias_gd = dictionary.decoder_blocks()
    tensors = {
        "encoder": encoder_hmd * dictionary.scale,
        "encoder_bias": dictionary.encoder_bias(),
        "decoder": weight_gmd / dictionary.scale,
        "decoder_bias": bias_gd / dictionary.scale,
    }
    match dictionary:
        case BatchTopK() if _encodes_as(dictionary) != "topk":
            tensors["threshold"] = dictionary.threshold.expand(dictionary.config.features)
        case JumpReLU():
            tensors["threshold"] = dictionary.threshold_m
        case Gated():
            tensors |= {"log_scale": dictionary.magnitude_log_scale, "magnitude_bias": dictionary.magnitude_bias}
    return tensors
