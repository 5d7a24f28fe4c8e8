"""Which memories turned a head's verdicts: those without which it decides otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from moderation_pipeline.agents.learned.explaining import by_memories
from moderation_pipeline.agents.learned.head_verdicts import HeadSays, verdict_of
from moderation_pipeline.cases.situation import Recalled, Situation
from moderation_pipeline.cases.verdict import Contribution, Verdict
from moderation_pipeline.memory.turning import as_far_as_trusted
from moderation_pipeline.plan import Plan


class Without(NamedTuple):
    """What a base, and the head on it, say of a case without the memories that were recalled."""

    base: Verdict
    said: HeadSays


def heard(situations: Sequence[Situation], bases: Sequence[Verdict]) -> list[int]:
    """Return the places of the cases of which it can be told what a head would say without its memories.

    Where the base was shown memories, and nobody knows what it would have said without, neither does the head.
    """
    return [
        i
        for i, (situation, base) in enumerate(zip(situations, bases, strict=True))
        if situation.recalled and not _is_shown_unknowably(base)
    ]


def verdict_by_memories(
    base: Verdict,
    said: HeadSays,
    why: tuple[Contribution, ...],
    recalled: Sequence[Recalled],
    without: Without | None,
) -> Verdict:
    """Return a head's verdict, with the memories that turned it.

    `without` is what is said without them, null where that is the same for certain, or nobody knows: memories that the
    base was shown may then have turned it, and are named, but what for isn't claimed.
    """
    why = by_memories(why, recalled)
    if without is None:
        shown = base.memory_ids if _is_shown_unknowably(base) else ()
        return verdict_of(base, said, why, memory_ids=shown)
    if said.plan.agrees_with(without.said.plan):
        return verdict_of(base, said, why)
    names = tuple(memory.memory_id for memory in recalled)
    turned = verdict_of(base, said, why, memory_ids=names, without_memory=without.said.plan)
    # What a base was turned to, it may be: a model that was asked again without, or rules that memories softened.
    if not _agree(base.plan, without.base.plan):
        return turned
    return as_far_as_trusted(turned, verdict_of(without.base, without.said), recalled)


def without_memories(base: Verdict) -> Verdict:
    """Return what the base said without memories, where any had a part in what it said."""
    if base.without_memory is None:
        return base
    probabilities = base.probabilities_without_memory or base.probabilities
    return replace(base, plan=base.without_memory, probabilities=probabilities)


def _is_shown_unknowably(base: Verdict) -> bool:
    """Whether the base was shown memories, and it isn't known what it would have said without."""
    return bool(base.memory_ids) and base.without_memory is None


def _agree(one: Plan | None, other: Plan | None) -> bool:
    return one is other or (one is not None and other is not None and one.agrees_with(other))
