"""The head itself: logistic regression on words and numbers, whether a violation, and if so which.

Two questions rather than one with every action and category as a class: whether a comment is a violation is
learnt from all audits, which one only from those that were.

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

from moderation_pipeline.agents.learned.linear_fits import Linear, ToFit, fitted
from moderation_pipeline.agents.learned.reading.row_blocks import Cells

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CLASS_SEPARATOR = "/"


class Way(NamedTuple):
    """A way to fit: what the fit on text alone counts beside the fit on everything, and whether that reads conduct."""

    text_share: float
    reads_conduct: bool


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


def gate_to_fit(rows: csr_matrix, is_violation: Flags, strengths: Strengths) -> list[ToFit]:
    """Return what says whether a violation: a fit on everything and, where wanted, one on the text alone."""
    everything = ToFit(strengths.read(rows), is_violation, strengths.everything)
    if strengths.text is None or strengths.way.text_share == 0:
        return [everything]
    return [everything, ToFit(rows[:, strengths.width :], is_violation, strengths.text)]


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
    gate = gate_to_fit(rows, is_violation, strengths)
    read = gate[0].rows[np.flatnonzero(is_violation)]
    # One against the rest; liblinear has no multinomial form, and these are few rows.
    asked = distinct[1:] if len(distinct) == 2 else distinct if len(distinct) > 1 else ()
    kinds = [ToFit(read, np.array([each == one for each in found]), strengths.everything) for one in asked]
    fits = fitted([*gate, *kinds])
    (everything, *text), which = fits[: len(gate)], fits[len(gate) :]
    return Head(
        everything.beside(text[0] if text else None, strengths.way.text_share),
        distinct,
        _stacked(which) if which else None,
    )


def _stacked(fits: Sequence[Linear]) -> Linear:
    return Linear(np.vstack([fit.weights for fit in fits]), np.concatenate([fit.intercepts for fit in fits]))
