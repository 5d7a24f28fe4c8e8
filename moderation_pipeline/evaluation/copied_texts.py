"""What copied texts add to the variance of a run's estimates: errors at a text are made at each of its copies.

Only texts that several users wrote matter (`statistics.clusters`). A run's sums by user and text are held while they
are asked, and nothing is kept of them but what each adds to the estimates that configs are compared by.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from moderation_pipeline.evaluation.estimates import DEFINITIONS, KEYS, Ratio, influence, value
from moderation_pipeline.statistics.adding_up import added_up_by, groups_of
from moderation_pipeline.statistics.bootstrap import Array
from moderation_pipeline.statistics.clusters import Copies, copies_of
from moderation_pipeline.warehouse.tables import DIFFERENCES, ESTIMATES

OF_A_RUN = {name: DEFINITIONS[name] for name in ESTIMATES}


class CopiedTexts(NamedTuple):
    """Which shared text each row (a user's copies of one) is of, its influence by estimate, and what those add.

    `left_out` is by how much an estimate falls without each text.
    """

    text: npt.NDArray[np.int64]
    influence: dict[str, npt.NDArray[np.float32]]
    left_out: dict[str, npt.NDArray[np.float32]]
    added: dict[str, Copies]

    def to_difference(self, other: CopiedTexts, name: str, others: str | None = None) -> Copies:
        """Return what copies add to the variance of this run's estimate less the other's, by default of that name."""
        others = name if others is None else others
        apart = self.influence[name].astype(np.float64) - other.influence[others]
        without = self.left_out[name].astype(np.float64) - other.left_out[others]
        return copies_of(self.text, apart, without)


def copied_texts(
    sums: pl.DataFrame,
    definitions: Mapping[str, tuple[Ratio, ...]] = OF_A_RUN,
    compared: Collection[str] = DIFFERENCES,
) -> CopiedTexts:
    """Return what copies do to estimates, from the comments' sums: those of a run, unless others are defined.

    `compared` are the estimates of which differences will be asked.
    """
    names = [name for name in sums.columns if name not in KEYS]
    shared = added_up_by(KEYS, sums.drop_nulls("shared_text"))
    text = groups_of([shared["shared_text"]]).of_row
    rows: dict[str, Array] = {name: shared[name].to_numpy() for name in names}
    total: dict[str, Array] = {name: sums.select(pl.col(name).sum()).to_series().to_numpy() for name in names}
    of_text: dict[str, Array] = {name: np.bincount(text, rows[name]).astype(np.float64) for name in names}
    added = {name: influence(ratios, rows, total) for name, ratios in definitions.items()}
    rest = {name: total[name] - of_text[name] for name in names}
    without = {name: _left_out(ratios, of_text, total, rest) for name, ratios in definitions.items()}
    return CopiedTexts(
        text,
        {name: added[name].astype(np.float32) for name in compared},
        {name: without[name].astype(np.float32) for name in compared},
        {name: copies_of(text, added[name], without[name]) for name in definitions},
    )


def _left_out(
    ratios: tuple[Ratio, ...], of_text: dict[str, Array], total: dict[str, Array], rest: dict[str, Array]
) -> Array:
    """Return by how much an estimate falls without each text; to first order where it is undefined without it.

    `rest` are the sums of all but each text.
    """
    fallen = value(ratios, total) - value(ratios, rest)
    return np.where(np.isnan(fallen), influence(ratios, of_text, total), fallen)
