"""Tuning dimensions by name: what turns a layer's rows into a few scores, found without supervision.

Dey et al. 2020 look for dimensions with PCA, ICA and NMF and judge them by the variance that they explain [paper]. What
is ours: kernel PCA as the nonlinear method, one definition of explained variance and of a point along a dimension for
all of them (linear regression on the scores), and everything in passes over batches of rows.

| method | scores |
| --- | --- |
| pca | principal axes of the covariance |
| ica | FastICA within the subspace of the first principal axes |
| nmf | non-negative parts, by mini-batches |
| kernel-pca | principal axes of a Gaussian kernel's features of landmarks (Nyström) |
| neurons | control: the units that explain most, greedily |
| random | control: a random orthogonal basis |
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tasks.dimensions.config import DimensionsConfig
from tasks.dimensions.moments import Moments, greedy_order, principal_axes
from tasks.errors import UserError

Rows = Callable[[], Iterator[np.ndarray]]
"""A pass over all rows: batches float32 [n, units], the same ones each time."""
Scoring = Callable[[np.ndarray], np.ndarray]
"""Rows [n, units] -> raw scores [n, K]."""
SAMPLE = 10_000
"""Rows that ICA and the kernel's landmarks and width are taken from: as many as fit, evenly from all batches."""
LANDMARKS = 500
NMF_PASSES = 5
CONSTANT = 1e-10
"""A unit whose variance is less than this share of the largest does not change but for rounding."""


@dataclass(frozen=True)
class Dimensions:
    """A method that was fitted. K dimensions, that first which explains most beside those before it.

    mean_d [units]: of the rows it was fitted to; mean_k, deviation_k: of its raw scores there, signs included, so that
    scores have mean 0 and variance 1; order_k: of the raw scores; moments: of those scores, then the units.
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
        return self.moments.mean_d[self.count :]

    @property
    def directions(self) -> np.ndarray:
        """[K, units]: how the units change, on average, as a score grows by one (cov(z, a); Haufe et al. 2014)."""
        return self.moments.covariance_dd[: self.count, self.count :]

    def scores(self, rows_nd: np.ndarray) -> np.ndarray:
        """float64 [n, K] of rows [n, units]."""
        return (self.raw(rows_nd)[:, self.order_k] - self.mean_k) / self.deviation_k

    def reconstruction(self, count: int) -> np.ndarray:
        """B [count, units]: the best linear guess of a row from its first scores is mean + z[:, :count] @ B."""
        covariance = self.moments.covariance_dd
        return np.linalg.lstsq(covariance[:count, :count], covariance[:count, self.count :], rcond=1e-9)[0]

    def explained(self, rows: Iterator[np.ndarray]) -> np.ndarray:
        """[K]: share of the variance of other rows, about this mean, that the first 1 … K scores explain linearly."""
        seen = Moments.of(np.concatenate([self.scores(batch), batch], axis=1) for batch in rows)
        about = seen.about(np.concatenate([np.zeros(self.count), self.mean_d]))
        total = np.trace(about[self.count :, self.count :])
        shares = []
        for count in range(1, self.count + 1):
            b_kd = self.reconstruction(count)
            cross_kd, covariance_kk = about[:count, self.count :], about[:count, :count]
            shares.append(((2 * cross_kd - covariance_kk @ b_kd) * b_kd).sum() / total)
        return np.array(shares)


def fit(config: DimensionsConfig, rows: Rows, moments: Moments, where: str) -> Dimensions:
    """Find the dimensions of rows whose moments are known. where: names the rows in an error.

    UserError: more components than rows, or than units that change; NMF on rows with negative numbers.
    """
    _check_enough(config.components, moments, where)
    raw = FITS[config.method](config, rows, moments, where)
    scored = Moments.of(np.concatenate([raw(batch), batch], axis=1).astype(np.float64) for batch in rows())
    width = scored.products_dd.shape[0] - len(moments.mean_d)
    covariance = scored.covariance_dd
    order_k = greedy_order(covariance[:width, :width], covariance[:width, width:], width)
    deviation_k = np.sqrt(covariance.diagonal()[order_k])
    deviation_k[deviation_k == 0] = 1
    cross_kd = covariance[:width, width:][order_k]
    largest = np.abs(cross_kd).argmax(1)
    deviation_k = deviation_k * np.where(cross_kd[np.arange(width), largest] < 0, -1, 1)
    return Dimensions(raw, order_k, scored.mean_d[order_k], deviation_k, _standardised(scored, order_k, deviation_k))


def _standardised(scored: Moments, order_k: np.ndarray, deviation_k: np.ndarray) -> Moments:
    """The same moments, of scores in order, about their mean and in units of their deviation."""
    width = len(order_k)
    units = np.arange(width, len(scored.sum_d))
    places = np.concatenate([order_k, units])
    scale = np.concatenate([1 / deviation_k, np.ones(len(units))])
    moments = Moments()
    moments.count = scored.count
    moments.shift_d = np.concatenate([np.zeros(width), scored.mean_d[units]])
    moments.sum_d = np.zeros(len(places))
    moments.products_dd = scored.covariance_dd[np.ix_(places, places)] * np.outer(scale, scale) * scored.count
    return moments


def constant_units(moments: Moments) -> np.ndarray:
    """[units] bool: which never change on the rows."""
    variance_d = moments.covariance_dd.diagonal()
    return variance_d <= CONSTANT * variance_d.max()


def _check_enough(components: int, moments: Moments, where: str) -> None:
    changing = int((~constant_units(moments)).sum())
    for count, what in ((moments.count, "rows"), (changing, "units that change")):
        if components > count:
            raise UserError(
                f"{components} components can't be found in {where}, which has {count} {what}: "
                f"set components to {count} or fewer" + (" or take more rows" if what == "rows" else "")
                if count
                else f"nothing changes in {where}: there is no dimension to find; choose another layer or other images"
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
    found = FastICA(whiten=False, max_iter=2000, tol=1e-3, random_state=config.seed).fit(white)
    return _linear(moments.mean_d, whiten_dk @ found.components_.T)


def _nmf(config: DimensionsConfig, rows: Rows, moments: Moments, where: str) -> Scoring:
    from sklearn.decomposition import MiniBatchNMF

    least = min(float(batch.min()) for batch in rows())
    if least < 0:
        raise UserError(
            f"nmf needs activations that are nowhere negative, and {where} reaches {least:.3g}: leave nmf out, or "
            "choose a layer behind a rectifier"
        )
    found = MiniBatchNMF(config.components, init="nndsvda", random_state=config.seed, max_iter=200)
    for _ in range(NMF_PASSES):
        for batch in rows():
            found.partial_fit(batch.astype(np.float64))
    return lambda rows_nd: found.transform(rows_nd.astype(np.float64).clip(min=0))


def _kernel_pca(config: DimensionsConfig, rows: Rows, moments: Moments, where: str) -> Scoring:
    from scipy.spatial.distance import pdist
    from sklearn.kernel_approximation import Nystroem

    some = sample(rows, moments.count)
    picked = np.random.default_rng(config.seed).permutation(len(some))[:LANDMARKS]
    width = np.median(pdist(some[picked], "sqeuclidean")) or 1.0
    landmarks = Nystroem(gamma=1 / width, n_components=len(picked), random_state=config.seed).fit(some)
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
    """float64 [≤ SAMPLE, units]: rows that lie evenly among all."""
    step = -(-count // SAMPLE)
    picked, before = [], 0
    for batch in rows():
        picked.append(batch[-before % step :: step])
        before += len(batch)
    return np.concatenate(picked).astype(np.float64)
