"""What can be counted about a comment without judging it: its shape, lexicon hits, patterns and repeats.

Columnar and pure: text and context columns in, counts out; no labels, no config. The rules read them, and
so may a learned head. What a count means for a plan is decided in `rules` and `careful_rules`.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import polars as pl

from moderation_pipeline.text.disguise import Disguise, disguise
from moderation_pipeline.text.harmless_uses import harmless_uses, may_be_harmless
from moderation_pipeline.text.lexicon import PLAIN, lexicon
from moderation_pipeline.text.names import without_mentions
from moderation_pipeline.text.patterns import (
    EMOTE_EZ,
    NOBODYS_ADDRESS,
    OF_DIGITS,
    PATTERNS,
    PRONOUNS,
    ROUND,
    SIGNS_OF,
)
from moderation_pipeline.text.words_by_language import is_read_otherwise, own_pattern, patterns_for


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
    lure: int
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
    ghost_tags: int
    """Mark-up or JSON that poses as the moderator's own."""
    decoration: int
    """Runs of blocks, stars or arrows."""
    emote_ez: int
    """"EZ" as an emote closes a sentence in lower case; alone or before a noun it gloats."""
    score_mock: int
    """A game score of many deaths, such as 0/7."""
    mentions: int
    phones: int
    emails: int
    ip_addresses: int
    street_addresses: int
    obfuscated: int
    """1 where look-alikes, invisible characters, spacing, masking or leetspeak hid letters (`disguise`)."""
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
    texts = comments.select(pl.col("text").fill_null(""), pl.col("normalised").fill_null(""), "language")
    context = comments.lazy().select(_context())
    counts = pl.concat([_counted(texts).lazy(), context], how="horizontal").collect()
    return counts.with_columns(_disguises(texts)).select(Signals._fields)


def _counted(texts: pl.DataFrame) -> pl.DataFrame:
    """Count in each text what it holds of the lexicon, of patterns and of letters."""
    rows = texts.with_columns(folded=without_mentions(_folded(pl.col("normalised")))).with_row_index("row")
    rows = rows.with_columns(bordered=_bordered(pl.col("folded")))
    return _without_harmless(_counted_terms(rows), rows)


