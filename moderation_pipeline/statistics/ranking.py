"""How well scores rank violations above the rest, and what each row adds to that: AUROC, average precision, best F1.

scikit-learn has the areas; what it lacks is their influence functions, by which an area is resampled with users and
texts at the price of a sum (`pseudo_values`; DeLong, DeLong & Clarke-Pearson 1988 for AUROC, here without their
assumption that rows are independent). A row without a score ranks below all others: it is flagged at no threshold.
Weighted audits have `weighted_audits.auroc`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from moderation_pipeline.statistics.bootstrap import Array

Flags = npt.NDArray[np.bool_]


class Area(NamedTuple):
    """An area under a curve, and what each row adds to it, to first order; the additions sum to nought."""

    value: float
    influence: Array


@dataclass(frozen=True, slots=True)
class Ranking:
    """Distinct scores, rising: how many violations and how many rows have each, and which of them each row has."""

    scores: Array
    place: npt.NDArray[np.int64]
    violations: Array
    rows: Array

    @classmethod
    def of(cls, scores: Array, is_violation: Flags) -> Ranking:
        """Return the ranking of rows; nan is no score, and ranks lowest."""
        values, place = np.unique(np.nan_to_num(scores, nan=-np.inf, neginf=-np.inf), return_inverse=True)
        violations, rows = (
            np.bincount(place, each, minlength=values.size).astype(np.float64)
            for each in (is_violation, np.ones(scores.size))
        )
        return cls(values, place, violations, rows)

    @property
    def has_both(self) -> bool:
        """Whether there are violations and other rows: else no area is defined."""
        return bool(0 < self.violations.sum() < self.rows.sum())

    def auroc(self, is_violation: Flags) -> Area:
        """Return how often a violation scores above another row, ties counted half."""
        innocent = self.rows - self.violations
        below = (np.cumsum(innocent) - innocent / 2) / innocent.sum()
        above = 1 - (np.cumsum(self.violations) - self.violations / 2) / self.violations.sum()
        value = float(self.violations @ below / self.violations.sum())
        of_violation = (below - value) / self.violations.sum()
        of_innocent = (above - value) / innocent.sum()
        return Area(value, np.where(is_violation, of_violation[self.place], of_innocent[self.place]))

    def average_precision(self, is_violation: Flags) -> Area:
        """Return the mean precision over thresholds, each weighted by the recall that it adds (scikit-learn's)."""
        hits, flagged = _from_the_top(self.violations), _from_the_top(self.rows)
        precision, total = hits / flagged, float(self.violations.sum())
        share = self.violations / total
        value = float(share @ precision)
        gained = np.cumsum(share / flagged)
        lost = np.cumsum(share * hits / flagged**2)
        own = (precision - value) / total + gained
        return Area(value, is_violation * own[self.place] - lost[self.place])

    def best_threshold(self) -> float | None:
        """Return the score from which on flagging has the highest F1 on these very rows; null where none has any."""
        hits, flagged = _from_the_top(self.violations), _from_the_top(self.rows)
        f1 = np.where(np.isfinite(self.scores), 2 * hits / (flagged + self.violations.sum()), 0.0)
        best = int(np.argmax(f1)) if f1.size else 0
        return float(self.scores[best]) if f1.size and f1[best] > 0 else None


def _from_the_top(counts: Array) -> Array:
    return np.cumsum(counts[::-1])[::-1]


def pseudo_values(area: Area, counted: Flags) -> Array:
    """Return a value for each row whose sum over the number of `counted` rows is the area, also in resamples.

    So an area is a ratio of sums like any other estimate, and its resamples those of its linear approximation.
    """
    return np.asarray(area.value * counted + counted.sum() * area.influence, dtype=np.float64)
