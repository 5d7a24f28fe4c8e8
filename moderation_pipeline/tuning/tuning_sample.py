"""The labelled comments that candidates are compared on: as many of each label, by chance, and what each stands for.

Violations are rare, and a sample drawn evenly would hold next to none. So as many are drawn of either label, and each
counts for as many comments of the chat as there are of its label to one of the sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, zip_longest

import polars as pl

from moderation_pipeline.cases.case import Case
from moderation_pipeline.chance import draw
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.evaluation.judged import cluster_key
from moderation_pipeline.moderation.stream import Stream

PURPOSE = "tune"
LEAST_OF_EACH = 10


class TooSmallSampleError(ModerationError):
    """A chat whose labels can't tell candidates apart."""

    def __init__(self, chat: str, violations: int, innocent: int) -> None:
        super().__init__(
            f"Chat {chat!r} has {violations:,} comments that are labelled as violations and {innocent:,} labelled as "
            f"none; to compare ways of asking takes {LEAST_OF_EACH} of each. Add labels with the chat (a column "
            "label_is_violation, see README, Your chat), or tune on a chat that has them."
        )


@dataclass(frozen=True, slots=True)
class Drawn:
    """A labelled comment as agents see it, and what only the comparison sees: its label, and its cluster."""

    case: Case
    is_violation: bool
    cluster: str


@dataclass(frozen=True, slots=True)
class Sample:
    """The comments in the order in which they are asked about, either label by turns; and how many the chat has."""

    drawn: tuple[Drawn, ...]
    violations: int
    innocent: int

    def weights(self, asked: int) -> tuple[float, float]:
        """Return for how many comments of the chat a violation and another one of the first `asked` stand."""
        bad = sum(each.is_violation for each in self.drawn[:asked])
        return self.violations / max(bad, 1), self.innocent / max(asked - bad, 1)


def draw_sample(chat: str, comments: pl.DataFrame, most: int, *, seed: int) -> Sample:
    """Return at most so many labelled comments of a chat, half of them violations where there are enough.

    Raises:
        TooSmallSampleError: the chat has too few of one label.
    """
    labelled = comments.filter(pl.col("label_is_violation").is_not_null()).select(
        "comment_id", "label_is_violation", cluster=cluster_key()
    )
    ranked = sorted(labelled.iter_rows(), key=lambda row: draw(seed, PURPOSE, row[0]))
    bad, fine = ([row for row in ranked if row[1] is label] for label in (True, False))
    if min(len(bad), len(fine)) < LEAST_OF_EACH:
        raise TooSmallSampleError(chat, len(bad), len(fine))
    by_turns = [row for row in chain.from_iterable(zip_longest(bad, fine)) if row is not None][:most]
    cases = _cases(comments, {row[0] for row in by_turns})
    drawn = tuple(Drawn(cases[comment_id], label, cluster) for comment_id, label, cluster in by_turns)
    return Sample(drawn, len(bad), len(fine))


def _cases(comments: pl.DataFrame, wanted: set[str]) -> dict[str, Case]:
    """Return the wanted comments with their surroundings, which are the whole chat's."""
    batches = Stream(comments).batches(1_024)
    return {case.comment_id: case for batch in batches for case in batch if case.comment_id in wanted}