def _without_harmless(counts: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """Take off the counts what means no harm where it stands; few texts hold such a term, so one by one."""
    names = may_be_harmless()
    rows = counts.select(pl.any_horizontal(pl.col(*names) > 0).arg_true()).to_series()
    said = texts.select("folded", "language")[rows]
    uses = [harmless_uses(text, language) for text, language in said.iter_rows()]
    return counts.with_columns(
        counts[name].scatter(
            rows, (counts[name].gather(rows) - pl.Series([use[name] for use in uses], dtype=pl.Int32)).clip(0)
        )
        for name in names
        if any(use[name] for use in uses)
    )


def _counted_terms(rows: pl.DataFrame) -> pl.DataFrame:
    """Count in each text what its language has words for; most are English, or can't be told.

    The English terms are counted in all texts at once, for compiling their patterns takes longer than a few texts do.
    """
    present = sorted(name for name in rows["language"].unique() if is_read_otherwise(name))
    if not present:
        return rows.select(_counts_to_make(rows))
    parts = {name: rows.filter(language=name) for name in present}
    without_own = pl.concat(part.select("row", _without_own(name)) for name, part in parts.items())
    theirs = pl.concat(
        [part.select("row", *_counts_for(name)) for name, part in parts.items()], how="diagonal"
    )
    beside = rows.select("row").join(
        without_own.join(theirs, on="row"), on="row", how="left", maintain_order="left"
    )
    folded = pl.coalesce(beside["folded"], "folded")
    english = rows.with_columns(folded.alias("folded"), _bordered(folded).alias("bordered"))
    counts = english.select(_counts_to_make(english))
    return counts.with_columns(
        pl.col(name) + beside[name].fill_null(0) for name in theirs.columns if name != "row"
    )


def _without_own(language: str) -> pl.Expr:
    """Drop what is an English term and an ordinary word of the language."""
    own = own_pattern(language)
    return pl.col("folded") if own is None else pl.col("folded").str.replace_all(rf"\b(?:{own})\b", "")


def _counts_for(language: str) -> list[pl.Expr]:
    """Count the language's own terms."""
    patterns = patterns_for(language).items()
    return [_count(pattern).cast(pl.Int32).alias(name) for name, pattern in patterns]


def _folded(normalised: pl.Expr) -> pl.Expr:
    """Drop apostrophes and accents, which the lexicon is written without."""
    plain = normalised.str.replace_all(r"['’](ll|d)\b", " ").str.replace_all("['’]", "")
    accented = plain.str.contains(r"[^\x00-\x7f]")
    bare = plain.str.normalize("NFKD").str.replace_all(r"\p{Mn}", "").str.replace_many(PLAIN)
    return pl.when(accented).then(bare).otherwise(plain)


def _bordered(folded: pl.Expr) -> pl.Expr:
    """Write the Latin letters that are left beyond ASCII as a sign of words: for an ASCII boundary they are none.

    "Fußball" would else begin with "fu". Letters of scripts without spaces stay: an English word among them is one.
    """
    foreign = r"[\p{Latin}&&[^\x00-\x7f]]"
    return pl.when(folded.str.contains(foreign)).then(folded.str.replace_all(foreign, "_")).otherwise(folded)


LITTLE = 20_000
"""Bytes of texts, in each form, that are looked through before patterns are compiled for them. Polars keeps 32 of
them compiled and these are more, so that all are compiled anew each time: of a few texts that is most of the cost."""


def _counts_to_make(texts: pl.DataFrame) -> list[pl.Expr]:
    """What is counted in the text alone; of few texts nought at once where they hold nothing that a pattern needs."""
    counts = _counts()
    sizes = texts.select(pl.col("text", "normalised", "folded").str.len_bytes().sum()).row(0)
    if max(sizes) > LITTLE:
        return list(counts.values())
    held = {column: "\n".join(texts[column]) for column in ("text", "normalised", "folded", "bordered")}
    absent = {
        name
        for name, (column, needed) in _needed().items()
        if not any(each in held[column] for each in needed)
    }
    if not texts["normalised"].str.contains(r"\d").any():
        absent |= OF_DIGITS
    return [_noughts()[name] if name in absent else count for name, count in counts.items()]


@cache
def _noughts() -> dict[str, pl.Expr]:
    return {name: pl.lit(0, pl.Int32).alias(name) for name in (*_needed(), *OF_DIGITS)}


@cache
def _needed() -> dict[str, tuple[str, frozenset[str]]]:
    """By signal the column that its pattern reads, and strings of which that must hold one for it to be found."""
    terms = {name: group.terms for name, group in lexicon().file.groups.items()}
    terms |= {name: tuple(pattern.split("|")) for name, pattern in PRONOUNS.items()}
    patterns = lexicon().patterns | PRONOUNS
    of_words = {
        name: (_column_of(patterns[name]), frozenset(_longest_part(term) for term in listed))
        for name, listed in terms.items()
    }
    of_signs = {name: ("normalised", frozenset(signs)) for name, signs in SIGNS_OF.items()}
    return {**of_words, **of_signs, "emote_ez": ("text", frozenset({"EZ"}))}


def _longest_part(term: str) -> str:
    """Return what stands in a text wherever the term does, whatever goes on at a star and parts its words."""
    return max(term.replace("*", " ").split(), key=len)


@cache
def _counts() -> dict[str, pl.Expr]:
    """What is counted in the text alone, by signal."""
    text, normalised = pl.col("text"), pl.col("normalised")
    length = text.str.len_chars()
    counts: dict[str, pl.Expr] = {
        **{name: _count(pattern) for name, pattern in (lexicon().patterns | PRONOUNS).items()},
        **{name: normalised.str.count_matches(pattern) for name, pattern in PATTERNS.items()},
        "phones": normalised.str.replace_all(ROUND, "0").str.count_matches(PATTERNS["phones"]),
        "ip_addresses": normalised.str.replace_all(NOBODYS_ADDRESS, "0").str.count_matches(
            PATTERNS["ip_addresses"]
        ),
        "emote_ez": text.str.count_matches(EMOTE_EZ),
        "words": normalised.str.count_matches(r"\S+"),
        "length": length,
    }
    shares = {
        "caps_share": _share(text.str.count_matches("[A-Z]"), text.str.count_matches("[A-Za-z]")),
        "symbol_share": _share(text.str.count_matches(r"[^\p{L}\p{N}\s]"), length),
        "non_ascii_share": _share(length - text.str.count_matches(r"[\x00-\x7f]"), length),
    }
    return {
        **{name: value.cast(pl.Int32).alias(name) for name, value in counts.items()},
        **{name: value.alias(name) for name, value in shares.items()},
    }


def _context() -> list[pl.Expr]:
    """What the columns around the text say."""
    flags = ("is_command", "is_emote_only", "is_first_message")
    repeats = ("user_repeats", "channel_repeats")
    return [
        *(pl.col(name).fill_null(False).cast(pl.Int32) for name in flags),
        *(pl.col(name).fill_null(0).cast(pl.Int32) for name in repeats),
        pl.col("reply_to").is_not_null().cast(pl.Int32).alias("is_reply"),
    ]


def _disguises(texts: pl.DataFrame) -> list[pl.Series]:
    """Compare the texts that normalising changed beyond case and spaces; they are few, so one by one."""
    plain = pl.col("text").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars(" ")
    changed = texts.with_row_index("row").filter(plain != pl.col("normalised"))
    found = [
        disguise(text, normalised) for text, normalised in changed.select("text", "normalised").iter_rows()
    ]
    columns = []
    for name in Disguise._fields:
        column = pl.Series(name, [0], dtype=pl.Int32).extend_constant(0, texts.height)[: texts.height]
        values = pl.Series(name, [getattr(each, name) for each in found], dtype=pl.Int32)
        columns.append(column.scatter(changed["row"], values))
    return columns


def _count(pattern: str) -> pl.Expr:
    """Count whole words; the boundary of ASCII alone is the faster one, but knows no Cyrillic."""
    edge = r"(?-u:\b)" if pattern.isascii() else r"\b"
    return pl.col(_column_of(pattern)).str.count_matches(f"{edge}(?:{pattern}){edge}")


def _column_of(pattern: str) -> str:
    return "bordered" if pattern.isascii() else "folded"


def _share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole).otherwise(0.0).cast(pl.Float64)
