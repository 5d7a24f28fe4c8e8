"""Which memories turned a head's verdicts: those without which it decides otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from moderation_pipeline.agents.learned.explaining import with_memories
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.memory.turning import as_far_as_trusted
from moderation_pipeline.plan import Plan

DecidedWithout = Callable[[Sequence[int], Sequence[Situation], Sequence[Verdict]], Sequence[Verdict]]
"""Has the head decide the cases at some places of a batch again, in these situations and with these base verdicts."""


def tell_memories(
    verdicts: list[Verdict],
    situations: Sequence[Situation],
    bases: Sequence[Verdict],
    decided_without: DecidedWithout,
) -> None:
    """Put into a head's verdicts which memories turned them.

    Where the base was shown memories, and nobody knows what it would have said without, neither does the
    head: the memories may have turned it, and are named, but what for isn't claimed.
    """
    for i, base in enumerate(bases):
        if base.memory_ids and base.without_memory is None:
            named = with_memories(verdicts[i], situations[i].recalled, None)
            verdicts[i] = replace(named, memory_ids=base.memory_ids)
    places = [i for i, each in enumerate(situations) if each.recalled and not verdicts[i].memory_ids]
    if not places:
        return
    alone = [_without_memories(bases[i]) for i in places]
    nothing_recalled = [replace(situations[i], recalled=()) for i in places]
    without = decided_without(places, nothing_recalled, alone)
    for i, other, base_alone in zip(places, without, alone, strict=True):
        turned = with_memories(verdicts[i], situations[i].recalled, other.plan)
        # What a base was turned to, it may be: a model that was asked again without, or rules that memories softened.
        is_bases = not _agree(bases[i].plan, base_alone.plan)
        verdicts[i] = turned if is_bases else as_far_as_trusted(turned, other, situations[i].recalled)


def _without_memories(base: Verdict) -> Verdict:
    """Return what the base said without memories, where any had a part in what it said."""
    if base.without_memory is None:
        return base
    probabilities = base.probabilities_without_memory or base.probabilities
    return replace(base, plan=base.without_memory, probabilities=probabilities)


def _agree(one: Plan | None, other: Plan | None) -> bool:
    return one is other or (one is not None and other is not None and one.agrees_with(other))
