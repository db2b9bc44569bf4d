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

import numpy as np
import torch
from torch import Tensor

from tasks.progress import Progress, silent
from tasks.symmetry.group import DihedralGroup

TILE = 256
"""Side length, in features, of the tiles compared at a time; small, so that a tile's similarities fit in the cache."""
ROUNDING = 1e-6
"""A harmonic below this share of the largest one counts as rounding error."""


class OrbitSpectra:
    """Fourier coefficients of features' normalised blocks along the rotation axis, for pairwise similarities.

    blocks_mgd: float32 [m, |G|, d]. Needs as much memory as the blocks. An all-zero feature has similarity 0 to all.
    """

    def __init__(self, blocks_mgd: Tensor, group: DihedralGroup):
        self.group, self.features = group, len(blocks_mgd)
        n, width = group.n_rotations, blocks_mgd[0].numel() // group.n_rotations
        self.v_fmx = torch.empty(n // 2 + 1, len(blocks_mgd), width, dtype=torch.complex64)
        for tile, part_mgd in zip(self.v_fmx.split(TILE, dim=1), blocks_mgd.split(TILE), strict=True):
            norms_m = part_mgd.square().sum((1, 2)).sqrt().clamp_min(1e-12)
            halves = (part_mgd / norms_m[:, None, None]).unflatten(1, (-1, n))
            spectra = torch.fft.rfft(halves, dim=2)
            spectra[:, 0] = spectra[:, 0].conj()
            tile.copy_(spectra.permute(2, 0, 1, 3).flatten(2))
        # a band-limited dictionary has no energy in the higher harmonics: leave them out
        norm_f = torch.linalg.vector_norm(self.v_fmx, dim=(1, 2))
        self.harmonics = torch.nonzero(norm_f > ROUNDING * norm_f.max())[:, 0]
        if len(self.harmonics) < len(norm_f):
            self.v_fmx = self.v_fmx[self.harmonics]

    def similarity(self, rows: slice | Tensor, columns: slice | Tensor) -> Tensor:
        """Return s_ij(h) for every element h, [|G|, rows, columns]; rows, columns: slices or indices of features."""
        v_fix, v_fjx = self.v_fmx[:, rows], self.v_fmx[:, columns]
        carriers = [v_fix.conj()]
        if self.group.reflections:
            conjugate_a, b = v_fix.chunk(2, dim=2)
            carriers.append(torch.cat([b, conjugate_a], dim=2))
        products = torch.cat(carriers, dim=1) @ v_fjx.transpose(1, 2)
        n = self.group.n_rotations
        spectrum = products.new_zeros(n // 2 + 1, *products.shape[1:])
        spectrum[self.harmonics] = products
        correlations_tij = torch.fft.irfft(spectrum, n=n, dim=0)
        return torch.cat(correlations_tij.split(v_fix.shape[1], dim=1))


def orbit_distances(
    blocks_mgd: Tensor, group: DihedralGroup, progress: Progress = silent
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the orbit-aware distance of every pair of features.

    blocks_mgd: float32 [m, |G|, d]. Returns distances, float32 [m, m], ≥ 0, symmetric and 0 on the diagonal, and
    elements, int16 [m, m], the index of the element that carries i to j. Equal features have distance 0 up to rounding.
    Memory beyond the result: a copy of the blocks, and a tile. progress counts tiles.
    """
    spectra = OrbitSpectra(blocks_mgd, group)
    m = spectra.features
    distance_mm, element_mm = np.zeros((m, m), np.float32), np.zeros((m, m), np.int16)
    starts = range(0, m, TILE)
    done, tiles = 0, len(starts) * (len(starts) + 1) // 2
    for i in starts:
        for j in range(i, m, TILE):
            best_ij, best_element_ij = spectra.similarity(slice(i, i + TILE), slice(j, j + TILE)).max(0)
            distance_ij, element_ij = (1 - best_ij).clamp_min(0).numpy(), best_element_ij.numpy()
            if i == j:
                _mirror(distance_ij, element_ij, group)
            rows, columns = slice(i, i + len(distance_ij)), slice(j, j + distance_ij.shape[1])
            distance_mm[rows, columns], distance_mm[columns, rows] = distance_ij, distance_ij.T
            element_mm[columns, rows] = group.inverses[element_ij].T
            element_mm[rows, columns] = element_ij
            done += 1
            progress(done, tiles)
    return distance_mm, element_mm


def _mirror(distance_ii: np.ndarray, element_ii: np.ndarray, group: DihedralGroup) -> None:
    """Copy the upper half of a tile on the diagonal to its lower half.

    Such a tile holds each pair twice, and rounding could resolve a tie between elements differently in the two halves.
    """
    lower = np.tril_indices(len(distance_ii), -1)
    distance_ii[lower], element_ii[lower] = distance_ii.T[lower], group.inverses[element_ii.T[lower]]
    np.fill_diagonal(distance_ii, 0)
    np.fill_diagonal(element_ii, 0)
