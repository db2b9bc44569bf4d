"""The dimension methods: unsupervised functions from a layer's rows to a few scores (methods §6).

Dey et al. 2020 find dimensions with PCA, ICA and NMF and evaluate them by the variance that they explain [paper]. Ours
are: kernel PCA as a nonlinear method; one definition, for all methods, of explained variance and of a point along a
dimension (by linear regression on the scores); and the computation in passes over batches of rows.

| method | scores |
| --- | --- |
| pca | principal axes of the covariance |
| ica | FastICA in the subspace of the first principal axes |
| nmf | non-negative parts, by mini-batches |
| kernel-pca | principal axes of the features of a Gaussian kernel at landmarks (Nyström) |
| neurons | control: single units, chosen greedily by the variance that they explain |
| random | control: a random orthogonal basis |
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tasks.dimensions.config import DimensionsConfig
from tasks.dimensions.moments import Moments, greedy_order, principal_axes
from tasks.errors import UserError

Rows = Callable[[], Iterator[np.ndarray]]
"""Starts a pass over all rows: batches float32 [n, units], the same ones at every call."""
Scoring = Callable[[np.ndarray], np.ndarray]
"""Function from rows [n, units] to raw scores [n, K]."""
SAMPLE = 10_000
"""Largest number of rows, spread evenly over all batches, for ICA and for the landmarks and width of the kernel."""
LANDMARKS = 500
NMF_PASSES = 5
CONSTANT = 1e-10
"""A unit whose variance is below this share of the largest variance is constant up to rounding."""


@dataclass(frozen=True)
class Dimensions:
    """A fitted method with K dimensions. Each adds most to the variance that the dimensions before it explain.

    raw: function from rows to raw scores
    order_k: [K], indices of the raw scores in the order of the dimensions
    mean_k, deviation_k: [K], mean and standard deviation of the raw scores on the fitting rows, so that scores have
    mean 0 and variance 1 there; a negative deviation changes the sign of a score
    moments: of the scores and the units on the fitting rows, scores first
    """

    raw: Scoring
    order_k: np.ndarray
    mean_k: np.ndarray
    deviation_k: np.ndarray
    moments: Moments

    @property
    def count(self) -> int:
        return len(self.order_k)

    @property
    def mean_d(self) -> np.ndarray:
        """Mean of the fitting rows, [units]."""
        return self.moments.mean_d[self.count :]

    @property
    def directions(self) -> np.ndarray:
        """Mean change of the units when a score increases by 1, [K, units]: cov(z, a) (Haufe et al. 2014)."""
        return self.moments.covariance_dd[: self.count, self.count :]

    def scores(self, rows_nd: np.ndarray) -> np.ndarray:
        """Return the scores of rows [n, units], float64 [n, K]."""
        return (self.raw(rows_nd)[:, self.order_k] - self.mean_k) / self.deviation_k

    def reconstruction(self, count: int) -> np.ndarray:
        """Return B [count, units]: mean + z[:, :count] @ B is the best linear reconstruction from the first scores."""
        covariance = self.moments.covariance_dd
        return np.linalg.lstsq(covariance[:count, :count], covariance[:count, self.count :], rcond=1e-9)[0]

    def explained(self, rows: Iterator[np.ndarray]) -> np.ndarray:
        """Return the share of the variance of rows that the first 1 … K scores explain linearly, [K].

        The rows may be other than the fitting rows; their variance is about the mean of the fitting rows.
        """
        moments = Moments.of(np.concatenate([self.scores(batch), batch], axis=1) for batch in rows)
        about = moments.about(np.concatenate([np.zeros(self.count), self.mean_d]))
        total = np.trace(about[self.count :, self.count :])
        shares = []
        for count in range(1, self.count + 1):
            b_kd = self.reconstruction(count)
            cross_kd, covariance_kk = about[:count, self.count :], about[:count, :count]
            shares.append(((2 * cross_kd - covariance_kk @ b_kd) * b_kd).sum() / total)
        return np.array(shares)


def fit(config: DimensionsConfig, rows: Rows, moments: Moments, where: str) -> Dimensions:
    """Fit `config.method` to rows. moments: of these rows; where: description of the rows for error messages.

    Raises UserError for more components than rows or than units that vary, and for NMF on rows with negative numbers.
    """
    _check_enough(config.components, moments, where)
    raw = FITS[config.method](config, rows, moments, where)
    joint = Moments.of(np.concatenate([raw(batch), batch], axis=1).astype(np.float64) for batch in rows())
    width = joint.products_dd.shape[0] - len(moments.mean_d)
    covariance = joint.covariance_dd
    order_k = greedy_order(covariance[:width, :width], covariance[:width, width:], width)
    deviation_k = np.sqrt(covariance.diagonal()[order_k])
    deviation_k[deviation_k == 0] = 1
    cross_kd = covariance[:width, width:][order_k]
    largest = np.abs(cross_kd).argmax(1)
    deviation_k = deviation_k * np.where(cross_kd[np.arange(width), largest] < 0, -1, 1)
    return Dimensions(raw, order_k, joint.mean_d[order_k], deviation_k, _standardised(joint, order_k, deviation_k))


def _standardised(joint: Moments, order_k: np.ndarray, deviation_k: np.ndarray) -> Moments:
    """Return the joint moments of raw scores and units for ordered scores, centred and divided by their deviation."""
    width = len(order_k)
    units = np.arange(width, len(joint.sum_d))
    places = np.concatenate([order_k, units])
    scale = np.concatenate([1 / deviation_k, np.ones(len(units))])
    moments = Moments()
    moments.count = joint.count
    moments.shift_d = np.concatenate([np.zeros(width), joint.mean_d[units]])
    moments.sum_d = np.zeros(len(places))
    moments.products_dd = joint.covariance_dd[np.ix_(places, places)] * np.outer(scale, scale) * joint.count
    return moments


def constant_units(moments: Moments) -> np.ndarray:
    """Return which units are constant on the rows, bool [units]."""
    variance_d = moments.covariance_dd.diagonal()
    return variance_d <= CONSTANT * variance_d.max()


def _check_enough(components: int, moments: Moments, where: str) -> None:
    varying = int((~constant_units(moments)).sum())
    for count, what in ((moments.count, "rows"), (varying, "units that vary")):
        if components > count:
            raise UserError(
                f"{components} components can't be found in {where}, which has {count} {what}: "
                f"set components to {count} or fewer" + (" or use more rows" if what == "rows" else "")
                if count
                else f"all units are constant in {where}: there is no dimension to find; choose another layer or images"
            )


def _linear(mean_d: np.ndarray, axes_dk: np.ndarray) -> Scoring:
    return lambda rows_nd: (rows_nd - mean_d) @ axes_dk


def _pca(config: DimensionsConfig, rows: Rows, moments: Moments, where: str) -> Scoring:
    return _linear(moments.mean_d, principal_axes(moments.covariance_dd, config.components)[0])


def _neurons(config: DimensionsConfig, rows: Rows, moments: Moments, where: str) -> Scoring:
    covariance_dd = moments.covariance_dd
    chosen = greedy_order(covariance_dd, covariance_dd, config.components)
    return _linear(moments.mean_d, np.eye(len(covariance_dd))[:, chosen])


def _random(config: DimensionsConfig, rows: Rows, moments: Moments, where: str) -> Scoring:
    normal = np.random.default_rng(config.seed).normal(size=(len(moments.mean_d), config.components))
    return _linear(moments.mean_d, np.linalg.qr(normal)[0])


def _ica(config: DimensionsConfig, rows: Rows, moments: Moments, where: str) -> Scoring:
    from sklearn.decomposition import FastICA

    axes_dk, variances_k = principal_axes(moments.covariance_dd, config.components)
    whiten_dk = axes_dk / np.sqrt(variances_k)
    white = _linear(moments.mean_d, whiten_dk)(sample(rows, moments.count))
    ica = FastICA(whiten=False, max_iter=2000, tol=1e-3, random_state=config.seed).fit(white)
    return _linear(moments.mean_d, whiten_dk @ ica.components_.T)


def _nmf(config: DimensionsConfig, rows: Rows, moments: Moments, where: str) -> Scoring:
    from sklearn.decomposition import MiniBatchNMF

    least = min(float(batch.min()) for batch in rows())
    if least < 0:
        raise UserError(
            f"nmf needs activations ≥ 0, but {where} reaches {least:.3g}: leave nmf out, or choose a layer after a ReLU"
        )
    nmf = MiniBatchNMF(config.components, init="nndsvda", random_state=config.seed, max_iter=200)
    for _ in range(NMF_PASSES):
        for batch in rows():
            nmf.partial_fit(batch.astype(np.float64))
    return lambda rows_nd: nmf.transform(rows_nd.astype(np.float64).clip(min=0))


def _kernel_pca(config: DimensionsConfig, rows: Rows, moments: Moments, where: str) -> Scoring:
    from scipy.spatial.distance import pdist
    from sklearn.kernel_approximation import Nystroem

    rows_nd = sample(rows, moments.count)
    picked = np.random.default_rng(config.seed).permutation(len(rows_nd))[:LANDMARKS]
    width = np.median(pdist(rows_nd[picked], "sqeuclidean")) or 1.0
    landmarks = Nystroem(gamma=1 / width, n_components=len(picked), random_state=config.seed).fit(rows_nd)
    features = Moments.of(landmarks.transform(batch) for batch in rows())
    _check_enough(config.components, features, f"the kernel's features of {where}")
    project = _linear(features.mean_d, principal_axes(features.covariance_dd, config.components)[0])
    return lambda rows_nd: project(landmarks.transform(rows_nd))


FITS = {
    "pca": _pca,
    "ica": _ica,
    "nmf": _nmf,
    "kernel-pca": _kernel_pca,
    "neurons": _neurons,
    "random": _random,
}


def sample(rows: Rows, count: int) -> np.ndarray:
    """Return evenly spaced rows, float64 [≤ SAMPLE, units]. count: number of all rows."""
    step = -(-count // SAMPLE)
    picked, before = [], 0
    for batch in rows():
        picked.append(batch[-before % step :: step])
        before += len(batch)
    return np.concatenate(picked).astype(np.float64)
