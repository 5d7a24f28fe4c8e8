"""The normalised form of a text: what is decided on, derived in this one place (the text itself is kept as it came).

Undone are HTML entities, compatibility forms (NFKC), invisible characters, look-alikes from other scripts,
case, runs of spaces, spaced-out letters, stretched letters and leetspeak. Kept are numbers, links, mentions,
punctuation and every other script. Which words are offensive is no question here: the lexicon only settles
what an ambiguous spelling stands for ("5head" stays, "8itch" doesn't).
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache
from itertools import product

import polars as pl

from moderation_pipeline.agents.lexicon import lexicon
from moderation_pipeline.comments.lookalikes import fold_lookalikes

MAX_PASSES = 8
"""Undoing one disguise may uncover another (an entity inside an entity); texts that need more are hostile."""

SUSPICIOUS = r"[^\x20-\x7e]|&#?\w+;|[a-z][0-9@$!|*+]+[a-z]|[0-9@$!|+][a-z]|[a-z][0-9$*]|[A-Za-z][ ._*-]{1,3}[A-Za-z][ ._*-]{1,3}[A-Za-z](?:[^A-Za-z]|$)"
"""What a lower-cased text must hold for the slow path to be able to change it, runs of a letter apart."""


def normalise(texts: pl.Series) -> pl.Series:
    """Return the normalised form of each text; nulls stay null. Each distinct text is worked on once."""
    distinct = texts.unique().drop_nulls().alias("text").to_frame()
    plain = pl.col("text").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars(" ")
    frame = distinct.with_columns(plain=plain)
    stretched = pl.any_horizontal(
        pl.col("plain").str.contains(letter * 3, literal=True) for letter in LETTERS
    )
    slow = frame.filter(
        pl.col("plain").str.contains(SUSPICIOUS) | pl.col("text").str.contains(SUSPICIOUS) | stretched
    )
    results = pl.DataFrame(
        {"text": slow["text"], "slow": [normalise_text(text) for text in slow["text"]]},
        schema={"text": pl.String, "slow": pl.String},
    )
    forms = frame.join(results, on="text", how="left").select("text", form=pl.coalesce("slow", "plain"))
    joined = texts.alias("text").to_frame().join(forms, on="text", how="left", maintain_order="left")
    return joined["form"].alias(texts.name)


def normalise_text(text: str) -> str:
    """Return the normalised form of one text: the same function as `normalise`. Idempotent."""
    for _ in range(MAX_PASSES):
        following = _one_pass(text)
        if following == text:
            return text
        text = following
    return text


LETTERS = "abcdefghijklmnopqrstuvwxyz"
ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,31}\d{0,2});", re.IGNORECASE)
SPACES = re.compile(r"\s+")
STRETCH = re.compile(r"([a-z])\1{2,}")
LINK = re.compile(
    r"://|^www\.|\w\.(?:com|net|org|tv|gg|io|ly|me|co|ru|xyz|be|info|link|live|site|store|shop|top|app|dev|de|uk|fr|br)(?:$|[/?#:])"
)
SPACED_OUT = re.compile(
    r"(?<![a-z0-9'’])[a-z0-9@$!](?:([ ._*\-]{1,2})[a-z0-9@$!])(?:\1[a-z0-9@$!])+(?![a-z0-9'’])"
)
DISGUISED = re.compile(r"[a-z].*[0-9@$!|*+€]|[0-9@$!|*+€].*[a-z]")
MASKED = re.compile(r"[a-z]+\*+[a-z]*")

LEET = {
    "0": "o",
    "1": "il",
    "3": "e",
    "4": "a",
    "5": "s",
    "7": "t",
    "8": "b",
    "9": "g",
    "6": "g",
    "@": "a",
    "$": "s",
    "!": "il",
    "|": "il",
    "+": "t",
    "€": "e",
}
INNER = {
    "0": "o",
    "1": "i",
    "3": "e",
    "4": "a",
    "5": "s",
    "7": "t",
    "@": "a",
    "$": "s",
    "!": "i",
    "|": "i",
    "€": "e",
}
"""What a sign between two letters stands for even where no known word comes of it."""


def _one_pass(text: str) -> str:
    if not text.isascii() or "&" in text:
        text = fold_lookalikes(ENTITY.sub(_entity, text))
    text = SPACES.sub(" ", _joined(text.lower())).strip()
    return " ".join([_plain_word(word) for word in text.split(" ")])


def _entity(match: re.Match[str]) -> str:
    return html.unescape(match.group())


def _joined(text: str) -> str:
    return SPACED_OUT.sub(_joined_letters, text)


def _joined_letters(match: re.Match[str]) -> str:
    """Join letters that were spaced out, and leave a row of digits or of few letters as it is."""
    separator = match.group(1)
    letters = match.group().replace(separator, "")
    resolved = _resolved(letters) if not letters.isalpha() else letters
    if resolved is None or (len(letters) < 4 and resolved not in lexicon().words and separator == " "):
        return match.group()
    return resolved


def _plain_word(word: str) -> str:
    if word.isalpha():
        return _unstretched(word) if STRETCH.search(word) else word
    if LINK.search(word) or "\\u" in word:
        return word
    if STRETCH.search(word):
        word = re.sub(r"[a-z]+", lambda match: _unstretched(match.group()), word)
    if DISGUISED.search(word):
        return _unleeted(word)
    return word


def _unstretched(word: str) -> str:
    """Shorten runs of three or more of a letter: to one or two, as makes a known word, else to two."""
    if word in lexicon().words:
        return word
    for kept in (r"\1", r"\1\1"):
        short = STRETCH.sub(kept, word)
        if short in lexicon().words:
            return short
    return STRETCH.sub(r"\1\1", word)


def _unleeted(word: str) -> str:
    core = word.rstrip("!?.,;:)*\"'").lstrip("(\"'*#")
    if core.startswith("@") and len(core) > 4 or not core or not re.search(r"[0-9@$!|*+€]", core):
        return word
    start = word.index(core)
    resolved = _resolved(core)
    return word if resolved is None else word[:start] + resolved + word[start + len(core) :]


@cache
def _by_shape() -> dict[tuple[str, int], tuple[str, ...]]:
    shapes: dict[tuple[str, int], list[str]] = {}
    for word in sorted(lexicon().words):
        shapes.setdefault((word[0], len(word)), []).append(word)
    return {shape: tuple(words) for shape, words in shapes.items()}


def _resolved(word: str) -> str | None:
    """Return what a disguised word stands for: a known word, else inner signs read as letters, else nothing."""
    if "*" in word:
        return _unmasked(word)
    options = [LEET.get(sign, sign) for sign in word]
    if all("a" <= option[0] <= "z" for option in options) and sum(len(option) > 1 for option in options) <= 4:
        for letters in product(*options):
            candidate = STRETCH.sub(r"\1\1", "".join(letters))
            if candidate in lexicon().words:
                return candidate
    inner = re.sub(
        r"(?<=[a-z])[0134579@$!|€]+(?=[a-z])",
        lambda match: "".join(INNER.get(sign, sign) for sign in match.group()),
        word,
    )
    return (
        inner if inner.isalpha() and inner.isascii() and sum(sign.isalpha() for sign in word) >= 2 else None
    )


def _unmasked(word: str) -> str | None:
    if MASKED.fullmatch(word) is None or len(word) < 3:
        return None
    shape = re.compile(word.replace("*", "[a-z]"))
    return next(
        (known for known in _by_shape().get((word[0], len(word)), ()) if shape.fullmatch(known)), None
    )


def _unused() -> str:
    return unicodedata.unidata_version
