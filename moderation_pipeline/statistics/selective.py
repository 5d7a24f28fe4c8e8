"""Deciding alone only what one is surest of: how often one errs there, over all shares (risk and coverage).

El-Yaniv and Wiener (2010, JMLR 11:1605) for the curve; its area (AURC) is Geifman, Uziel and El-Yaniv's (2019,
arXiv:1805.08206): the mean, over all shares, of the error rate among the surest of that share. Here it has an influence
function, by which it is resampled with users and texts like the areas of `ranking`. Rows that are equally sure are in
no order, so each counts as the mean over their places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moderation_pipeline.statistics.bootstrap import Array
from moderation_pipeline.statistics.ranking import Area, Flags


@dataclass(frozen=True, slots=True)
class Surest:
    """Rows by how sure one is of each, surest first: ties together, and which of them each row is in."""

    levels: Array
    place: npt.NDArray[np.int64]
    rows: Array
    errors: Array

    @classmethod
    def of(cls, sureness: Array, is_error: Flags) -> Surest:
        """Return the order of rows; nan is unsure of everything, and comes last."""
        falling = -np.nan_to_num(sureness, nan=-np.inf, neginf=-np.inf)
        levels, place = np.unique(falling, return_inverse=True)
        rows, errors = (
            np.bincount(place, each, minlength=levels.size).astype(np.float64)
            for each in (np.ones(sureness.size), is_error)
        )
        return cls(-levels, place, rows, errors)

    def least_sure_of(self, share: float) -> float:
        """Return how sure one has to be so that the surest `share` of the rows are decided, ties included."""
        wanted = share * self.rows.sum() - 1e-9
        return float(self.levels[int(np.searchsorted(np.cumsum(self.rows), wanted))])

    def area(self, is_error: Flags) -> Area:
        """Return the mean error rate over all shares, and what each row adds to it."""
        number = float(self.rows.sum())
        weight = self._weights() / number
        value = float(self.errors @ weight)
        # That a row is there makes the share of all less sure ones larger, and their errors weigh less.
        above = np.cumsum(self.rows) / number
        dilution = np.cumsum((self.errors / number / above)[::-1])[::-1]
        rate = float(self.errors.sum()) / number
        own = np.where(is_error, weight[self.place] * number, 0.0)
        influence = (own - value + rate - dilution[self.place]) / number
        return Area(value, np.asarray(influence - influence.mean(), dtype=np.float64))

    def _weights(self) -> Array:
        """Return in how many means over the first 1, 2, … rows a row is, each by its share: a mean over its ties."""
        number = int(self.rows.sum())
        harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, number + 1))])
        behind = harmonic[number] - harmonic[:-1]
        summed = np.concatenate([[0.0], np.cumsum(behind)])
        ends = np.cumsum(self.rows).astype(np.int64)
        starts = ends - self.rows.astype(np.int64)
        return np.asarray((summed[ends] - summed[starts]) / self.rows, dtype=np.float64)
