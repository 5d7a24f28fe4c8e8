"""A model that gives comment after comment one plan, word for word, or none: said while the run goes on, and counted.

Small models copy what they were shown, or fall into one answer. One such plan can't be told from a judgement, so it is
acted on; a row of them over different comments is said aloud, once, before more is spent, and so is a row of replies
that hold no plan that can be used, which are paid for too. Ten lines of both kinds show
it beforehand (`moderation check`); what contradicts itself is refused where it is read (`agents/prompted`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from moderation_pipeline.agents.prompted.category_reply import HARMLESS
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.plan import Plan

IN_A_ROW = 30
"""Different comments. Where a tenth of a chat are violations, a Student that judges gives a row of so many the same
plan for no violation once in 24 times; the reason that it writes to each would have to be the same as well."""

STOP = (
    "Stop the run before it costs more, and see with `moderation check` what it makes of lines of both kinds."
)

Words = tuple[str, str, str | None, str]


class RepeatedPlans:
    """Follows a run's verdicts in stream order."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._words: Words | None = None
        self._texts: set[str] = set()
        self._longest = 0
        self._is_said = False
        self._without: set[str] = set()
        self._is_said_of_none = False

    def decided(self, cases: Sequence[Case], verdicts: Sequence[Verdict | None]) -> None:
        """Take note of a batch; where a row of plans gets long, say so once."""
        for case, verdict in zip(cases, verdicts, strict=True):
            if verdict is None or verdict.receipt.model is None:
                continue  # nobody's row is broken by a tier without a model, or by who didn't answer
            if verdict.plan is None:
                self._gave_none(case, verdict)
                continue
            self._without = set()
            words = _own_words(verdict.plan)
            if words is None or words != self._words:
                self._words, self._texts = words, set()
            if words is not None:
                self._texts.add(case.normalised)
                self._longest = max(self._longest, len(self._texts))
            if len(self._texts) >= IN_A_ROW and not self._is_said:
                self._is_said = True
                self._say(_told(verdict.plan, verdict.receipt.model))

    def _gave_none(self, case: Case, verdict: Verdict) -> None:
        self._without.add(case.normalised)
        if len(self._without) >= IN_A_ROW and not self._is_said_of_none:
            self._is_said_of_none = True
            self._say(
                f"{verdict.receipt.model} gave {IN_A_ROW} different comments in a row no plan that can be used, the "
                f"last with {(verdict.receipt.reply_error or '')[:200]!r}. {STOP}"
            )

    def end(self) -> None:
        """Say how long the longest row became, where it was said that there is one."""
        if self._is_said:
            self._say(
                f"The longest row of one and the same plan went over {self._longest:,} different comments."
            )


def _own_words(plan: Plan) -> Words | None:
    """Return what of a plan is the model's; null for no violation without a reason of the model's own.

    That a calm chat's comments are all let be says nothing, unless the model also says the same of each.
    """
    if not plan.is_violation and plan.reasoning in ("", HARMLESS):
        return None
    return plan.action, plan.category, plan.rule, plan.reasoning


def _told(plan: Plan, model: str) -> str:
    what = f"{plan.action} {plan.category}" + (f": {plan.reasoning}" if plan.reasoning else "")
    why = (
        "it judges nothing"
        if plan.is_violation
        else "it judges nothing, or nothing at all happens in this chat"
    )
    return f"{model} gave {IN_A_ROW} different comments in a row the same plan, word for word ({what}): {why}. {STOP}"
