"""Bits per row of trained SAEs at equal error, and the harmonics of their features over the orientation of curves.

    python -m tests.benchmarks.code_length DICTIONARY …

DICTIONARY: keys, or their first digits, of SAEs of one layer. Rows are those of the test split, and the layer's
responses to drawn arcs (methods §5.1): 90 orientations, 4 radii, 4 renderings. The error is the FVU about the mean of
these rows.

A dictionary's curve features are the `CURVE_FEATURES` whose code changes most with the orientation of an arc, by the
variance of the mean code over radii and renderings. Of these codes, and of the layer's responses, the shares of the
first harmonics are printed. The noise is made of rows with the mean and the covariance of the responses, independent of
the orientation; its features and their number are chosen in the same way.
"""

import sys

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.dictionary.base import Dictionary
from tasks.dictionary.code_length import CodeLength, code_length
from tasks.dictionary.store import describe, key_of, load_dictionary, read_metrics
from tasks.settings import Settings
from tasks.tuning.orientation_harmonics import harmonic_shares, mean_over_renderings
from tasks.tuning.responses import layer_responses
from tasks.vision.stimuli import LARGEST_STEP

ERRORS = (0.25, 0.1, 0.05)
CURVE_FEATURES, HARMONICS = 8, 4


def contributions(dictionary: Dictionary, acts_nd: Tensor) -> np.ndarray:
    """Return the codes of rows in units of the reconstruction, in orthonormal bases, [n, m, j]."""
    atoms_mjd = dictionary.decoder.weight[0].unflatten(0, (-1, dictionary.config.atom_dimension))
    upper_mjj = torch.linalg.qr(atoms_mjd.transpose(1, 2)).R
    code_nmj = dictionary.code(acts_nd).unflatten(1, (-1, dictionary.config.atom_dimension))
    return torch.einsum("nmj,mij->nmi", code_nmj, upper_mjj).numpy()


def of_curve_features(code_amj: np.ndarray) -> np.ndarray:
    """Return the mean share of each of the first harmonics over the features whose code changes most, [HARMONICS]."""
    variance_m = code_amj.var(0).sum(1)
    chosen = np.argsort(-variance_m)[:CURVE_FEATURES]
    return np.mean([harmonic_shares(code_amj[:, feature])[:HARMONICS] for feature in chosen], axis=0)


def matched_noise(acts_nd: Tensor) -> Tensor:
    """Return Gaussian rows with the mean and the covariance of the given ones."""
    values, vectors_dd = torch.linalg.eigh(torch.cov(acts_nd.double().T))
    noise_nd = torch.randn(acts_nd.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return (acts_nd.mean(0) + (noise_nd * values.clamp_min(0).sqrt()) @ vectors_dd.T).float()


def percent(shares: np.ndarray) -> str:
    return " ".join(f"{100 * share:.1f}" for share in shares)


def bits(length: CodeLength | None) -> str:
    """Return the bits of a row, those for which features and those for their numbers."""
    return f"{length.bits:.1f} = {length.bits_of_features:.1f} + {length.bits_of_numbers:.1f}" if length else "–"


@torch.no_grad()
def main(keys: list[str]) -> None:
    settings, console = Settings(), Console(width=260)
    keys = [key_of(key, settings) for key in keys]
    acts = ActivationSet.open(describe(keys[0], settings)["activation_set"], settings)
    test_bd = torch.cat([acts.read(shard.index)[:, 0].float() for shard in acts.shards if shard.split == "test"])
    stimuli, responses_nd = layer_responses(
        acts.config.network, acts.config.layer, acts.plan.patch.centre, settings.weights_dir, LARGEST_STEP
    )
    is_arc = torch.from_numpy((stimuli.table["family"] == "arc").to_numpy())
    arcs, arcs_nd = stimuli.table.filter(family="arc"), responses_nd[is_arc]
    noise_nd = matched_noise(arcs_nd)
    table = Table("method", "features", "dimension", "numbers", "FVU", *(f"bits, rows, {error}" for error in ERRORS),
                  *(f"bits, arcs, {error}" for error in ERRORS), "harmonics of curves, %", "of noise, %")  # fmt: skip
    of_layer = harmonic_shares(mean_over_renderings(arcs, arcs_nd.numpy()))[:HARMONICS]
    console.print(
        f"{len(test_bd):,} rows, {len(arcs):,} arcs; harmonics of the layer's responses: {percent(of_layer)} %"
    )
    for key in keys:
        dictionary, metrics = load_dictionary(key, settings), read_metrics(key, settings)
        lengths = [code_length(dictionary, rows_bd, error) for rows_bd in (test_bd, arcs_nd) for error in ERRORS]
        shares = []
        for rows_nd in (arcs_nd, noise_nd):
            code_nmj = contributions(dictionary, rows_nd)
            code_au = mean_over_renderings(arcs, code_nmj.reshape(len(code_nmj), -1))
            shares.append(percent(of_curve_features(code_au.reshape(len(code_au), *code_nmj.shape[1:]))))
        config = dictionary.config
        about = (config.method, config.features, config.atom_dimension)
        numbers = f"{metrics['l0'] * config.atom_dimension:.1f}"
        table.add_row(*map(str, about), numbers, f"{metrics['fvu']:.3f}", *map(bits, lengths), *shares)
    console.print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
