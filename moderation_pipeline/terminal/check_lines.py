"""The ten made-up lines of `moderation check`, five of each kind, and what answers to all of them show.

How agents are asked is `agent_answers.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.plan import Plan


class CheckLine(NamedTuple):
    """A made-up line, and whether it breaks a rule of the policy in anyone's reading."""

    text: str
    is_violation: bool


CHECK_LINES = (
    CheckLine("you are a worthless idiot, nobody wants you here, uninstall the game", True),
    CheckLine("gg wp everyone, that last round was insane", False),
    CheckLine("I know where you live and I will come over and hurt you", True),
    CheckLine("kill the boss first, then the adds", False),
    CheckLine("cheap followers and viewers, 1000 for 5 dollars, message me now", True),
    CheckLine("this lag is killing me", False),
    CheckLine("people of that religion are vermin and should be thrown out of the country", True),
    CheckLine("what time does the stream start tomorrow?", False),
    CheckLine("send me nudes and I will sub to your channel", True),
    CheckLine("he called me an idiot in the last match, can a mod have a look?", False),
)
"""Violations that any agent should see, beside lines that only share words with such."""

VIOLATIONS = sum(line.is_violation for line in CHECK_LINES)

CURE = "Try another `prompt`, or a larger model."


class LinesJudged(NamedTuple):
    """How many of the violations were seen, and of the harmless lines let be."""

    caught: int
    let_be: int

    @property
    def caught_told(self) -> str:
        """The violations that were seen, of how many."""
        return f"{self.caught} of {VIOLATIONS}"

    @property
    def let_be_told(self) -> str:
        """The harmless lines that were let be, of how many."""
        return f"{self.let_be} of {len(CHECK_LINES) - VIOLATIONS}"


def shown_by(verdicts: Sequence[Verdict]) -> LinesJudged:
    """Return what the answers to the ten lines show."""
    pairs = [(line.is_violation, verdict.plan) for line, verdict in zip(CHECK_LINES, verdicts, strict=True)]
    right = [is_violation for is_violation, plan in pairs if plan and plan.is_violation == is_violation]
    return LinesJudged(caught=sum(right), let_be=len(right) - sum(right))


def useless(role: str, verdicts: Sequence[Verdict]) -> str | None:
    """Return in one sentence why the agent judges nothing; null where it tells the lines apart, or failed."""
    plans = [verdict.plan for verdict in verdicts if verdict.plan is not None]
    if not plans or len(plans) < len(verdicts):
        return None  # what failed is said by itself
    if len({(plan.category, plan.action, plan.rule, plan.reasoning) for plan in plans}) == 1:
        what = f"it gives the same plan word for word ({_told(plans[0])}) to all {len(plans)} lines"
    elif len({plan.is_violation for plan in plans}) == 1:
        what = f"it sees {'a violation' if plans[0].is_violation else 'no violation'} in every line"
    else:
        return None
    return f"The {role} is useless as it is: {what}, and {VIOLATIONS} of {len(plans)} are violations. {CURE}"


def _told(plan: Plan) -> str:
    return f"{plan.action} {plan.category}" + (f": {plan.reasoning}" if plan.reasoning else "")
