"""The orbit-aware distance: features that are rotated or mirrored copies of each other are close (methods §4).

    similarity of i and j under h    s_ij(h) = cos(⊕_g d_i^{gh}, ⊕_g d_j^g)
    distance                         1 − max_h s_ij(h)

If d_j^g = d_i^{gh} for every g, then h carries i to j: if i fires on an image x, j fires on h·x.

A rotation h shifts the blocks along the rotation axis: the blocks of rotations a_k = d^{r^k} in one direction, those of
reflections b_k = d^{r^k s} in the other. Each s_ij is therefore a cross-correlation along the rotation axis. With A and
B the Fourier transforms of a feature's two halves a and b, and v = [conj(A), B], it is one product per pair of features
and harmonic:

    rotations h = r^t:      conj(v_i) · v_j        reflections h = r^t s:      [B_i, conj(A_i)] · v_j
Source: ours.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from tasks.progress import Progress, silent
from tasks.symmetry.group import DihedralGroup

TILE = 256
"""Side length, in features, of the tiles compared at a time; small, so that a tile's similarities fit in the cache."""
ROW_TILES = 4
"""Tiles of rows whose spectra are kept while those of the columns are computed, once for all of them."""
ROUNDING = 1e-6
"""A harmonic below this share of the largest one counts as rounding error."""


class Blocks(Protocol):
    """Transform blocks of m features, float32 [m, |G|, d], of which a part is read at a time; a tensor is one."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: slice | Tensor, /) -> Tensor: ...


class OrbitSpectra:
    """Fourier coefficients of features' normalised blocks along the rotation axis, for pairwise similarities.

    blocks_mgd: float32 [m, |G|, d]. Needs as much memory as the blocks. An all-zero feature has similarity 0 to all.
    """

    def __init__(self, blocks_mgd: Tensor, group: DihedralGroup):
        self.group, self.harmonics = group, harmonics_of(blocks_mgd, group)
        self.v_fmx = _spectra(blocks_mgd, group)[self.harmonics]

    def similarity(self, rows: slice | Tensor, columns: slice | Tensor) -> Tensor:
        """Return s_ij(h) for every element h, [|G|, rows, columns]; rows, columns: slices or indices of features."""
        return _similarity(self.v_fmx[:, rows], self.v_fmx[:, columns], self.harmonics, self.group)


def harmonics_of(blocks_mgd: Blocks, group: DihedralGroup) -> Tensor:
    """Return the harmonics in which the features have energy: a band-limited dictionary has none in the higher ones."""
    energy_f = torch.zeros(group.n_rotations // 2 + 1, dtype=torch.float64)
    for first in range(0, len(blocks_mgd), TILE):
        v_fix = _spectra(blocks_mgd[first : first + TILE], group)
        energy_f += torch.linalg.vector_norm(v_fix, dim=(1, 2)).double().square()
    return torch.nonzero(energy_f > ROUNDING**2 * energy_f.max())[:, 0]


def _spectra(blocks_mgd: Tensor, group: DihedralGroup) -> Tensor:
    """Return v of the module's docstring for normalised features, complex64 [harmonics, m, 2d], or [.., d] for C_n."""
    norms_m = blocks_mgd.square().sum((1, 2)).sqrt().clamp_min(1e-12)
    halves = (blocks_mgd / norms_m[:, None, None]).unflatten(1, (-1, group.n_rotations))
    spectra = torch.fft.rfft(halves, dim=2)
    spectra[:, 0] = spectra[:, 0].conj()
    return spectra.permute(2, 0, 1, 3).flatten(2)


