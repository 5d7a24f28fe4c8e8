"""What a decision model is asked: the policy (`agents/policy.yaml`) as questions, a channel's own rules among them.

What is shown beside them is `decision_student.py`'s, and what follows from the answers `deriving.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from typing import Literal

import orjson

from moderation_pipeline.agents.keyless.evidence import RULES
from moderation_pipeline.agents.policy import WrittenChoice, WrittenYesNo, policy
from moderation_pipeline.backends.decisions.decision_model import LETTERS, NO, YES, Option, Question
from moderation_pipeline.config.decision_specs import AskingSpec, ChatDecisionsSpec, DecisionSpec
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.plan import Category, Plan

HARMFUL = "harmful"
HARMLESS = "harmless"
"""The options of the choice `violation`: that a comment breaks some rule, and that it breaks none."""

REVERSED = "_reversed"
"""What the name of a choice ends in where its options are asked for in the reverse order."""

OWN_ITEM = re.compile(r"^(?:[-*] +|\d+[.)] +|(?=\*\*[A-Z]{1,3}\d))", re.MULTILINE)
OWN_CATEGORY = re.compile(r"`([a-z_]+)`")


class TooManyOptionsError(ModerationError):
    """More rules of a channel's own than there are letters for the options of a choice."""

    def __init__(self, asks: str, own: int, most: int) -> None:
        super().__init__(
            f"The config's rules file holds {own} rules, and with `asks: {asks}` a letter stands for each of them and "
            f"of the policy's: allowed are {most}. Set `asks: rules`, which asks for each by itself, or put rules "
            "together."
        )


@dataclass(frozen=True, slots=True)
class RuleQuestion:
    """A yes/no question whether a rule is broken: the rule that is then cited, and its category."""

    question: Question
    rule: str
    category: Category


@dataclass(frozen=True)
class QuestionSet:
    """The questions about one comment. `category` and `addressing` are null for models with fixed categories."""

    rules: tuple[RuleQuestion, ...]
    category: Question | None = None
    addressing: Question | None = None
    violation: Question | None = None
    """Whether any rule is broken, as a choice of two, where that is asked by itself."""
    is_choice_alone: bool = False
    """Whether only choices are asked: a rule is broken with the probability of its option."""

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """All questions, in the order in which they are asked; each choice in both orders."""
        chosen = [each for each in (self.violation, self.category) if each is not None]
        choices = tuple(one for each in chosen for one in (each, reversed_choice(each)))
        addressing = () if self.addressing is None else (self.addressing,)
        rules = () if self.is_choice_alone else tuple(each.question for each in self.rules)
        return (*rules, *choices, *addressing)

    def answers_of(self, plan: Plan) -> dict[str, str]:
        """Return the option of each question that a plan would have come of.

        Whether a comment speaks to whoever judges it no plan says: it has no answer here.
        """
        cited = {rule.rule for rule in self.rules} & {plan.rule} if plan.is_violation else set()
        told = next(iter(cited), None)
        answers = {
            each.question.name: YES if each.rule == told or _is_of(each, plan, told) else NO
            for each in self.rules
        }
        if self.violation is not None:
            answers |= _both_orders(self.violation, HARMFUL if plan.is_violation else HARMLESS)
        if self.category is not None:
            named = {option.name for option in self.category.options}
            answers |= _both_orders(self.category, told if told in named else plan.category.value)
        asked = {question.name for question in self.questions}
        return {name: answer for name, answer in answers.items() if name in asked}

    @cached_property
    def version(self) -> str:
        """Twelve hex digits of every question, and of what follows from a yes."""
        asked = [[each.name, each.kind, each.instructions, each.options] for each in self.questions]
        follows = [[each.rule, each.category] for each in self.rules]
        text = orjson.dumps([asked, follows], default=list)
        return blake2b(text, digest_size=6).hexdigest()


def questions_of(spec: DecisionSpec, own_rules: str) -> QuestionSet:
    """Return what the model of a spec is asked."""
    if isinstance(spec, ChatDecisionsSpec):
        return chat_questions(spec.asks, own_rules)
    return policy_questions(own_rules) if isinstance(spec, AskingSpec) else label_questions(spec.labels)


