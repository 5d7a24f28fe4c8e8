"""What can be counted about a comment without judging it: its shape, lexicon hits, patterns and repeats.

Columnar and pure: text and context columns in, counts out; no labels, no config. The rules read them, and so may
a learned head. What a count means for a plan is decided in `rules` and `careful_rules`.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import polars as pl

from moderation_pipeline.agents.lexicon import lexicon


class Signals(NamedTuple):
    """The signals of one comment, in the order of the columns of `signals`. Counts unless said otherwise."""

    taunt: int
    taunt_weak: int
    insult_strong: int
    insult_mild: int
    insult_weak: int
    insult_foreign: int
    dismissal: int
    report_call: int
    profanity: int
    profanity_mild: int
    slur: int
    slur_ambiguous: int
    origin: int
    sexual: int
    sexual_strong: int
    threat: int
    self_harm_incitement: int
    self_harm: int
    spam_phrase: int
    bot_orders: int
    evasion: int
    personal_information: int
    identity: int
    second_person: int
    first_person: int
    negation: int
    links: int
    shorteners: int
    """Links that hide their target, or invite elsewhere."""
    score_mock: int
    """A game score of many deaths, such as 0/7."""
    mentions: int
    phones: int
    emails: int
    ip_addresses: int
    street_addresses: int
    obfuscated: int
    """1 where look-alikes, invisible characters, spacing, masking or leetspeak hid letters."""
    stretched: int
    """1 where letters were stretched."""
    is_command: int
    is_emote_only: int
    is_reply: int
    is_first_message: int
    user_repeats: int
    channel_repeats: int
    words: int
    length: int
    """Characters."""
    caps_share: float
    """Upper-case letters among ASCII letters, 0 to 1."""
    symbol_share: float
    """Characters that are neither letter, digit nor space, 0 to 1."""
    non_ascii_share: float


def signals(comments: pl.DataFrame) -> pl.DataFrame:
    """Return one row of `Signals` per comment, in order; `comments` has the columns of the table comments."""
    folded = _folded(pl.col("normalised").fill_null(""))
    return comments.lazy().with_columns(folded=folded).select(_expressions()).collect()


LINK = r"(?:https?://|www\.)\S+|\b[a-z0-9-]+\.(?:com|net|org|tv|gg|io|ly|me|co|ru|xyz|be|info|link|live|site|store|shop|top|app|dev)\b(?:/\S*)?"
SHORTENER = (
    r"(?:bit\.ly|tinyurl\.com|t\.co|cutt\.ly|goo\.gl|is\.gd|discord\.gg|discord\.com/invite|t\.me|wa\.me)/\w"
)
SCORE_MOCK = r"(?:^|\s)[01]\s?[-/]\s?(?:[4-9]|1\d|2\d)(?:$|\s|-\d|/\d)"
MENTION = r"(?:^|\s)@\w+"
PHONE = r"(?:^|[^\w.])(?:\+?\d{1,3}[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?:$|\D)|(?:^|\s)\+\d{9,14}(?:$|\D)"
EMAIL = r"[a-z0-9._%+-]+@[a-z0-9-]+\.[a-z]{2,}"
IP_ADDRESS = r"(?:^|[^\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:$|[^\d.])"
STREET = (
    r"(?:^|[\s,:])\d{1,5}[a-z]?\s+(?:[a-z]+\s+){1,2}(?:street|avenue|ave|road|rd|boulevard|blvd|drive)(?:$|[\s,.])"
    r"|(?:^|[\s,:])\d{2,5}\s+[a-z]{4,}\s+(?:lane|ln|st|court|ct)(?:$|[\s,.])"
)
SECOND_PERSON = r"you|u|ur|your|yours|youre|yourself|urself|ya|ye|yall|thou"
FIRST_PERSON = r"i|im|ive|me|my|myself|mine"
NEGATION = r"not|no|never|nobody|dont|doesnt|didnt|isnt|arent|wasnt|cant|cannot|wont|shouldnt|wouldnt|aint"


def _folded(normalised: pl.Expr) -> pl.Expr:
    """Drop apostrophes and accents, which the lexicon is written without."""
    plain = normalised.str.replace_all(r"['’](ll|d)\b", " ").str.replace_all("['’]", "")
    accented = plain.str.contains(r"[^\x00-\x7f]")
    return pl.when(accented).then(plain.str.normalize("NFKD").str.replace_all(r"\p{Mn}", "")).otherwise(plain)


@cache
def _expressions() -> list[pl.Expr]:
    folded, text, normalised = (
        pl.col("folded"),
        pl.col("text").fill_null(""),
        pl.col("normalised").fill_null(""),
    )
    length = text.str.len_chars()
    letters = text.str.count_matches("[A-Za-z]")
    plain = text.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars(" ")
    squeezed = r"[^a-z0-9@$*!|]"
    counts: dict[str, pl.Expr] = {
        **{name: _count(folded, pattern) for name, pattern in lexicon().patterns.items()},
        "second_person": _count(folded, SECOND_PERSON),
        "first_person": _count(folded, FIRST_PERSON),
        "negation": _count(folded, NEGATION),
        "links": normalised.str.count_matches(LINK),
        "shorteners": normalised.str.count_matches(SHORTENER),
        "score_mock": normalised.str.count_matches(SCORE_MOCK),
        "mentions": text.str.count_matches(MENTION),
        "phones": normalised.str.count_matches(PHONE),
        "emails": normalised.str.count_matches(EMAIL),
        "ip_addresses": normalised.str.count_matches(IP_ADDRESS),
        "street_addresses": normalised.str.count_matches(STREET),
        "obfuscated": (plain != normalised)
        & ~text.str.contains(r"&#?\w+;")
        & ~_only_stretched(plain, normalised, squeezed),
        "stretched": pl.any_horizontal(normalised.str.len_chars() < plain.str.len_chars()),
        "is_command": pl.col("is_command").fill_null(False),
        "is_emote_only": pl.col("is_emote_only").fill_null(False),
        "is_reply": pl.col("reply_to").is_not_null(),
        "is_first_message": pl.col("is_first_message").fill_null(False),
        "user_repeats": pl.col("user_repeats").fill_null(0),
        "channel_repeats": pl.col("channel_repeats").fill_null(0),
        "words": normalised.str.count_matches(r"\S+"),
        "length": length,
    }
    shares: dict[str, pl.Expr] = {
        "caps_share": _share(text.str.count_matches("[A-Z]"), letters),
        "symbol_share": _share(text.str.count_matches(r"[^\p{L}\p{N}\s]"), length),
        "non_ascii_share": _share(text.str.count_matches(r"[^\x00-\x7f]"), length),
    }
    named = {name: expression.cast(pl.Int32) for name, expression in counts.items()} | shares
    return [named[name].alias(name) for name in Signals._fields]


def _count(folded: pl.Expr, pattern: str) -> pl.Expr:
    return folded.str.count_matches(rf"(?-u:\b)(?:{pattern})(?-u:\b)")


def _only_stretched(plain: pl.Expr, normalised: pl.Expr, other: str) -> pl.Expr:
    """Whether the texts are equal once runs of a letter count as one letter."""
    letters = [plain.str.replace_all(other, ""), normalised.str.replace_all(other, "")]
    for letter in "abcdefghijklmnopqrstuvwxyz":
        letters = [each.str.replace_all(f"{letter}{letter}+", letter) for each in letters]
    return letters[0] == letters[1]


def _share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole).otherwise(0.0).cast(pl.Float64)
