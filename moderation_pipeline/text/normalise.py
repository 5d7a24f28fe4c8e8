"""The normalised form of a text, which is decided on; the text itself is kept as it came.

Undone are HTML entities (so a tweet's `&amp;` is `&`), compatibility forms (NFKC), invisible characters,
look-alikes from other scripts, case, runs of spaces, spaced-out letters, stretched letters and leetspeak.
Kept are numbers, links, mentions, punctuation and every other script. Disguises of Unicode are in
`lookalikes`, those of the keyboard in `leetspeak`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from itertools import product

import polars as pl

from moderation_pipeline.text.leetspeak import SIGN, STRETCH, resolved, unleeted
from moderation_pipeline.text.lexicon import lexicon
from moderation_pipeline.text.lookalikes import fold_lookalikes

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SPACES = re.compile(r"\s+")
AMPERSAND = re.compile(r"&(?:amp;|#0{0,5}38;|#x0{0,4}26;)+", re.IGNORECASE)
"""However often it was escaped: one pass for each time would be quadratic in a hostile text."""

ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,31}\d{0,2});", re.IGNORECASE)
MOST_RUNS = 6
"""Stretched letters of a word that are tried both ways: 64 forms. More are no word's."""

LINK = re.compile(
    r"://|^www\.|\w\.(?:com|net|org|tv|gg|io|ly|me|co|ru|xyz|be|info|link|live|site|store|shop|top|app|dev|de|uk|fr|br)"
    r"(?:$|[/?#:])"
)
LETTER = "a-zß-öø-ÿąćęğıłńœśşźżа-яё"
"""The letters that words are spaced out in, those of the languages that there are words for."""

SPACED_OUT = re.compile(
    rf"(?<![{LETTER}0-9'’@])[{LETTER}0-9@$!](?:([ ._*\-]{{1,2}})[{LETTER}0-9@$!])(?:\1[{LETTER}0-9@$!])+"
    rf"(?![{LETTER}0-9'’])"
)
SPELT = re.compile(r"(?<!\S)[^\s\w]?[a-z0-9@$!](?: [^\s])*(?: {2,4}[^\s](?: [^\s])*)+(?!\S)")
"""Words spelt letter by letter and parted by wider gaps, so that the short ones among them are told too."""

PAIR = {sign: re.compile(rf"(?<!\S)([a-z]){re.escape(sign)}([a-z])(?!\S)") for sign in "._*-"}

EMOTE_PREFIX = re.compile(r"\b([a-z])\1(?=([A-Z][a-z]+))")
"""What some emotes' names begin with ("ppPoof"): before a like capital it would look like a stretched letter."""

NEAR_BY_CHANCE = 5
"""Letters of a term up to which the name of an emote may look like it by chance; longer ones are written so."""

NOT_PLAIN = "|".join(
    (
        r"[^\x20-\x7e]",
        r"&#?\w+;",
        rf"[{SIGN}][A-Za-z]",
        r"[A-Za-z][0-9@$|*+€]",
        r"(?:^|[^A-Za-z0-9])(?:[A-Za-z0-9@$!][ ._*-]{1,2}){2}[A-Za-z0-9@$!](?:[^A-Za-z0-9]|$)",
    )
)
"""What a text holds where more than its case and spaces may change; runs of a letter are looked for apart."""


def normalise(texts: pl.Series) -> pl.Series:
    """Return the normalised form of each text; nulls stay null. Each distinct text is worked on once."""
    distinct = texts.alias("text").unique().drop_nulls().to_frame()
    plain = pl.col("text").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars(" ")
    frame = distinct.with_columns(form=plain)
    runs = [pl.col("form").str.contains(letter * 3, literal=True) for letter in LETTERS]
    is_plain = ~(pl.col("text").str.contains(NOT_PLAIN) | pl.any_horizontal(runs))
    easy, hard = frame.filter(is_plain), frame.filter(~is_plain)
    worked = pl.Series("form", [normalise_text(text) for text in hard["text"]], dtype=pl.String)
    forms = pl.concat([easy, hard.with_columns(worked)])
    joined = texts.alias("text").to_frame().join(forms, on="text", how="left", maintain_order="left")
    return joined["form"].alias(texts.name)


