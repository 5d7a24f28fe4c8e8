"""The head itself: logistic regression on words and numbers, whether a violation, and if so which.

Two questions rather than one with every action and category as a class: whether a comment is a violation is
learnt from all audits, which one only from those that were. scikit-learn fits (liblinear, deterministic).

The first question is answered by two fits added up, which is a linear model again: one on everything, shrunk much,
for numbers carry what a base knows; one on the text alone, shrunk little, for a word is seldom seen twice while
audits are few. On five sets at 50 to 500 audits the sum ranks as well as the better of the two or better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from moderation_pipeline.agents.learned.reading.row_blocks import Cells

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CLASS_SEPARATOR = "/"


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights and intercepts of a fitted logistic regression, one row per class (one row for two classes)."""

    weights: Floats
    intercepts: Floats

    def beside(self, text: Linear | None, share: float) -> Linear:
        """Return the mean of this model and one on the last columns alone, which counts so often."""
        if share == 0 or text is None:
            return self
        added = self.weights.copy()
        added[:, added.shape[1] - text.weights.shape[1] :] += share * text.weights
        return Linear(added / (1 + share), (self.intercepts + share * text.intercepts) / (1 + share))

    def scores(self, rows: Cells) -> Floats:
        """Return log-odds, shape (rows, classes); columns not known when it was fitted don't count."""
        unknown = rows.width - self.weights.shape[1]
        weights = np.pad(self.weights, ((0, 0), (0, unknown))) if unknown else self.weights
        row, weighed = rows.row_of_each, np.take(weights, rows.columns, axis=1) * rows.values
        # By NumPy: for a batch of a few rows SciPy takes longer to begin a product than to sum it up.
        sums = [np.bincount(row, each, minlength=rows.rows) for each in weighed]
        return np.stack(sums, axis=1) + self.intercepts

    def without(self, columns: slice) -> Linear:
        """Return the model of rows that lack some columns."""
        return Linear(np.delete(self.weights, columns, axis=1), self.intercepts)

    @classmethod
    def fitted(cls, rows: csr_matrix, outcomes: Flags, strength: float) -> Linear:
        """Return the fit; outcomes count alike however rare, for audits are a biased sample of them anyway."""
        many, yes = len(outcomes), int(outcomes.sum())
        # What scikit-learn calls balanced; to find it out by itself takes it a fifth of a fit.
        weights = {0: many / (2 * (many - yes)), 1: many / (2 * yes)}
        # In the dual: there are more terms than audits, and it takes a tenth of the time at the same weights.
        model = LogisticRegression(
            C=strength,
            class_weight=weights,
            solver="liblinear",
            dual=True,
            max_iter=1_000,
            random_state=0,
        )
        model.fit(rows, outcomes.astype(np.int64))
        return cls(np.asarray(model.coef_, dtype=np.float64), np.asarray(model.intercept_, dtype=np.float64))


class Way(NamedTuple):
    """A way to fit: what the fit on text alone counts beside the fit on everything, and whether that reads conduct."""

    text_share: float
    reads_conduct: bool


AS_BEFORE = Way(1.0, reads_conduct=False)
"""Until folds say which way is better: who writes and how has to show that it helps."""


class Strengths(NamedTuple):
    """How much fits may make of few audits (scikit-learn's C): on everything, and on the text alone.

    Text is in the columns from `width` on, who writes and how in those of `conduct`.
    """

    everything: float
    text: float | None
    width: int
    conduct: range
    way: Way = Way(1.0, reads_conduct=True)

    def read(self, rows: csr_matrix) -> csr_matrix:
        """Return the rows as a fit on everything reads them."""
        if self.way.reads_conduct:
            return rows
        is_conduct = (rows.indices >= self.conduct.start) & (rows.indices < self.conduct.stop)
        read = rows.copy()
        read.data[is_conduct] = 0.0
        read.eliminate_zeros()
        return read


def fit_gate(rows: csr_matrix, is_violation: Flags, strengths: Strengths) -> tuple[Linear, Linear | None]:
    """Return whether a violation, as a fit on everything says it and, where wanted, as one on the text alone does."""
    everything = Linear.fitted(strengths.read(rows), is_violation, strengths.everything)
    if strengths.text is None or strengths.way.text_share == 0:
        return everything, None
    return everything, Linear.fitted(rows[:, strengths.width :], is_violation, strengths.text)


@dataclass(frozen=True, slots=True)
class Head:
    """A fitted head: whether a violation (`gate`), and which of `classes` ("action/category") it then is.

    `which` has a row per class where there are three or more, one row where there are two (for the second of
    them), and is null where there is only one.
    """

    gate: Linear
    classes: tuple[str, ...]
    which: Linear | None

    def without(self, columns: slice) -> Head:
        """Return the head of rows that lack some columns."""
        which = None if self.which is None else self.which.without(columns)
        return Head(self.gate.without(columns), self.classes, which)

    def suspicions(self, rows: Cells) -> Floats:
        """Return the log-odds of a violation on the scale of balanced classes, shape (rows,)."""
        return self.gate.scores(rows)[:, 0]

    def class_probabilities(self, rows: Cells) -> Floats:
        """Return the probability of each class given a violation, shape (rows, classes); rows sum to 1."""
        if self.which is None:
            return np.ones((rows.rows, 1))
        scores = self.which.scores(rows)
        if scores.shape[1] == 1:
            scores = np.hstack([-scores, scores])
        odds = 1 / (1 + np.exp(-scores))
        total: Floats = odds / odds.sum(axis=1, keepdims=True)
        return total


def fit_head(rows: csr_matrix, classes: Sequence[str | None], strengths: Strengths) -> Head:
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
        which = _fit_which(
            strengths.read(rows)[np.flatnonzero(is_violation)], found, distinct, strengths.everything
        )
    everything, text = fit_gate(rows, is_violation, strengths)
    return Head(everything.beside(text, strengths.way.text_share), distinct, which)


def _fit_which(rows: csr_matrix, found: list[str], distinct: tuple[str, ...], strength: float) -> Linear:
    """Fit one against the rest; liblinear has no multinomial form, and these are few rows."""
    wanted = distinct[1:] if len(distinct) == 2 else distinct
    fits = [Linear.fitted(rows, np.array([each == one for each in found]), strength) for one in wanted]
    return Linear(np.vstack([fit.weights for fit in fits]), np.concatenate([fit.intercepts for fit in fits]))
