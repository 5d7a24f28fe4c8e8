"""Names that look like words: whoever greets `@idiot` or noobslayer insults nobody.

A mention is a name wherever it stands, unless an article or "you're" before it makes a word of it, or it is a slur,
which nobody may say by putting a sign before it. The name of
someone in the chat is one from its bearer's first line on, where it is not said as a mention either, if it is no
word by itself: who calls himself Idiot doesn't take that word from the lexicon for everybody else. What is written
like an emote's name (`emoteName`) is one, and no misspelt word. What a word tells is the lexicon's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache

import polars as pl

from moderation_pipeline.text.lexicon import lexicon, pattern_of
from moderation_pipeline.text.normalise import NEAR_BY_CHANCE, normalise_text
from moderation_pipeline.text.spelling import corrected

CALLING = frozenset({"a", "an", "such", "youre", "ur"})
"""Words after which comes what someone is called, and no name: "you are an @idiot"."""

CALLED = rf"\b({'|'.join(sorted(CALLING))})\s+@(\w)"
MENTION = r"(^|[^\w])@\w+"

NEVER_NAMES = frozenset({"slur", "threat", "self_harm_incitement", "sexual_strong"})
"""Groups whose words nobody may say by calling himself so."""

MOST_NAMES = 10_000
"""Names of a chat that look like words, and are known; those that come later are read as words."""

WORD = re.compile(r"(?<![\w@])\w+")

EMOTE_NAME = re.compile(r"\b([a-z]+)[A-Z]\w*")
"""A word in lower case, or what a set of emotes is called by, and a capital after it."""

NO_NAMES: frozenset[str] = frozenset()


def without_mentions(normalised: pl.Expr) -> pl.Expr:
    """Return the texts with the names taken out of their mentions, for counting words in."""
    words = normalised.str.replace_all(CALLED, "$1 $2").str.replace_all(_mentioned_slur(), "$1$2")
    return words.str.replace_all(MENTION, "$1@")


@cache
def _mentioned_slur() -> str:
    return rf"(^|[^\w])@({pattern_of(lexicon().file.groups['slur'].terms)})\b"


def is_slur(name: str) -> bool:
    """Whether a normalised name is a slur, and so no name."""
    return any(group == "slur" for group, _ in lexicon().index.groups_of(name))


@lru_cache(maxsize=50_000)
def looks_like_words(name: str) -> bool:
    """Whether a normalised name holds a word of the lexicon, and is not itself one or several."""
    groups = {group for part in (name, *name.split("_")) for group, _ in lexicon().index.groups_of(part)}
    if not groups or groups & NEVER_NAMES or name in lexicon().words:
        return False
    return len(corrected(name)) == 1 and not name.startswith(("you", "ur")) and not name.endswith("you")


@lru_cache(maxsize=20_000)
def emote_names(text: str) -> frozenset[str]:
    """Return the normalised words of a text, as it came, that are written like emotes' names ("squadW", "ppPoof").

    None of them is a slip of a short word. What is a term as it stands is one all the same, however it is written, and
    so is a slip of a long one ("reTarrd"), which no name is near by chance; behind a common word a space is missing
    ("manyJihadis").
    """
    found = {
        normalise_text(name.group())
        for name in EMOTE_NAME.finditer(text)
        if name.group(1) not in lexicon().file.spelling.common
    }
    return frozenset(name for name in found if max(map(len, corrected(name))) <= NEAR_BY_CHANCE)


def with_names_as_mentions(comments: pl.DataFrame) -> pl.DataFrame:
    """Return the comments, in stream order, with the names of people who spoke before them read as mentions.

    Only the column `normalised` changes, and only where a name looks like words.
    """
    known = _first_lines(comments)
    if not known:
        return comments
    names = sorted({name for _, name in known})
    rows = comments.with_row_index("row").filter(pl.col("normalised").str.contains_any(names))
    read = [
        _named(known, channel, row, text)
        for row, channel, text in rows.select("row", "channel", "normalised").iter_rows()
    ]
    normalised = comments["normalised"].scatter(rows["row"], pl.Series(read, dtype=pl.String))
    return comments.with_columns(normalised=normalised)


def _first_lines(comments: pl.DataFrame) -> dict[tuple[str, str], int]:
    """Return the row of the first line of everyone whose name looks like words, by channel and name."""
    bearers = (
        comments.with_row_index("row")
        .filter(pl.col("user_name").is_not_null())
        .group_by("channel", "user_name", maintain_order=True)
        .agg(pl.col("row").first())
    )
    known: dict[tuple[str, str], int] = {}
    for channel, name, row in bearers.iter_rows():
        said = normalise_text(name)
        if len(known) < MOST_NAMES and looks_like_words(said):
            known.setdefault((channel, said), row)
    return known


def _named(known: Mapping[tuple[str, str], int], channel: str, row: int, text: str) -> str:
    def read(match: re.Match[str]) -> str:
        since = known.get((channel, match.group()))
        return match.group() if since is None or since > row else f"@{match.group()}"

    return WORD.sub(read, text)
