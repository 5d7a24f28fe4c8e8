"""Agents that follow a script, and small chats, for the tests of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.agents.student import Student
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import LearntSuspicion, Receipt, Verdict
from moderation_pipeline.chance import draw
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline.warehouse.tables import COMMENTS

START = datetime(2026, 1, 1, tzinfo=UTC)

ALLOW = Plan(Action.ALLOW, Category.NONE, 0.9, "fine")
DELETE = Plan(Action.DELETE, Category.HARASSMENT, 0.9, "an insult", rule="R1")
WARN = Plan(Action.WARN, Category.SPAM, 0.9, "spam", rule="R5")
TIMEOUT = Plan(Action.TIMEOUT, Category.OTHER, 0.9, "enough")
BAN = Plan(Action.BAN, Category.THREAT, 0.9, "a threat", rule="R3")


def chat_of(
    texts: Sequence[str],
    *,
    users: Sequence[str | None] | None = None,
    seconds: Sequence[float] | None = None,
    channel: str = "arena",
    **columns: Sequence[object],
) -> pl.DataFrame:
    """Return a comments table with these texts; by default a comment a second, of u0, u1, u2 in turn."""
    count = len(texts)
    times = [START + timedelta(seconds=s) for s in (seconds or range(count))]
    known: dict[str, Sequence[object]] = {
        "chat": ["test"] * count,
        "comment_id": [f"c{i}" for i in range(count)],
        "position": range(count),
        "channel": [channel] * count,
        "user_id": users or [f"u{i % 3}" for i in range(count)],
        "user_name": users or [f"U{i % 3}" for i in range(count)],
        "sent_at": times,
        "text": texts,
        "normalised": texts,
        "user_repeats": [0] * count,
        "channel_repeats": [0] * count,
        **columns,
    }
    flags = {name: [False] * count for name, dtype in COMMENTS.schema.items() if dtype == pl.Boolean}
    flags = {name: values for name, values in flags.items() if not name.startswith("label_")}
    return pl.DataFrame(
        {name: {**flags, **known}.get(name, [None] * count) for name in COMMENTS.schema},
        schema=COMMENTS.schema,
    )


Script = Callable[[Case], Plan | None]


def by_first_word(case: Case) -> Plan | None:
    """Return the plan that the comment's first word names; `broken` is a bad reply."""
    plans = {"insult": DELETE, "spam": WARN, "enough": TIMEOUT, "threat": BAN}
    word = case.text.split(" ")[0]
    return None if word == "broken" else plans.get(word, ALLOW)


def _verdict(
    plan: Plan | None,
    *,
    cost_usd: float = 0.0,
    second_opinion: Plan | None = None,
    probability: float | None = None,
) -> Verdict:
    error = None if plan else "garbage"
    receipt = Receipt("scripted", cost_usd=cost_usd, list_cost_usd=cost_usd, reply_error=error)
    learnt = None if probability is None else LearntSuspicion(probability, is_calibrated=True)
    return Verdict(plan, receipt, second_opinion=second_opinion, learnt_suspicion=learnt)


class ScriptedStudent(Student):
    """Decides by the script, and keeps what it was shown."""

    def __init__(
        self,
        script: Script = by_first_word,
        *,
        second_opinion: Script | None = None,
        calibrated: Callable[[Case], float] | None = None,
    ) -> None:
        self._script = script
        self._calibrated = calibrated
        self._second = second_opinion
        self.situations: dict[str, Situation] = {}

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        self.situations.update(zip((case.comment_id for case in cases), situations, strict=True))
        second = self._second
        return [
            _verdict(
                self._script(case),
                second_opinion=second(case) if second else None,
                probability=self._calibrated(case) if self._calibrated else None,
            )
            for case in cases
        ]


class ScriptedExpert(Expert):
    """Judges by the script, late by a time that differs from case to case; keeps what it was asked."""

    def __init__(
        self, script: Script = by_first_word, *, jitter_seed: int | None = None, cost_usd: float = 0.0
    ) -> None:
        self._script = script
        self._cost_usd = cost_usd
        self._jitter_seed = jitter_seed
        self.asked: list[str] = []

    def worst_case_usd(self, cases: Sequence[Case]) -> float | None:
        return self._cost_usd * len(cases)

    async def audit(self, cases: Sequence[Case]) -> list[Verdict]:
        self.asked += [case.comment_id for case in cases]
        if self._jitter_seed is not None and cases:
            await asyncio.sleep(draw(self._jitter_seed, "delay", cases[0].comment_id) / 100)
        return [_verdict(self._script(case), cost_usd=self._cost_usd) for case in cases]