def policy_questions(own_rules: str = "") -> QuestionSet:
    """Return the questions of the policy, with one more for each of a channel's own rules."""
    written = policy()
    rules = [
        RuleQuestion(_yes_no(written.about, name, rule), name, rule.category)
        for name, rule in written.rules.items()
    ]
    rules += _own_rules(written.about, own_rules, [rule.question.name for rule in rules])
    return QuestionSet(
        tuple(rules),
        _choice(written.about, "category", written.category),
        _yes_no(written.about, "addressing", written.addressing),
    )


def chat_questions(asks: Literal["rules", "category", "violation"], own_rules: str = "") -> QuestionSet:
    """Return the questions for a model that is asked each of them by itself, and so as few of them as will do.

    Raises:
        TooManyOptionsError: a choice would have more options than there are letters.
    """
    every = policy_questions(own_rules)
    if asks == "rules":
        return replace(every, category=None)
    assert every.category is not None
    own = [rule for rule in every.rules if rule.rule not in policy().rules]
    options = (*every.category.options, *(_as_option(rule) for rule in own))
    if len(options) > len(LETTERS):
        raise TooManyOptionsError(asks, len(own), len(LETTERS) - len(every.category.options))
    return replace(
        every,
        category=replace(every.category, options=options),
        addressing=None,
        violation=_choice(policy().about, "violation", policy().violation) if asks == "violation" else None,
        is_choice_alone=True,
    )


def _is_of(rule: RuleQuestion, plan: Plan, told: str | None) -> bool:
    """Return whether a plan that cites no rule asked about is of the policy's rule of its category."""
    return told is None and plan.is_violation and rule.rule == RULES[plan.category]


def _both_orders(choice: Question, option: str) -> dict[str, str]:
    return {choice.name: option, choice.name + REVERSED: option}


def _as_option(rule: RuleQuestion) -> Option:
    meaning = dict(rule.question.options)[YES]
    return Option(rule.question.name, meaning[:1].lower() + meaning[1:])


def label_questions(labels: Mapping[str, Category]) -> QuestionSet:
    """Return a model's own labels as questions; the label map says what each of them means here."""
    return QuestionSet(
        tuple(
            RuleQuestion(_yes_no("", label, WrittenYesNo(instructions=label)), RULES[category], category)
            for label, category in labels.items()
        )
    )


def reversed_choice(question: Question) -> Question:
    """Return the choice with its options in the reverse order."""
    return replace(question, name=question.name + REVERSED, options=question.options[::-1])


def _yes_no(about: str, name: str, written: WrittenYesNo) -> Question:
    options = (Option(YES, written.if_true), Option(NO, written.if_false))
    return Question(name, "yes_no", _told(about, written.instructions), options)


def _choice(about: str, name: str, written: WrittenChoice) -> Question:
    options = tuple(Option(option, meaning) for option, meaning in written.options.items())
    return Question(name, "choice", _told(about, written.instructions), options)


def _told(about: str, instructions: str) -> str:
    return f"{about}\n{instructions}" if about else instructions


def _own_rules(about: str, text: str, taken: Sequence[str]) -> list[RuleQuestion]:
    """Return a question for each item of a list of rules; one that names a category in backticks is of it."""
    starts = [match.start() for match in OWN_ITEM.finditer(text)]
    items = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    rules = []
    for number, item in enumerate(items, start=1):
        said = " ".join(OWN_ITEM.sub("", item.split("\n\n")[0], count=1).split())
        named = [word for word in OWN_CATEGORY.findall(said) if word in set(Category)]
        category = Category(named[0]) if named else Category.OTHER
        written = WrittenYesNo(
            instructions="Does `comment` break this rule of the channel's own?",
            if_true=f"It breaks the rule: {said}",
            if_false="It doesn't break that rule, or the rule isn't about comments like this one.",
        )
        if category is not Category.NONE:
            name = f"C{number}" if f"C{number}" not in taken else f"own_C{number}"
            rules.append(RuleQuestion(_yes_no(about, name, written), name, category))
    return rules
