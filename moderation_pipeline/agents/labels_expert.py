"""The chat's own labels as an Expert: a data set's verdicts, or what the channel's moderators did (law 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.verdict import Receipt, Verdict
from moderation_pipeline.plan import Action, Category, Plan

ACTION_OF_A_VIOLATION = Action.DELETE
"""What a label stands for that says only that a comment is a violation: the mildest act that removes it."""


class GivenLabel(NamedTuple):
    """What a label says; a label of a data set may say only whether the comment is a violation."""

    action: str | None
    category: str | None
    is_violation: bool
    source: str | None


_LABEL_COLUMNS = [f"label_{name}" for name in GivenLabel._fields]


class LabelsExpert(Expert):
    """Repeats what the labels say; a comment without a label can't be audited."""

    def __init__(self, comments: pl.DataFrame) -> None:
        labelled = comments.filter(pl.col("label_is_violation").is_not_null())
        self._labels = {
            comment_id: GivenLabel(*label)
            for comment_id, *label in labelled.select("comment_id", *_LABEL_COLUMNS).iter_rows()
        }

    def can_audit(self, case: Case) -> bool:
        """Whether the comment has a label."""
        return case.comment_id in self._labels

    async def audit(self, cases: Sequence[Case]) -> list[Verdict]:
        """Return what the labels say.

        Raises:
            KeyError: a case without a label, which `can_audit` would have told.

        """
        return [_verdict(self._labels[case.comment_id]) for case in cases]


def _verdict(label: GivenLabel) -> Verdict:
    action, category, is_violation, source = label
    fallback = Category.OTHER if is_violation else Category.NONE
    plan = Plan(
        action=Action(action) if action else ACTION_OF_A_VIOLATION if is_violation else Action.ALLOW,
        category=Category(category) if category and is_violation else fallback,
        confidence=1.0,
        reasoning=f"label from {source or 'the chat'}",
    )
    return Verdict(plan, Receipt(backend="labels", model=source), confidence_source="label")
