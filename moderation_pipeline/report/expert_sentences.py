"""What is said of the Expert's own errors: how often it is wrong, and whether it breaks more than it mends."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import comb

import polars as pl

from moderation_pipeline.report.quantities import percent, plural

CHANCE = 0.05
"""How seldom an Expert that breaks as many as it mends may be said to break more."""


def own_errors(errors: pl.DataFrame) -> str | None:
    """Say how often the Expert is wrong by the labels; null where nothing is known."""
    overall = errors.filter(pl.col("kind") == "any")
    if overall.is_empty():
        return None
    rate, low, high = overall.select("rate", "rate_low", "rate_high").row(0)
    audits = plural(overall["audits"][0], "labelled comment")
    return f"is itself wrong on {percent(rate)} of {audits} by the labels ({percent(low)} to {percent(high)})"


def breaking_sentence(errors: pl.DataFrame) -> str | None:
    """Say that the Expert breaks more verdicts of the Student than it mends, and name cases; null where it doesn't."""
    overall = errors.filter(pl.col("kind") == "any")
    if overall.is_empty():
        return None
    config, expert, mended, broken, cases = overall.select(
        "config", "expert", "mended", "broken", "broken_comment_ids"
    ).row(0)
    if by_chance(broken, mended) > CHANCE:
        return None
    return (
        f"By the labels the Expert of {config} ({expert}) broke {plural(broken, 'right verdict')} of the Student"
        f" and mended {plural(mended, 'wrong one')}: ask whether it earns its place{_worst(errors)}."
        f" Cases: {_named(cases)}{' …' if broken > len(cases) else ''}."
    )


def by_chance(broken: int, mended: int) -> float:
    """Return how often so many or more of all would be broken if either were as likely: the exact sign test.

    It is McNemar's, one-sided, for two judges of the same comments.
    """
    number = broken + mended
    return float(Fraction(sum(comb(number, k) for k in range(broken, number + 1)), 2**number))


def _worst(errors: pl.DataFrame) -> str:
    """Name the category of most errors."""
    by_category = errors.filter(pl.col("category") != "all").sort("wrong", descending=True)
    if by_category.is_empty() or not by_category["wrong"][0]:
        return ""
    kind, category, wrong, audits = by_category.select("kind", "category", "wrong", "audits").row(0)
    return f" (most in {category}: {wrong:,} of {audits:,} {kind})"


def _named(comment_ids: Sequence[str]) -> str:
    return ", ".join(comment_ids)
