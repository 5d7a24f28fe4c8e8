"""What the signals of a comment tell: each one is evidence for a category, with a chance.

The fast rules decide by this alone; the careful rules take the patterns and floods from here, and the chances. How
evidence adds up is in `evidence`, what is counted in `signals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import NamedTuple

from moderation_pipeline.agents.keyless.evidence import LEANING, Evidence
from moderation_pipeline.plan import Category
from moderation_pipeline.text.signals import Signals

SHOUTING = 0.7
"""The share of capitals from which a long text shouts."""

MOSTLY_SYMBOLS = 0.55

WALL = 40
"""Characters from which a text of symbols is a wall."""

MOST_STEPS = 8
"""By which a wall's size is told; at the last one it is as long as chats allow."""


class Weight(NamedTuple):
    """What one signal tells: the chance of its category where it is there once, and for each time more."""

    signal: str
    category: Category
    once: float
    again: float
    reason: str


WEIGHTS = (
    Weight("insult_strong", Category.HARASSMENT, 0.92, 0.3, "a strong insult"),
    Weight("taunt", Category.HARASSMENT, 0.9, 0.2, "a taunt"),
    Weight("dismissal", Category.HARASSMENT, 0.9, 0.2, "telling someone off"),
    Weight("insult_mild", Category.HARASSMENT, 0.82, 0.2, "an insult"),
    Weight("profanity", Category.HARASSMENT, 0.64, 0.2, "swearing"),
    Weight("insult_foreign", Category.HARASSMENT, 0.58, 0.2, "an insult in another language"),
    Weight("score_mock", Category.HARASSMENT, 0.6, 0.1, "a bad score held up"),
    Weight("taunt_weak", Category.HARASSMENT, 0.22, 0.1, "a word of mockery or blame"),
    Weight("insult_weak", Category.HARASSMENT, 0.12, 0.08, "a word that may insult"),
    Weight("profanity_mild", Category.HARASSMENT, 0.15, 0.05, "mild swearing"),
    Weight("report_call", Category.HARASSMENT, 0.12, 0.1, "a call to report"),
    Weight("slur", Category.HATE, 0.93, 0.3, "a slur"),
    Weight("slur_ambiguous", Category.HATE, 0.6, 0.2, "a word used as a slur"),
    Weight("origin", Category.HATE, 0.46, 0.2, "someone's origin"),
    Weight("threat", Category.THREAT, 0.85, 0.3, "a threat"),
    Weight("self_harm_incitement", Category.THREAT, 0.9, 0.3, "telling someone to die"),
    Weight("sexual_strong", Category.SEXUAL, 0.82, 0.3, "explicit sexual text"),
    Weight("sexual", Category.SEXUAL, 0.42, 0.2, "a sexual word"),
    Weight("self_harm", Category.SELF_HARM, 0.85, 0.3, "words of self-harm"),
    Weight("spam_phrase", Category.SPAM, 0.62, 0.5, "an advertising phrase"),
    Weight("decoration", Category.SPAM, 0.4, 0.1, "blocks or stars for attention"),
    Weight("lure", Category.SPAM, 0.08, 0.12, "a word that lures"),
    Weight("shorteners", Category.SPAM, 0.55, 0.3, "a hidden or invite link"),
    Weight("links", Category.SPAM, 0.4, 0.2, "a link"),
    Weight("bot_orders", Category.OTHER, 0.8, 0.3, "orders to a moderation bot"),
    Weight("ghost_tags", Category.OTHER, 0.8, 0.3, "text that poses as the moderator's own"),
    Weight("evasion", Category.OTHER, 0.55, 0.2, "talk of cheats or of evading a ban"),
    Weight("phones", Category.PERSONAL_INFORMATION, 0.85, 0.3, "a phone number"),
    Weight("emails", Category.PERSONAL_INFORMATION, 0.75, 0.2, "an e-mail address"),
    Weight("ip_addresses", Category.PERSONAL_INFORMATION, 0.75, 0.2, "an IP address"),
    Weight("street_addresses", Category.PERSONAL_INFORMATION, 0.75, 0.2, "a street address"),
    Weight("personal_information", Category.PERSONAL_INFORMATION, 0.45, 0.3, "where or who someone is"),
)
"""Set by hand from how often each group was right on the train split of CONDA, rounded; where CONDA has no
such comments (spam, self-harm, personal information), by judgement. Swearing is held just above one half:
whether it is at someone is for the Expert to say."""

TRUSTED_WEIGHT = 0.1
"""What anything that would be spam tells by a moderator or the broadcaster: they announce things."""

MENTIONED = 3
"""Mentions from which there are many."""

WORDS_AGAIN = 3
"""Words from which a text that its user said before is one that is said again, and no emote."""

SEVERAL = 2
"""Earlier copies in the room from which several users say the same."""

LONG_TEXT = 6
"""Words from which a text is no phrase that everybody uses."""

OFTEN = 6
"""Repeats from which a user floods, whatever is said."""


ROOM_AT_MOST = 0.25
"""What the repeats of a text by others tell of whoever says it last, at most: beside another sign of spam it
counts, and alone not even a first message makes spam of it. Six others could else have anybody sanctioned."""


DECIDING = Signals._fields.index("words")
"""Signals before this one decide; those from it on vary freely, and count only in the buckets of `coarse`."""