def _similarity(v_fix: Tensor, v_fjx: Tensor, harmonics: Tensor, group: DihedralGroup) -> Tensor:
    carriers = [v_fix.conj()]
    if group.reflections:
        conjugate_a, b = v_fix.chunk(2, dim=2)
        carriers.append(torch.cat([b, conjugate_a], dim=2))
    products = torch.cat(carriers, dim=1) @ v_fjx.transpose(1, 2)
    n = group.n_rotations
    spectrum = products.new_zeros(n // 2 + 1, *products.shape[1:])
    spectrum[harmonics] = products
    correlations_tij = torch.fft.irfft(spectrum, n=n, dim=0)
    return torch.cat(correlations_tij.split(v_fix.shape[1], dim=1))


class Tile(NamedTuple):
    """Distances, float32, and elements that carry the row's feature to the column's, of a part of all pairs."""

    rows: slice
    columns: slice
    distance_ij: np.ndarray
    element_ij: np.ndarray


def orbit_distances(blocks_mgd: Blocks, group: DihedralGroup, progress: Progress = silent) -> np.ndarray:
    """Compute the orbit-aware distance of every pair of features.

    blocks_mgd: float32 [m, |G|, d]. Returns float32 [m, m], ≥ 0, symmetric and 0 on the diagonal. Equal features have
    distance 0 up to rounding. Memory beyond the result: 2 · (ROW_TILES + 1) tiles of blocks. progress counts tiles.
    """
    distance_mm = np.zeros((len(blocks_mgd), len(blocks_mgd)), np.float32)
    for tile in _tiles(blocks_mgd, group, progress):
        distance_mm[tile.rows, tile.columns] = tile.distance_ij
        distance_mm[tile.columns, tile.rows] = tile.distance_ij.T
    return distance_mm


def orbit_carriers(blocks_mgd: Blocks, group: DihedralGroup) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances of `orbit_distances`, and int16 [m, m], the element that carries the row to the column."""
    m = len(blocks_mgd)
    distance_mm, element_mm = np.zeros((m, m), np.float32), np.zeros((m, m), np.int16)
    for tile in _tiles(blocks_mgd, group):
        distance_mm[tile.columns, tile.rows] = tile.distance_ij.T
        distance_mm[tile.rows, tile.columns] = tile.distance_ij
        element_mm[tile.columns, tile.rows] = group.inverses[tile.element_ij].T
        element_mm[tile.rows, tile.columns] = tile.element_ij
    return distance_mm, element_mm


def _tiles(blocks_mgd: Blocks, group: DihedralGroup, progress: Progress = silent) -> Iterator[Tile]:
    """Yield the tiles on and above the diagonal. progress counts them."""
    m, harmonics = len(blocks_mgd), harmonics_of(blocks_mgd, group)
    tiles = -(-m // TILE)
    done, total = 0, tiles * (tiles + 1) // 2
    for first in range(0, m, ROW_TILES * TILE):
        rows = {
            i: _spectra(blocks_mgd[i : i + TILE], group)[harmonics]
            for i in range(first, min(m, first + ROW_TILES * TILE), TILE)
        }
        for j in range(first, m, TILE):
            v_fjx = rows[j] if j in rows else _spectra(blocks_mgd[j : j + TILE], group)[harmonics]
            for i, v_fix in rows.items():
                if i > j:
                    continue
                best_ij, best_element_ij = _similarity(v_fix, v_fjx, harmonics, group).max(0)
                distance_ij, element_ij = (1 - best_ij).clamp_min(0).numpy(), best_element_ij.numpy()
                if i == j:
                    _mirror(distance_ij, element_ij, group)
                yield Tile(slice(i, i + v_fix.shape[1]), slice(j, j + v_fjx.shape[1]), distance_ij, element_ij)
                done += 1
                progress(done, total)


def _mirror(distance_ii: np.ndarray, element_ii: np.ndarray, group: DihedralGroup) -> None:
    """Copy the upper half of a tile on the diagonal to its lower half.

    Such a tile holds each pair twice, and rounding could resolve a tie between elements differently in the two halves.
    """
    lower = np.tril_indices(len(distance_ii), -1)
    distance_ii[lower], element_ii[lower] = distance_ii.T[lower], group.inverses[element_ii.T[lower]]
    np.fill_diagonal(distance_ii, 0)
    np.fill_diagonal(element_ii, 0)
