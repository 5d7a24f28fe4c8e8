"""From probabilities to a plan: the law that higher probabilities never make it milder, and each of its turns."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.agents.deciding.deriving import category_shares, derive
from moderation_pipeline.agents.deciding.question_set import QuestionSet, chat_questions, policy_questions
from moderation_pipeline.backends.decisions.decision_model import NO, YES, Distribution
from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.config.decision_specs import CategoryThresholds, Thresholds
from moderation_pipeline.plan import Action, Category


def by_category(**thresholds: Thresholds) -> CategoryThresholds:
    """Return thresholds; which categories may be named follows from those there are."""
    return CategoryThresholds.model_validate(thresholds)


POLICY = policy_questions()
NAMES = [rule.question.name for rule in POLICY.rules]
PROBABILITIES = st.lists(st.floats(0, 1), min_size=len(NAMES), max_size=len(NAMES))
RISING = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(sorted)
THRESHOLDS = st.builds(
    lambda default, hate: by_category(
        default=Thresholds(mild=default[0], plain=default[1], grave=default[2]),
        hate=Thresholds(mild=hate[0], plain=hate[1], grave=hate[2]),
    ),
    RISING,
    RISING,
)
CATEGORIES = [category.value for category in Category]


def yes(probability: float) -> Distribution:
    return Distribution(((YES, probability), (NO, 1 - probability)))


def choice(liked: str, share: float = 0.84) -> Distribution:
    rest = (1 - share) / (len(CATEGORIES) - 1)
    return Distribution(tuple((name, share if name == liked else rest) for name in CATEGORIES))


def answers(
    rules: dict[str, float] | list[float], *, liked: str = "none", addressing: float = 0.02
) -> dict[str, Distribution]:
    given_rules = rules if isinstance(rules, dict) else dict(zip(NAMES, rules, strict=True))
    return {
        **{name: yes(given_rules.get(name, 0.02)) for name in NAMES},
        "category": choice(liked),
        "category_reversed": choice(liked),
        "addressing": yes(addressing),
    }


@given(PROBABILITIES, PROBABILITIES, THRESHOLDS, st.sampled_from(CATEGORIES))
def test_a_higher_probability_of_any_rule_never_makes_the_plan_milder(
    one: list[float], other: list[float], thresholds: CategoryThresholds, liked: str
) -> None:
    higher = [max(pair) for pair in zip(one, other, strict=True)]
    milder = derive(POLICY, answers(one, liked=liked), thresholds).plan
    firmer = derive(POLICY, answers(higher, liked=liked), thresholds).plan
    assert firmer.action.severity >= milder.action.severity


def test_someone_in_distress_who_speaks_to_the_moderator_is_answered_and_not_warned() -> None:
    plan, _, must_audit = derive(POLICY, answers({"R6": 0.8}, addressing=0.9), CategoryThresholds())
    assert (plan.action, must_audit) == (Action.REPLY, AuditReason.ADDRESSES_MODERATOR)


@given(PROBABILITIES, THRESHOLDS, st.sampled_from(CATEGORIES))
def test_lower_thresholds_never_make_the_plan_milder(
    rules: list[float], thresholds: CategoryThresholds, liked: str
) -> None:
    def halved(each: Thresholds) -> Thresholds:
        return Thresholds(**{name: bound / 2 for name, bound in each.model_dump().items()})

    lower = by_category(default=halved(thresholds.default), hate=halved(thresholds.of(Category.HATE)))
    said = answers(rules, liked=liked)
    assert (
        derive(POLICY, said, lower).plan.action.severity
        >= derive(POLICY, said, thresholds).plan.action.severity
    )


@given(PROBABILITIES, THRESHOLDS, st.sampled_from(CATEGORIES), st.floats(0, 1))
def test_confidence_and_doubt_stay_in_bounds_and_a_violation_cites_its_rule(
    rules: list[float], thresholds: CategoryThresholds, liked: str, addressing: float
) -> None:
    plan, doubt, must_audit = derive(POLICY, answers(rules, liked=liked, addressing=addressing), thresholds)
    assert 0 <= plan.confidence <= 1
    assert 0 <= doubt <= 1
    assert plan.is_violation == (plan.action is not Action.ALLOW)
    assert plan.rule is not None
    assert (must_audit == AuditReason.ADDRESSES_MODERATOR) == (addressing >= 0.5)


@given(PROBABILITIES, st.floats(0.5, 1), THRESHOLDS)
def test_a_comment_that_speaks_to_its_judge_is_never_allowed_and_always_audited(
    rules: list[float], addressing: float, thresholds: CategoryThresholds
) -> None:
    plan, _, must_audit = derive(POLICY, answers(rules, addressing=addressing), thresholds)
    assert plan.action is not Action.ALLOW
    assert must_audit == AuditReason.ADDRESSES_MODERATOR


@pytest.mark.parametrize(
    ("probability", "action"),
    [
        (0.49, Action.ALLOW),
        (0.5, Action.WARN),
        (0.74, Action.WARN),
        (0.75, Action.DELETE),
        (0.95, Action.TIMEOUT),
    ],
)
def test_the_thresholds_themselves_count_as_reached(probability: float, action: Action) -> None:
    assert derive(POLICY, answers({"R1": probability}), CategoryThresholds()).plan.action is action


def test_the_choice_decides_between_rules_that_ask_for_the_same_action() -> None:
    both = {"R2": 0.8, "R3": 0.9}  # hate and threats are both a timeout at this probability
    for liked, category in (("hate", Category.HATE), ("threat", Category.THREAT)):
        plan = derive(POLICY, answers(both, liked=liked), CategoryThresholds()).plan
        assert (plan.action, plan.category) == (Action.TIMEOUT, category)


def test_a_choice_is_the_average_of_both_orders() -> None:
    said = answers({}, liked="hate") | {"category_reversed": choice("spam")}
    shares = category_shares(POLICY, said)
    assert shares["hate"] == shares["spam"] == pytest.approx((0.84 + 0.02) / 2)
    assert sum(shares.values()) == pytest.approx(1)


def test_a_category_can_be_switched_off() -> None:
    off = by_category(spam=Thresholds(mild=None))
    assert derive(POLICY, answers({"R5": 1.0}), off).plan.action is Action.ALLOW


def test_doubt_is_greatest_at_the_threshold_and_least_far_from_it() -> None:
    def doubt(probability: float, liked: str) -> float:
        return derive(POLICY, answers({"R1": probability}, liked=liked), CategoryThresholds()).doubt

    assert doubt(0.5, "harassment") == 1.0
    assert doubt(0.49, "none") == pytest.approx(0.98)
    assert doubt(0.99, "harassment") < 0.05
    assert doubt(0.99, "none") == pytest.approx(0.84)  # the choice says otherwise


def test_someone_in_distress_is_answered_and_never_punished() -> None:
    for probability in (0.6, 0.8, 1.0):
        plan = derive(POLICY, answers({"R6": probability}), CategoryThresholds()).plan
        assert (plan.action, plan.category) == (Action.REPLY, Category.SELF_HARM)
        assert plan.reply_text


def harmful(first: float, reversed_: float, liked: str) -> dict[str, Distribution]:
    """Return what a model says that is asked whether a comment is harmful, in both orders, and of which kind."""
    return {
        "violation": Distribution((("harmful", first), ("harmless", 1 - first))),
        "violation_reversed": Distribution((("harmless", 1 - reversed_), ("harmful", reversed_))),
        "category": choice(liked),
        "category_reversed": choice(liked),
    }


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(CATEGORIES))
def test_a_violation_is_as_likely_as_both_orders_say_of_whatever_kind_is_likeliest(
    first: float, reversed_: float, liked: str
) -> None:
    asked = chat_questions("violation")
    plan, doubt, _ = derive(asked, harmful(first, reversed_, liked), CategoryThresholds())
    odds = math.prod(max(p, 1e-4) / max(1 - p, 1e-4) for p in (first, reversed_)) ** 0.5
    likely = odds / (1 + odds)
    assert (plan.confidence if plan.is_violation else 1 - plan.confidence) == pytest.approx(likely, abs=1e-3)
    assert 0 <= doubt <= 1
    if plan.is_violation and liked != "none":
        assert plan.category == liked


def test_a_violation_of_no_kind_that_was_asked_for_is_of_another() -> None:
    none = Distribution(tuple((name, float(name == "none")) for name in CATEGORIES))
    said = harmful(0.8, 0.8, "none") | {"category": none, "category_reversed": none}
    plan = derive(chat_questions("violation"), said, CategoryThresholds()).plan
    assert plan.category is Category.OTHER
    assert plan.confidence == pytest.approx(0.8)


def test_fixed_categories_are_derived_without_a_choice() -> None:
    fixed: QuestionSet = replace(POLICY, category=None, addressing=None)
    plan, doubt, must_audit = derive(fixed, answers({"R2": 0.97}), CategoryThresholds())
    assert (plan.action, plan.category, must_audit) == (Action.BAN, Category.HATE, None)
    assert doubt == pytest.approx(0.06)
