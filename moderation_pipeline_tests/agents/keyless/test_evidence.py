from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.agents.keyless.evidence import (
    LIKELY,
    RULES,
    Evidence,
    action_for,
    chances,
    plan_from,
)
from moderation_pipeline.agents.policy import policy
from moderation_pipeline.agents.prompted.policy_text import full_policy
from moderation_pipeline.plan import Action, Category

VIOLATIONS = [category for category in Category if category is not Category.NONE]
PIECES = st.lists(
    st.builds(
        Evidence, st.sampled_from(VIOLATIONS), st.floats(0, 0.97), st.sampled_from(["a word", "a link"])
    ),
    max_size=6,
)


@given(PIECES)
def test_a_plan_allows_exactly_what_is_unlikely_to_break_a_rule(evidence: list[Evidence]) -> None:
    plan = plan_from(evidence)
    highest = max(chances(evidence).values(), default=0.0)
    assert plan.is_violation == (highest >= LIKELY)
    assert (plan.action is Action.ALLOW) == (plan.category is Category.NONE)


@given(PIECES)
def test_confidence_is_least_where_the_decision_turns(evidence: list[Evidence]) -> None:
    plan = plan_from(evidence)
    assert 0.5 <= plan.confidence <= 1.0


@given(PIECES, st.sampled_from(VIOLATIONS), st.floats(0, 0.97))
def test_more_evidence_never_makes_a_category_less_likely(
    evidence: list[Evidence], category: Category, weight: float
) -> None:
    before = chances(evidence).get(category, 0.0)
    assert chances([*evidence, Evidence(category, weight, "more")])[category] >= before - 1e-12


@pytest.mark.parametrize("category", VIOLATIONS)
def test_stronger_evidence_never_asks_for_a_milder_action(category: Category) -> None:
    actions = [action_for(category, chance).severity for chance in (0.5, 0.7, 0.8, 0.9, 0.96, 1.0)]
    assert actions == sorted(actions)


@given(PIECES, st.sampled_from(VIOLATIONS), st.floats(0, 0.97))
def test_nothing_added_makes_a_plan_milder_but_words_of_self_harm(
    evidence: list[Evidence], category: Category, weight: float
) -> None:
    before, after = plan_from(evidence), plan_from([*evidence, Evidence(category, weight, "more")])
    is_care = after.category is Category.SELF_HARM
    assert is_care or after.action.severity >= before.action.severity


def test_a_threat_is_judged_as_one_although_it_gives_orders_to_the_moderator() -> None:
    threat = Evidence(Category.THREAT, 0.86, "a threat")
    orders = Evidence(Category.OTHER, 0.96, "orders to a moderation bot")
    assert plan_from([threat, orders]).category is Category.THREAT


def test_self_harm_is_answered_and_not_punished() -> None:
    plan = plan_from([Evidence(Category.SELF_HARM, 0.9, "words of self-harm")])
    assert plan.action is Action.REPLY
    assert plan.reply_text is not None
    assert "findahelpline.com" in plan.reply_text


def test_every_category_cites_a_rule_that_the_policy_states() -> None:
    stated = dict(re.findall(r"\*\*(R\d+)[^*]*\*\* \(`(\w+)`", full_policy()))
    assert {rule: str(category) for category, rule in RULES.items()} == stated


def test_every_category_is_in_the_policy_and_in_its_choice() -> None:
    """A new one is a member of `Category`, and what the one policy says of it; all else follows."""
    said = {rule.category for rule in policy().rules.values()} | {Category.NONE}
    assert said == set(Category)
    assert list(policy().category.options) == [Category.NONE, *VIOLATIONS]
