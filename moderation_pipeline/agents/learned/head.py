"""The head itself: logistic regression on words and numbers, whether a violation, and if so which.

Two questions rather than one with every action and category as a class: whether a comment is a violation is
learnt from all audits, which one only from those that were. scikit-learn fits (liblinear, deterministic).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]

CLASS_SEPARATOR = "/"


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights and intercepts of a fitted logistic regression, one row per class (one row for two classes)."""

    weights: Floats
    intercepts: Floats

    def scores(self, rows: csr_matrix) -> Floats:
        """Return log-odds, shape (rows, classes); columns not known when it was fitted don't count."""
        known = self.weights.shape[1]
        return np.asarray(rows[:, :known] @ self.weights.T) + self.intercepts

    @classmethod
    def fitted(cls, rows: csr_matrix, classes: Sequence[object], strength: float) -> Linear:
        """Return the fit; classes count alike however rare, for audits are a biased sample of them anyway."""
        model = LogisticRegression(C=strength, class_weight="balanced", solver="liblinear", random_state=0)
        model.fit(rows, np.array(classes))
        return cls(np.asarray(model.coef_, dtype=np.float64), np.asarray(model.intercept_, dtype=np.float64))


@dataclass(frozen=True, slots=True)
class Head:
    """A fitted head: whether a violation (`gate`), and which of `classes` ("action/category") it then is.

    `which` has a row per class where there are three or more, one row where there are two (for the second of
    them), and is null where there is only one.
    """

    gate: Linear
    classes: tuple[str, ...]
    which: Linear | None

    def suspicions(self, rows: csr_matrix) -> Floats:
        """Return the log-odds of a violation on the scale of balanced classes, shape (rows,)."""
        return self.gate.scores(rows)[:, 0]

    def class_probabilities(self, rows: csr_matrix) -> Floats:
        """Return the probability of each class given a violation, shape (rows, classes); rows sum to 1."""
        if self.which is None:
            return np.ones((rows.shape[0], 1))
        scores = self.which.scores(rows)
        if scores.shape[1] == 1:
            scores = np.hstack([-scores, scores])
        odds = 1 / (1 + np.exp(-scores))
        total: Floats = odds / odds.sum(axis=1, keepdims=True)
        return total


def fit_head(rows: csr_matrix, classes: Sequence[str | None], strength: float) -> Head:
    """Fit on audited cases; a class is "action/category" of a violation, null where there was none.

    Raises:
        ValueError: all cases are violations, or none is.

    """
    is_violation = np.array([each is not None for each in classes])
    if is_violation.all() or not is_violation.any():
        raise ValueError("A head is fitted on violations and others; these audits are all of one kind.")
    found = [each for each in classes if each is not None]
    distinct = tuple(sorted(set(found)))
    which = None
    if len(distinct) > 1:
        which = _fit_which(rows[np.flatnonzero(is_violation)], found, distinct, strength)
    return Head(Linear.fitted(rows, list(is_violation), strength), distinct, which)


def _fit_which(rows: csr_matrix, found: list[str], distinct: tuple[str, ...], strength: float) -> Linear:
    """Fit one against the rest; liblinear has no multinomial form, and these are few rows."""
    if len(distinct) == 2:
        return Linear.fitted(rows, [each == distinct[1] for each in found], strength)
    fits = [Linear.fitted(rows, [each == one for each in found], strength) for one in distinct]
    return Linear(np.vstack([fit.weights for fit in fits]), np.concatenate([fit.intercepts for fit in fits]))
