"""From probabilities to a plan, in code: which rules count as broken, what follows, and how near that was.

The model is never asked for an action: an action's words could be argued with, a rule's probability is compared
with a threshold. So a milder action can't follow from a rule's higher probability (a property test holds it).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from moderation_pipeline.agents.deciding.question_set import HARMFUL, REVERSED, QuestionSet, RuleQuestion
from moderation_pipeline.agents.keyless.evidence import CARING_REPLY, RULES, STEPS
from moderation_pipeline.backends.decisions.decision_model import NO, YES, Distribution
from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.config.decision_specs import CategoryThresholds, Thresholds
from moderation_pipeline.plan import Action, Category, Plan

LEAST_PROBABILITY = 1e-4
"""An option that is not among the likeliest first tokens has at most about so much."""


class Derived(NamedTuple):
    """A plan; how near it was to another one, from 0 to 1; why it must be audited, if it must."""

    plan: Plan
    doubt: float
    must_audit: AuditReason | None


class Broken(NamedTuple):
    """A rule that counts as broken: with what probability, and the action that follows."""

    rule: RuleQuestion
    probability: float
    action: Action


def derive(
    asked: QuestionSet,
    answers: Mapping[str, Distribution],
    thresholds: CategoryThresholds,
    addressing_threshold: float = 0.5,
) -> Derived:
    """Return what follows from the answers to all questions of the set.

    The firmest action of all broken rules is the plan's. Where several rules ask for it, the choice of category
    (both orders averaged) decides between them, or the higher probability where none was asked.
    """
    answers = _with_rules_answered(asked, answers)
    broken = _broken(asked, answers, thresholds)
    shares = category_shares(asked, answers)
    addressing = 0.0 if asked.addressing is None else answers[asked.addressing.name].of(YES)
    addresses = asked.addressing is not None and addressing >= addressing_threshold
    if broken:
        plan = _plan(_deciding(broken, shares))
    elif addresses:
        plan = Plan(
            STEPS[Category.OTHER][0],
            Category.OTHER,
            addressing,
            f"It speaks to whoever judges it ({addressing:.2f}).",
            rule=RULES[Category.OTHER],
        )
    else:
        plan = _allowed(asked, answers)
    doubt = max(
        _nearness(asked, answers, thresholds, has_broken=bool(broken)),
        # Where whether any rule is broken was asked by itself, the choice only says which.
        0.0 if asked.violation is not None else _disagreement(shares, has_broken=bool(broken)),
    )
    return Derived(plan, doubt, AuditReason.ADDRESSES_MODERATOR if addresses else None)


def category_shares(asked: QuestionSet, answers: Mapping[str, Distribution]) -> dict[str, float]:
    """Return the probability of each category by the choice, averaged over both orders; empty if not asked."""
    if asked.category is None:
        return {}
    there, back = (dict(answers[asked.category.name + end].probabilities) for end in ("", REVERSED))
    return {name: (there[name] + back[name]) / 2 for name in there}


def violation_probability(question: str, answers: Mapping[str, Distribution]) -> float:
    """Return the probability that some rule is broken, by a choice of two in both orders.

    Log-odds are averaged: a model that is partial to a letter, whatever stands behind it, multiplies the odds of that
    letter, which cancels so and would drown what it knows if probabilities were averaged (Zheng et al. 2024, "Large
    Language Models Are Not Robust Multiple Choice Selectors", arXiv:2309.03882).
    """
    told = (answers[question + end].of(HARMFUL) for end in ("", REVERSED))
    bounded = (min(max(p, LEAST_PROBABILITY), 1.0 - LEAST_PROBABILITY) for p in told)
    log_odds = [math.log(p / (1.0 - p)) for p in bounded]
    return 1.0 / (1.0 + math.exp(-sum(log_odds) / len(log_odds)))


def _with_rules_answered(
    asked: QuestionSet, answers: Mapping[str, Distribution]
) -> Mapping[str, Distribution]:
    """Return the answers; where choices alone were asked, with one for each rule: the part that its option has."""
    if not asked.is_choice_alone:
        return answers
    shares = category_shares(asked, answers)
    if asked.violation is not None:
        shares = _of_violation(shares, violation_probability(asked.violation.name, answers))
    told = {
        rule.question.name: shares.get(rule.question.name, shares.get(rule.category.value, 0.0))
        for rule in asked.rules
    }
    return {**answers, **{name: Distribution(((YES, p), (NO, 1.0 - p))) for name, p in told.items()}}


def _of_violation(shares: Mapping[str, float], probability: float) -> dict[str, float]:
    """Return how likely each kind is, where it is known how likely any is: the likeliest so, others in proportion."""
    kinds = {name: share for name, share in shares.items() if name != Category.NONE.value}
    most = max(kinds.values())
    if most == 0.0:
        return {Category.OTHER.value: probability}
    return {name: probability * share / most for name, share in kinds.items()}


def _broken(
    asked: QuestionSet, answers: Mapping[str, Distribution], thresholds: CategoryThresholds
) -> list[Broken]:
    broken = []
    for rule in asked.rules:
        probability = answers[rule.question.name].of(YES)
        action = _action(rule.category, probability, thresholds.of(rule.category))
        if action is not None:
            broken.append(Broken(rule, probability, action))
    return broken


def _action(category: Category, probability: float, thresholds: Thresholds) -> Action | None:
    if category is Category.NONE:
        return None
    mild, plain, grave = STEPS[category]
    for bound, action in ((thresholds.grave, grave), (thresholds.plain, plain), (thresholds.mild, mild)):
        if bound is not None and probability >= bound:
            return action
    return None


def _deciding(broken: list[Broken], shares: Mapping[str, float]) -> Broken:
    """Return the broken rule that the plan cites; of equals the first in the order of the rules."""
    return max(
        broken,
        key=lambda each: (
            each.action.severity,
            shares.get(each.rule.category.value, 0.0),
            each.probability,
        ),
    )


def _plan(deciding: Broken) -> Plan:
    rule, probability, action = deciding
    return Plan(
        action=action,
        category=rule.category,
        confidence=probability,
        reasoning=f"Breaks {rule.rule} ({rule.category}) with probability {probability:.2f}.",
        reply_text=CARING_REPLY if rule.category is Category.SELF_HARM else None,
        rule=rule.rule,
    )


def _allowed(asked: QuestionSet, answers: Mapping[str, Distribution]) -> Plan:
    nearest, highest = _highest(asked, answers)
    return Plan(
        Action.ALLOW,
        Category.NONE,
        1.0 - highest,
        f"No rule reaches its threshold; nearest is {nearest} with {highest:.2f}."
        if nearest
        else "No rule was asked.",
        rule=RULES[Category.NONE],
    )


def _highest(asked: QuestionSet, answers: Mapping[str, Distribution]) -> tuple[str, float]:
    rated = [
        (answers[rule.question.name].of(YES), rule.rule)
        for rule in asked.rules
        if rule.category is not Category.NONE
    ]
    highest, nearest = max(rated, key=lambda each: each[0], default=(0.0, ""))
    return nearest, highest


def _nearness(
    asked: QuestionSet,
    answers: Mapping[str, Distribution],
    thresholds: CategoryThresholds,
    *,
    has_broken: bool,
) -> float:
    """Return how near the answer to "is it a violation" was to the other one: 1 at a threshold, 0 farthest off.

    A violation is as doubtful as its surest rule, an innocent comment as its most suspicious one.
    """
    near = []
    for rule in asked.rules:
        bound = thresholds.of(rule.category).mild
        if rule.category is Category.NONE or bound is None:
            continue
        probability = answers[rule.question.name].of(YES)
        if probability >= bound:
            near.append((True, (1.0 - probability) / (1.0 - bound) if bound < 1.0 else 0.0))
        else:
            near.append((False, probability / bound))
    sides = [value for is_broken, value in near if is_broken == has_broken]
    return (min(sides) if has_broken else max(sides)) if sides else 0.0


def _disagreement(shares: Mapping[str, float], *, has_broken: bool) -> float:
    """Return the share of the choice that speaks against the rules; 0 where no choice was asked."""
    if not shares:
        return 0.0
    none = shares.get(Category.NONE.value, 0.0)
    return min(1.0, none if has_broken else 1.0 - none)
