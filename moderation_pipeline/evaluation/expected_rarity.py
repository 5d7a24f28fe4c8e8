"""How rare keyless agents took violations to be, told where it matters: they act on little where it is too low.

What they make of it is `agents/keyless/customary.py`'s; what a config says, `ExpectedSpec`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.rounding import rounded

KEYLESS = ("rules", "careful_rules", "learned", "tiers")
"""Backends that are, or begin with, agents that weigh what they find by its rarity."""

FEWEST_LABELS = 100
TIMES = 3.0
"""By so much may the labels' share differ before it is said."""


class Keyless(NamedTuple):
    """Who of a config is keyless, and what it may be said to have done."""

    agents: str
    """In the words of the report: agents, Student or Expert."""
    only_audits: bool
    """Whether it acts on nothing but what a Student brought before it."""

    def told(self, names: Sequence[str], expected_per_1000: float) -> str:
        """Return what it took violations to be, as the beginning of a sentence."""
        many = "s" if len(names) > 1 and self.agents != "agents" else ""
        return (
            f"The keyless {self.agents}{many} of {', '.join(names)} took {expected_per_1000:g} in 1,000 comments for"
            " violations"
        )

    def did(self, names: Sequence[str], what: str) -> str:
        """Return on what it acted; an Expert only judged what it audited."""
        they = "they" if self.agents == "agents" or len(names) > 1 else "it"
        return (
            f"where {they} audited, {they} took {what} for violations"
            if self.only_audits
            else f"{they} acted on {what}"
        )


def rarity_told(chat: str, labelled: int, violations: int, configs: Sequence[NamedConfig]) -> Iterator[str]:
    """Yield, of a chat, how rare violations were taken to be, where labels say otherwise or say nothing.

    It is said of whoever is keyless: where a Student is a model or scores and the Expert is not, of the Expert.
    """
    shares: dict[tuple[float, Keyless], list[str]] = {}
    for named in configs:
        expected = named.config.expected_violations_per_1000
        if expected is not None and (keyless := _keyless(named)) is not None:
            shares.setdefault((1000 * expected.share_of(chat), keyless), []).append(named.name)
    for (expected_per_1000, keyless), names in sorted(shares.items(), key=lambda each: each[0][0]):
        who = keyless.told(names, expected_per_1000)
        if labelled < FEWEST_LABELS:
            yield f"{who} (expected_violations_per_1000). Where they are usual, say so in the config."
            continue
        found = max(1.0, 1000 * violations / labelled)
        if found > TIMES * expected_per_1000:
            did = keyless.did(names, "the rarest and gravest alone")
        elif found < expected_per_1000 / TIMES:
            did = keyless.did(names, "much that is usual here")
        else:
            continue
        yield (
            f"{who}, and by its labels this chat has {rounded(found)}: {did}. Say it in a config:"
            f" expected_violations_per_1000: {rounded(found)}."
        )


def _keyless(named: NamedConfig) -> Keyless | None:
    student, expert = named.config.student, named.config.expert
    is_student = student != "none" and student.backend in KEYLESS
    is_expert = expert != "none" and expert.backend in KEYLESS
    if is_student:
        return Keyless("agents" if is_expert or expert == "none" else "Student", only_audits=False)
    return Keyless("Expert", only_audits=student != "none") if is_expert else None
