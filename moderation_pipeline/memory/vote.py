"""What recalled memories say together, and how surely; for Students that can't read them as worked cases.

A memory is learnt where the Student was wrong, so on its own it knows the exceptions and not the rule. Voted
on by similarity and support alone, memories made the keyless Student worse on the research stream (every
comment audited: F1 .845 to .834 at similarity .7 and to .842 at .9). So each is judged by its record: what
every later audit said of it, on comments like its own, whether it was followed or not; and a Student follows
only a vote that is surer than itself. That was worse in none of ten runs (two orders, five policies of
audits), mended 69 verdicts and broke 17.

That of two near-duplicates in conflict the one with the newer audit leads, however well the other was proven,
turned 33 of 1,602 votes there with every comment audited, and the rules' F1 in none of nine runs (three orders;
5 %, 20 % and all audited): where memories contradict each other, a vote is seldom surer than the rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from moderation_pipeline.cases.situation import Recalled, leading
from moderation_pipeline.config.run_config import VoteSpec
from moderation_pipeline.plan import Action, Category, Plan

PRIOR_RIGHT, PRIOR_WRONG = 0.5, 1.0
"""What is put in before the first audit: one that nobody tested is right in 6 of 10 cases, not in 10."""


class Vote(NamedTuple):
    """The winning plan, whose confidence is the trust it won, its lead in trust, and who spoke for it."""

    plan: Plan
    margin: float
    memory_ids: tuple[str, ...]


DEFAULT = VoteSpec()


def vote(recalled: Sequence[Recalled], spec: VoteSpec = DEFAULT) -> Vote | None:
    """Return what the memories near enough say, or None where there are none, or no side leads by the margin.

    Of near-duplicates that contradict each other only the one with the newest audit behind it speaks. Memories
    that propose the same action and category speak together. Their trust is the share of audits,
    weighted by similarity, that they got right: `(right + 0.5) / (right + wrong + 1.5)`. The words and the
    duration are those of the nearest of them (the first: recall puts the newer first among equals).
    """
    sides: dict[tuple[Action, Category], list[Recalled]] = defaultdict(list)
    for memory in leading(near_enough(recalled, spec)):
        sides[memory.plan.action, memory.plan.category].append(memory)
    if not sides:
        return None
    (best, winner), *others = sorted(
        ((_trust(members), members) for members in sides.values()), key=lambda side: -side[0]
    )
    margin = best - (others[0][0] if others else 0.0)
    if margin < spec.least_margin:
        return None
    plan = replace(winner[0].plan, confidence=best)
    return Vote(plan, margin, tuple(memory.memory_id for memory in winner))


def near_enough(recalled: Sequence[Recalled], spec: VoteSpec = DEFAULT) -> list[Recalled]:
    """Return the memories that are near enough to be heard, and so to be judged by the audit."""
    return [memory for memory in recalled if memory.similarity >= spec.least_similarity and memory.speaks]


def _trust(members: Sequence[Recalled]) -> float:
    right = sum(one.similarity * max(one.support, 1 + one.helped) for one in members)
    wrong = sum(one.similarity * one.harmed for one in members)
    return (right + PRIOR_RIGHT) / (right + wrong + PRIOR_RIGHT + PRIOR_WRONG)
