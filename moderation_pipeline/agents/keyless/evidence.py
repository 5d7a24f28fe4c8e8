"""From evidence to a plan: how the keyless agents add up what they found, and what they then propose.

What counts as evidence is decided in `rules` and `careful_rules`; what the rules of a chat say is in
`agents/policy.yaml`, whose numbers are cited here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from moderation_pipeline.plan import Action, Category, Plan

RULES = {category: f"R{number}" for number, category in enumerate(Category, start=1)}
"""The rule of `agents/policy.yaml` that each category cites."""

CARING_REPLY = (
    "It sounds like you are going through a lot, and I'm glad you said it. You don't have to carry this "
    "alone: please talk to someone now, a friend or a helpline. findahelpline.com lists free ones in your "
    "country; in an emergency call your local number. You matter here."
)

BASE_RATE = 0.04
"""The chance that a comment breaks a rule although nothing was found in it."""


LIKELY = 0.5
"""The chance from which a category is what the comment is: below, allowing it is the likelier right."""


class Evidence(NamedTuple):
    """Something found that speaks for a category: with what chance, taken alone, and what it was."""

    category: Category
    weight: float
    reason: str
    sign: str = ""
    """What it is counted as in its channel (`customary`): a signal's name, `LEANING`, or nothing."""
    much: int = 0
    """How much of the sign there is, in steps of its own."""


LEANING = "leaning"
"""The sign of what tilts other evidence and tells nothing alone."""


def chances(evidence: Sequence[Evidence]) -> dict[Category, float]:
    """Return the chance of each category named, its evidence taken as independent: 1 - prod(1 - weight)."""
    spared: dict[Category, float] = {}
    for category, weight, *_ in evidence:
        spared[category] = spared.get(category, 1.0) * (1.0 - weight)
    return {category: 1.0 - chance for category, chance in spared.items()}


def plan_from(evidence: Sequence[Evidence], at_most: float = 1.0, note: str = "") -> Plan:
    """Return the plan for the likeliest category, or allow; confidence is the chance that this is right.

    `at_most` is the greatest chance that anything is left, and `note` says why.
    """
    likeliest, chance = gravest(chances(evidence))
    chance = min(chance, at_most)
    if chance < LIKELY:
        reasons = ", ".join([piece.reason for piece in evidence] + [note] * bool(note))
        reasoning = (
            f"Too little for a sanction: {reasons}." if reasons else "Nothing found that breaks a rule."
        )
        return Plan(
            action=Action.ALLOW,
            category=Category.NONE,
            confidence=round(1.0 - chance, 3),
            reasoning=reasoning,
            reply_text=None,
            rule=RULES[Category.NONE],
        )
    reasons = ", ".join(piece.reason for piece in evidence if piece.category is likeliest)
    reply = CARING_REPLY if likeliest is Category.SELF_HARM else None
    action = action_for(likeliest, chance)
    return Plan(
        action=action,
        category=likeliest,
        confidence=round(chance, 3),
        reasoning=f"Found: {reasons}.",
        reply_text=reply,
        rule=RULES[likeliest],
    )


def gravest(likely: Mapping[Category, float]) -> tuple[Category, float]:
    """Return the category that a comment is judged by, and its chance; none where nothing is found.

    The likeliest, unless another that is likely too asks for more: else adding a spam link, or orders to the
    moderator, to a threat would make it look milder. Words of self-harm ask for care, and keep it.
    """
    likeliest, chance = max(((Category.NONE, BASE_RATE), *likely.items()), key=lambda each: each[1])
    if chance < LIKELY or likeliest is Category.SELF_HARM:
        return likeliest, chance
    return max(
        ((category, each) for category, each in likely.items() if each >= LIKELY),
        key=lambda named: (action_for(*named).severity, named[1]),
    )


def action_for(category: Category, chance: float) -> Action:
    """Return what the policy asks for: milder where the evidence is weaker."""
    mild, plain, grave = STEPS.get(category, USUAL_STEPS)
    return mild if chance < 0.75 else plain if chance < 0.95 else grave


USUAL_STEPS = (Action.WARN, Action.DELETE, Action.TIMEOUT)
"""Of a category of which nothing else is said."""

STEPS = {
    Category.HARASSMENT: (Action.WARN, Action.DELETE, Action.TIMEOUT),
    Category.HATE: (Action.DELETE, Action.TIMEOUT, Action.BAN),
    Category.THREAT: (Action.DELETE, Action.TIMEOUT, Action.BAN),
    Category.SEXUAL: (Action.WARN, Action.DELETE, Action.TIMEOUT),
    Category.SPAM: (Action.WARN, Action.DELETE, Action.TIMEOUT),
    Category.SELF_HARM: (Action.REPLY, Action.REPLY, Action.REPLY),
    Category.PERSONAL_INFORMATION: (Action.DELETE, Action.DELETE, Action.BAN),
    Category.OTHER: (Action.WARN, Action.DELETE, Action.DELETE),
}
"""Per category, the action for weak, plain and overwhelming evidence."""