def normalise_text(text: str) -> str:
    """Return the normalised form of one text: the same function as `normalise`. Idempotent."""
    # Undoing one disguise may uncover another; each pass leaves the text plainer or as it is, so this ends.
    while (plainer := _one_pass(text)) != text:
        text = plainer
    return text


def _one_pass(text: str) -> str:
    if "&" in text:
        text = ENTITY.sub(lambda match: html.unescape(match.group()), AMPERSAND.sub("&", text))
    text = EMOTE_PREFIX.sub(_unstretching, fold_lookalikes(text))
    text = SPELT.sub(_closed_up, text.lower())
    text = SPACED_OUT.sub(_joined, _pairs_joined(text))
    text = SPACES.sub(" ", text).strip(" ")
    return " ".join([_plain_word(word) for word in text.split(" ")])


def _unstretching(match: re.Match[str]) -> str:
    """Shorten an emote's prefix to one letter where its name goes on with the same: two are no stretch."""
    letter, rest = match.group(1), match.group(2).lower()
    is_stretch = len(rest) > NEAR_BY_CHANCE and rest in lexicon().words
    return letter if rest[0] == letter and not is_stretch else match.group()


def _closed_up(match: re.Match[str]) -> str:
    """Join each word that was spelt; leave a row of single letters, where no word has three, as it is."""
    words = [word.replace(" ", "") for word in re.split(" {2,}", match.group())]
    letters = sum(sign.isalnum() for word in words for sign in word)
    is_spelt = max(map(len, words)) >= 3 and 2 * letters > sum(map(len, words))
    return " ".join(words) if is_spelt else match.group()


def _pairs_joined(text: str) -> str:
    """Join words of two letters where several longer ones are spelt with the same sign: "g.o t.o b.e.d n.o.w"."""
    signs = [match.group(1) for match in SPACED_OUT.finditer(text)]
    for sign in {sign for sign in signs if sign in PAIR and signs.count(sign) > 1}:
        text = PAIR[sign].sub(r"\1\2", text)
    return text


def _joined(match: re.Match[str]) -> str:
    """Join letters that were spaced out; leave a row of digits, or of too few letters, as it is."""
    separator = match.group(1)
    letters = match.group().replace(separator, "")
    if not letters.isalpha():
        meant = resolved(letters)
    elif len(letters) >= 4 or separator != " " or letters in lexicon().words:
        meant = letters
    else:
        meant = None
    return match.group() if meant is None else meant


def _plain_word(word: str) -> str:
    if word.isalpha():
        return _unstretched(word) if STRETCH.search(word) else word
    if LINK.search(word):
        return word
    if STRETCH.search(word):
        word = re.sub(r"[a-z]+", lambda match: _unstretched(match.group()), word)
    return unleeted(word)


def _unstretched(word: str) -> str:
    """Shorten each run of three or more of a letter to one or two, whichever makes a known word.

    Where none does: to two where a single run was stretched, for that may be how it is written; to one where
    several were, for hardly a word has two double letters.
    """
    runs = len(STRETCH.findall(word))
    if not runs or word in lexicon().words:
        return word
    pieces = STRETCH.split(word)
    forms = (
        [_with_runs(pieces, lengths) for lengths in product((2, 1), repeat=runs)] if runs <= MOST_RUNS else []
    )
    # Plurals of terms come last: any word in -e would take a second e for one.
    for words in (lexicon().file.spelling.common, lexicon().phrase_words, lexicon().words):
        for form in forms:
            if form in words:
                return form
    return STRETCH.sub(r"\1\1" if runs == 1 else r"\1", word)


def _with_runs(pieces: Sequence[str], lengths: Sequence[int]) -> str:
    """Put a split word together again; every second piece is a letter that was stretched."""
    repeats = iter(lengths)
    return "".join([piece * next(repeats) if at % 2 else piece for at, piece in enumerate(pieces)])
