"""What recalled memories say together, for Students that can't read them; they abstain unless it is clear."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from moderation_pipeline.agents.plan import Action, Category, Plan
from moderation_pipeline.agents.student import Recalled
from moderation_pipeline.config import VoteSpec


class Vote(NamedTuple):
    """The winning plan, by how much of the weight it won (0 to 1), and the memories that spoke for it."""

    plan: Plan
    margin: float
    memory_ids: tuple[str, ...]


DEFAULT = VoteSpec()


def vote(recalled: Sequence[Recalled], spec: VoteSpec = DEFAULT) -> Vote | None:
    """Return what the memories near enough agree on, or None where there are none, or they don't.

    A memory weighs its similarity times its support. Those that propose the same action and category speak
    together; the words and duration are those of the nearest of them (the first: recall puts the newer
    first among equals). The margin is the share of the weight by which they lead.
    """
    sides: dict[tuple[Action, Category], list[Recalled]] = defaultdict(list)
    for memory in recalled:
        if memory.similarity >= spec.least_similarity:
            sides[memory.plan.action, memory.plan.category].append(memory)
    if not sides:
        return None
    weights = {side: sum(m.similarity * m.support for m in members) for side, members in sides.items()}
    winner = max(weights, key=weights.__getitem__)
    total = sum(weights.values())
    margin = (2 * weights[winner] - total) / total if len(sides) > 1 else 1.0
    support = sum(memory.support for memory in sides[winner])
    if margin < spec.least_margin or support < spec.least_support:
        return None
    leading = sides[winner][0].plan
    plan = replace(leading, confidence=leading.confidence * (1 + margin) / 2)
    return Vote(plan, margin, tuple(memory.memory_id for memory in sides[winner]))