KNOWN_AT_MOST = 100_000
"""What is remembered by `coarse` signals, by whoever remembers it; chats show a few thousand different ones."""

LONG_WORDS = 12
"""From here on one bucket: nothing turns on how much longer a comment is."""


def coarse(signals: Signals) -> tuple[float, ...]:
    """Return everything that evidence is made of, coarsely, so that it is looked up for like comments."""
    is_wide, is_loud = is_wall(signals), is_shouted(signals)
    return (
        *signals[:DECIDING],
        min(signals.words, LONG_WORDS) if is_repeated(signals) else 0,
        is_loud,
        is_wide,
        wall_size(signals) if is_wide or is_loud else 0,
    )


def evidence_of(signals: Signals, *, is_trusted: bool = False, is_newcomer: bool = False) -> list[Evidence]:
    """Return what the signals say, one piece of evidence per kind of signal.

    What a run did to the user before is no evidence: where the rules decided it, they would believe themselves.
    """
    found = []
    for name, category, once, again, reason in WEIGHTS:
        count = getattr(signals, name)
        if name == "taunt":
            count -= signals.emote_ez
        if count > 0:
            chance = 1.0 - (1.0 - once) * (1.0 - again) ** min(count - 1, 3)
            found.append(Evidence(category, chance, reason, name))
    found += flood_evidence(signals)
    if found:
        found += leanings(signals, found, is_newcomer=is_newcomer)
    return as_trusted(found) if is_trusted else found


def as_trusted(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence as it tells of a moderator or the broadcaster."""
    return [
        piece._replace(weight=min(piece.weight, TRUSTED_WEIGHT)) if piece.category is Category.SPAM else piece
        for piece in evidence
    ]


def flood_evidence(signals: Signals) -> list[Evidence]:
    """Return evidence of floods; what is short, an emote or a command is none: chats repeat themselves."""
    if signals.is_command or signals.is_emote_only:
        return []
    often, words, room = (
        min(signals.user_repeats, OFTEN),
        min(signals.words, 10),
        min(signals.channel_repeats, 6),
    )
    again, called = 0.08 + 0.16 * often + 0.025 * words, 0.25 + 0.12 * signals.mentions
    floods = (
        (often and words >= WORDS_AGAIN, again, "the same text again by this user", "user_repeats", often),
        (often >= OFTEN and words >= LONG_TEXT, 0.6, "a flood", "flood", 0),
        (
            room >= SEVERAL and words >= LONG_TEXT,
            ROOM_AT_MOST * room / 6,
            "the same long text by several users",
            "room",
            room,
        ),
        (
            signals.mentions >= MENTIONED,
            min(0.9, called),
            "many mentions",
            "many_mentions",
            min(signals.mentions, 8),
        ),
        (is_wall(signals), 0.55, "a wall of symbols", "wall", wall_size(signals)),
        (is_shouted(signals), 0.35, "shouting", "shouting", wall_size(signals)),
    )
    return [
        Evidence(Category.SPAM, min(0.95, weight), reason, sign, much)
        for is_there, weight, reason, sign, much in floods
        if is_there
    ]


def is_repeated(signals: Signals) -> bool:
    """Whether the text was said often enough, by its user or in the room, for its length to matter."""
    return signals.user_repeats > 0 or signals.channel_repeats >= SEVERAL


def is_wall(signals: Signals) -> bool:
    """Whether a text is long and mostly symbols."""
    return signals.symbol_share > MOSTLY_SYMBOLS and signals.length >= WALL


def is_shouted(signals: Signals) -> bool:
    """Whether a text is long and mostly capitals."""
    return signals.caps_share > SHOUTING and signals.length >= 60


def wall_size(signals: Signals) -> int:
    """Return how long a wall is, in steps of half as long again: some channels build them, few as long as can be."""
    return min(MOST_STEPS, int(2 * log2(max(1.0, signals.length / WALL))))


def leanings(signals: Signals, found: Sequence[Evidence], *, is_newcomer: bool = False) -> list[Evidence]:
    """Return what tilts a doubtful case: who is addressed, who writes, and whether the text is disguised."""
    category = max(found, key=lambda piece: piece.weight).category
    leaning = []
    if signals.obfuscated:
        leaning.append(Evidence(category, 0.25, "in disguise", LEANING))
    if signals.second_person and category in AIMABLE:
        leaning.append(Evidence(category, 0.12, "addressed to someone", LEANING))
    if signals.lure and (signals.links or signals.decoration):
        leaning.append(Evidence(Category.SPAM, 0.6, "a link or blocks beside what lures", LEANING))
    if category is Category.SPAM and (signals.is_first_message or is_newcomer):
        leaning.append(Evidence(category, 0.3, "a first message", LEANING))
    if is_newcomer and any(getattr(signals, name) for name in ADVERTISING):
        leaning.append(Evidence(Category.SPAM, 0.7, "who never wrote here before advertises", "newcomer"))
    return leaning


ADVERTISING = ("links", "shorteners", "spam_phrase", "decoration")
"""What, from someone who never wrote in the channel before, moderators act on thirty times as often."""

AIMABLE = frozenset({Category.HARASSMENT, Category.HATE, Category.THREAT, Category.SEXUAL})
