"""Logistic regressions, and how they are fitted: small ones several at a time.

A head and its folds take some twenty fits, and of a small one scikit-learn's checks take three times as long as the
fit. What they are fitted on is put beside each other, each with columns of its own: the models stay as independent as
they were, and the checks are made once. scikit-learn fits (liblinear, deterministic).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from moderation_pipeline.agents.learned.reading.row_blocks import Cells, ends_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CELLS_TOGETHER = 100_000
"""Of more, each is fitted by itself: they would no longer fit into the processor's cache, and all wait for the slowest.
With 60,000 and 120,000 the fits of 16 folds took .77 of the time, with a million 1.29."""


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


class ToFit(NamedTuple):
    """What a model of one question is fitted on: rows, their outcomes, and how much it may make of them (C)."""

    rows: csr_matrix
    outcomes: Flags
    strength: float

    @property
    def weights(self) -> tuple[float, float]:
        """What each outcome of no, and of yes, counts: alike however rare, for audits are a biased sample anyway."""
        many, yes = len(self.outcomes), int(self.outcomes.sum())
        # What scikit-learn calls balanced; to find it out by itself takes it a fifth of a fit.
        return many / (2 * (many - yes)), many / (2 * yes)


def fitted(wanted: Sequence[ToFit]) -> list[Linear]:
    """Return a fit of each, in their order; no outcomes are all alike."""
    found: dict[int, Linear] = {}
    for places in _together(wanted):
        parts = [wanted[place] for place in places]
        found.update(zip(places, [_alone(parts[0])] if len(parts) == 1 else _beside(parts), strict=True))
    return [found[place] for place in range(len(wanted))]


def _together(wanted: Sequence[ToFit]) -> Iterator[list[int]]:
    """Yield the places of what is fitted at once: of one strength, for the weaker are done sooner."""
    for strength in dict.fromkeys(each.strength for each in wanted):
        places: list[int] = []
        cells = 0
        for place in (i for i, each in enumerate(wanted) if each.strength == strength):
            if places and cells + wanted[place].rows.nnz > CELLS_TOGETHER:
                yield places
                places, cells = [], 0
            places.append(place)
            cells += wanted[place].rows.nnz
        yield places


def _model(strength: float, **settings: object) -> LogisticRegression:
    # In the dual: there are more terms than audits, and it takes a tenth of the time at the same weights.
    return LogisticRegression(
        C=strength, solver="liblinear", dual=True, max_iter=1_000, random_state=0, **settings
    )


def _alone(wanted: ToFit) -> Linear:
    model = _model(wanted.strength, class_weight=dict(enumerate(wanted.weights)))
    model.fit(wanted.rows, wanted.outcomes.astype(np.int64))
    return Linear(np.asarray(model.coef_, dtype=np.float64), np.asarray(model.intercept_, dtype=np.float64))


def _beside(parts: Sequence[ToFit]) -> list[Linear]:
    """Return the fits of parts that share no column; the last of each part's is 1 in all its rows, as an intercept."""
    begins = ends_of(np.array([part.rows.shape[1] + 1 for part in parts]))
    values, columns = [], []
    for part, begin in zip(parts, begins, strict=False):
        ends = part.rows.indptr[1:]
        values.append(np.insert(part.rows.data, ends, 1.0))
        columns.append(np.insert(part.rows.indices + begin, ends, begin + part.rows.shape[1]))
    lengths = np.concatenate([np.diff(part.rows.indptr) + 1 for part in parts])
    rows = csr_matrix(
        (np.concatenate(values), np.concatenate(columns).astype(np.int32), ends_of(lengths).astype(np.int32)),
        shape=(len(lengths), begins[-1]),
    )
    outcomes = np.concatenate([part.outcomes for part in parts])
    counted = np.concatenate([np.where(part.outcomes, *reversed(part.weights)) for part in parts])
    model = _model(parts[0].strength, fit_intercept=False)
    model.fit(rows, outcomes.astype(np.int64), sample_weight=counted)
    found = np.asarray(model.coef_, dtype=np.float64)
    return [
        Linear(found[:, begin : end - 1], found[0, end - 1 : end]) for begin, end in pairwise(begins.tolist())
    ]
