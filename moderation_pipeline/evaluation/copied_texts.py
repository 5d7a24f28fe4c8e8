"""What copied texts add to the variance of a run's estimates: errors at a text are made at each of its copies.

Only texts that several users wrote matter (`statistics.clusters`). A run's sums by user and text are held while they
are asked, and nothing is kept of them but what each adds to the estimates that configs are compared by.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from moderation_pipeline.evaluation.estimates import DEFINITIONS, KEYS, SUMS, influence
from moderation_pipeline.statistics.bootstrap import Array
from moderation_pipeline.statistics.clusters import Copies, copies_of
from moderation_pipeline.warehouse.tables import DIFFERENCES, ESTIMATES


class CopiedTexts(NamedTuple):
    """Which shared text each row (a user's copies of one) is of, its influence by estimate, and what those add."""

    text: npt.NDArray[np.int64]
    influence: dict[str, npt.NDArray[np.float32]]
    added: dict[str, Copies]

    def to_difference(self, other: CopiedTexts, name: str) -> Copies:
        """Return what copies add to the variance of this run's estimate less the other's."""
        apart = self.influence[name].astype(np.float64) - other.influence[name]
        return copies_of(self.text, apart)


def copied_texts(sums: pl.DataFrame) -> CopiedTexts:
    """Return what copies do to the estimates of a run, from its comments' sums (`comment_sums`)."""
    shared = sums.drop_nulls("shared_text").group_by(KEYS, maintain_order=True).agg(pl.all().sum())
    text = shared["shared_text"].cast(pl.Categorical).to_physical().to_numpy()
    # From nought and without gaps, whatever else this process has made categories of.
    _, text = np.unique(text, return_inverse=True)
    rows: dict[str, Array] = {name: shared[name].to_numpy() for name in SUMS}
    total: dict[str, Array] = {name: sums.select(pl.col(name).sum()).to_series().to_numpy() for name in SUMS}
    added = {name: influence(DEFINITIONS[name], rows, total) for name in ESTIMATES}
    return CopiedTexts(
        text.astype(np.int64),
        {name: added[name].astype(np.float32) for name in DIFFERENCES},
        {name: copies_of(text.astype(np.int64), added[name]) for name in ESTIMATES},
    )
