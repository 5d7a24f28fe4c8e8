"""The chat's own scores as the Student: what somebody's models said of each comment before, taken as probabilities.

A column of scores answers one question, whether a comment breaks the rule that it speaks for; from there the way to a
plan is `deriving.py`'s, as for any decision model. A comment without one of its scores gets no plan (law 4): a rule
that nobody judged is not a rule that was kept. Nobody else reads the scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from moderation_pipeline.agents.deciding.deriving import derive
from moderation_pipeline.agents.deciding.question_set import label_questions
from moderation_pipeline.agents.student import Student
from moderation_pipeline.backends.decisions.decision_model import NO, YES, Distribution
from moderation_pipeline.backends.keys import UnusableBackendError
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import OptionProbability, Receipt, Verdict
from moderation_pipeline.config.decision_specs import ScoresSpec

NO_SCORE = "no_score"
"""Begins the `reply_error` of a comment that lacks a score; the columns follow."""

Scores = Mapping[str, float | None]


class MissingScoresError(UnusableBackendError):
    """A chat that came without the scores by which its comments should be decided."""

    def __init__(self, chat: str, wanted: Sequence[str], there: Sequence[str]) -> None:
        missing = [column for column in wanted if column not in there]
        has = f"its scores are {', '.join(there)}" if there else "it came with no scores"
        super().__init__(
            f"Student 'scores' needs the columns {', '.join(missing)} of chat {chat!r}, and {has}. Add the table "
            f"again with --column 'scores=[{', '.join(wanted)}]', or write that in its columns file."
        )


class ScoreStudent(Student):
    """Decides by scores that are there."""

    def __init__(self, comments: pl.DataFrame, spec: ScoresSpec) -> None:
        """Take the scores from the chat's comments.

        Raises:
            MissingScoresError: no comment of the chat has one of the columns.
        """
        self._thresholds = spec.thresholds
        self._wanted = tuple(spec.of_columns())
        self._questions = label_questions(spec.of_columns())
        self._scores = _scores_of(comments, self._wanted)

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:  # noqa: ARG002
        """Return what follows from each comment's scores."""
        return [self._decide(self._scores.get(case.comment_id, {})) for case in cases]

    def _decide(self, scores: Scores) -> Verdict:
        known = {name: score for name in self._wanted if (score := scores.get(name)) is not None}
        probabilities = tuple(OptionProbability(name, YES, score) for name, score in known.items())
        missing = [name for name in self._wanted if name not in known]
        if missing:
            receipt = Receipt(backend="scores", reply_error=f"{NO_SCORE}: {', '.join(missing)}")
            return Verdict(None, receipt, confidence_source="none", probabilities=probabilities)
        answers = {name: Distribution(((YES, score), (NO, 1 - score))) for name, score in known.items()}
        plan, doubt, _ = derive(self._questions, answers, self._thresholds)
        return Verdict(
            plan, RECEIPT, confidence_source="probabilities", probabilities=probabilities, doubt=doubt
        )


RECEIPT = Receipt(backend="scores")


def _scores_of(comments: pl.DataFrame, wanted: Sequence[str]) -> dict[str, Scores]:
    scored = comments.select("comment_id", "scores").drop_nulls("scores")
    by_comment: dict[str, Scores] = {
        comment_id: {each["column"]: each["score"] for each in scores}
        for comment_id, scores in scored.iter_rows()
    }
    there = sorted({column for scores in by_comment.values() for column in scores})
    if comments.height and not set(wanted) <= set(there):
        raise MissingScoresError(str(comments["chat"][0]), wanted, there)
    return by_comment
