"""Labelled rows beside what several judges say of each: the one shape that everything in this folder reads.

Where the rows come from (a table, a run, annotators) is `contest/`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from moderation_pipeline.evaluation.harm import Weights

ALIKE = Weights()
"""Every error weighs 1."""

Kind = Literal["score", "config", "annotator"]

LabelSource = Literal["human", "moderators", "model", "generator"]
"""Who labelled: people who were asked, moderators who acted, a model, or whatever made up the texts."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Who judges the rows, and from which score on it flags one.

    Its verdicts are the columns `flag` (null: no verdict) and, unless it only says yes or no, `score` (null: none).
    """

    name: str
    kind: Kind
    threshold: float | None = None
    has_scores: bool = True
    usd_per_1000: float | None = None
    what: str = ""

    @property
    def flag(self) -> str:
        """The column of its verdicts."""
        return f"flag:{self.name}"

    @property
    def chosen(self) -> str:
        """The column of its verdicts at a threshold that was chosen on other rows."""
        return f"chosen:{self.name}"

    @property
    def harm(self) -> str:
        """The column of what its errors weigh, where it did more than to flag."""
        return f"harm:{self.name}"

    @property
    def score(self) -> str:
        """The column of its scores."""
        return f"score:{self.name}"


ROW_COLUMNS = ("row", "text", "label", "category", "cluster", "shared_text")


@dataclass(frozen=True, slots=True)
class JudgedRows:
    """Rows with a label (of annotators' rows some have none), and the judges' verdicts on each.

    `rows` has ROW_COLUMNS (a row's number in its table, its text, whether it is a violation, what is resampled as one,
    its normal form where several clusters wrote it), the judges' columns, and one for each of `groups`. `harm` is what
    errors weigh where a judge's own column doesn't say.
    """

    rows: pl.DataFrame
    judges: tuple[Judge, ...]
    groups: tuple[str, ...] = ()
    label_source: LabelSource = "human"
    seed: str = ""
    harm: Weights = ALIKE

    def where(self, is_meant: pl.Expr) -> JudgedRows:
        """Return only some of the rows."""
        return replace(self, rows=self.rows.filter(is_meant))
