"""Methods: planted dimensions are found, figures are those of plain linear algebra, controls find nothing."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from tasks.dimensions.config import DimensionsConfig
from tasks.dimensions.methods import FITS, Dimensions, constant_units, fit, sample
from tasks.dimensions.moments import Moments
from tasks.errors import UserError

COUNT, UNITS, PLANTED = 3000, 12, 3


def planted() -> tuple[np.ndarray, np.ndarray]:
    """(non-negative sources that hardly ever fire together [n, 3], rows float32 [n, 12] that they make up)."""
    random = np.random.default_rng(0)
    sources = random.exponential(size=(COUNT, PLANTED)) * (random.random((COUNT, PLANTED)) < 0.3)
    mixing = random.random((PLANTED, UNITS)) * (random.random((PLANTED, UNITS)) < 0.6)
    return sources, (sources @ mixing + 0.01 * random.random((COUNT, UNITS))).astype(np.float32)


def found(method: str, rows: np.ndarray, **fields) -> Dimensions:
    config = DimensionsConfig(method=method, **{"components": PLANTED} | fields)
    batches = np.array_split(rows, 4)
    return fit(config, lambda: iter(batches), Moments.of(batches), "rows")


@pytest.mark.parametrize("method", FITS)
def test_scores_are_standardised_and_their_figures_are_those_of_a_regression(method):
    _, rows = planted()
    dimensions = found(method, rows)
    scores = dimensions.scores(rows)
    assert scores.shape == (COUNT, PLANTED)
    np.testing.assert_allclose(scores.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(scores.std(0), 1, atol=1e-3)

    centred = rows - rows.mean(0, dtype=np.float64)
    np.testing.assert_allclose(dimensions.directions, scores.T @ centred / COUNT, atol=1e-4)
    largest = np.abs(dimensions.directions).argmax(1)
    assert (dimensions.directions[np.arange(PLANTED), largest] > 0).all()

    explained = dimensions.explained(iter([rows]))
    for count in range(1, PLANTED + 1):
        regression = LinearRegression().fit(scores[:, :count], rows)
        left = ((rows - regression.predict(scores[:, :count])) ** 2).sum() / (centred**2).sum()
        assert explained[count - 1] == pytest.approx(1 - left, abs=1e-4)
        np.testing.assert_allclose(dimensions.reconstruction(count), regression.coef_.T, atol=1e-3)


def test_explained_variance_of_other_rows_is_judged_by_the_fit():
    _, rows = planted()
    dimensions = found("pca", rows[:1500])
    other = rows[1500:]
    guess = dimensions.mean_d + dimensions.scores(other) @ dimensions.reconstruction(PLANTED)
    total = ((other - dimensions.mean_d) ** 2).sum()
    share = 1 - ((other - guess) ** 2).sum() / total
    assert dimensions.explained(iter([other[:700], other[700:]]))[-1] == pytest.approx(share, abs=1e-5)


def test_pca_is_scikit_learns():
    _, rows = planted()
    reference = PCA(PLANTED).fit(rows.astype(np.float64))
    dimensions = found("pca", rows)
    ours = dimensions.scores(rows) * np.sqrt(reference.explained_variance_ * (COUNT - 1) / COUNT)
    np.testing.assert_allclose(np.abs(ours), np.abs(reference.transform(rows)), atol=1e-3)
    np.testing.assert_allclose(
        dimensions.explained(iter([rows])), reference.explained_variance_ratio_.cumsum(), atol=1e-5
    )


@pytest.mark.parametrize("method", ["ica", "nmf"])
def test_planted_sources_are_found(method):
    sources, rows = planted()
    scores = found(method, rows).scores(rows)
    match = np.abs(np.corrcoef(sources.T, scores.T)[:PLANTED, PLANTED:])
    assert match[linear_sum_assignment(match, maximize=True)].min() > 0.97


def test_kernel_pca_unrolls_what_no_line_follows():
    """Rows on a circle of which most are silent in each unit: the angle's cosine is in no unit, but is a dimension."""
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, COUNT)
    centres = np.linspace(0, 2 * np.pi, UNITS, endpoint=False)
    rows = np.exp(8 * (np.cos(angle[:, None] - centres) - 1)).astype(np.float32)
    basis = np.linalg.qr(np.stack([np.cos(angle), np.sin(angle)], axis=1))[0]

    def best(method: str) -> float:
        scores = found(method, rows).scores(rows)
        scores = scores - scores.mean(0)
        return (((basis.T @ scores) ** 2).sum(0) / (scores**2).sum(0)).max()

    assert best("kernel-pca") > 0.95
    assert best("neurons") < 0.6


def test_neurons_are_units_and_random_is_an_orthogonal_basis_of_the_seed():
    _, rows = planted()

    def axes(dimensions: Dimensions) -> np.ndarray:
        return dimensions.raw(np.eye(UNITS)) - dimensions.raw(np.zeros((1, UNITS)))

    chosen = axes(found("neurons", rows))
    assert chosen.sum(0).tolist() == [1] * PLANTED
    assert ((chosen == 0) | (chosen == 1)).all()
    matrices = [axes(found("random", rows, seed=seed)) for seed in (0, 0, 1)]
    np.testing.assert_allclose(matrices[0].T @ matrices[0], np.eye(PLANTED), atol=1e-9)
    np.testing.assert_array_equal(matrices[0], matrices[1])
    assert not np.allclose(matrices[0], matrices[2])


def test_what_cannot_be_found_is_told_in_one_line():
    _, rows = planted()
    constant = rows.copy()
    constant[:, 4:] = 1.0
    for method, data, fields, told in (
        ("pca", rows, {"components": 13}, "12 units that vary: set components to 12"),
        ("pca", rows[:5], {"components": 8}, "5 rows: set components to 5"),
        ("ica", constant, {"components": 5}, "4 units that vary"),
        ("kernel-pca", constant[:, 4:], {"components": 1}, "all units are constant in rows"),
        ("nmf", rows - 1, {}, "leave nmf out"),
    ):
        with pytest.raises(UserError, match=told) as raised:
            found(method, data, **fields)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("method", FITS)
def test_constant_units_disturb_nothing(method):
    _, rows = planted()
    padded = np.concatenate([rows, np.full((COUNT, 2), 3.0, np.float32)], axis=1)
    dimensions = found(method, padded)
    assert constant_units(Moments.of([padded])).tolist() == [False] * UNITS + [True] * 2
    assert np.isfinite(dimensions.scores(padded)).all()
    assert np.abs(dimensions.directions[:, UNITS:]).max() < 1e-4
    assert dimensions.explained(iter([padded]))[-1] > 0.2


def test_a_sample_lies_evenly_among_all_batches():
    rows = np.arange(25_000, dtype=np.float32)[:, None]
    picked = sample(lambda: iter(np.array_split(rows, 7)), len(rows))[:, 0]
    assert (np.diff(picked) == 3).all()
    assert picked[0] == 0
