"""First and second moments of rows that stream by, and what linear algebra makes of them: no row is kept.

Source: textbook statistics; the greedy order is ours.
"""

from collections.abc import Iterable

import numpy as np


class Moments:
    """Mean and covariance of columns, summed in float64 about the first batch's mean, which loses no digits."""

    def __init__(self) -> None:
        self.count = 0
        self.shift_d = self.sum_d = self.products_dd = None

    @classmethod
    def of(cls, batches: Iterable[np.ndarray]) -> "Moments":
        """Of all rows of batches [n, d]; ValueError where there is none."""
        moments = cls()
        for rows_nd in batches:
            moments.add(rows_nd)
        if not moments.count:
            raise ValueError("no row")
        return moments

    def add(self, rows_nd: np.ndarray) -> None:
        if self.shift_d is None:
            self.shift_d = rows_nd.mean(0, dtype=np.float64)
            self.sum_d = np.zeros_like(self.shift_d)
            self.products_dd = np.zeros((rows_nd.shape[1],) * 2)
        centred_nd = (rows_nd - self.shift_d).astype(rows_nd.dtype)
        self.count += len(rows_nd)
        self.sum_d += centred_nd.sum(0, dtype=np.float64)
        self.products_dd += centred_nd.T @ centred_nd

    @property
    def mean_d(self) -> np.ndarray:
        return self.shift_d + self.sum_d / self.count

    @property
    def covariance_dd(self) -> np.ndarray:
        """Divided by the count."""
        return self.about(self.mean_d)

    def about(self, centre_d: np.ndarray) -> np.ndarray:
        """[d, d]: mean product of the columns' distances from a centre."""
        offset_d, mean_d = self.shift_d - centre_d, self.sum_d / self.count
        return (
            self.products_dd / self.count
            + np.outer(mean_d, offset_d)
            + np.outer(offset_d, mean_d)
            + np.outer(offset_d, offset_d)
        )


def principal_axes(covariance_dd: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(axes [d, count] of unit length, variances [count]), the largest first: PCA of rows that were not kept."""
    from scipy.linalg import eigh

    size = len(covariance_dd)
    variances_k, axes_dk = eigh(covariance_dd, subset_by_index=(size - count, size - 1))
    return axes_dk[:, ::-1].copy(), variances_k[::-1].clip(min=0)


def greedy_order(covariance_kk: np.ndarray, cross_kd: np.ndarray, count: int) -> np.ndarray:
    """[count] int: scores in the order in which each adds most to the variance that those before it explain linearly.

    covariance_kk: of the scores; cross_kd: of the scores with the units. A score that follows from those before it adds
    nothing and comes last.
    """
    covariance_kk, cross_kd = covariance_kk.copy(), cross_kd.copy()
    free_k = covariance_kk.diagonal().copy()
    left_k = np.ones(len(free_k), dtype=bool)
    chosen = []
    for _ in range(count):
        variance_k = covariance_kk.diagonal()
        usable_k = left_k & (variance_k > 1e-9 * free_k)
        gain_k = np.where(usable_k, (cross_kd**2).sum(1) / np.where(usable_k, variance_k, 1), np.where(left_k, -1, -2))
        best = int(gain_k.argmax())
        chosen.append(best)
        left_k[best] = False
        if usable_k[best]:
            share_k = covariance_kk[:, best] / variance_k[best]
            cross_kd -= np.outer(share_k, cross_kd[best])
            covariance_kk -= np.outer(share_k, covariance_kk[best])
    return np.array(chosen)
