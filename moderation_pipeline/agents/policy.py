"""The policy as it is read from `policy.yaml`: the one source of all prompts and of decision models' questions.

What a prompt makes of it is `prompted/policy_text.py`'s, what a decision model is asked `deciding/question_set.py`'s.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml

from moderation_pipeline.config.yaml_model import Closed
from moderation_pipeline.plan import Category

POLICY = resources.files("moderation_pipeline.agents") / "policy.yaml"


class WrittenYesNo(Closed):
    """A yes/no question as the file says it; a model's own label is one without criteria."""

    instructions: str
    if_true: str = ""
    if_false: str = ""


class PolicyRule(WrittenYesNo):
    """One rule: its name, what it is in a few words, and its question with a criterion for either side."""

    category: Category
    name: str
    short: str
    mild: str | None = None
    grave: str | None = None


class WrittenChoice(Closed):
    """A choice as the file says it."""

    instructions: str
    options: dict[str, str]


class AllowedRule(Closed):
    """The rule of what no other rule is about."""

    rule: str
    name: str
    short: str
    items: tuple[str, ...]


class PolicyExample(Closed):
    """A made-up line with its verdict, for prompts that show some."""

    text: str
    category: Category
    reason: str


class Policy(Closed):
    """The whole file. `about` is said before each question: what the state holds, and that it is data."""

    about: str
    rules: dict[str, PolicyRule]
    category: WrittenChoice
    violation: WrittenChoice
    addressing: WrittenYesNo
    allowed: AllowedRule
    examples: tuple[PolicyExample, ...]

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The identifiers of all rules, that of what is allowed last."""
        return (*self.rules, self.allowed.rule)


@cache
def policy() -> Policy:
    """Return the policy that is shipped."""
    return Policy.model_validate(yaml.safe_load(POLICY.read_text(encoding="utf-8")))
