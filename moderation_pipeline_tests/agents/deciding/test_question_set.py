"""The questions are the policy's rules, and their hash changes with their words."""

from __future__ import annotations

import pytest
import yaml

from moderation_pipeline.agents.deciding.question_set import chat_questions, label_questions, policy_questions
from moderation_pipeline.agents.policy import POLICY
from moderation_pipeline.agents.prompted.policy_text import brief_policy, full_policy
from moderation_pipeline.agents.prompted.prompt import RULE_ID
from moderation_pipeline.config.decision_specs import OpenAIModerationsSpec
from moderation_pipeline.plan import Action, Category, Plan

ALLOWED = "R9"
"""The rule that says what is allowed: it can't be broken."""


def test_there_is_one_question_for_each_numbered_rule_of_the_policy() -> None:
    numbered = RULE_ID.findall(full_policy())
    assert [rule.rule for rule in policy_questions().rules] == [rule for rule in numbered if rule != ALLOWED]


@pytest.mark.parametrize("text", [full_policy(), brief_policy()], ids=["full", "brief"])
def test_every_rule_is_of_the_category_that_the_policy_gives_it(text: str) -> None:
    named = {line[2:4]: line.split("`")[1] for line in text.splitlines() if RULE_ID.match(line)}
    assert {rule.rule: rule.category.value for rule in policy_questions().rules} == {
        rule: category for rule, category in named.items() if rule != ALLOWED
    }


def test_what_a_decision_model_is_asked_stands_in_the_full_prompt_word_for_word() -> None:
    text = full_policy()
    for rule in policy_questions().rules:
        assert rule.question.options[0].meaning in text, rule.rule


def test_every_yes_no_question_has_a_criterion_for_both_sides() -> None:
    for question in policy_questions().questions:
        assert all(option.meaning for option in question.options), question.name
        assert question.instructions


def test_the_choice_has_every_category_and_none_among_them() -> None:
    choice = policy_questions().category
    assert choice is not None
    assert {option.name for option in choice.options} == set(Category)


def test_the_choice_is_asked_in_both_orders() -> None:
    by_name = {question.name: question for question in policy_questions().questions}
    there, back = by_name["category"], by_name["category_reversed"]
    assert back.options == there.options[::-1]
    assert back.instructions == there.instructions


def test_the_version_changes_with_the_words_and_with_a_channels_own_rules() -> None:
    own = "- No spoilers.\n- No politics."
    versions = {
        policy_questions().version,
        policy_questions(own).version,
        policy_questions("- No spoilers.").version,
    }
    assert len(versions) == 3
    assert policy_questions(own).version == policy_questions(own).version


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", []),
        ("Be nice, all of you.", []),
        ("- No spoilers.\n- Nothing about\n  politics.", [("C1", "other"), ("C2", "other")]),
        (
            "1. **Kind** (`harassment`). No mobbing.\n2. No ads (`spam`).",
            [("C1", "harassment"), ("C2", "spam")],
        ),
        ("**C7** No spoilers.\n\n**C8** No politics.", [("C1", "other"), ("C2", "other")]),
        ("* Self-promotion is fine (`none`).\n* No links (`spam`).", [("C2", "spam")]),
    ],
)
def test_each_of_a_channels_own_rules_is_a_question_of_the_category_it_names(
    text: str, asked: list[tuple[str, str]]
) -> None:
    own = policy_questions(text).rules[len(policy_questions().rules) :]
    assert [(rule.rule, rule.category.value) for rule in own] == asked


def test_moderations_ask_for_the_names_that_the_endpoint_gives() -> None:
    from openai.types.moderation import CategoryScores

    names = {field.alias or name for name, field in CategoryScores.model_fields.items()}
    assert {rule.question.name for rule in label_questions(OpenAIModerationsSpec.labels).rules} == names


def test_a_classifiers_labels_are_the_questions_of_its_map() -> None:
    asked = label_questions({"toxic": Category.HARASSMENT, "fine": Category.NONE})
    assert [(rule.question.name, rule.rule, rule.category) for rule in asked.rules] == [
        ("toxic", "R1", Category.HARASSMENT),
        ("fine", "R9", Category.NONE),
    ]


def test_yaml_reads_no_option_as_a_truth_value() -> None:
    options = yaml.safe_load(POLICY.read_text(encoding="utf-8"))["category"]["options"]
    assert all(isinstance(name, str) for name in options)


HATE = Plan(Action.DELETE, Category.HATE, 0.9, "")
ALLOW = Plan(Action.ALLOW, Category.NONE, 0.9, "", rule=ALLOWED)
OWN = Plan(Action.DELETE, Category.OTHER, 0.9, "", rule="C1")


@pytest.mark.parametrize(
    ("plan", "broken", "category", "violation"),
    [
        (HATE, ["R2"], "hate", "harmful"),  # an Expert that cites no rule
        (ALLOW, [], "none", "harmless"),
        (OWN, ["C1"], "C1", "harmful"),
    ],
)
def test_a_plan_answers_each_question_as_if_it_had_come_of_it(
    plan: Plan, broken: list[str], category: str, violation: str
) -> None:
    rules = chat_questions("rules", "- No spoilers.").answers_of(plan)
    assert [name for name, answer in rules.items() if answer == "true"] == broken
    assert "addressing" not in rules
    choices = chat_questions("violation", "- No spoilers.").answers_of(plan)
    assert choices == {
        "violation": violation,
        "violation_reversed": violation,
        "category": category,
        "category_reversed": category,
    }
