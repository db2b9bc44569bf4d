"""What the probes share: labelled images divided into train and test, and the classifiers."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

TEST_SHARE = 0.2


def split(labels_n: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of train and test images; each class has the same share of both, if it has two images."""
    stratify = labels_n if np.bincount(labels_n).min() >= 2 else None
    train, test = train_test_split(np.arange(len(labels_n)), test_size=TEST_SHARE, stratify=stratify, random_state=seed)
    return train, test


def fitted(features_nd: np.ndarray, labels_n: np.ndarray, steps: int, seed: int) -> LogisticRegression:
    """Return a logistic regression with L2 penalty 1, fitted for at most `steps` steps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(max_iter=steps, random_state=seed).fit(features_nd, labels_n)


def ranked(codes_nm: np.ndarray, labels_n: np.ndarray) -> np.ndarray:
    """Return the features by falling F statistic of an analysis of variance; those that are constant come last."""
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", UserWarning)  # a constant feature
        f_m, _ = f_classif(codes_nm, labels_n)
    return np.argsort(np.nan_to_num(f_m, nan=-np.inf))[::-1]
