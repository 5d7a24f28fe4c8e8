"""What a config would mean for people in a month of such chat, in one sentence, the extrapolation said."""

from __future__ import annotations

from moderation_pipeline.evaluation.felt_counts import MONTH_HOURS, FeltCounts
from moderation_pipeline.rounding import rounded

FEW = 10.0
"""Below this a count is said to be about so many, singly; above in rounded numbers."""


def people_sentence(config: str, felt: FeltCounts | None, *, by_acts: bool = False) -> str | None:
    """Say how many would be silenced, how many wrongly and at most, and what would pass; null for too small a chat.

    `by_acts` says that labels are what moderators did.
    """
    if felt is None:
        return None
    how_often = f"about {about(felt.silenced)} times" if felt.silenced else "nobody"
    said = f"{_month(felt)} {config} would time out or ban {how_often}"
    if felt.wronged is not None and felt.wronged_at_most is not None:
        wronged = f"about {about(felt.wronged)}" if felt.wronged else "none"
        wrongly = "where the moderators let it be" if by_acts else "wrongly by the labels"
        said += f", {wronged} of them {wrongly} (at most {about(felt.wronged_at_most)})"
    elif felt.silenced:
        said += ", and no label tells how many of them wrongly"
    if felt.missed is not None:
        what = "comments that they act on" if by_acts else "violations"
        said += f", and do nothing about some {about(felt.missed)} {what}"
    return f"{said}."


def _month(felt: FeltCounts) -> str:
    """Say what a month is here, and from how little it was carried over."""
    if felt.hours is None:
        return f"In {rounded(felt.month)} comments like these (over too short a time for a month, or none)"
    rooms = f" of {felt.channels:,} channels together" if felt.channels > 1 else ""
    if felt.month == MONTH_HOURS:
        return f"In a month like these {rounded(felt.hours / 24)} days{rooms}"
    return f"In a month of {rounded(felt.month)} hours on air, if all were like these {_hours(felt.hours)}{rooms},"


def _hours(hours: float) -> str:
    return f"{rounded(hours, 1)} hours"


def about(number: float) -> str:
    """Return a count in as many digits as it can bear."""
    if number < FEW:
        return rounded(number) if number >= 0.95 or number == 0 else "1 or none"
    digits = len(f"{number:.0f}") - 2
    return rounded(number, -digits)
