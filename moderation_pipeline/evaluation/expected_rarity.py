"""How rare the keyless agents took violations to be, told where it matters: they act on little where it is too low.

What they make of it is `agents/keyless/customary.py`'s; what a config says, `ExpectedSpec`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from moderation_pipeline.config.run_config import NamedConfig

KEYLESS = ("rules", "careful_rules", "learned", "tiers")
"""Backends that are, or begin with, agents that weigh what they find by its rarity."""

FEWEST_LABELS = 100
TIMES = 3.0
"""By so much may the labels' share differ before it is said."""


def rarity_told(chat: str, labelled: int, violations: int, configs: Sequence[NamedConfig]) -> Iterator[str]:
    """Yield, of a chat, how rare violations were taken to be, where labels say otherwise or say nothing."""
    shares: dict[float, list[str]] = {}
    for named in configs:
        expected = named.config.expected_violations_per_1000
        if expected is not None and _is_keyless(named):
            shares.setdefault(1000 * expected.share_of(chat), []).append(named.name)
    for expected_per_1000, names in sorted(shares.items()):
        who = f"The keyless agents of {', '.join(names)} took {expected_per_1000:g} in 1,000 comments for violations"
        if labelled < FEWEST_LABELS:
            yield f"{who} (expected_violations_per_1000). Where they are usual, say so in the config."
            continue
        found = max(1.0, 1000 * violations / labelled)
        if found > TIMES * expected_per_1000:
            yield (
                f"{who}, and by its labels this chat has {found:.0f}: they acted on the rarest and gravest alone. Say"
                f" it in a config: expected_violations_per_1000: {found:.0f}."
            )
        elif found < expected_per_1000 / TIMES:
            yield (
                f"{who}, and by its labels this chat has {found:.0f}: they acted on much that is usual here. Say it in"
                f" a config: expected_violations_per_1000: {found:.0f}."
            )


def _is_keyless(named: NamedConfig) -> bool:
    agents = (named.config.student, named.config.expert)
    return any(agent != "none" and agent.backend in KEYLESS for agent in agents)
