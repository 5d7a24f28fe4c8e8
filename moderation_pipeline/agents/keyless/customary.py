"""What evidence tells where it is usual: a sign that many lines of a channel show can't mean a violation in most.

A sign is weighed by its likelihood ratio: odds of a violation before it is seen, times how much oftener violations
show it than the channel's lines do. What the text alone tells stands as the most that it can be. Then the whole: of the
lines as grave as this one, no more can be violations than are expected at all. `signal_evidence` says what a sign
tells by itself, `cases/customs.py` counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from moderation_pipeline.agents.keyless.evidence import (
    LEANING,
    LIKELY,
    Evidence,
    chances,
    gravest,
)
from moderation_pipeline.cases.customs import Custom, Customs
from moderation_pipeline.plan import Category

SHOWN = 0.4
"""The share of violations that show any one sign, taken to be high: what it says of a sign's rarity is then the most
that it can. On half of the channels that it was tried on, .2 to .7 came to the same."""

SEEN = 0.75
"""The share of violations in which the rules see anything."""

GRAVE = "grave"
"""The sign of a line that would be sanctioned, were it not too usual; how much of it is how sure that is."""

STEPS_OF_GRAVITY = 20
"""Steps from a likely violation to a certain one."""

UNKNOWN = 0.25
"""A sign that was never seen is thought this much rarer than would make it tell nothing."""

AMONG_PLAYERS = frozenset({"score_mock", "origin"})
"""Signs that mock one of those who play together: of 122 lines of CONDA with a bad score 116 are abuse, of 113 short
ones with an origin 95. Of 40 that an audience wrote (Twitch) moderators acted on one: there it is the score of the
match, and where a team is from."""

PLAYERS_FROM, LESS_THAN_LIKELY = 0.05, 0.45
"""From that share of violations on a chat is taken for one of players; in any other such a sign is never likely one."""

SPARED = frozenset({Category.SELF_HARM})
"""Who needs help gets it, however many do."""


class Weighed(NamedTuple):
    """Evidence as it tells where it stands: `at_most` is the greatest chance that is left to all of it together."""

    evidence: list[Evidence]
    at_most: float = 1.0
    note: str = ""
    """Why no more is left, for people; empty where nothing is taken off."""


def weighed(evidence: Sequence[Evidence], custom: Custom | None) -> Weighed:
    """Return the evidence as it tells in its channel; as it is where nothing is known of that."""
    if custom is None or not evidence:
        return Weighed(list(evidence))
    rarer = as_rare(evidence, custom)
    category, chance = gravest(chances(rarer))
    if chance < LIKELY or category in SPARED:
        return Weighed(rarer)
    as_grave = custom.share_with(GRAVE, steps_of(chance), SEEN * UNKNOWN * custom.expected)
    at_most = min(1.0, SEEN * custom.expected / as_grave)
    usual = f"{_percent(as_grave)} of this channel's lines are as grave"
    note = f"{usual}, where {_percent(custom.expected)} are expected to break a rule"
    return Weighed(rarer, at_most, note if at_most < chance else "")


def as_rare(evidence: Sequence[Evidence], custom: Custom) -> list[Evidence]:
    """Return each piece as it tells by its rarity; what only leans tells no more than what it leans on."""
    spared: defaultdict[tuple[Category, str], float] = defaultdict(lambda: 1.0)
    pieces = []
    for piece in evidence:
        sign = (piece.category, piece.sign)
        rarer = _as_rare(piece, custom, spared[sign])
        spared[sign] *= 1.0 - rarer.weight
        pieces.append(rarer)
    if all(piece.sign != LEANING for piece in pieces):
        return pieces
    strongest: dict[Category, float] = {}
    for piece in pieces:
        if piece.sign != LEANING:
            strongest[piece.category] = max(piece.weight, strongest.get(piece.category, 0.0))
    return [
        piece._replace(weight=min(piece.weight, strongest.get(piece.category, 0.0)))
        if piece.sign == LEANING
        else piece
        for piece in pieces
    ]


def _as_rare(piece: Evidence, custom: Custom, spared: float) -> Evidence:
    """Return a piece as it tells beside those before it of its sign, which leave a chance `spared` that there is none.

    A line that shows a sign ten times is no rarer than one that shows it once: all of it together tells what the
    sign's rarity allows.
    """
    if piece.sign in ("", LEANING):
        return piece
    shown = SHOWN * custom.expected
    share = custom.share_with(piece.sign, piece.much, shown * UNKNOWN)
    most = shown / (shown + (1.0 - custom.expected) * share)
    if piece.sign in AMONG_PLAYERS and custom.expected < PLAYERS_FROM:
        most = min(most, LESS_THAN_LIKELY)
    left = max(0.0, 1.0 - (1.0 - most) / spared)
    if left >= piece.weight:
        return piece
    return piece._replace(
        weight=left, reason=f"{piece.reason} (in {_percent(share)} of this channel's lines)"
    )


def _percent(share: float) -> str:
    """Return 0.31%; what is not none is never said to be."""
    return "less than 0.01%" if 0 < share < 0.00005 else f"{share:.2%}"


def steps_of(chance: float) -> int:
    """Return how grave a likely violation is, in steps."""
    return int((chance - LIKELY) / (1.0 - LIKELY) * STEPS_OF_GRAVITY)


def note_line(customs: Customs, evidence: Sequence[Evidence], custom: Custom, *, is_likely: bool) -> None:
    """Take a line into what is customary after it: each sign that it shows, and how grave they make it.

    `is_likely` says whether it is a likely violation by the text alone: else its rarity can't make it one.
    """
    chance = gravest(chances(as_rare(evidence, custom)))[1] if is_likely else 0.0
    for piece in evidence:
        if piece.sign not in ("", LEANING):
            customs.saw(piece.sign, piece.much, custom.place)
    if chance >= LIKELY:
        customs.saw(GRAVE, steps_of(chance), custom.place)
