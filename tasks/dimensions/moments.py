"""First and second moments of rows, accumulated batch by batch, and the linear algebra that needs only these moments.

Source: textbook statistics; the greedy order is ours.
"""

from collections.abc import Iterable

import numpy as np


class Moments:
    """Mean and covariance of columns, summed in float64.

    The sums are about the mean of the first batch, which avoids loss of digits by cancellation.
    """

    def __init__(self) -> None:
        self.count = 0
        self.shift_d = self.sum_d = np.zeros(0)
        self.products_dd = np.zeros((0, 0))

    @classmethod
    def of(cls, batches: Iterable[np.ndarray]) -> "Moments":
        """Return the moments of all rows of batches [n, d]. Raises ValueError if there are no rows."""
        moments = cls()
        for rows_nd in batches:
            moments.add(rows_nd)
        if not moments.count:
            raise ValueError("there are no rows")
        return moments

    def add(self, rows_nd: np.ndarray) -> None:
        if not self.count:
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
        """Covariance [d, d], divided by the count."""
        return self.about(self.mean_d)

    def about(self, centre_d: np.ndarray) -> np.ndarray:
        """Return the mean product of the columns' differences from a centre, [d, d]."""
        offset_d, mean_d = self.shift_d - centre_d, self.sum_d / self.count
        return (
            self.products_dd / self.count
            + np.outer(mean_d, offset_d)
            + np.outer(offset_d, mean_d)
            + np.outer(offset_d, offset_d)
        )


def principal_axes(covariance_dd: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the principal axes [d, count], of unit length, and their variances [count], largest first."""
    from scipy.linalg import eigh

    size = len(covariance_dd)
    variances_k, axes_dk = eigh(covariance_dd, subset_by_index=(size - count, size - 1))
    return axes_dk[:, ::-1].copy(), variances_k[::-1].clip(min=0)


def greedy_order(covariance_kk: np.ndarray, cross_kd: np.ndarray, count: int) -> np.ndarray:
    """Order scores so that each adds most to the variance that those before it explain linearly; returns int [count].

    covariance_kk: of the scores; cross_kd: of the scores with the units. A score that is a linear combination of those
    before it adds nothing and comes last.
    """
    covariance_kk, cross_kd = covariance_kk.copy(), cross_kd.copy()
    free_k = covariance_kk.diagonal().copy()
    remaining_k = np.ones(len(free_k), dtype=bool)
    order = []
    for _ in range(count):
        variance_k = covariance_kk.diagonal()
        usable_k = remaining_k & (variance_k > 1e-9 * free_k)
        explained_k = (cross_kd**2).sum(1) / np.where(usable_k, variance_k, 1)
        gain_k = np.where(usable_k, explained_k, np.where(remaining_k, -1, -2))
        best = int(gain_k.argmax())
        order.append(best)
        remaining_k[best] = False
        if usable_k[best]:
            share_k = covariance_kk[:, best] / variance_k[best]
            cross_kd -= np.outer(share_k, cross_kd[best])
            covariance_kk -= np.outer(share_k, covariance_kk[best])
    return np.array(order)
